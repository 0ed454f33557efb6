// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/time.hpp>
#include <antiphon/server/layer.hpp>
#include <antiphon/testing/test_client.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::testing::test_client;
using steps = std::vector<std::string>;

/// Says what is called, in order.
struct hooks {
  steps& log;
  std::string name;
  std::optional<ap::response> before(ap::request&) {
    log.push_back("before " + name);
    return std::nullopt;
  }
  void after(ap::request&, ap::response& res) {
    log.push_back("after " + name);
    res.add("X-Layer", name);
  }
};
struct answers {
  steps& log;
  std::optional<ap::response> before(ap::request& req) {
    if (req.has_header("X-Stop")) {
      log.push_back("answer");
      return ap::text("stopped", ap::status::forbidden);
    }
    return std::nullopt;
  }
  void after(ap::request&, ap::response&) { log.push_back("after answers"); }
};
struct waits {
  steps& log;
  std::string name;
  asio::awaitable<ap::response> operator()(ap::request& req, ap::next next) {
    log.push_back("into " + name);
    co_await ap::sleep_for(1s);
    ap::response res = co_await next(req);
    log.push_back("out of " + name);
    res.add("X-Layer", name);
    co_return res;
  }
};
struct sees {
  static constexpr bool keeps_target = true;
  std::shared_ptr<std::vector<ap::exchange_summary>> all = std::make_shared<std::vector<ap::exchange_summary>>();
  std::shared_ptr<steps> text = std::make_shared<steps>();
  void complete(const ap::exchange_summary& s) {
    all->push_back(s);
    text->push_back(std::string(ap::http::to_string(s.method)) + " " + std::string(s.route) + " " +
                    std::string(s.target) + " " + std::string(s.id) + " " + std::to_string(ap::http::code(s.status)) +
                    (s.cut ? " cut" : ""));
  }
};

struct layers : ::testing::Test {
  steps log;
  ap::router app;
  std::vector<std::string> errors;
  layers() {
    app.on_error([this](std::exception_ptr e, std::string_view where) {
      try {
        std::rethrow_exception(std::move(e));
      } catch (const std::exception& x) {
        errors.push_back(std::string(where) + ": " + x.what());
      }
    });
  }
  auto handler() {
    return [this] {
      log.push_back("handler");
      return "x";
    };
  }
  auto waiting_handler() {
    return [this](ap::request&) -> asio::awaitable<ap::response> {
      log.push_back("handler");
      co_await ap::sleep_for(1s);
      co_return "x";
    };
  }
};

TEST_F(layers, first_used_is_outermost) {
  app.use(hooks{log, "1"}).use(hooks{log, "2"});
  app.get("/now", handler()).get("/late", waiting_handler());
  app.use(hooks{log, "3"}); // also around routes registered before it
  test_client client(app);
  const steps expected = {"before 1", "before 2", "before 3", "handler", "after 3", "after 2", "after 1"};
  EXPECT_EQ(client.get("/now").status, ap::status::ok);
  EXPECT_EQ(log, expected);
  log.clear();
  const auto r = client.get("/late");
  EXPECT_EQ(log, expected);
  EXPECT_EQ(*r.fields.joined("X-Layer"), "3, 2, 1");
}

TEST_F(layers, hooks_and_waiting_layers_mix_in_any_order) {
  app.use(hooks{log, "1"}).use(waits{log, "2"}).use(hooks{log, "3"}).use(waits{log, "4"}).use(hooks{log, "5"});
  app.get("/now", handler()).get("/late", waiting_handler());
  test_client client(app);
  const steps expected = {"before 1", "into 2",   "before 3", "into 4",   "before 5", "handler",
                          "after 5",  "out of 4", "after 3",  "out of 2", "after 1"};
  for (const char* path : {"/now", "/late"}) {
    log.clear();
    EXPECT_EQ(*client.get(path).fields.joined("X-Layer"), "5, 4, 3, 2, 1");
    EXPECT_EQ(log, expected) << path;
  }
}

TEST_F(layers, an_answer_of_before_goes_out_through_those_outside_it) {
  app.use(hooks{log, "1"}).use(answers{log}).use(hooks{log, "3"});
  app.get("/", handler());
  test_client client(app);
  ap::http::fields stop;
  stop.add("X-Stop", "1");
  const auto r = client.get("/", stop);
  EXPECT_EQ(r.status, ap::status::forbidden);
  EXPECT_EQ(r.body, "stopped");
  EXPECT_EQ(log, (steps{"before 1", "answer", "after 1"}));
}

TEST_F(layers, an_answer_of_before_inside_a_waiting_layer) {
  app.use(hooks{log, "0"}).use(waits{log, "1"}).use(hooks{log, "2"}).use(answers{log}).use(hooks{log, "4"});
  app.get("/", waiting_handler());
  test_client client(app);
  ap::http::fields stop;
  stop.add("X-Stop", "1");
  EXPECT_EQ(client.get("/", stop).body, "stopped");
  EXPECT_EQ(log, (steps{"before 0", "into 1", "before 2", "answer", "after 2", "out of 1", "after 0"}));
}

TEST_F(layers, a_waiting_layer_may_answer_without_the_rest) {
  app.use([](ap::request&, ap::next) -> asio::awaitable<ap::response> { co_return ap::status::not_found; });
  app.get("/", handler());
  test_client client(app);
  EXPECT_EQ(client.get("/").status, ap::status::not_found);
  EXPECT_TRUE(log.empty());
}

TEST_F(layers, those_of_the_served_router_see_404_405_and_options) {
  app.use(hooks{log, "1"});
  app.get("/a", handler());
  test_client client(app);
  for (const auto& [verb, path, code] : {std::tuple(ap::method::get, "/none", 404),
                                         {ap::method::del, "/a", 405},
                                         {ap::method::options, "/a", 204},
                                         {ap::method::options, "*", 204},
                                         {ap::method::get, "/a/..", 400}}) {
    log.clear();
    const auto r = client.request(verb, path);
    EXPECT_EQ(ap::http::code(r.status), code);
    EXPECT_EQ(log, (steps{"before 1", "after 1"})) << path;
    EXPECT_EQ(r.header("X-Layer"), "1");
  }
}

TEST_F(layers, of_a_mounted_router_are_inside_and_only_around_its_own) {
  ap::router inner;
  inner.use(hooks{log, "inner"}).get("/x", handler());
  app.use(hooks{log, "outer"}).mount("/in", inner).get("/y", handler());
  test_client client(app);
  client.get("/in/x");
  EXPECT_EQ(log, (steps{"before outer", "before inner", "handler", "after inner", "after outer"}));
  log.clear();
  client.get("/y");
  EXPECT_EQ(log, (steps{"before outer", "handler", "after outer"}));
  log.clear();
  client.get("/in/none");
  EXPECT_EQ(log, (steps{"before outer", "after outer"}));
}

TEST_F(layers, of_a_group) {
  app.use(hooks{log, "outer"});
  const auto admin = app.group("/admin");
  admin.use(hooks{log, "admin"}).get("/x", handler());
  app.get("/x", handler());
  test_client client(app);
  client.get("/admin/x");
  EXPECT_EQ(log, (steps{"before outer", "before admin", "handler", "after admin", "after outer"}));
  log.clear();
  client.get("/x");
  EXPECT_EQ(log, (steps{"before outer", "handler", "after outer"}));
}

TEST_F(layers, after_sees_what_the_session_answers_itself) {
  app.use(hooks{log, "1"});
  app.post("/small", handler(), {.max_body = 10});
  app.get("/throws", [](ap::request&) -> ap::response { throw std::runtime_error("handler"); });
  app.get("/slow",
          [](ap::request&) -> asio::awaitable<ap::response> {
            co_await ap::sleep_for(1h);
            co_return "x";
          },
          {.timeout = 1s});
  app.get("/throws_late", [](ap::request&) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1s);
    throw std::runtime_error("late");
  });
  test_client client(app);
  EXPECT_EQ(client.post("/small", "more than ten bytes").header("X-Layer"), "1");
  const auto thrown = client.get("/throws");
  EXPECT_EQ(thrown.status, ap::status::internal_server_error);
  EXPECT_EQ(thrown.header("X-Layer"), "1");
  const auto late = client.get("/throws_late");
  EXPECT_EQ(late.status, ap::status::internal_server_error);
  EXPECT_EQ(late.header("X-Layer"), "1");
  const auto slow = client.get("/slow");
  EXPECT_EQ(slow.status, ap::status::service_unavailable);
  EXPECT_EQ(slow.header("X-Layer"), "1");
  ap::http::fields unknown;
  unknown.add("Expect", "something");
  EXPECT_EQ(client.post("/small", "x", unknown).header("X-Layer"), "1");
  EXPECT_EQ(errors, (steps{"GET /throws: handler", "GET /throws_late: late"}));
}

TEST_F(layers, exceptions_of_hooks_are_500) {
  struct bad_before {
    std::optional<ap::response> before(ap::request& req) {
      if (req.has_header("X-Before")) throw std::runtime_error("before");
      return std::nullopt;
    }
  };
  struct bad_after {
    void after(ap::request& req, ap::response&) {
      if (req.has_header("X-After")) throw std::runtime_error("after");
    }
  };
  app.use(bad_before()).use(bad_after());
  app.get("/now", handler()).get("/late", waiting_handler());
  test_client client(app);
  for (const char* field : {"X-Before", "X-After"})
    for (const char* path : {"/now", "/late"}) {
      ap::http::fields f;
      f.add(field, "1");
      const auto r = client.get(path, f);
      EXPECT_EQ(r.status, ap::status::internal_server_error) << field << path;
      EXPECT_EQ(r.body, "");
    }
  EXPECT_EQ(errors, (steps{"GET /now: before", "GET /late: before", "GET /now: after", "GET /late: after"}));
}

TEST_F(layers, exceptions_of_waiting_layers_are_500) {
  app.use([](ap::request& req, ap::next next) -> asio::awaitable<ap::response> {
    if (req.has_header("X-First")) throw std::runtime_error("first");
    auto res = co_await next(req);
    throw std::runtime_error("then");
  });
  app.get("/", handler());
  test_client client(app);
  ap::http::fields f;
  f.add("X-First", "1");
  EXPECT_EQ(client.get("/", f).status, ap::status::internal_server_error);
  EXPECT_EQ(client.get("/").status, ap::status::internal_server_error);
  EXPECT_EQ(errors, (steps{"GET /: first", "GET /: then"}));
}

TEST_F(layers, waiting_ones_may_take_the_rest_by_reference) {
  app.use([this](ap::request& req, const ap::next& rest) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1ms); // a temporary would be gone now
    log.push_back("outer");
    co_return co_await rest(req);
  });
  app.use([](ap::request& req, const ap::next& rest) -> asio::awaitable<ap::response> {
    auto res = co_await rest(req);
    res.set("X-Inner", "1");
    co_return res;
  });
  app.get("/", handler());
  test_client client(app);
  EXPECT_EQ(*client.get("/").fields.joined("X-Inner"), "1");
  EXPECT_EQ(log, (steps{"outer", "handler"}));
}

TEST_F(layers, before_runs_before_the_body_is_asked_for) {
  struct refuse {
    std::optional<ap::response> before(ap::request& req) {
      EXPECT_EQ(req.body(), "");
      return ap::response(ap::status::unauthorized);
    }
  };
  app.use(refuse());
  app.post("/", handler());
  test_client client(app);
  const auto got = client.exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(got.substr(0, 12), "HTTP/1.1 401") << got;
  EXPECT_TRUE(log.empty());
}

TEST_F(layers, notes_pass_between_layers_and_handlers) {
  struct names {
    std::optional<ap::response> before(ap::request& req) {
      req.notes().set("user", "ada");
      return std::nullopt;
    }
    void after(ap::request& req, ap::response& res) { res.set("X-User", *req.notes().get("user")); }
  };
  app.use(names());
  app.get("/", [](ap::request& req) { return std::string(*req.notes().get("user")); });
  test_client client(app);
  const auto r = client.get("/");
  EXPECT_EQ(r.body, "ada");
  EXPECT_EQ(r.header("X-User"), "ada");
}

// --- complete

struct quiet_flow final : ap::http::flow {
  step run(ap::http::exchange& to, event what) override {
    if (what == event::start) {
      to.start(ap::status::accepted, "text/plain");
      to.write(ap::http::chunk("four"));
      to.timer(3s);
      return step::wait;
    }
    return step::end;
  }
};
struct held_flow final : ap::http::flow {
  step run(ap::http::exchange& to, event what) override {
    if (what == event::start) {
      to.timer(3s);
      return step::wait;
    }
    to.reply(ap::text("held", ap::status::created));
    return step::end;
  }
};

struct layer_complete : layers {
  sees seen;
  layer_complete() {
    struct id {
      std::optional<ap::response> before(ap::request& req) {
        req.notes().set("request-id", "id7");
        return std::nullopt;
      }
    };
    app.use(id()).use(seen);
    app.get("/now/{x}", [] { return "1234"; });
    app.get("/late", [](ap::request&) -> asio::awaitable<ap::response> {
      co_await ap::sleep_for(2s);
      co_return "late";
    });
    app.post("/body", [](ap::request& req) { return req.take_body(); }, {.max_body = 100});
    app.get("/flow", [] { return ap::response(std::make_unique<quiet_flow>()); });
    app.get("/held", [] { return ap::response(std::make_unique<held_flow>()); });
    app.get("/stream", [] {
      return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
        co_await out.write("1234");
        co_await ap::sleep_for(4s);
        co_await out.write("5678");
      });
    });
    app.get("/up", [] {
      return ap::upgrade("x", [](ap::any_stream stream) -> asio::awaitable<void> {
        char b[10];
        const auto n = co_await stream.async_read_some(asio::buffer(b), asio::use_awaitable);
        co_await stream.async_write_some(asio::buffer(b, n), asio::use_awaitable);
      });
    });
  }
};

TEST_F(layer_complete, of_bytes) {
  test_client client(app);
  client.get("/now/1?q=2");
  client.head("/now/1");
  client.get("/late");
  client.get("/none");
  EXPECT_EQ(*seen.text, (steps{"GET /now/{x} /now/1?q=2 id7 200", "HEAD /now/{x} /now/1 id7 200",
                               "GET /late /late id7 200", "GET  /none id7 404"}));
  const auto& all = *seen.all;
  EXPECT_EQ(all[0].bytes_out, all[1].bytes_out + 4);
  EXPECT_EQ(all[0].bytes_in, all[1].bytes_in + 4 - 1) << "?q=2, and HEAD is longer than GET";
  EXPECT_EQ(all[0].took, 0s);
  EXPECT_EQ(all[2].took, 2s);
}

TEST_F(layer_complete, counts_bodies) {
  test_client client(app);
  client.post("/body", "");
  client.post("/body", std::string(50, 'x'));
  const auto& all = *seen.all;
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].bytes_in, all[0].bytes_in + 51) << "the body, and one more digit";
  EXPECT_EQ(all[1].bytes_out, all[0].bytes_out + 51);
  EXPECT_EQ(client.post("/body", std::string(101, 'x')).status, ap::status::content_too_large);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[2].status, ap::status::content_too_large);
}

TEST_F(layer_complete, of_flows_bodies_and_upgrades_comes_at_their_end) {
  test_client client(app);
  EXPECT_EQ(client.get("/flow").body, "four");
  EXPECT_EQ(client.get("/held").body, "held");
  EXPECT_EQ(client.get("/stream").body, "12345678");
  EXPECT_EQ(client.head("/stream").status, ap::status::ok);
  EXPECT_EQ(client.head("/flow").status, ap::status::accepted);
  client.exchange("GET /up HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc");
  EXPECT_EQ(*seen.text, (steps{"GET /flow /flow id7 202", "GET /held /held id7 201", "GET /stream /stream id7 200",
                               "HEAD /stream /stream id7 200", "HEAD /flow /flow id7 202", "GET /up /up id7 101"}));
  const auto& all = *seen.all;
  EXPECT_EQ(all[0].took, 3s);
  EXPECT_EQ(all[1].took, 3s);
  EXPECT_EQ(all[2].took, 4s);
  EXPECT_GT(all[2].bytes_out, 100U);
}

TEST_F(layer_complete, says_when_the_connection_ended_first) {
  test_client client(app);
  for (const char* path : {"/flow", "/stream"})
    client.exchange("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n"); // which closes
  EXPECT_EQ(*seen.text, (steps{"GET /flow /flow id7 202 cut", "GET /stream /stream id7 200 cut"}));
}

TEST_F(layer_complete, says_when_a_handler_was_cancelled_or_a_held_answer_given_up) {
  // Somebody counts requests: those that nobody waited for are requests too.
  test_client client(app);
  for (const char* path : {"/late", "/held"})
    client.exchange("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n"); // which closes
  ASSERT_EQ(seen.all->size(), 2U);
  EXPECT_TRUE((*seen.all)[0].cut);
  EXPECT_TRUE((*seen.all)[1].cut);
}

TEST_F(layer_complete, an_exception_in_a_flow_or_a_body) {
  struct bad final : ap::http::flow {
    explicit bad(bool starts) : starts_first(starts) {}
    step run(ap::http::exchange& to, event) override {
      if (starts_first) to.start(ap::status::ok, "text/plain");
      throw std::runtime_error("flow");
    }
    bool starts_first;
  };
  app.get("/bad_flow", [] { return ap::response(std::make_unique<bad>(true)); });
  app.get("/bad_start", [] { return ap::response(std::make_unique<bad>(false)); });
  app.get("/bad_body", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
      co_await out.write("x");
      throw std::runtime_error("body");
    });
  });
  test_client client(app);
  EXPECT_FALSE(client.get("/bad_flow").complete);
  EXPECT_EQ(client.get("/bad_start").status, ap::status::internal_server_error);
  EXPECT_FALSE(client.get("/bad_body").complete);
  EXPECT_EQ(*seen.text, (steps{"GET /bad_flow /bad_flow id7 200 cut", "GET /bad_start /bad_start id7 500",
                               "GET /bad_body /bad_body id7 200 cut"}));
  ASSERT_EQ(errors.size(), 3U);
  for (const auto& e : errors) EXPECT_NE(e.find("/bad_"), std::string::npos) << "the pattern is named: " << e;
}

TEST(layer_complete_again, errors_of_flows_name_the_pattern_also_without_a_complete_hook) {
  std::vector<std::string> where_from;
  ap::router app;
  app.on_error([&](std::exception_ptr, std::string_view where) { where_from.emplace_back(where); });
  app.get("/b/{x}", [](ap::request& req) {
    static_cast<void>(req);
    return ap::stream_body([](ap::body_writer&) -> asio::awaitable<void> {
      throw std::runtime_error("body");
      co_return;
    });
  });
  test_client client(app);
  client.get("/b/1");
  ASSERT_EQ(where_from.size(), 1U);
  EXPECT_NE(where_from[0].find("/b/{x}"), std::string::npos) << where_from[0];
}

} // namespace
