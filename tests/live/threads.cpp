// SPDX-License-Identifier: BSL-1.0
// Readers whose context several threads run, cancelled again and again from their executor, while their server ends and
// comes back: each message arrives once, in its order. ThreadSanitizer judges the rest.
#include "support/raw_client.hpp"
#include "support/reserved_port.hpp"

#include <antiphon/client.hpp>
#include <antiphon/live/reader.hpp>
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>
#include <antiphon/sse/event_source.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;

/// Serves a topic, which outlives it, in a thread of its own.
class incarnation {
 public:
  incarnation(std::uint16_t port, const ap::topic<std::string>& news) {
    const ap::router app;
    app.get("/s", [=](ap::request& req) { return ap::sse::stream(news, req, {.retry = 1ms}); });
    app.get("/l", [=](ap::request& req) { return ap::polling::long_poll(news, req); });
    app.get("/p", [=](ap::request& req) { return ap::polling::short_poll(news, req); });
    ap::async_serve(asio::ip::tcp::acceptor(io_, {asio::ip::address_v4::loopback(), port}), app,
                    asio::bind_cancellation_slot(stop_.slot(), [](ap::error_code) {}));
    thread_ = std::thread([this] { io_.run(); });
  }
  incarnation(const incarnation&) = delete;
  incarnation& operator=(const incarnation&) = delete;
  ~incarnation() {
    asio::post(io_, [this] { stop_.emit(asio::cancellation_type::terminal); });
    thread_.join();
  }

 private:
  asio::io_context io_{1};
  asio::cancellation_signal stop_;
  std::thread thread_;
};

/// Receives from a source until it is told to stop; a second coroutine cancels what waits, again and again. Both are on
/// the source's executor, and so is all of this but `count` and `stopped`.
template <class Source>
class follower : public std::enable_shared_from_this<follower<Source>> {
 public:
  explicit follower(Source s) : source_(std::move(s)) {}

  void begin(std::string (*text)(const typename Source::value_type&)) {
    const auto self = this->shared_from_this();
    asio::co_spawn(source_.get_executor(), follow(self, text), [](std::exception_ptr e) { EXPECT_FALSE(e); });
    asio::co_spawn(source_.get_executor(), disturb(self), [](std::exception_ptr e) { EXPECT_FALSE(e); });
  }
  std::atomic<std::size_t> count{0}, cancelled{0};
  std::atomic<bool> stopped{false};

 private:
  static asio::awaitable<void> follow(std::shared_ptr<follower> me,
                                      std::string (*text)(const typename Source::value_type&)) {
    while (!me->stopped) {
      auto [ec, value] = co_await me->source_.async_receive(
          asio::bind_cancellation_slot(me->signal_.slot(), ap::detail::tuple_awaitable));
      if (ec) {
        EXPECT_EQ(ec, asio::error::operation_aborted) << ec.message();
        ++me->cancelled;
        continue;
      }
      EXPECT_EQ(text(value), std::to_string(me->count));
      ++me->count;
    }
    me->source_.close();
  }
  static asio::awaitable<void> disturb(std::shared_ptr<follower> me) {
    constexpr asio::cancellation_type types[] = {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                                                 asio::cancellation_type::total};
    for (int i = 0; !me->stopped; ++i) {
      co_await ap::sleep_for(std::chrono::milliseconds(i % 5));
      me->signal_.emit(types[i % 3]);
    }
    me->signal_.emit(asio::cancellation_type::terminal);
  }

  Source source_;
  asio::cancellation_signal signal_;
};

std::string text_of_event(const ap::sse::event& e) { return e.data; }
std::string text_of_delivery(const ap::delivery<ap::live::item>& d) {
  return d.visit([](const ap::message<ap::live::item>& m) { return m->data; },
                 [](const ap::gap&) { return std::string("a gap"); },
                 [](ap::other_log) { return std::string("another log"); });
}

TEST(readers_of_many_threads, lose_and_repeat_nothing_while_they_are_cancelled_and_their_server_is_cut) {
  const ap::topic<std::string> news({.history = 10'000});
  const threat::reserved_port port;
  const auto at = "http://127.0.0.1:" + std::to_string(port.number());
  asio::io_context io(4);
  const auto strand = [&] { return asio::make_strand(asio::any_io_executor(io.get_executor())); };

  const ap::client for_events(strand()), for_readers(strand()); // each on a strand, which its sources share
  ap::sse::event_source_options how;
  how.last_id = "earliest";
  how.first_wait = 1ms;
  how.most_wait = 20ms;
  ap::live::reader_options best;
  const auto stream = at + "/s", poll = at + "/l", short_poll = at + "/p";
  best.stream = stream;
  best.poll = poll;
  best.pace = best.first_wait = 1ms;
  best.first_probe = best.most_wait = 20ms;
  best.most_probe = 40ms;
  auto second_best = best;
  second_best.stream = {};
  second_best.short_poll = short_poll;

  using events = follower<ap::sse::event_source>;
  using reader = follower<ap::live::reader>;
  const auto all_events = std::make_shared<events>(ap::sse::event_source(for_events, at + "/s", how));
  const std::vector<std::shared_ptr<reader>> readers{
      std::make_shared<reader>(ap::live::reader(for_readers, best)),
      std::make_shared<reader>(ap::live::reader(for_readers, second_best))};
  all_events->begin(text_of_event);
  for (const auto& r : readers) r->begin(text_of_delivery);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { io.run(); });

  std::size_t published = 0;
  const auto arrived = [&] {
    return all_events->count >= published && readers[0]->count >= published && readers[1]->count >= published;
  };
  for (int round = 0; round < 5; ++round) {
    const incarnation server(port.number(), news);
    for (int i = 0; i < 40; ++i) {
      news.publish(std::to_string(published++));
      ::poll(nullptr, 0, 1); // spread over some cancellations
    }
    EXPECT_TRUE(threat::eventually(arrived))
        << published << ": " << all_events->count << ' ' << readers[0]->count << ' ' << readers[1]->count;
    for (int i = 0; i < 10; ++i) news.publish(std::to_string(published++)); // and cut while these are on their way
  }
  {
    const incarnation server(port.number(), news);
    EXPECT_TRUE(threat::eventually(arrived));
  }
  all_events->stopped = true;
  for (const auto& r : readers) r->stopped = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(all_events->count, published);
  for (const auto& r : readers) EXPECT_EQ(r->count, published);
  EXPECT_GT(all_events->cancelled, 10u);
}

} // namespace
