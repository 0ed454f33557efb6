// SPDX-License-Identifier: BSL-1.0
// One client and several threads: those that run its context, those that call it, those that let go of it.
// ThreadSanitizer judges.
#include "support/raw_client.hpp"

#include <antiphon/client.hpp>
#include <antiphon/client/layers/metrics.hpp>
#include <antiphon/client/layers/retry.hpp>
#include <antiphon/server.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::client_request;
using ap::method;

struct waiting {
  asio::awaitable<ap::client_response> operator()(client_request& req, ap::client_next next) {
    co_await ap::sleep_for(1ms);
    auto res = co_await next(req);
    co_return res;
  }
};

/// A server in a thread, and a context that three threads run.
class client_of_many_threads : public ::testing::Test {
 protected:
  client_of_many_threads() {
    app.on_error([](const std::exception_ptr&, std::string_view) {});
    app.get("/", [] { return "x"; });
    app.get("/cut", [](ap::request&) { // in its answer
      return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
        co_await out.write("x");
        throw ap::system_error(asio::error::connection_reset);
      });
    });
    app.get("/endless", [](ap::request&) {
      return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
        while (true) {
          co_await out.write("x");
          co_await ap::sleep_for(1ms);
        }
      });
    });
    asio::ip::tcp::acceptor acceptor(served, {asio::ip::address_v4::loopback(), 0});
    origin = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    ap::async_serve(std::move(acceptor), app, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
    server = std::thread([this] { served.run(); });
    for (int i = 0; i < 3; ++i) threads.emplace_back([this] { io.run(); });
  }
  ~client_of_many_threads() override {
    work.reset();
    for (auto& t : threads) t.join();
    asio::post(served, [this] { stop.emit(asio::cancellation_type::terminal); });
    server.join();
  }
  asio::any_io_executor strand() { return asio::make_strand(asio::any_io_executor(io.get_executor())); }
  /// On three threads, begun together.
  static void together(const std::function<void(int)>& f) {
    std::barrier begin(3);
    std::vector<std::thread> all;
    for (int i = 0; i < 3; ++i)
      all.emplace_back([&, i] {
        begin.arrive_and_wait();
        f(i);
      });
    for (auto& t : all) t.join();
  }

  asio::io_context served{1}, io{4};
  ap::router app;
  std::string origin;
  asio::cancellation_signal stop;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work{io.get_executor()};
  std::thread server;
  std::vector<std::thread> threads;
};

TEST_F(client_of_many_threads, calls_closes_and_goes_while_calls_run) {
  for (const bool waits : {false, true})
    for (int round = 0; round < 4; ++round) {
      std::atomic<int> called{0}, over{0}, good{0};
      ap::client_metrics metrics;
      std::array<std::optional<ap::client>, 3> handles;
      {
        const ap::client c(strand());
        if (waits) c.use(ap::retry({.first = 1ms})).use(waiting());
        c.use(metrics);
        for (auto& h : handles) h = c;
      }
      std::deque<asio::cancellation_signal> signals(3 * 20);
      together([&](int me) {
        asio::io_context own(1);
        auto& c = *handles[static_cast<std::size_t>(me)];
        for (int i = 0; i < 20; ++i) {
          ++called;
          const auto done = [&](ap::error_code ec, ap::client_response) { good += !ec, ++over; };
          client_request req(method::get, origin + (i % 4 == 3 ? "/cut" : "/"));
          if (i % 7 == 5) req.stream_response();
          auto& signal = signals[static_cast<std::size_t>(me * 20 + i)];
          switch (i % 3) {
          case 0: c.async_send(std::move(req), done); break; // completes on the client's executor
          case 1: c.async_send(std::move(req), asio::bind_executor(strand(), done)); break;
          case 2:
            c.async_send(std::move(req),
                         asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(own.get_executor(), done)));
            if (i % 2 == 0) asio::post(own, [&signal] { signal.emit(asio::cancellation_type::total); });
            break;
          }
          own.poll();
          own.restart();
          if (i % 5 == 0) c.close_idle();
          if (i % 9 == 0) metrics.text();
          if (i == 12 + me && round % 2 == 0) handles[static_cast<std::size_t>(me)] = ap::client(c); // copies, too
        }
        if (round % 2 == 0) own.run();                 // to the end of its calls
        handles[static_cast<std::size_t>(me)].reset(); // the last one cancels what the others have begun
        own.run();
      });
      EXPECT_TRUE(threat::eventually([&] { return over == called; })) << over << " of " << called;
      if (round % 2 == 0) {
        EXPECT_GT(good, 0);
      }
    }
}

// What a client keeps of an answer that a program reads, it lets go of in its own thread; the program where it likes.
TEST_F(client_of_many_threads, answers_may_be_dropped_in_any) {
  for (int round = 0; round < 20; ++round) {
    std::optional<ap::client> c(strand());
    asio::io_context own(1);
    std::array<ap::client_response, 6> answers;
    for (auto& to : answers)
      c->async_send(client_request(method::get, origin + "/endless").stream_response(),
                    asio::bind_executor(own.get_executor(), [&](ap::error_code ec, ap::client_response res) {
                      EXPECT_FALSE(ec) << ec.message();
                      to = std::move(res);
                    }));
    own.run();
    together([&](int me) {
      if (me == 0) c.reset(); // closes what is open
      if (me != 0)
        for (std::size_t i = static_cast<std::size_t>(me) - 1; i < answers.size(); i += 2)
          answers[i] = ap::client_response();
    });
  }
}

TEST_F(client_of_many_threads, bodies_may_come_of_coroutines_that_other_threads_cancel) {
  std::atomic<int> called{0}, over{0}, alive{0};
  struct one {
    std::atomic<int>* n;
    explicit one(std::atomic<int>& to) : n(&to) { ++*n; }
    ~one() { --*n; }
  };
  {
    const ap::client c(strand());
    together([&](int) {
      asio::io_context own(1);
      std::deque<asio::cancellation_signal> signals(20);
      for (std::size_t i = 0; i < signals.size(); ++i) {
        ++called;
        auto req = client_request(method::post, origin + "/")
                       .stream_body([&alive](ap::body_writer& out) -> asio::awaitable<void> {
                         const one here(alive);
                         while (true) co_await out.write("x");
                       });
        c.async_send(std::move(req),
                     asio::bind_cancellation_slot(
                         signals[i].slot(), asio::bind_executor(own.get_executor(),
                                                                [&](ap::error_code, ap::client_response) { ++over; })));
        if (i % 2 == 0) asio::post(own, [&signals, i] { signals[i].emit(asio::cancellation_type::terminal); });
        own.poll();
        own.restart();
      }
      own.run();
    });
  }
  EXPECT_EQ(over, called);
  EXPECT_TRUE(threat::eventually([&] { return alive == 0; }));
}

} // namespace
