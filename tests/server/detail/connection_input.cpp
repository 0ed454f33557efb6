// SPDX-License-Identifier: BSL-1.0
#include "../../support/server_harness.hpp"

namespace {

using namespace antiphon_tests;

struct bodies : over_streams {
  int handled = 0;
  bodies() {
    app.post("/now", [this](ap::request& req) {
      ++handled;
      return "now:" + std::string(req.body());
    });
    app.post("/late", [this](ap::request& req) -> asio::awaitable<std::string> {
      ++handled;
      const auto body = req.body();
      co_await ap::sleep_for(1ms);
      co_return "late:" + std::string(body);
    });
    app.post("/small",
             [this](ap::request& req) {
               ++handled;
               return std::to_string(req.body().size());
             },
             {.max_body = 100});
    app.get("/", [] { return "next"; });
  }
};

TEST_P(bodies, are_collected_whatever_the_split) {
  for (const std::string_view path : {"/now", "/late"}) {
    const auto expected = std::string(path.substr(1)) + ":some body";
    for (const auto& text : {post(path, "some body"), chunked(path, {"some", " ", "body"})}) {
      auto& c = s.client();
      for (std::size_t at = 1; at < text.size(); ++at) {
        c.send(text.substr(0, at));
        c.send(text.substr(at));
        s.advance(1ms);
        ASSERT_EQ(c.next().body, expected) << at;
      }
      for (const char b : text) c.send({&b, 1});
      s.advance(1ms);
      EXPECT_EQ(c.next().body, expected);
    }
  }
}

TEST_P(bodies, large_ones_come_whole) {
  std::string big(900'000, 'b');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>('a' + i % 23);
  auto& c = s.client();
  EXPECT_TRUE(c.ask(post("/now", big)).body == "now:" + big);
  std::string text = head_of("POST", "/now", "Transfer-Encoding: chunked\r\n");
  for (std::size_t at = 0; at < big.size(); at += 7000) text += ap::http::chunk(big.substr(at, 7000)).framed();
  EXPECT_TRUE(c.ask(text + "0\r\n\r\n").body == "now:" + big);
  EXPECT_EQ(c.ask(get("/")).body, "next");
}

TEST_P(bodies, a_route_has_its_own_limit) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(post("/small", std::string(100, 'x'))).body, "100");
  EXPECT_EQ(c.ask(chunked("/small", {std::string(50, 'x'), std::string(50, 'x')})).body, "100");
  EXPECT_EQ(handled, 2);
  for (const std::size_t n : {101U, 10'000U}) {
    for (const auto& text : {post("/small", std::string(n, 'x')), chunked("/small", {std::string(n, 'x')})}) {
      auto& refused = s.client();
      refused.send(text);
      const auto r = refused.next();
      EXPECT_EQ(r.code, 413);
      EXPECT_EQ(r.header("Connection"), "close");
      EXPECT_EQ(refused.rest(), "");
      EXPECT_FALSE(refused.was_reset()) << "the reset would destroy the answer";
    }
  }
  EXPECT_EQ(handled, 2);
  s.advance(2s);
  EXPECT_EQ(s.open(), 1U);
}

TEST_P(bodies, the_default_limit_is_one_megabyte) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(post("/now", std::string(1024 * 1024, 'x'))).code, 200);
  auto& refused = s.client();
  refused.send(head_of("POST", "/now", "Content-Length: 1048577\r\n"));
  EXPECT_EQ(refused.next().code, 413);
}

TEST_P(bodies, expect_100_is_answered_when_the_body_is_asked_for) {
  auto& c = s.client();
  for (const std::string_view path : {"/now", "/late"}) {
    c.send(head_of("POST", path, "Content-Length: 4\r\nExpect: 100-continue\r\n"));
    const auto interim = c.next();
    EXPECT_EQ(interim.code, 100);
    EXPECT_EQ(interim.head, "HTTP/1.1 100 Continue\r\n\r\n");
    c.send("body");
    s.advance(1ms);
    EXPECT_EQ(c.next().body, std::string(path.substr(1)) + ":body");
  }
  c.send(head_of("POST", "/now", "Transfer-Encoding: chunked\r\nExpect: 100-Continue\r\n"));
  EXPECT_EQ(c.next().code, 100);
  c.send("2\r\nab\r\n0\r\n\r\n");
  EXPECT_EQ(c.next().body, "now:ab");
}

TEST_P(bodies, expect_100_is_not_answered_where_the_body_came_without_waiting) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(post("/now", "body", "Expect: 100-continue\r\n")).body, "now:body");
  EXPECT_EQ(c.ask(head_of("POST", "/now", "Content-Length: 0\r\nExpect: 100-continue\r\n")).body, "now:");
}

TEST_P(bodies, expect_100_to_http_1_0_is_ignored) {
  auto& c = s.client();
  c.send("POST /now HTTP/1.0\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(c.now(), "");
  c.send("body");
  EXPECT_EQ(c.next().body, "now:body");
}

TEST_P(bodies, expect_100_is_not_answered_where_the_request_is_refused) {
  const auto refused = [&](const std::string& text, int code) {
    auto& c = s.client();
    const auto r = c.ask(text);
    EXPECT_EQ(r.code, code);
    EXPECT_EQ(r.header("Connection"), "close") << "whether the body comes is not known";
    EXPECT_EQ(c.rest(), "");
  };
  refused(head_of("POST", "/small", "Content-Length: 101\r\nExpect: 100-continue\r\n"), 413);
  refused(head_of("POST", "/none", "Content-Length: 10\r\nExpect: 100-continue\r\n"), 404);
  refused(head_of("PUT", "/now", "Content-Length: 10\r\nExpect: 100-continue\r\n"), 405);
}

TEST_P(bodies, an_unknown_expectation_is_417) {
  auto& c = s.client();
  const auto r = c.ask(post("/now", "body", "Expect: the-unexpected\r\n"));
  EXPECT_EQ(r.code, 417);
  EXPECT_EQ(c.rest(), "");
  EXPECT_EQ(handled, 0);
}

TEST_P(bodies, one_that_is_not_wanted_is_skipped_and_the_connection_kept) {
  // In every split, since the rest of it comes before, while and after the answer is made.
  const auto text = post("/none", "GET /now HTTP/1.1\r\nHost: h\r\n\r\n") + get("/");
  for (std::size_t at = 1; at < text.size(); ++at) {
    auto c = s.connect();
    c.send(text.substr(0, at));
    c.send(text.substr(at));
    ASSERT_EQ(c.next().code, 404) << at;
    ASSERT_EQ(c.next().body, "next") << at;
    c.close();
  }
}

TEST_P(bodies, one_that_is_skipped_behind_a_layer_that_waits) {
  app.use([](ap::request& req, ap::next next) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1s);
    co_return co_await next(req);
  });
  const auto text = post("/none", "GET /now HTTP/1.1\r\nHost: h\r\n\r\n") + get("/");
  for (std::size_t at = 1; at < text.size(); ++at) {
    auto c = s.connect();
    c.send(text.substr(0, at));
    c.send(text.substr(at));
    s.advance(2s);
    ASSERT_EQ(c.next().code, 404) << at;
    s.advance(2s);
    ASSERT_EQ(c.next().body, "next") << at;
    c.close();
  }
}

TEST_P(bodies, one_that_is_skipped_before_an_answer_in_progress) {
  struct refuse {
    std::optional<ap::response> before(ap::request& req) {
      if (req.method() != ap::method::post) return std::nullopt;
      return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
        co_await ap::sleep_for(1s);
        co_await out.write("refused");
      });
    }
  };
  app.use(refuse());
  const auto text = post("/now", "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n") + get("/");
  for (std::size_t at = 1; at < text.size(); ++at) {
    auto c = s.connect();
    c.send(text.substr(0, at));
    c.send(text.substr(at));
    s.advance(1s);
    ASSERT_EQ(c.next().body, "refused") << at;
    ASSERT_EQ(c.next().body, "next") << at << ": the body was taken for a request";
    c.close();
  }
}

TEST_P(bodies, a_long_one_that_is_not_wanted_ends_the_connection_in_order) {
  auto& c = s.client();
  c.send(head_of("POST", "/none", "Content-Length: 100000000\r\n") + std::string(10'000, 'x'));
  const auto r = c.next();
  EXPECT_EQ(r.code, 404);
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_EQ(c.rest(), "");
  EXPECT_FALSE(c.was_reset());
}

TEST_P(bodies, chunked_ones_that_are_not_wanted) {
  auto& c = s.client();
  const auto r = c.ask(chunked("/none", {"abc", "def"}) + get("/"));
  EXPECT_EQ(r.code, 404);
  // Skipping it or closing are both right; taking it for a request is not.
  const auto after = c.next();
  EXPECT_TRUE(after.code == 0 || after.body == "next") << after.code;
}

TEST_P(bodies, a_broken_one_is_refused) {
  for (const std::string_view bad : {"x\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhelloX\r\n", "-1\r\n"}) {
    auto& c = s.client();
    c.send(head_of("POST", "/now", "Transfer-Encoding: chunked\r\n") + std::string(bad) + get("/"));
    EXPECT_EQ(c.next().code, 400) << bad;
    EXPECT_EQ(c.rest(), "");
  }
  EXPECT_EQ(handled, 0);
}

TEST_P(bodies, one_that_ends_short_is_not_handled) {
  auto& c = s.client();
  c.send(head_of("POST", "/now", "Content-Length: 10\r\n") + "short");
  c.finish();
  c.rest();
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(bodies, of_all_connections_have_one_budget) {
  s.options.max_bodies = 1000;
  auto& first = s.client();
  first.send(head_of("POST", "/now", "Content-Length: 600\r\n") + std::string(10, 'x'));
  auto& second = s.client();
  EXPECT_EQ(second.ask(head_of("POST", "/now", "Content-Length: 600\r\n") + std::string(10, 'x')).code, 503);
  auto& third = s.client();
  third.send(head_of("POST", "/now", "Transfer-Encoding: chunked\r\n"));
  third.send("190\r\n" + std::string(400, 'x') + "\r\n");
  EXPECT_EQ(third.now(), "");
  third.send("1\r\nx\r\n");
  EXPECT_EQ(third.next().code, 503);
  first.send(std::string(590, 'x'));
  EXPECT_EQ(first.next().code, 200);
  // All of it is given back, whatever the end.
  for (int i = 0; i < 10; ++i) {
    auto& c = s.client();
    c.send(head_of("POST", "/now", "Content-Length: 900\r\n") + "x");
    if (i % 2) {
      c.close();
      s.settle();
    } else {
      c.send(std::string(899, 'x'));
      EXPECT_EQ(c.next().code, 200) << i;
    }
  }
}
ANTIPHON_OVER_STREAMS(bodies);

// --- what layers are told of a request that fails behind its head

struct failures_behind_routing : over_streams {
  struct sees {
    std::shared_ptr<std::vector<int>> after = std::make_shared<std::vector<int>>();
    std::shared_ptr<std::vector<int>> complete = std::make_shared<std::vector<int>>();
  } seen;
  failures_behind_routing() {
    struct layer {
      sees to;
      void after(ap::request& req, ap::response& res) {
        EXPECT_EQ(req.path(), "/now");
        to.after->push_back(ap::http::code(res.status()));
        res.set("X-Layer", "1");
      }
      void complete(const ap::exchange_summary& s) {
        EXPECT_EQ(s.route, "/now");
        to.complete->push_back(ap::http::code(s.status));
      }
    };
    app.use(layer{seen});
    app.post("/now", [](ap::request& req) { return req.take_body(); });
  }
};

TEST_P(failures_behind_routing, a_broken_body_goes_through_the_hooks) {
  auto& c = s.client();
  c.send(head_of("POST", "/now", "Transfer-Encoding: chunked\r\n") + "x\r\n");
  const auto r = c.next();
  EXPECT_EQ(r.code, 400);
  EXPECT_EQ(r.header("X-Layer"), "1");
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_EQ(r.body.find("Bad Request"), r.body.npos) << "it says why: " << r.body;
  EXPECT_EQ(c.rest(), "");
  EXPECT_EQ(*seen.after, (std::vector<int>{400}));
  EXPECT_EQ(*seen.complete, (std::vector<int>{400}));
  EXPECT_EQ(s.app.counts().refused, 0U) << "it is a request";
}

TEST_P(failures_behind_routing, a_body_that_stops_goes_through_the_hooks) {
  auto& c = s.client();
  c.send(head_of("POST", "/now", "Content-Length: 100\r\n") + "abc");
  s.advance(16s);
  const auto r = c.next();
  EXPECT_EQ(r.code, 408);
  EXPECT_EQ(r.header("X-Layer"), "1");
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_EQ(c.rest(), "");
  EXPECT_EQ(*seen.after, (std::vector<int>{408}));
  EXPECT_EQ(*seen.complete, (std::vector<int>{408}));
  EXPECT_EQ(s.app.counts().refused, 0U);
}

TEST_P(failures_behind_routing, what_is_no_request_does_not) {
  auto& c = s.client();
  c.send(post("/now", "good") + "GET /now HTTP/1.1\r\nHost: h\r\n");
  EXPECT_EQ(c.next().code, 200);
  s.advance(11s);
  const auto r = c.next();
  EXPECT_EQ(r.code, 408);
  EXPECT_FALSE(r.has("X-Layer"));
  EXPECT_EQ(*seen.complete, (std::vector<int>{200}));
  EXPECT_EQ(s.app.counts().refused, 1U);
}

// The handler still uses the request.
TEST_P(failures_behind_routing, the_answer_in_place_of_a_deaf_handler_is_told_to_complete_only) {
  app.get("/now",
          [](ap::request&) -> asio::awaitable<ap::response> {
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
            co_await ap::sleep_for(1min);
            co_return "too late";
          },
          {.timeout = 5s});
  auto& c = s.client();
  c.send(get("/now"));
  s.advance(6s);
  const auto r = c.next();
  EXPECT_EQ(r.code, 503);
  EXPECT_FALSE(r.has("X-Layer"));
  s.advance(1min);
  EXPECT_EQ(*seen.after, std::vector<int>());
  EXPECT_EQ(*seen.complete, (std::vector<int>{503}));
}
ANTIPHON_OVER_STREAMS(failures_behind_routing);

// --- time-outs

struct time_outs : over_streams {
  time_outs() {
    app.get("/", [] { return "x"; });
    app.post("/", [](ap::request& req) { return std::to_string(req.body().size()); }, {.max_body = 10'000'000});
  }
};

TEST_P(time_outs, a_client_that_sends_nothing_is_closed_without_a_word) {
  auto& c = s.client();
  s.advance(9s);
  EXPECT_FALSE(c.ended());
  s.advance(2s);
  EXPECT_EQ(c.rest(), "");
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(time_outs, a_head_that_drips_is_408) {
  auto& c = s.client();
  const auto text = get("/", "X-Long: " + std::string(200, 'x') + "\r\n");
  std::size_t sent = 0;
  for (int i = 0; i < 9; ++i) {
    c.send(text.substr(sent++, 1));
    s.advance(1s);
  }
  EXPECT_EQ(c.now(), "");
  s.advance(2s);
  const auto r = c.next();
  EXPECT_EQ(r.code, 408);
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_EQ(c.rest(), "");
  s.advance(2s);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(time_outs, a_second_head_has_its_own_time) {
  auto& c = s.client();
  c.ask(get("/"));
  s.advance(50s);
  c.send("GET / HT");
  s.advance(9s);
  c.send("TP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(c.next().code, 200);
  s.advance(50s);
  c.send("G");
  s.advance(11s);
  EXPECT_EQ(c.next().code, 408);
}

TEST_P(time_outs, a_second_head_has_its_own_time_also_behind_an_answer_that_waits) {
  auto& c = s.client();
  c.send(get("/") + "GET / HT");
  EXPECT_EQ(c.next().code, 200);
  s.advance(11s);
  EXPECT_EQ(c.next().code, 408);
}

TEST_P(time_outs, an_idle_connection_is_closed_without_a_word) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/")).code, 200);
  s.advance(59s);
  EXPECT_FALSE(c.ended());
  EXPECT_EQ(c.ask(get("/")).code, 200);
  s.advance(59s);
  EXPECT_FALSE(c.ended());
  s.advance(2s);
  EXPECT_EQ(c.rest(), "");
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(time_outs, a_body_that_stops_is_408) {
  auto& c = s.client();
  c.send(head_of("POST", "/", "Content-Length: 100000\r\n") + std::string(50'000, 'x'));
  s.advance(14s);
  EXPECT_EQ(c.now(), "");
  s.advance(2s);
  EXPECT_EQ(c.next().code, 408);
  EXPECT_EQ(c.rest(), "");
}

TEST_P(time_outs, a_body_that_drips_is_408) {
  auto& c = s.client();
  c.send(head_of("POST", "/", "Content-Length: 100000\r\n"));
  int seconds = 0;
  while (c.now().empty() && seconds < 100) {
    c.send(std::string(100, 'x')); // 100 bytes a second, 500 are wanted
    s.advance(1s);
    ++seconds;
  }
  EXPECT_EQ(c.next().code, 408);
  EXPECT_GE(seconds, 9);
  EXPECT_LE(seconds, 15);
}

TEST_P(time_outs, a_body_that_is_slow_but_steady_is_taken) {
  auto& c = s.client();
  c.send(head_of("POST", "/", "Content-Length: 60000\r\n"));
  for (int i = 0; i < 100; ++i) {
    c.send(std::string(600, 'x'));
    s.advance(1s);
  }
  EXPECT_EQ(c.next().body, "60000");
}

TEST_P(time_outs, a_handler_that_honours_its_cancellation_is_503_and_the_connection_kept) {
  bool cancelled = false;
  app.get("/slow/{x}",
          [&](ap::request&) -> asio::awaitable<ap::response> {
            try {
              co_await ap::sleep_for(1h);
            } catch (const ap::system_error&) {
              cancelled = true;
            }
            co_return "never";
          },
          {.timeout = 5s});
  auto& c = s.client();
  for (int i = 0; i < 2; ++i) {
    cancelled = false;
    c.send(get("/slow/1"));
    s.advance(4s);
    EXPECT_EQ(c.now(), "");
    s.advance(1500ms);
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(c.next().code, 503);
  }
  EXPECT_EQ(c.ask(get("/")).code, 200);
}

TEST_P(time_outs, a_handler_that_ignores_its_cancellation_is_503_all_the_same) {
  bool ended = false;
  app.get("/deaf",
          [&](ap::request& req) -> asio::awaitable<ap::response> {
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
            co_await ap::sleep_for(1min);
            EXPECT_EQ(req.path(), "/deaf");
            ended = true;
            co_return "too late";
          },
          {.timeout = 5s});
  auto& c = s.client();
  c.send(get("/deaf"));
  s.advance(6s);
  const auto r = c.next();
  EXPECT_EQ(r.code, 503);
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_FALSE(ended);
  s.advance(1min);
  EXPECT_TRUE(ended);
  EXPECT_EQ(s.open(), 0U);
  EXPECT_EQ(c.rest(), "");
}

TEST_P(time_outs, a_handlers_time_goes_on_behind_an_interim_response) {
  app.get("/hints",
          [&](ap::request& req) -> asio::awaitable<ap::response> {
            co_await req.send_interim(ap::status::early_hints, {});
            co_await ap::sleep_for(1h);
            co_return "never";
          },
          {.timeout = 5s});
  auto& c = s.client();
  c.send(get("/hints"));
  EXPECT_EQ(c.next().code, 103);
  s.advance(6s);
  EXPECT_EQ(c.next().code, 503);
}

TEST_P(time_outs, a_handlers_time_holds_also_where_no_more_is_read) {
  s.options.max_ahead = 1024; // the server looks every second whether the client is still there
  bool cancelled = false;
  app.get("/slow",
          [&](ap::request&) -> asio::awaitable<ap::response> {
            try {
              co_await ap::sleep_for(1h);
            } catch (const ap::system_error&) {
              cancelled = true;
            }
            co_return "never";
          },
          {.timeout = 3500ms});
  app.get("/deaf",
          [&](ap::request&) -> asio::awaitable<ap::response> {
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
            co_await ap::sleep_for(1min);
            co_return "too late";
          },
          {.timeout = 3500ms});
  std::string behind;
  while (behind.size() < 10'000) behind += get("/");
  auto& c = s.client();
  c.send(get("/slow") + behind);
  s.advance(3400ms);
  EXPECT_EQ(c.now(), "");
  EXPECT_FALSE(cancelled);
  s.advance(200ms);
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(c.next().code, 503);
  for (std::size_t i = 0; i < behind.size() / get("/").size(); ++i) ASSERT_EQ(c.next().body, "x");
  c.send(get("/deaf") + behind);
  s.advance(3400ms);
  EXPECT_EQ(c.now(), "");
  s.advance(500ms);
  const auto late = c.next();
  EXPECT_EQ(late.code, 503);
  EXPECT_EQ(late.header("Connection"), "close");
  s.advance(10s);
  EXPECT_EQ(s.open(), 1U) << "the handler has not ended";
  s.advance(1min);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(time_outs, a_client_that_goes_is_missed_also_where_no_more_is_read) {
  if (GetParam() != kind::tcp) return; // where the kernel can be asked
  s.options.max_ahead = 1024;
  int ended = 0;
  app.get("/sleep", [&](ap::request&) -> asio::awaitable<ap::response> {
    struct leave {
      int& n;
      ~leave() { ++n; }
    } const here{ended};
    co_await ap::sleep_for(1h);
    co_return "never";
  });
  auto& c = s.client();
  auto& other = s.client();
  for (auto* each : {&c, &other}) {
    each->send(get("/sleep") + std::string(10'000, '\n'));
    EXPECT_EQ(s.open(), 2U);
  }
  s.advance(10s);
  EXPECT_EQ(ended, 0);
  c.close();
  s.advance(1200ms);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(s.open(), 1U);
  other.close();
  s.advance(1200ms);
  EXPECT_EQ(ended, 2);
}

TEST_P(time_outs, a_handler_is_in_time_or_has_none) {
  app.get("/in_time",
          [&](ap::request&) -> asio::awaitable<ap::response> {
            co_await ap::sleep_for(4s);
            co_return "in time";
          },
          {.timeout = 5s});
  app.get("/any", [&](ap::request&) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(5h);
    co_return "at last";
  });
  auto& c = s.client();
  c.send(get("/in_time"));
  s.advance(4s);
  EXPECT_EQ(c.next().body, "in time");
  c.send(get("/any"));
  s.advance(5h);
  EXPECT_EQ(c.next().body, "at last");
}

TEST_P(time_outs, a_reader_that_stops_is_cut_at_the_write_stall) {
  s.capacity = 4096;
  app.get("/big", [] { return std::string(10'000'000, 'b'); });
  auto& c = s.client();
  c.hold();
  c.send(get("/big"));
  s.advance(29s);
  EXPECT_EQ(s.open(), 1U);
  s.advance(2s);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(time_outs, a_slow_reader_that_goes_on_is_not_cut) {
  s.capacity = 4096;
  app.get("/big", [] { return std::string(10'000'000, 'b'); });
  auto& c = s.client();
  c.hold();
  c.send(get("/big"));
  for (int i = 0; i < 20; ++i) {
    s.advance(20s);
    ASSERT_EQ(s.open(), 1U);
    c.hold(false);
    c.read(200'000);
    s.settle();
    c.hold();
  }
  c.hold(false);
  c.read(10'000'000 - 20 * 200'000);
  EXPECT_EQ(c.read(1).size(), 1U);
}

TEST_P(time_outs, lingering_ends_after_its_time_whatever_comes) {
  auto& c = s.client();
  c.send("BAD\r\n\r\n");
  EXPECT_EQ(c.next().code, 400);
  EXPECT_EQ(c.rest(), "");
  EXPECT_EQ(s.open(), 1U) << "it reads on, so that the answer is not destroyed";
  for (int i = 0; i < 30 && s.open() != 0; ++i) {
    c.put("x");
    s.settle();
    s.advance(100ms);
  }
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(time_outs, lingering_ends_after_its_bytes) {
  s.options.linger = 1h;
  s.options.linger_bytes = 10'000;
  auto& c = s.client();
  c.send("BAD\r\n\r\n");
  EXPECT_EQ(c.next().code, 400);
  for (int i = 0; i < 30 && s.open() != 0; ++i) {
    c.put(std::string(1000, 'x'));
    for (int k = 0; k < 5; ++k) s.settle();
    EXPECT_LE(i, 15) << "more than linger_bytes were dropped";
  }
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(time_outs, lingering_ends_with_the_clients_end) {
  s.options.linger = 1h;
  auto& c = s.client();
  c.send("BAD\r\n\r\n");
  EXPECT_EQ(c.next().code, 400);
  c.finish();
  c.now();
  EXPECT_EQ(s.open(), 0U);
}
ANTIPHON_OVER_STREAMS(time_outs);

// --- limits of heads

struct head_limits_of_a_server : over_streams {};

TEST_P(head_limits_of_a_server, every_one_at_it_above_it_and_far_above_it) {
  s.options.head = {.start_line = 200, .header_bytes = 1000, .one_field = 300, .fields = 10};
  app.get("/{rest...}", [] { return "x"; });
  const auto line = [](std::size_t n) { // a request line of n bytes
    return "GET /" + std::string(n - std::string_view("GET / HTTP/1.1").size(), 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  const auto field = [](std::size_t n) { return get("/", "X: " + std::string(n - 3, 'v') + "\r\n"); };
  const auto count = [](std::size_t n) {
    std::string more;
    for (std::size_t i = 1; i < n; ++i) more += "A: b\r\n";
    return get("/", more);
  };
  const auto total = [](std::size_t n) { // field bytes, the empty line too
    std::string more;
    std::size_t left = n - 9 - 2;
    while (left > 290) more += "Y: " + std::string(200 - 5, 'y') + "\r\n", left -= 200;
    return get("/", more + "Z: " + std::string(left - 5, 'z') + "\r\n");
  };
  const auto code_of = [&](const std::string& text) {
    auto c = s.connect();
    c.put(text);
    return c.next().code;
  };
  EXPECT_EQ(code_of(line(200)), 200);
  EXPECT_EQ(code_of(line(201)), 414);
  EXPECT_EQ(code_of(line(20'000)), 414);
  EXPECT_EQ(code_of(field(300)), 200);
  EXPECT_EQ(code_of(field(301)), 431);
  EXPECT_EQ(code_of(field(30'000)), 431);
  EXPECT_EQ(code_of(count(10)), 200);
  EXPECT_EQ(code_of(count(11)), 431);
  EXPECT_EQ(code_of(count(1000)), 431);
  EXPECT_EQ(code_of(total(1000)), 200);
  EXPECT_EQ(code_of(total(1001)), 431);
  EXPECT_EQ(code_of(total(100'000)), 431);
}
ANTIPHON_OVER_STREAMS(head_limits_of_a_server);

} // namespace
