// SPDX-License-Identifier: BSL-1.0
#include "../../support/server_harness.hpp"

namespace {

using namespace antiphon_tests;

/// A handler that waits until the test lets it go on, in the order that the test wants.
struct gate {
  ap::notifier changed;
  bool open = false;
  int inside = 0;
  asio::awaitable<void> pass() {
    ++inside;
    while (!open) co_await changed.async_wait(asio::use_awaitable);
    --inside;
  }
  void let_go() {
    open = true;
    changed.notify_all();
  }
};

// --- keep-alive

struct connection_keep_alive : over_streams {};

TEST_P(connection_keep_alive, answers_one_request_after_another) {
  app.get("/", [] { return "hello"; });
  auto& c = s.client();
  for (int i = 0; i < 3; ++i) {
    const auto r = c.ask(get("/"));
    EXPECT_EQ(r.code, 200);
    EXPECT_EQ(r.body, "hello");
    EXPECT_EQ(r.header("Content-Length"), "5");
    EXPECT_EQ(r.header("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_FALSE(r.has("Connection"));
    EXPECT_TRUE(r.has("Date"));
    EXPECT_EQ(r.header("Server"), "antiphon");
  }
  EXPECT_FALSE(c.ended());
  EXPECT_EQ(s.open(), 1U);
}

TEST_P(connection_keep_alive, goes_on_after_waiting_handlers) {
  app.get("/", [](ap::request&) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1s);
    co_return "late";
  });
  auto& c = s.client();
  for (int i = 0; i < 3; ++i) {
    c.send(get("/"));
    s.advance(999ms);
    EXPECT_EQ(c.now(), "");
    EXPECT_EQ(s.app.counts().handling, 1U);
    s.advance(1ms);
    EXPECT_EQ(c.next().body, "late");
    EXPECT_EQ(s.app.counts().handling, 0U);
  }
}

TEST_P(connection_keep_alive, close_is_honoured_and_said) {
  app.get("/", [] { return "bye"; });
  auto& c = s.client();
  const auto r = c.ask(get("/", "Connection: close\r\n") + get("/"));
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_EQ(r.body, "bye");
  EXPECT_EQ(c.rest(), "");
}

TEST_P(connection_keep_alive, http_1_0_closes_unless_asked_to_stay) {
  app.get("/", [] { return "old"; });
  const auto gone = s.client().ask("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(gone.head.substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_EQ(gone.header("Connection"), "close");
  EXPECT_EQ(gone.body, "old");
  auto& c = s.client();
  for (int i = 0; i < 2; ++i) {
    const auto r = c.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(r.header("Connection"), "keep-alive");
    EXPECT_EQ(r.body, "old");
  }
  EXPECT_FALSE(c.ended());
}

TEST_P(connection_keep_alive, ends_after_max_requests) {
  s.options.max_requests = 3;
  app.get("/", [] { return "x"; });
  auto& c = s.client();
  c.send(get("/") + get("/") + get("/") + get("/"));
  EXPECT_FALSE(c.next().has("Connection"));
  EXPECT_FALSE(c.next().has("Connection"));
  EXPECT_EQ(c.next().header("Connection"), "close");
  EXPECT_EQ(c.rest(), "");
}

TEST_P(connection_keep_alive, an_empty_line_before_a_request_is_skipped) {
  app.get("/", [] { return "x"; });
  auto& c = s.client();
  EXPECT_EQ(c.ask("\r\n" + get("/")).code, 200);
  EXPECT_EQ(c.ask("\r\n" + get("/")).code, 200);
}

TEST_P(connection_keep_alive, a_request_split_at_every_byte) {
  app.get("/a/{x}", [](ap::request& req) { return std::string(req.param("x")) + std::string(req.header("X-Y")); });
  const auto text = get("/a/b%20c", "X-Y: value\r\n");
  auto& c = s.client();
  for (std::size_t at = 1; at < text.size(); ++at) {
    c.send(text.substr(0, at));
    c.send(text.substr(at));
    ASSERT_EQ(c.next().body, "b cvalue") << at;
  }
  for (const char byte : text) c.send({&byte, 1});
  EXPECT_EQ(c.next().body, "b cvalue");
}
ANTIPHON_OVER_STREAMS(connection_keep_alive);

// --- pipelining

struct connection_pipelining : over_streams {};

TEST_P(connection_pipelining, answers_in_order_whatever_the_kind_of_handler) {
  app.get("/now/{n}", [](ap::request& req) { return std::string(req.param("n")); });
  app.get("/soon/{n}",
          [](ap::request& req) -> asio::awaitable<ap::response> { co_return std::string(req.param("n")); });
  app.get("/late/{n}", [](ap::request& req) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(1s);
    co_return std::string(req.param("n"));
  });
  std::string all, expected;
  for (int i = 0; i < 30; ++i) {
    const char* kinds[] = {"/now/", "/late/", "/now/", "/soon/", "/soon/", "/late/", "/late/"};
    all += get(kinds[i % 7] + std::to_string(i));
    expected += std::to_string(i) + ",";
  }
  auto& c = s.client();
  c.send(all);
  s.advance(60s);
  std::string got;
  for (int i = 0; i < 30; ++i) got += c.next().body + ",";
  EXPECT_EQ(got, expected);
  EXPECT_FALSE(c.ended());
}

TEST_P(connection_pipelining, a_mix_split_at_every_byte) {
  app.get("/now/{n}", [](ap::request& req) { return std::string(req.param("n")); });
  app.get("/soon/{n}", [](ap::request& req) -> asio::awaitable<std::string> { co_return std::string(req.param("n")); });
  app.post("/body", [](ap::request& req) { return "body:" + std::string(req.body()); });
  app.post("/slow", [](ap::request& req) -> asio::awaitable<std::string> { co_return "slow:" + req.take_body(); });
  const auto all = get("/now/1") + get("/soon/2") + post("/body", "three") + get("/now/4") + post("/slow", "five") +
                   chunked("/slow", {"s", "ix"}) + get("/now/7") + post("/body", "") + get("/none");
  for (std::size_t at = 1; at < all.size(); ++at) {
    auto c = s.connect();
    c.send(all.substr(0, at));
    c.send(all.substr(at));
    std::string got;
    for (int i = 0; i < 9; ++i) got += c.next().body + ",";
    ASSERT_EQ(got, "1,2,body:three,4,slow:five,slow:six,7,body:,,") << at;
    c.close();
  }
}

TEST_P(connection_pipelining, an_error_is_answered_after_the_good_ones_before_it) {
  app.get("/", [] { return "good"; });
  app.get("/late", [](ap::request&) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1s);
    co_return "late";
  });
  auto& c = s.client();
  c.send(get("/") + get("/late") + "GET / HTTP/1.1\r\nHost : h\r\n\r\n" + get("/"));
  EXPECT_EQ(c.next().body, "good");
  EXPECT_EQ(c.now(), "");
  s.advance(1s);
  EXPECT_EQ(c.next().body, "late");
  const auto bad = c.next();
  EXPECT_EQ(bad.code, 400);
  EXPECT_EQ(bad.header("Connection"), "close");
  EXPECT_EQ(c.rest(), "");
  EXPECT_EQ(s.app.counts().refused, 1U);
}

TEST_P(connection_pipelining, more_than_64_are_all_answered) {
  int handled = 0;
  app.get("/{n}", [&](ap::request& req) {
    ++handled;
    return std::string(req.param("n"));
  });
  std::string all;
  for (int i = 0; i < 1000; ++i) all += get("/" + std::to_string(i));
  auto& c = s.client();
  c.send(all);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(c.next().body, std::to_string(i));
  EXPECT_EQ(handled, 1000);
}

TEST_P(connection_pipelining, a_request_behind_a_waiting_one_is_not_begun) {
  gate g;
  int began = 0;
  app.get("/wait", [&](ap::request&) -> asio::awaitable<ap::response> {
    co_await g.pass();
    co_return "waited";
  });
  app.get("/", [&] {
    ++began;
    return "next";
  });
  auto& c = s.client();
  c.send(get("/wait") + get("/"));
  c.send(get("/"));
  EXPECT_EQ(began, 0);
  EXPECT_EQ(c.now(), "");
  g.let_go();
  EXPECT_EQ(c.next().body, "waited");
  EXPECT_EQ(c.next().body, "next");
  EXPECT_EQ(c.next().body, "next");
}
ANTIPHON_OVER_STREAMS(connection_pipelining);

struct connection_limits : in_memory {};

TEST_F(connection_limits, at_most_max_pipelined_are_answered_before_the_answers_are_written) {
  s.capacity = 1024; // of the client's inbox: about eight answers
  s.options.max_pipelined = 4;
  int handled = 0;
  app.get("/", [&] {
    ++handled;
    return "x";
  });
  auto& c = s.client();
  c.hold();
  std::string all;
  for (int i = 0; i < 6; ++i) all += get("/");
  for (int i = 0; i < 20; ++i) c.put(all), s.settle();
  const int first = handled;
  EXPECT_GE(first, 4);
  EXPECT_LE(first, 4 + 1024 / 100 + 4);
  c.hold(false);
  for (int i = 0; i < first; ++i) EXPECT_EQ(c.next().code, 200);
  EXPECT_GT(handled, first) << "reading went on when there was room again";
}

TEST_F(connection_limits, reading_stops_when_enough_was_read_ahead) {
  gate g;
  s.options.max_ahead = 4096;
  s.capacity = 4096;
  app.get("/wait", [&](ap::request&) -> asio::awaitable<ap::response> {
    co_await g.pass();
    co_return "waited";
  });
  app.get("/", [] { return "x"; });
  auto& c = s.client();
  c.send(get("/wait"));
  std::string all;
  while (all.size() < 1024 * 1024) all += get("/");
  std::size_t taken = 0;
  for (int i = 0; i < 1000; ++i) {
    taken += c.put(std::string_view(all).substr(taken));
    s.settle();
  }
  EXPECT_GE(taken, 4096U);
  EXPECT_LE(taken, 4096U + 32 * 1024 + 4096U); // the limit, one read, what is on the way
  g.let_go();
  EXPECT_EQ(c.next().body, "waited");
  EXPECT_EQ(c.next().body, "x");
}

// --- back-pressure and large answers

struct connection_writing : over_streams {};

TEST_P(connection_writing, large_bodies_to_a_slow_reader) {
  s.capacity = 8 * 1024;
  const std::string big(3'000'000, 'b');
  const ap::shared_buffer shared(big);
  app.get("/big", [&] { return ap::text(big); });
  app.get("/shared", [&] { return ap::response(ap::status::ok, shared, "text/plain"); });
  auto& c = s.client();
  c.hold();
  c.send(get("/big") + get("/shared") + get("/big") + get("/none"));
  c.hold(false);
  for (int i = 0; i < 3; ++i) {
    const auto r = c.next();
    EXPECT_EQ(r.header("Content-Length"), "3000000");
    EXPECT_TRUE(r.body == big);
  }
  EXPECT_EQ(c.next().code, 404);
}

TEST_P(connection_writing, answers_of_all_sizes_around_what_is_copied) {
  for (const std::size_t n : {0U, 1U, 8191U, 8192U, 8193U, 70'000U})
    app.get("/" + std::to_string(n), [n] { return ap::text(std::string(n, 'x')); });
  auto& c = s.client();
  std::string all;
  for (const std::size_t n : {0U, 1U, 8191U, 8192U, 8193U, 70'000U, 8192U, 0U}) all += get("/" + std::to_string(n));
  c.send(all);
  for (const std::size_t n : {0U, 1U, 8191U, 8192U, 8193U, 70'000U, 8192U, 0U})
    EXPECT_EQ(c.next().body, std::string(n, 'x'));
}

TEST_P(connection_writing, answers_are_kept_in_place_while_a_write_waits) {
  // A stream without readiness borrows what it writes: nothing may be added to it meanwhile.
  s.capacity = 256;
  gate g;
  app.get("/wait", [&](ap::request&) -> asio::awaitable<std::string> {
    co_await g.pass();
    co_return std::string(5000, 'w');
  });
  app.get("/{n}", [](ap::request& req) { return std::string(3000, req.param("n")[0]); });
  auto& c = s.client();
  c.send(get("/wait"));
  c.hold();
  g.let_go();
  s.settle();
  c.put(get("/a") + get("/b"));
  s.settle();
  c.put(get("/c"));
  s.settle();
  c.hold(false);
  EXPECT_EQ(c.next().body, std::string(5000, 'w'));
  EXPECT_EQ(c.next().body, std::string(3000, 'a'));
  EXPECT_EQ(c.next().body, std::string(3000, 'b'));
  EXPECT_EQ(c.next().body, std::string(3000, 'c'));
}

TEST_P(connection_writing, bodiless_statuses_and_head) {
  app.get("/204", [] { return ap::status::no_content; });
  app.get("/304", [] { return ap::response(ap::status::not_modified).set("ETag", "\"x\""); });
  app.get("/five", [] { return "five5"; });
  app.get("/100", [] { return ap::response(static_cast<ap::status>(100)); });
  auto& c = s.client();
  const auto empty = c.ask(get("/204"));
  EXPECT_EQ(empty.code, 204);
  EXPECT_FALSE(empty.has("Content-Length"));
  const auto same = c.ask(get("/304"));
  EXPECT_EQ(same.code, 304);
  EXPECT_EQ(same.header("ETag"), "\"x\"");
  c.send(head_of("HEAD", "/five") + get("/five"));
  const auto head = c.next(true);
  EXPECT_EQ(head.code, 200);
  EXPECT_EQ(head.header("Content-Length"), "5");
  EXPECT_EQ(c.next().body, "five5");
  EXPECT_EQ(c.ask(get("/100")).code, 500) << "an interim response is no answer";
}

TEST_P(connection_writing, an_answer_that_is_ready_is_sent_to_who_has_ended_its_sending_side) {
  app.get("/", [] { return "ready"; });
  auto& c = s.client();
  c.put(get("/") + get("/"));
  c.finish();
  EXPECT_EQ(c.next().body, "ready");
  EXPECT_EQ(c.next().body, "ready");
  EXPECT_EQ(c.rest(), "");
  EXPECT_FALSE(c.was_reset());
}
ANTIPHON_OVER_STREAMS(connection_writing);

// --- requests and handlers that wait

struct connection_requests : over_streams {};

TEST_P(connection_requests, views_stay_while_a_handler_waits_and_bytes_come) {
  gate g;
  app.post("/a/{x}/{y}", [&](ap::request& req) -> asio::awaitable<std::string> {
    const auto param = req.param("x");
    const auto decoded = req.param("y");
    const auto body = req.body();
    const auto field = req.header("X-Name");
    co_await g.pass();
    EXPECT_EQ(param, req.param("x"));
    co_return std::string(param) + "," + std::string(decoded) + "," + std::string(field) + "," + std::string(body) +
        "," + std::string(req.target());
  });
  app.get("/", [] { return "x"; });
  auto& c = s.client();
  c.send(post("/a/one/t%77o", "the body", "X-Name: some value\r\n") + get("/"));
  for (int i = 0; i < 50; ++i) c.send(get("/", "X-Padding: " + std::string(200, 'p') + "\r\n"));
  g.let_go();
  EXPECT_EQ(c.next().body, "one,two,some value,the body,/a/one/t%77o");
  for (int i = 0; i < 51; ++i) EXPECT_EQ(c.next().body, "x");
}

TEST_P(connection_requests, take_body_moves_the_body_out) {
  app.post("/", [](ap::request& req) {
    const auto taken = req.take_body();
    EXPECT_EQ(req.body(), "");
    EXPECT_EQ(req.take_body(), "");
    return taken;
  });
  auto& c = s.client();
  EXPECT_EQ(c.ask(post("/", "in place")).body, "in place");
  c.send(post("/", "in two").substr(0, 50));
  c.send(post("/", "in two").substr(50));
  EXPECT_EQ(c.next().body, "in two");
  EXPECT_EQ(c.ask(chunked("/", {"in ", "chunks"})).body, "in chunks");
  EXPECT_EQ(c.ask(post("/", "")).body, "");
}

TEST_P(connection_requests, peer_scheme_version_and_executor) {
  s.options.secure = true;
  s.options.server_name = {};
  std::string peer;
  app.get("/", [&](ap::request& req) {
    peer = req.peer();
    EXPECT_TRUE(req.executor() == asio::any_io_executor(s.io.get_executor()));
    return std::string(req.scheme()) + std::to_string(req.version_minor()) + std::string(req.authority());
  });
  auto& c = s.client();
  const auto r = c.ask(get("/"));
  EXPECT_EQ(r.body, "https1h");
  EXPECT_FALSE(r.has("Server"));
  if (tcp()) {
    EXPECT_EQ(peer.substr(0, 10), "127.0.0.1:");
  } else {
    EXPECT_EQ(peer, "");
  }
  EXPECT_EQ(c.ask("GET / HTTP/1.0\r\n\r\n").body, "https0");
}

TEST_P(connection_requests, notes_do_not_outlive_their_request) {
  app.get("/set", [](ap::request& req) {
    req.notes().set("a", "b");
    return "set";
  });
  app.get("/get", [](ap::request& req) { return req.notes().empty() ? "none" : "some"; });
  auto& c = s.client();
  c.send(get("/set") + get("/get"));
  EXPECT_EQ(c.next().body, "set");
  EXPECT_EQ(c.next().body, "none");
}

TEST_P(connection_requests, an_exception_is_a_500_and_is_reported) {
  app.get("/now", [](ap::request&) -> ap::response { throw std::runtime_error("at once"); });
  app.get("/soon", [](ap::request&) -> asio::awaitable<ap::response> {
    throw std::runtime_error("soon");
    co_return "";
  });
  app.get("/late/{x}", [](ap::request&) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1s);
    throw 42;
  });
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/now")).code, 500);
  EXPECT_EQ(c.ask(get("/soon")).code, 500);
  c.send(get("/late/1"));
  s.advance(1s);
  EXPECT_EQ(c.next().code, 500);
  EXPECT_EQ(s.errors, (std::vector<std::string>{"GET /now: at once", "GET /soon: soon", "GET /late/{x}: something"}));
  EXPECT_FALSE(c.ended());
}

TEST_P(connection_requests, a_client_that_goes_cancels_the_handler) {
  bool cancelled = false;
  int inside = 0;
  app.get("/", [&](ap::request&) -> asio::awaitable<ap::response> {
    ++inside;
    try {
      co_await ap::sleep_for(1h);
    } catch (const ap::system_error& e) {
      cancelled = e.code() == asio::error::operation_aborted;
      throw;
    }
    co_return "never";
  });
  auto& c = s.client();
  c.send(get("/"));
  EXPECT_EQ(inside, 1);
  c.close();
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(s.open(), 0U);
  EXPECT_TRUE(s.errors.empty()) << s.errors[0];
}

TEST_P(connection_requests, what_goes_wrong_after_the_client_has_gone_is_reported_all_the_same) {
  app.get("/handler", [](ap::request&) -> asio::awaitable<ap::response> {
    try {
      co_await ap::sleep_for(1h);
    } catch (const ap::system_error&) {}
    throw std::runtime_error("not put back");
  });
  app.get("/body", [](ap::request&) {
    return ap::stream_body([](ap::body_writer&) -> asio::awaitable<void> {
      try {
        co_await ap::sleep_for(1h);
      } catch (const ap::system_error&) {}
      throw std::runtime_error("nor this");
    });
  });
  app.get("/slow",
          [](ap::request&) -> asio::awaitable<ap::response> {
            try {
              co_await ap::sleep_for(1h);
            } catch (const ap::system_error&) {}
            throw std::runtime_error("too late");
          },
          {.timeout = 1s});
  for (const char* path : {"/handler", "/body"}) {
    auto& c = s.client();
    c.send(get(path));
    c.close();
    s.settle();
  }
  EXPECT_EQ(s.open(), 0U);
  auto& c = s.client();
  c.send(get("/slow"));
  s.advance(1200ms);
  EXPECT_EQ(c.next().code, 503);
  EXPECT_EQ(s.errors, (std::vector<std::string>{"GET /handler: not put back", "a body of /body: nor this",
                                                "GET /slow: too late"}));
}

TEST_P(connection_requests, the_end_of_the_stream_counts_as_gone_while_a_handler_waits) {
  gate g;
  app.get("/", [&](ap::request&) -> asio::awaitable<ap::response> {
    co_await g.pass();
    co_return "never";
  });
  auto& c = s.client();
  c.send(get("/"));
  c.finish();
  EXPECT_EQ(c.rest(), "");
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(connection_requests, half_close_answers_and_closes) {
  s.options.half_close = true;
  gate g;
  app.get("/wait", [&](ap::request&) -> asio::awaitable<ap::response> {
    co_await g.pass();
    co_return "still here";
  });
  app.get("/", [] { return "pipelined"; });
  auto& c = s.client();
  c.send(get("/wait") + get("/"));
  c.finish();
  s.settle();
  EXPECT_EQ(s.open(), 1U);
  g.let_go();
  EXPECT_EQ(c.next().body, "still here");
  EXPECT_EQ(c.next().body, "pipelined");
  EXPECT_EQ(c.rest(), "") << "nothing can come any more: it must not wait for the keep-alive time-out";
}

TEST_P(connection_requests, interim_responses_come_before_the_answer_and_after_earlier_ones) {
  gate first;
  app.get("/wait", [&](ap::request&) -> asio::awaitable<ap::response> {
    co_await first.pass();
    co_return "first";
  });
  app.get("/hints", [&](ap::request& req) -> asio::awaitable<ap::response> {
    ap::http::fields links;
    links.add("Link", "</style.css>; rel=preload");
    co_await req.send_interim(ap::status::early_hints, links);
    co_await req.send_interim(ap::status::processing, {});
    co_await ap::sleep_for(1s);
    co_return "second";
  });
  auto& c = s.client();
  c.send(get("/wait") + get("/hints"));
  EXPECT_EQ(c.now(), "");
  first.let_go();
  EXPECT_EQ(c.next().body, "first");
  const auto hints = c.next();
  EXPECT_EQ(hints.code, 103);
  EXPECT_EQ(hints.header("Link"), "</style.css>; rel=preload");
  EXPECT_EQ(c.next().code, 102);
  EXPECT_EQ(c.now(), "");
  s.advance(1s);
  EXPECT_EQ(c.next().body, "second");
}

TEST_P(connection_requests, http_1_0_is_sent_no_interim_response) {
  app.get("/", [](ap::request& req) -> asio::awaitable<ap::response> {
    co_await req.send_interim(ap::status::early_hints, {});
    co_return "old";
  });
  EXPECT_EQ(s.ask("GET / HTTP/1.0\r\n\r\n").body, "old");
}

TEST_P(connection_requests, an_interim_response_that_waits_ends_when_the_client_goes) {
  s.capacity = 512;
  bool thrown = false;
  app.get("/big", [] { return std::string(100'000, 'b'); });
  app.get("/hints", [&](ap::request& req) -> asio::awaitable<ap::response> {
    ap::http::fields links;
    links.add("Link", std::string(4000, 'x'));
    try {
      for (int i = 0; i < 1000; ++i) co_await req.send_interim(ap::status::early_hints, links);
    } catch (const ap::system_error&) {
      thrown = true;
      throw;
    }
    co_return "never";
  });
  auto& c = s.client();
  c.hold();
  c.send(get("/hints"));
  EXPECT_FALSE(thrown);
  c.close();
  s.settle();
  EXPECT_TRUE(thrown);
  EXPECT_EQ(s.open(), 0U);
}
ANTIPHON_OVER_STREAMS(connection_requests);

struct connection_turns : in_memory {};

// No write waits where the client reads as fast as it is written to.
TEST_F(connection_turns, interim_responses_let_others_run_while_there_is_room) {
  s.capacity = 4 * 1024 * 1024;
  std::size_t sent = 0, others = 0;
  app.get("/hints/{size}", [&](ap::request& req) -> asio::awaitable<ap::response> {
    ap::http::fields links;
    links.add("Link", std::string(std::stoul(std::string(req.param("size"))), 'l'));
    sent = others = 0;
    asio::post(s.io, [&] { others = sent; });
    for (; sent < 200; ++sent) co_await req.send_interim(ap::status::early_hints, links);
    co_return "done";
  });
  auto& c = s.client();
  for (const char* path : {"/hints/10", "/hints/8000"}) {
    c.send(get(path));
    for (int i = 0; i < 200; ++i) ASSERT_EQ(c.next().code, 103);
    EXPECT_EQ(c.next().body, "done");
    EXPECT_GT(others, 16U) << path;
    EXPECT_LE(others, 64U) << path;
  }
}

// --- every failure of the stream

struct connection_failures : ::testing::TestWithParam<kind> {};

TEST_P(connection_failures, a_failure_at_every_operation_leaves_nothing) {
  const auto runs = ap::testing::for_each_failure([](const ap::testing::fail_after& failure) {
    served s(GetParam(), 2048);
    s.failure = failure;
    s.app.get("/", [] { return "hello"; });
    s.app.get("/big", [] { return std::string(20'000, 'b'); });
    s.app.get("/late", [](ap::request& req) -> asio::awaitable<ap::response> {
      co_await req.send_interim(ap::status::early_hints, {});
      co_await ap::sleep_for(1s);
      co_return "late";
    });
    s.app.post("/echo", [](ap::request& req) { return req.take_body(); });
    s.app.get("/body", [](ap::request&) {
      return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
        for (int i = 0; i < 20; ++i) co_await out.write(std::string(1000, 'x'));
      });
    });
    s.app.get("/up", [] {
      return ap::upgrade("echo", [](ap::any_stream stream) -> asio::awaitable<void> {
        char room[100];
        for (;;) {
          const auto n = co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
          co_await stream.async_write_some(asio::buffer(room, n), asio::use_awaitable);
        }
      });
    });
    auto& c = s.client();
    c.send(get("/") + get("/big"));
    c.next(), c.next();
    c.send(get("/late") + post("/echo", "body"));
    c.next();
    s.advance(2s);
    c.next(), c.next();
    c.send(chunked("/echo", {"a", "b"}) + get("/body"));
    c.next(), c.next();
    c.send(get("/up", "Connection: upgrade\r\nUpgrade: echo\r\n") + "more");
    c.next();
    const auto echoed = c.read(4);
    c.close();
    s.settle();
    if (!failure.failed()) {
      EXPECT_EQ(echoed, "more");
    }
    EXPECT_EQ(s.open(), 0U) << "a connection is left";
    s.finish();
  });
  EXPECT_GT(runs, 20U);
}
INSTANTIATE_TEST_SUITE_P(over, connection_failures, ::testing::Values(kind::memory, kind::plain_memory), stream_name);

} // namespace
