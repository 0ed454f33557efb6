// SPDX-License-Identifier: BSL-1.0
// A reader and a server, both in memory and in virtual time; each way between them can be made to fail.
#include <antiphon/client/connector.hpp>
#include <antiphon/live/reader.hpp>
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>
#include <antiphon/testing.hpp>

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::live::way;

enum class trouble { none, refused, unavailable, silent, cut };

/// Accepts connections that break when the server has written so many bytes.
struct breaking_listener {
  using executor_type = asio::any_io_executor;
  ap::testing::memory_listener inner;
  std::optional<std::function<std::size_t()>>* budget;

  executor_type get_executor() const { return inner.get_executor(); }
  void close() { inner.close(); }
  template <class Handler>
  void async_accept(Handler h) {
    inner.async_accept([h = std::move(h), b = budget](ap::error_code ec, ap::testing::memory_stream end) mutable {
      if (!ec && *b) end.cut_after((**b)());
      h(ec, std::move(end));
    });
  }
};

class setting {
 public:
  explicit setting(std::size_t history = 10'000) : news({.history = history}) {
    app.use([this](ap::request& req, ap::next next) -> asio::awaitable<ap::response> {
      auto& seen = asked[std::size_t(lane(req.path()))];
      ++seen;
      switch (state[std::size_t(lane(req.path()))]) {
      case trouble::refused: co_return ap::status::not_found;
      case trouble::unavailable: co_return ap::status::service_unavailable;
      case trouble::silent: co_await ap::sleep_for(1h); break;
      case trouble::cut: throw std::runtime_error("cut"); // on the way: see below
      case trouble::none: break;
      }
      co_return co_await next(req);
    });
    app.get("/s", [this](ap::request& req) { return ap::sse::stream(news, req, {.heartbeat = 15s, .retry = 1s}); });
    app.get("/l", [this](ap::request& req) { return ap::polling::long_poll(news, req); });
    app.get("/p", [this](ap::request& req) { return ap::polling::short_poll(news, req); });
    app.get("/held", [](ap::request&) { // a head, and then nothing
      return ap::stream_body([](ap::body_writer&) -> asio::awaitable<void> { co_await ap::sleep_for(24h); },
                             "text/event-stream");
    });
    app.get("/rooms", [this](ap::request& req) { return ap::sse::stream(rooms.match(">"), req); });
    app.get("/rooms/next", [this](ap::request& req) { return ap::polling::long_poll(rooms.match(">"), req); });
    serve();
    client.use(ap::make_connector([this](const ap::connect_target&) {
      if (down) throw ap::system_error(asio::error::connection_refused);
      return listener->connect();
    }));
  }
  ~setting() {
    reader.reset();
    stop.emit(asio::cancellation_type::terminal);
    time.advance(1s);
  }
  void serve() {
    listener.emplace(io.get_executor());
    ap::async_serve(breaking_listener{*listener, &budget}, app, ap::serve_options{},
                    asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
    time.settle();
  }
  static int lane(std::string_view path) { return path == "/s" ? 0 : path == "/l" ? 1 : 2; }

  ap::live::reader_options options() {
    ap::live::reader_options o;
    o.stream = "http://h/s";
    o.poll = "http://h/l";
    o.short_poll = "http://h/p";
    return o;
  }
  /// Reads until it ends, into `got`.
  void read(const ap::live::reader_options& o) {
    reader.emplace(client, o);
    next();
    time.settle();
  }
  void next() {
    auto take = [this](ap::error_code ec, const ap::delivery<ap::live::item>& d) {
      if (ec) {
        if (ec != asio::error::operation_aborted) ended = ec;
        return;
      }
      got.push_back(d.visit(
          [](const ap::message<ap::live::item>& m) {
            return m.subject().empty() ? m->data : std::string(m.subject()) + "=" + m->data;
          },
          [](const ap::gap&) { return std::string("gap"); }, [](ap::other_log) { return std::string("other"); }));
      idle = true;
      go_on();
    };
    reader->async_receive(asio::bind_cancellation_slot(cancel.slot(), std::move(take)));
  }
  void go_on() {
    if (!paused && reader && std::exchange(idle, false)) next();
  }
  void publish() { news.publish(std::to_string(published++)), time.settle(); }
  /// All that was published, once and in order.
  void expect_all() {
    ASSERT_EQ(got.size(), published);
    for (std::size_t i = 0; i < published; ++i) ASSERT_EQ(got[i], std::to_string(i));
  }
  way via() const { return reader->via(); }
  void advance(ap::duration d) { time.advance(d); }
  /// Cuts the connections that there are.
  void restart() {
    stop.emit(asio::cancellation_type::terminal);
    time.advance(1s);
    serve();
  }

  asio::io_context io{1};
  ap::testing::virtual_time time{io};
  ap::topic<std::string> news;
  ap::topic_map<ap::shared_buffer> rooms;
  ap::router app;
  std::optional<ap::testing::memory_listener> listener;
  asio::cancellation_signal stop, cancel;
  ap::client client{io};
  bool down = false, paused = false, idle = false;
  std::optional<std::function<std::size_t()>> budget;
  std::array<trouble, 3> state{};
  std::array<std::size_t, 3> asked{};
  std::optional<ap::live::reader> reader;
  std::vector<std::string> got;
  std::optional<ap::error_code> ended;
  std::size_t published = 0;
};

TEST(live_reader, takes_the_best_way) {
  setting s;
  s.publish();
  s.read(s.options());
  EXPECT_EQ(s.via(), way::sse);
  s.publish();
  s.expect_all();
  EXPECT_EQ(s.asked, (std::array<std::size_t, 3>{1, 0, 0}));
  s.advance(1h);
  s.publish();
  s.expect_all();
  EXPECT_EQ(s.reader->switches(), 0u);
  EXPECT_EQ(s.reader->at()->id.minor_part, 3u);
}

TEST(live_reader, falls_back_way_by_way_and_comes_up_again) {
  for (const auto how : {trouble::refused, trouble::unavailable, trouble::silent}) {
    setting s;
    const auto expect = [&](way w, ap::duration within) {
      for (ap::duration t{}; t < within && s.via() != w; t += 1s) s.advance(1s), s.publish();
      EXPECT_EQ(s.via(), w) << int(how);
    };
    s.read(s.options());
    s.publish();
    expect(way::sse, 1s);
    s.state[0] = how;
    s.restart();
    expect(way::long_poll, 2min);
    s.state[1] = how;
    expect(way::short_poll, 5min);
    s.advance(10s);
    s.publish();
    s.advance(6s);
    s.state[1] = trouble::none;
    expect(way::long_poll, 25min);
    s.state[0] = trouble::none;
    expect(way::sse, 25min);
    s.publish();
    s.advance(10s);
    s.expect_all();
  }
}

TEST(live_reader, a_server_that_is_away_is_waited_for) {
  setting s;
  s.read(s.options());
  s.publish();
  s.down = true;
  s.restart();
  for (int i = 0; i < 50; ++i) s.publish(), s.advance(30s);
  EXPECT_EQ(s.got.size(), 1u);
  EXPECT_EQ(s.via(), way::none);
  s.down = false;
  s.advance(1min);
  s.expect_all();
  s.advance(20min);
  EXPECT_EQ(s.via(), way::sse);
}

TEST(live_reader, a_stream_that_is_collected_on_the_way_does_not_work) {
  setting s;
  auto held = s.options();
  held.stream = "http://h/held";
  s.read(held);
  s.publish();
  s.advance(9s);
  EXPECT_EQ(s.via(), way::none);
  s.advance(2s);
  s.publish();
  EXPECT_EQ(s.via(), way::long_poll);
  s.expect_all();
}

TEST(live_reader, ends_when_every_way_is_refused_or_the_topic_is_closed) {
  {
    setting s;
    s.state.fill(trouble::refused);
    s.read(s.options());
    s.advance(1min);
    EXPECT_EQ(s.ended, ap::polling::error::bad_status);
    EXPECT_EQ(s.via(), way::none);
  }
  {
    setting s;
    s.read(s.options());
    s.publish();
    s.news.close();
    s.advance(1min);
    s.expect_all();
    EXPECT_EQ(s.ended, asio::error::eof);
  }
  {
    setting s;
    EXPECT_THROW(ap::live::reader(s.client, {}), std::invalid_argument);
  }
}

TEST(live_reader, one_way_alone_goes_on_for_ever) {
  for (const bool stream : {true, false}) {
    setting s;
    ap::live::reader_options o;
    if (stream) o.stream = "http://h/s";
    if (!stream) o.short_poll = "http://h/p";
    s.read(o);
    for (int i = 0; i < 20; ++i) {
      s.publish();
      s.down = i % 3 == 0;
      s.restart();
      s.advance(40s);
    }
    s.down = false;
    s.advance(1min);
    s.expect_all();
  }
}

TEST(live_reader, gaps_and_other_logs_are_told_whatever_the_way) {
  for (const int only : {0, 1, 2}) {
    setting s(4);
    for (int i = 0; i < 3; ++i)
      if (i < only) s.state[std::size_t(i)] = trouble::refused;
    for (int i = 0; i < 10; ++i) s.publish();
    auto o = s.options();
    o.from = ap::position::after({s.news.subscribe().at().log, {0, 2}});
    s.read(o);
    s.advance(10s);
    EXPECT_EQ(s.got, (std::vector<std::string>{"gap", "6", "7", "8", "9"})) << only;
    s.got.clear();
    s.reader.reset();
    o.from = ap::position::after({123, {0, 2}});
    s.read(o);
    s.advance(10s);
    EXPECT_EQ(s.got, (std::vector<std::string>{"other", "6", "7", "8", "9"})) << only;
  }
}

TEST(live_reader, subjects_and_bytes_come_the_same_by_streams_and_polls) {
  setting s;
  ap::live::reader_options o;
  o.stream = "http://h/rooms";
  o.poll = "http://h/rooms/next";
  o.subjects = true;
  s.read(o);
  const std::string bytes("\xff\r\n\0", 4);
  s.rooms.open("a.b").publish(ap::shared_buffer(bytes));
  s.time.settle();
  EXPECT_EQ(s.via(), way::sse);
  s.reader.reset();
  s.time.settle();
  o.stream = {};
  s.read(o);
  s.advance(1s);
  EXPECT_EQ(s.via(), way::long_poll);
  EXPECT_EQ(s.got, (std::vector<std::string>{"a.b=" + bytes, "a.b=" + bytes}));
}

TEST(live_reader, credentials_go_with_every_way) {
  setting s;
  std::size_t n = 0;
  s.state = {trouble::refused, trouble::unavailable, trouble::none};
  s.reader.emplace(s.client, s.options());
  s.reader->before_attempt([&](ap::client_request& req) { req.header("Authorization", std::to_string(++n)); });
  s.next();
  s.publish();
  s.advance(10s);
  s.expect_all();
  EXPECT_EQ(n, s.asked[0] + s.asked[1] + s.asked[2]);
}

TEST(live_reader, what_is_on_its_way_when_it_changes_is_fetched_again) {
  std::uint64_t switches = 0;
  for (int steps = 0; steps < 60; ++steps) {
    setting s;
    s.state[0] = trouble::refused;
    s.read(s.options());
    s.publish();
    ASSERT_EQ(s.via(), way::long_poll);
    s.cancel.emit(asio::cancellation_type::total); // the poll goes on, and the time for a probe comes
    s.advance(1min);
    s.state[0] = trouble::none;
    s.news.publish(std::to_string(s.published++));
    s.io.restart();
    for (int i = 0; i < steps; ++i) s.io.poll_one();
    s.next(); // somewhere between the publishing and the end of the receive that was cancelled
    s.advance(1min);
    s.publish();
    s.expect_all();
    switches += s.reader->switches();
    EXPECT_EQ(s.via(), way::sse);
  }
  EXPECT_GT(switches, 60u);
}

// Connections break after any number of bytes, ways come and go, the reader stops and goes on.
TEST(live_reader, loses_and_repeats_nothing_whatever_breaks) {
  std::uint64_t switches = 0;
  std::array<std::size_t, 3> asked{};
  for (unsigned seed = 0; seed < 24; ++seed) {
    std::minstd_rand random(seed + 1);
    const auto upto = [&](std::size_t n) { return static_cast<std::size_t>(random() % (n + 1)); };
    setting s;
    s.budget = [&] { return 150 + upto(upto(3) == 0 ? 10'000 : 2'000); };
    auto o = s.options();
    o.first_probe = std::chrono::seconds(1 + upto(30));
    o.most_probe = 1min;
    s.read(o);
    for (int step = 0; step < 300; ++step) {
      switch (upto(8)) {
      case 0:
        s.state[upto(2)] = static_cast<trouble>(upto(3));
        if (s.state[2] == trouble::refused) s.state[2] = trouble::unavailable; // or it may end
        break;
      case 1: s.state.fill(trouble::none), s.down = false; break;
      case 2: s.down = upto(3) == 0; break;
      case 4: s.paused = !s.paused, s.go_on(); break;
      case 3: s.advance(std::chrono::milliseconds(upto(40'000))); break;
      default:
        for (auto n = upto(20); n > 0; --n) s.news.publish(std::to_string(s.published++)); // at once
        s.advance(std::chrono::milliseconds(upto(3'000)));
      }
      ASSERT_FALSE(s.ended) << seed << s.ended->message();
    }
    s.state.fill(trouble::none);
    s.budget.reset();
    s.down = s.paused = false;
    s.go_on();
    s.advance(10min);
    s.expect_all();
    if (::testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
    switches += s.reader->switches();
    for (std::size_t i = 0; i < 3; ++i) asked[i] += s.asked[i];
  }
  EXPECT_GT(switches, 100u);
  for (const auto times : asked) EXPECT_GT(times, 100u);
}

} // namespace
