// SPDX-License-Identifier: BSL-1.0
// What lasts as long as an answer (the state of a request), and the layers that refuse.
#include "../../support/server_harness.hpp"

#include <antiphon/server/layers/body_limit.hpp>
#include <antiphon/server/layers/concurrency_limit.hpp>
#include <antiphon/server/layers/rate_limit.hpp>
#include <antiphon/server/layers/trusted_proxies.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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

TEST_F(in_memory, concurrency_limit_counts_every_kind_of_answer_until_it_is_over) {
  const ap::concurrency_limit limit({.most = 1, .retry_after = 1500ms});
  app.use(limit);
  add_all_kinds(app);
  for (const std::string path : waiting_paths) {
    auto first = s.connect(), second = s.connect();
    first.send(ask_for(path));
    EXPECT_EQ(limit.running(), 1U) << path;
    const auto refused = second.ask(get("/bytes"));
    EXPECT_EQ(refused.code, 503) << path;
    EXPECT_EQ(refused.header("Retry-After"), "2");
    s.advance(300ms);
    EXPECT_EQ(second.ask(get("/bytes")).code, 503) << path; // also while a handler ignores that its time is up
    s.advance(2s);
    EXPECT_EQ(second.ask(get("/bytes")).code, 200) << path;
    EXPECT_EQ(limit.running(), 0U) << path;
  }
  for (const std::string at_once : {"/bytes", "/thrown", "/none"}) {
    s.ask(get(at_once));
    EXPECT_EQ(limit.running(), 0U) << at_once;
  }
}

TEST_F(in_memory, concurrency_limit_counts_a_client_that_goes_no_longer) {
  const ap::concurrency_limit limit({.most = 1});
  app.use(limit);
  add_all_kinds(app);
  for (const std::string path : waiting_paths) {
    auto c = s.connect();
    c.send(ask_for(path));
    c.close();
    s.advance(2s);
    EXPECT_EQ(limit.running(), 0U) << path;
  }
  auto c = s.connect();
  c.send("POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  EXPECT_EQ(limit.running(), 1U);
  c.close();
  s.settle();
  EXPECT_EQ(limit.running(), 0U);
}

TEST_F(in_memory, concurrency_limit_at_its_limit_and_far_beyond) {
  const ap::concurrency_limit limit({.most = 3});
  app.use(limit);
  add_all_kinds(app);
  std::vector<wire> clients;
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(s.connect());
    clients.back().send(get("/waits"));
    if (i >= 3) refused += clients.back().next().code == 503;
    EXPECT_EQ(limit.running(), static_cast<std::size_t>(i < 3 ? i + 1 : 3));
  }
  EXPECT_EQ(refused, 297);
  s.advance(1s);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(clients[i].next().code, 200);
  EXPECT_EQ(limit.running(), 0U);
}

// Copies are one limit; two limits count for themselves, in whatever order they stand.
TEST_F(in_memory, concurrency_limits_nest) {
  const ap::concurrency_limit wide({.most = 2}), narrow({.most = 1});
  app.use(wide).use(narrow).use(wide);
  const auto inner = app.group("/in");
  inner.use(narrow).use(ap::concurrency_limit({.most = 1}));
  inner.get("/waits", []() -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1s);
    co_return "x";
  });
  auto first = s.connect(), second = s.connect();
  first.send(get("/in/waits"));
  EXPECT_EQ(wide.running(), 1U);
  EXPECT_EQ(narrow.running(), 1U);
  EXPECT_EQ(second.ask(get("/in/waits")).code, 503); // by the narrow one: the wide one has let it in, and out
  EXPECT_EQ(wide.running(), 1U);
  s.advance(1s);
  EXPECT_EQ(first.next().code, 200);
  EXPECT_EQ(wide.running() + narrow.running(), 0U);
}

TEST(concurrency_limit, is_exact_where_many_threads_ask) {
  const ap::concurrency_limit limit({.most = 4});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) {
        ap::request all[2];
        for (auto& req : all) limit.before(req);
        EXPECT_LE(limit.running(), 4U);
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(limit.running(), 0U);
}

TEST(limits, refuse_options_that_make_no_sense) {
  EXPECT_THROW(ap::concurrency_limit({.most = 0}), std::invalid_argument);
  EXPECT_THROW(ap::rate_limit({.requests = 0}), std::invalid_argument);
  EXPECT_THROW(ap::rate_limit({.max_keys = 0}), std::invalid_argument);
  EXPECT_THROW(ap::rate_limit({.per = 0s}), std::invalid_argument);
  EXPECT_THROW(ap::rate_limit({.requests = 1001, .per = 1us}), std::invalid_argument);
  EXPECT_THROW(ap::rate_limit({.requests = 1, .per = 24h * 365, .burst = 4'000'000'000}), std::invalid_argument);
  EXPECT_THROW(ap::rate_limit({.field = "X Key"}), std::invalid_argument);
}

TEST_F(in_memory, rate_limit_is_a_bucket_that_fills_with_time) {
  app.use(ap::rate_limit({.requests = 2, .per = 10s, .burst = 3}));
  app.get("/", [] { return "x"; });
  const auto codes = [&](int n) {
    std::string all;
    for (int i = 0; i < n; ++i) all += s.ask(get("/")).code == 200 ? 'y' : 'n';
    return all;
  };
  EXPECT_EQ(codes(5), "yyynn");
  const auto refused = s.ask(get("/"));
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.header("Retry-After"), "5");
  s.advance(4999ms);
  EXPECT_EQ(s.ask(get("/")).header("Retry-After"), "1");
  s.advance(1ms);
  EXPECT_EQ(codes(300), "y" + std::string(299, 'n')); // what is refused costs nothing
  s.advance(10s);
  EXPECT_EQ(codes(3), "yyn");
  s.advance(1h);
  EXPECT_EQ(codes(4), "yyyn");
}

TEST_F(in_memory, rate_limit_tells_clients_apart_by_the_last_element_of_a_field) {
  const ap::rate_limit limit({.requests = 1, .per = 1h, .field = "X-Forwarded-For"});
  app.use(limit);
  app.get("/", [] { return "x"; });
  const auto code = [&](const std::string& from) {
    return s.ask(get("/", from.empty() ? "" : "X-Forwarded-For: " + from + "\r\n")).code;
  };
  // Each row is one client; what it has sent before its proxy's word is its own invention.
  const std::vector<std::vector<std::string>> clients = {
      {"192.0.2.1", "192.0.2.1:80", "9.9.9.9, 192.0.2.1", "[::ffff:192.0.2.1]",
       "8.8.8.8\r\nX-Forwarded-For: 192.0.2.1"},
      {"192.0.2.2"},
      {"2001:db8::1", "2001:db8:0:0:ffff::2", "[2001:0DB8::3]:443"},
      {"2001:db8:0:1::1"},
      {"::1"},
      {"some-key", "a, some-key"},
      {"some-keys"},
      {""}, // the peer: a stream in memory has no address
  };
  for (const auto& names : clients)
    for (const auto& name : names) EXPECT_EQ(code(name), &name == &names.front() ? 200 : 429) << name;
  EXPECT_EQ(limit.keys(), clients.size());
}

TEST(rate_limit, counts_whom_trusted_proxies_name) {
  served s(kind::tcp);
  s.app.use(ap::trusted_proxies({"127.0.0.1"})).use(ap::rate_limit({.requests = 1, .per = 1h}));
  s.app.get("/", [] { return "x"; });
  for (const auto& [from, code] : {std::pair("192.0.2.1", 200),
                                   {"192.0.2.2:80", 200},
                                   {"192.0.2.2:81", 429},
                                   {"2001:db8::1", 200},
                                   {"[2001:db8::2]:80", 429},
                                   {"2001:db8:0:1::1", 200},
                                   {"unknown", 200},
                                   {"unknown", 429}})
    EXPECT_EQ(s.ask(get("/", "X-Forwarded-For: " + std::string(from) + "\r\n")).code, code) << from;
  s.finish();
}

TEST(rate_limit, does_not_tell_the_ports_of_an_address_apart) {
  served s(kind::tcp);
  s.app.use(ap::rate_limit({.requests = 1, .per = 1h}));
  s.app.get("/", [] { return "x"; });
  auto a = s.connect(), b = s.connect();
  EXPECT_EQ(a.ask(get("/")).code, 200);
  EXPECT_EQ(b.ask(get("/")).code, 429);
  s.finish();
}

TEST(rate_table, forgets_full_buckets_and_then_those_of_longest_ago) {
  const auto begin = ap::clock::now();
  ap::detail::rate_table table(1s, 2s, 10);
  const auto taken = [&](std::uint64_t key, ap::duration after) {
    return table.take({key, key}, begin + after) == ap::duration::zero();
  };
  for (std::uint64_t key = 0; key < 10; ++key) EXPECT_TRUE(taken(key, 0s) && taken(key, 0s) && !taken(key, 0s));
  EXPECT_EQ(table.size(), 10U);
  EXPECT_FALSE(taken(0, 0s)); // used last now
  EXPECT_TRUE(taken(10, 0s)); // in the place of 1
  EXPECT_EQ(table.size(), 10U);
  EXPECT_FALSE(taken(2, 0s));
  EXPECT_TRUE(taken(1, 0s)); // in the place of 3
  for (std::uint64_t key = 100; key < 1'100; ++key) EXPECT_TRUE(taken(key, 0s));
  EXPECT_EQ(table.size(), 10U);
  EXPECT_TRUE(taken(7, 1s)); // the others are full again
  EXPECT_EQ(table.size(), 1U);
  EXPECT_FALSE(taken(7, 0s)); // a time that goes back gives nothing
  EXPECT_TRUE(taken(7, 1s));
}

TEST(rate_table, gives_what_it_has_once_where_many_threads_ask) {
  ap::detail::rate_table table(1h, 100h, 4);
  const auto now = ap::clock::now();
  std::atomic<int> given{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i)
        given += table.take({static_cast<std::uint64_t>(i % 2), 0}, now) == ap::duration::zero();
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(given, 200);
}

TEST_F(in_memory, body_limit_refuses_sooner_than_the_route) {
  const auto echo = [](ap::request& req) { return req.take_body(); };
  app.use(ap::body_limit(16));
  app.post("/a", echo).post("/low", echo, {.max_body = 4});
  const auto inner = app.group("/in");
  inner.use(ap::body_limit(8)).use(ap::body_limit(12));
  inner.post("/a", echo);
  const auto waiting = app.group("/waiting");
  waiting.use([](ap::request& req, ap::next next) -> asio::awaitable<ap::response> { co_return co_await next(req); });
  waiting.use(ap::body_limit(8));
  waiting.post("/a", echo);
  app.post("/streamed",
           [](ap::request& req) -> asio::awaitable<ap::response> {
             std::string all;
             for (auto piece = co_await req.read_some(); !piece.empty(); piece = co_await req.read_some()) all += piece;
             co_return all;
           },
           {.streamed = true});
  for (const auto& [path, most] :
       {std::pair("/a", 16U), {"/streamed", 16U}, {"/low", 4U}, {"/in/a", 8U}, {"/waiting/a", 8U}}) {
    for (const std::size_t size : {most, most + 1, 100 * most}) {
      const std::string body(size, 'b');
      const int code = size > most ? 413 : 200;
      EXPECT_EQ(s.connect().ask(post(path, body)).code, code) << path << ' ' << size;
      EXPECT_EQ(s.connect().ask(chunked(path, {body.substr(0, 2), body.substr(2)})).code, code) << path << ' ' << size;
    }
  }
  const auto asked = s.connect().ask(head_of("POST", "/a", "Content-Length: 17\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(asked.code, 413) << "before a byte of it is asked for";
  EXPECT_NE(asked.body.find("a body may have 16 bytes here"), std::string::npos) << asked.body;
}

} // namespace
