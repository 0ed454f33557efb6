// SPDX-License-Identifier: BSL-1.0
// A server that the test plays by hand, in virtual time.
#include "client/harness.hpp"
#include "support/allocated.hpp"

#include <antiphon/sse/event_source.hpp>

#include <deque>
#include <stdexcept>

namespace client_tests {
namespace {

using ap::sse::event;
using ap::sse::event_source;
using ap::sse::event_source_options;
using ap::sse::ready_state;

constexpr std::string_view head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"; // until the end

/// What a source was asked for, and gave.
struct received {
  bool done = false;
  ap::error_code ec;
  event value;
  asio::cancellation_signal cancel;
};
using receipt = std::shared_ptr<received>;

class sse_event_source : public ::testing::Test {
 protected:
  world w;
  event_source_options options;
  std::optional<event_source> events;

  void open(client_request req = client_request(method::get, "http://h/s")) {
    events.emplace(w.client(), std::move(req), options);
  }
  receipt receive() {
    if (!events) open();
    auto to = std::make_shared<received>();
    events->async_receive(asio::bind_cancellation_slot(to->cancel.slot(), [to](ap::error_code ec, event e) {
      to->done = true;
      to->ec = ec;
      to->value = std::move(e);
    }));
    EXPECT_FALSE(to->done) << "completed inside the initiating call";
    w.time.settle();
    return to;
  }
  /// A receive whose connection the server has answered.
  receipt begin(std::string_view bytes = {}) {
    auto to = receive();
    request = w.peers.back()->take();
    w.peers.back()->send(std::string(head) + std::string(bytes));
    return to;
  }
  peer& last() { return *w.peers.back(); }
  std::string request;
  void TearDown() override { events.reset(); }
};

TEST_F(sse_event_source, yields_events_as_they_come) {
  auto r = begin("retry: 100\n\n: hi\n\nda");
  EXPECT_NE(request.find("GET /s HTTP/1.1\r\n"), request.npos);
  EXPECT_NE(request.find("Accept: text/event-stream\r\n"), request.npos);
  EXPECT_EQ(request.find("Last-Event-ID"), request.npos);
  EXPECT_FALSE(r->done);
  EXPECT_EQ(events->state(), ready_state::open);
  last().send("ta: a\nid: 1\n\nevent: x\ndata: b\ndata: c\n\n");
  ASSERT_TRUE(r->done && !r->ec);
  EXPECT_EQ(r->value.data, "a");
  EXPECT_EQ(r->value.type, "message");
  EXPECT_EQ(r->value.id, "1");
  r = receive();
  ASSERT_TRUE(r->done);
  EXPECT_EQ(r->value.data, "b\nc");
  EXPECT_EQ(r->value.type, "x");
  EXPECT_EQ(events->last_id(), "1");
  EXPECT_FALSE(receive()->done);
}

TEST_F(sse_event_source, comes_back_with_the_last_id_after_an_end_a_reset_and_a_refusal) {
  auto r = begin("id: 7\ndata: a\n\nid: 8\ndata: lost");
  ASSERT_TRUE(r->done);
  r = receive();
  last().close(); // in an event: that one does not count
  EXPECT_EQ(events->state(), ready_state::connecting);
  w.advance(1s);
  ASSERT_EQ(w.peers.size(), 2u);
  EXPECT_NE(last().now().find("Last-Event-ID: 7\r\n"), std::string::npos);
  last().take();
  last().send(std::string(head) + "data: b\n\n");
  ASSERT_TRUE(r->done && !r->ec);
  EXPECT_EQ(r->value.data, "b");
  EXPECT_EQ(r->value.id, "7") << "kept";
  r = receive();
  last().reset();
  w.refuse = asio::error::connection_refused;
  w.advance(1min);
  EXPECT_FALSE(r->done);
  EXPECT_GT(w.targets.size(), 3u);
  w.refuse.reset();
  w.advance(30s);
  ASSERT_EQ(w.peers.size(), 3u);
  EXPECT_NE(last().take().find("Last-Event-ID: 7\r\n"), std::string::npos);
  last().send(std::string(head) + "id\n\n"); // from here on it says nothing
  last().close();
  w.advance(30s);
  EXPECT_EQ(last().take().find("Last-Event-ID"), std::string::npos);
}

TEST_F(sse_event_source, answers_that_end_it_for_good) {
  struct row {
    std::string_view answer;
    ap::error_code why;
  };
  for (const auto& [answer, why] :
       {row{"204 No Content\r\n", ap::sse::error::no_content},
        row{"404 N\r\nContent-Length: 0\r\n", ap::sse::error::bad_status},
        row{"500 N\r\nContent-Length: 0\r\n", ap::sse::error::bad_status},
        row{"206 P\r\nContent-Type: text/event-stream\r\n", ap::sse::error::bad_status},
        row{"200 OK\r\nContent-Type: text/html\r\n", ap::sse::error::wrong_type},
        row{"200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: GZip\r\n", ap::sse::error::compressed},
        row{"200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: x, br\r\n", ap::sse::error::compressed},
        row{"200 OK\r\n", ap::sse::error::wrong_type}}) {
    open();
    auto r = receive();
    last().take();
    last().send("HTTP/1.1 " + std::string(answer) + "\r\n");
    ASSERT_TRUE(r->done) << answer;
    EXPECT_EQ(r->ec, why) << answer;
    EXPECT_EQ(events->state(), ready_state::closed);
    const auto made = w.targets.size();
    w.advance(5min);
    EXPECT_EQ(w.targets.size(), made);
    EXPECT_EQ(receive()->ec, why) << "and ever after";
    EXPECT_FALSE(why.message().empty());
  }
  open(client_request(method::get, "nonsense"));
  EXPECT_EQ(receive()->ec, client_error::bad_url);
  for (const auto* type :
       {"text/event-stream;charset=utf-8", "TEXT/Event-Stream", "text/event-stream\r\nContent-Encoding: none"}) {
    open();
    auto r = receive();
    last().take();
    last().send("HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\n\r\ndata: x\n\n");
    EXPECT_TRUE(r->done && !r->ec) << type;
  }
}

TEST_F(sse_event_source, waits_longer_after_each_failure_and_forgets_them_in_health) {
  w.refuse = asio::error::connection_refused;
  auto r = receive();
  // Full jitter: at any time up to the cap, which doubles with each attempt.
  while (w.targets.size() < 10) {
    const auto made = w.targets.size();
    const auto cap = made > 5 ? 30'000ms : 1000ms * (1 << (made - 1));
    ap::duration waited{};
    while (w.targets.size() == made && waited < 31s) w.advance(100ms), waited += 100ms;
    EXPECT_LE(waited, cap + 100ms) << made;
  }
  w.refuse.reset();
  w.advance(30s);
  ASSERT_EQ(w.peers.size(), 1u);
  last().take();
  last().send(std::string(head) + ":\n");
  w.advance(11s);
  last().send(":\n"); // bytes for 11 s: it is healthy
  last().close();
  w.advance(1s);
  EXPECT_EQ(w.peers.size(), 2u);
  int attempts = 0; // that are answered, and come to nothing
  for (ap::duration passed{}; passed < 10min; passed += 1s) {
    if (!last().take().empty()) {
      ++attempts;
      last().send(head);
      last().close();
    }
    w.advance(1s);
  }
  EXPECT_LT(attempts, 80) << "one in 15 s";
  EXPECT_GT(attempts, 20);
  EXPECT_FALSE(r->done);
}

TEST_F(sse_event_source, honours_retry_within_bounds) {
  auto r = begin("retry: 10000\n\n");
  last().close();
  w.advance(9999ms);
  EXPECT_EQ(w.peers.size(), 1u);
  w.advance(1002ms);
  ASSERT_EQ(w.peers.size(), 2u);
  last().take();
  last().send(std::string(head) + "retry: 99999999999\n\ndata: x\n\n");
  ASSERT_TRUE(r->done);
  r = receive();
  last().close();
  w.advance(5min - 1ms);
  EXPECT_EQ(w.peers.size(), 2u);
  w.advance(1002ms);
  EXPECT_EQ(w.peers.size(), 3u);
}

TEST_F(sse_event_source, notices_links_that_are_half_open) {
  auto r = begin();
  w.advance(44s);
  last().send(":\n"); // a heartbeat
  w.advance(44s);
  EXPECT_EQ(w.peers.size(), 1u);
  w.advance(3s);
  EXPECT_EQ(w.peers.size(), 2u);
  EXPECT_FALSE(r->done);
}

TEST_F(sse_event_source, a_hook_changes_each_request) {
  int n = 0;
  open();
  events->before_attempt([&](client_request& req) {
    if (++n == 2) throw ap::system_error(asio::error::timed_out); // as an attempt that failed
    req.header("Authorization", "Bearer " + std::to_string(n));
  });
  auto r = begin();
  EXPECT_NE(request.find("Authorization: Bearer 1\r\n"), request.npos);
  last().close();
  w.advance(3s);
  EXPECT_NE(last().take().find("Authorization: Bearer 3\r\n"), std::string::npos);
  events.reset();
  w.time.settle();
  EXPECT_EQ(r->ec, asio::error::operation_aborted);

  open();
  events->before_attempt([](client_request& req) -> asio::awaitable<void> {
    co_await ap::sleep_for(1s);
    req.header("Authorization", "later");
  });
  r = receive();
  const auto made = w.peers.size();
  w.advance(1s);
  ASSERT_EQ(w.peers.size(), made + 1);
  EXPECT_NE(last().take().find("Authorization: later\r\n"), std::string::npos);

  open();
  events->before_attempt([](client_request&) { throw std::runtime_error("bug"); });
  EXPECT_EQ(receive()->ec, ap::sse::error::hook_failed);
}

TEST_F(sse_event_source, posts_and_follows_redirects) {
  open(client_request(method::post, "http://h/ask").body("question", "text/plain"));
  auto r = receive();
  for (int i = 0; i < 2; ++i) {
    const auto got = last().take();
    EXPECT_TRUE(got.starts_with("POST /ask HTTP/1.1\r\n") && got.ends_with("\r\n\r\nquestion")) << got;
    last().send("HTTP/1.1 307 T\r\nContent-Length: 0\r\nLocation: /there\r\n\r\n");
    EXPECT_TRUE(last().take().starts_with("POST /there "));
    last().send(std::string(head) + "data: x\n\n");
    EXPECT_TRUE(r->done && r->value.data == "x");
    r = receive();
    last().close();
    w.advance(2s);
  }
  EXPECT_THROW(
      open(client_request(method::post, "http://h/").stream_body([](ap::body_writer&) -> asio::awaitable<void> {
        co_return;
      })),
      std::invalid_argument);
}

TEST_F(sse_event_source, limits_end_it) {
  options.line = 100;
  options.event = 150;
  for (const std::size_t n : {94u, 95u, 9400u}) { // with "data: "
    open();
    auto r = begin("data: " + std::string(n, 'x') + "\n\n");
    ASSERT_TRUE(r->done);
    EXPECT_EQ(r->ec, n == 94 ? ap::error_code() : ap::error_code(ap::sse::error::too_large)) << n;
  }
  for (const std::size_t n : {75u, 76u}) { // a line end is one
    open();
    auto r = begin("data: first\n\ndata: " + std::string(74, 'x') + "\ndata: " + std::string(n, 'x') + "\n\n");
    ASSERT_TRUE(r->done && r->value.data == "first") << "what came before counts";
    EXPECT_EQ(receive()->ec, n == 75 ? ap::error_code() : ap::error_code(ap::sse::error::too_large)) << n;
  }
  options = {};
  options.longest_retry = options.most_wait = options.healthy = options.read_idle = (ap::duration::max)(); // no bounds
  open();
  auto far_off = begin("retry: 99999999999999\n\n");
  last().close();
  w.advance(24h);
  EXPECT_FALSE(far_off->done);
  options = {};
  options.attempts = 3;
  w.refuse = asio::error::connection_refused;
  open();
  auto r = receive();
  w.advance(1min);
  EXPECT_EQ(r->ec, asio::error::connection_refused);
}

TEST_F(sse_event_source, ids_that_cannot_be_sent_are_not) {
  const std::string_view ids[] = {std::string_view("a\x01"), "\xc3\xa4"};
  std::string longest(options.longest_id + 1, 'i');
  for (const auto id : {ids[0], ids[1], std::string_view(longest).substr(1), std::string_view(longest)}) {
    open();
    auto r = begin("id: " + std::string(id) + "\ndata: x\n\n");
    EXPECT_EQ(events->last_id(), id);
    receive();
    last().close();
    w.advance(1s);
    const bool sent = last().take().find("Last-Event-ID: " + std::string(id) + "\r\n") != std::string::npos;
    EXPECT_EQ(sent, id != ids[0] && id.size() <= options.longest_id);
  }
}

TEST_F(sse_event_source, begins_where_it_is_told_and_tells_where_it_is) {
  options.last_id = "5";
  auto r = begin("data: a\n\nid: 6\ndata: b\n\nid: 7\n\n");
  EXPECT_NE(request.find("Last-Event-ID: 5\r\n"), request.npos);
  EXPECT_EQ(events->last_id(), "5") << "what was not received does not count";
  r = receive();
  EXPECT_EQ(events->last_id(), "7") << "a place without an event";
}

TEST_F(sse_event_source, nothing_is_read_that_nobody_wants_and_cancelling_loses_nothing) {
  w.capacity = 1000;
  auto r = begin();
  r->cancel.emit(asio::cancellation_type::total);
  w.time.settle();
  EXPECT_EQ(r->ec, asio::error::operation_aborted);
  last().send("data: a\n\n");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "data: " + std::to_string(i) + "\n\n";
  EXPECT_FALSE(last().send(many)) << "it stays with the server";
  r = receive();
  EXPECT_EQ(r->value.data, "a");
  events->close();
  EXPECT_EQ(receive()->ec, asio::error::operation_aborted);
  EXPECT_TRUE(last().ended());
}

TEST_F(sse_event_source, tells_what_streams_of_antiphon_say_of_gaps) {
  auto r = begin("id: 00000000000000aa.0-9\nevent: antiphon-gap\ndata: {\"after\":\"00000000000000aa.0-1\",\"before\":"
                 "\"00000000000000aa.0-9\",\"at_most\":7}\n\nevent: antiphon-other-log\ndata:\n\nevent: antiphon-gap\n"
                 "data: nonsense\n\n");
  EXPECT_EQ(ap::sse::gap_of(r->value), (ap::gap{{0, 1}, {0, 9}, 7}));
  EXPECT_FALSE(ap::sse::is_other_log(r->value));
  r = receive();
  EXPECT_FALSE(ap::sse::gap_of(r->value));
  EXPECT_TRUE(ap::sse::is_other_log(r->value));
  EXPECT_EQ(ap::sse::gap_of(receive()->value), ap::gap{});
}

TEST_F(sse_event_source, bytes_in_any_pieces_over_any_stream) {
  for (const bool plain : {false, true}) {
    world one;
    one.plain = plain;
    one.read_size = 1;
    event_source source(one.client(), "http://h/");
    std::string got;
    struct loop {
      event_source& from;
      std::string& to;
      void operator()() {
        from.async_receive([*this](ap::error_code ec, const event& e) mutable {
          if (ec) return;
          to += e.data + ";";
          (*this)();
        });
      }
    };
    loop{source, got}();
    one.time.settle();
    one.at(0).take();
    one.at(0).send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "b\r\ndata: a\r\n\r\n\r\n9\r\ndata: b\n\n\r\n");
    EXPECT_EQ(got, "a;b;");
    source.close();
    one.time.settle();
  }
}

TEST_F(sse_event_source, survives_a_failure_at_every_step) {
  for (std::size_t n = 0; n < 12; ++n) {
    world one;
    one.failure.emplace(n);
    event_source source(one.client(), "http://h/");
    bool got = false;
    source.async_receive([&](ap::error_code ec, const event& e) { got = !ec && e.data == "x"; });
    one.time.settle();
    for (int i = 0; i < 100 && !got; ++i) {
      for (auto& p : one.peers)
        if (!p->take().empty()) {
          one.failure.reset();
          p->send(std::string(head) + "data: x\n\n");
        }
      if (i == 5) one.failure.reset();
      one.advance(1s);
    }
    EXPECT_TRUE(got) << n;
  }
}

TEST_F(sse_event_source, a_context_that_ends_takes_what_waits_with_it) {
  std::optional<event_source> kept;
  {
    world one;
    kept.emplace(one.client(), "http://h/");
    asio::co_spawn(
        one.io,
        [](event_source from) -> asio::awaitable<void> { // the frame owns what it waits for
          for (;;) co_await from.async_receive(asio::use_awaitable);
        }(*kept),
        [](const std::exception_ptr&) {});
    one.time.settle();
    one.at(0).take();
    one.at(0).send(head);
  }
  kept.reset(); // after its context
}

TEST_F(sse_event_source, a_quiet_one_is_small) {
  w.options.connections = 1000;
  constexpr std::size_t n = 50;
  std::vector<event_source> all;
  all.reserve(n + 1);
  const auto add = [&] {
    all.emplace_back(w.client(), "http://h/");
    all.back().async_receive([](ap::error_code, const event&) {});
    w.time.settle();
    last().take();
    last().send(head);
    last().send(":\n\n");
  };
  add();
  const auto before = threat::allocated();
  const auto streams = w.peers.size();
  for (std::size_t i = 0; i < n; ++i) add();
  const auto each = (threat::allocated() - before) / n;
  ASSERT_EQ(w.peers.size(), streams + n);
  // The same connections without a source.
  std::vector<call> bare;
  w.send(client_request(method::get, "http://h/").stream_response());
  last().send(std::string(head));
  const auto begun = threat::allocated();
  for (std::size_t i = 0; i < n; ++i) {
    bare.push_back(w.send(client_request(method::get, "http://h/").stream_response()));
    last().take();
    last().send(head);
  }
  const auto connection = (threat::allocated() - begun) / n;
  RecordProperty("bytes_with_connection", static_cast<int>(each));
  RecordProperty("bytes_of_connection", static_cast<int>(connection));
  EXPECT_LE(each, connection + 4096);
  all.clear();
  w.time.settle();
}

} // namespace
} // namespace client_tests
