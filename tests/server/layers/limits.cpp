// SPDX-License-Identifier: BSL-1.0
// What lasts as long as an answer (the state of a request), and the layers that refuse.
#include "../../support/server_harness.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace antiphon_tests;

/// Writes "x" at once and "y" at drained, or replies, a second later.
struct flow_of final : ap::http::flow {
  explicit flow_of(bool r) : replies(r) {}
  step run(ap::http::exchange& x, event what) override {
    if (what == event::timer) {
      if (replies) x.reply("whole");
      return step::end;
    }
    if (what != event::start) return step::wait;
    if (!replies) {
      x.start(ap::status::ok, "text/plain");
      x.write(ap::http::chunk("x"));
    }
    x.timer(1s);
    return step::wait;
  }
  bool replies;
};

/// Routes that answer in all ways, at once or in a second.
void add_all_kinds(ap::router& app) {
  app.get("/bytes", [] { return "x"; });
  app.get("/thrown", []() -> ap::response { throw std::runtime_error("meant"); });
  app.get("/waits", []() -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1s);
    co_return "x";
  });
  app.get("/flow", [] { return ap::response(std::make_unique<flow_of>(false)); });
  app.get("/reply", [] { return ap::response(std::make_unique<flow_of>(true)); });
  app.get("/body", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
      co_await out.write("x");
      co_await ap::sleep_for(1s);
    });
  });
  app.get("/upgrade", [] {
    return ap::upgrade("raw", [](ap::any_stream) -> asio::awaitable<void> { co_await ap::sleep_for(1s); });
  });
  app.get("/stubborn",
          []() -> asio::awaitable<ap::response> {
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
            co_await ap::sleep_for(1s);
            co_return "late";
          },
          {.timeout = 100ms});
  app.post("/post", [](ap::request& req) { return req.take_body(); });
}

constexpr const char* waiting_paths[] = {"/waits", "/flow", "/reply", "/body", "/upgrade", "/stubborn"};
std::string ask_for(std::string_view path) {
  return get(path, path == "/upgrade" ? "Connection: Upgrade\r\nUpgrade: raw\r\n" : "");
}

/// Leaves on each request what counts as long as it lives.
struct counts {
  struct one {
    explicit one(int* n) : at(n) { ++*at; }
    one(one&& other) noexcept : at(std::exchange(other.at, nullptr)) {}
    ~one() {
      if (at) --*at;
    }
    int* at;
  };
  std::optional<ap::response> before(ap::request& req) {
    EXPECT_EQ(req.find_state<one>(), nullptr) << "of the request before";
    req.set_state(one(now));
    return std::nullopt;
  }
  void after(ap::request& req, ap::response&) { EXPECT_EQ(req.state<one>().at, now); }
  int* now;
};

TEST_F(in_memory, a_state_lasts_until_the_answer_is_over) {
  int now = 0;
  app.use(counts{&now});
  add_all_kinds(app);
  for (const char* at_once : {"/bytes", "/thrown", "/none"}) {
    s.ask(get(at_once));
    EXPECT_EQ(now, 0) << at_once;
  }
  s.client().ask(get("/bytes") + get("/bytes") + get("/bytes")); // pipelined
  EXPECT_EQ(now, 0);
  for (const std::string path : waiting_paths) {
    auto c = s.connect();
    c.send(ask_for(path));
    s.advance(300ms);
    EXPECT_EQ(now, 1) << path; // also where 503 is out and the handler still runs
    s.advance(2s);
    EXPECT_EQ(now, 0) << path;
  }
  EXPECT_EQ(s.client().ask("HEAD /body HTTP/1.1\r\nHost: h\r\n\r\n").code, 200);
  EXPECT_EQ(now, 0);
}

TEST_F(in_memory, a_state_goes_with_a_client_that_goes) {
  int now = 0;
  app.use(counts{&now});
  add_all_kinds(app);
  for (const std::string path : waiting_paths) {
    auto c = s.connect();
    c.send(ask_for(path));
    EXPECT_EQ(now, 1) << path;
    c.close();
    s.advance(2s);
    EXPECT_EQ(now, 0) << path;
  }
  auto c = s.connect();
  c.send("POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  EXPECT_EQ(now, 1);
  c.close();
  s.settle();
  EXPECT_EQ(now, 0);
}

} // namespace
