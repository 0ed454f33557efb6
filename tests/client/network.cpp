// SPDX-License-Identifier: BSL-1.0
// Real sockets, the system's resolver, several addresses, several threads.
#include "support/raw_client.hpp"

#include <antiphon/client.hpp>
#include <antiphon/client/detail/tcp_attempt.hpp>
#include <antiphon/server.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <asio/local/stream_protocol.hpp>
#include <asio/write.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::client_error;
using ap::client_request;
using ap::method;
using addresses = ap::resolver::addresses;

/// A server and its clients on one context, without threads.
class over_tcp : public ::testing::Test {
 protected:
  over_tcp() {
    app.get("/", [](ap::request& req) { return "hello " + std::string(req.authority()); });
    app.post(
        "/echo", [](ap::request& req) { return req.take_body(); }, ap::route_options{.max_body = 10'000'000});
    app.get("/big", [] { return std::string(3'000'000, 'x'); });
  }
  std::uint16_t serve(const char* address = "127.0.0.1") {
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address(address), 0});
    const auto port = acceptor.local_endpoint().port();
    ap::async_serve(std::move(acceptor), app, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
    return port;
  }
  /// Runs until the call is over.
  ap::error_code call(const ap::client& c, client_request req) {
    std::optional<ap::error_code> got;
    c.async_send(std::move(req), [&](ap::error_code ec, ap::client_response r) {
      got = ec;
      res = std::move(r);
    });
    const auto last = std::chrono::steady_clock::now() + threat::patience;
    while (!got && std::chrono::steady_clock::now() < last) io.run_one_for(1s);
    return got.value_or(asio::error::timed_out);
  }
  ap::error_code get(const ap::client& c, const std::string& url) { return call(c, {method::get, url}); }
  ~over_tcp() override {
    stop.emit(asio::cancellation_type::terminal);
    io.restart();
    io.poll();
  }
  asio::io_context io{1};
  ap::router app;
  ap::client_response res;
  asio::cancellation_signal stop;
};

TEST_F(over_tcp, calls) {
  const auto port = std::to_string(serve());
  ap::client c(io);
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(get(c, "http://127.0.0.1:" + port + "/"));
    EXPECT_EQ(res.body(), "hello 127.0.0.1:" + port);
  }
  ASSERT_FALSE(get(c, "http://localhost:" + port + "/")) << "over the system's resolver";
  EXPECT_EQ(res.body(), "hello localhost:" + port);
  EXPECT_EQ(c.figures().connections, 2u);
  const std::string large(5'000'000, 'y');
  ASSERT_FALSE(call(c, client_request(method::post, "http://127.0.0.1:" + port + "/echo").body(large, "text/plain")));
  EXPECT_TRUE(res.body() == large);
  ASSERT_FALSE(get(c, "http://127.0.0.1:" + port + "/big"));
  EXPECT_EQ(res.body().size(), 3'000'000u);
}

TEST_F(over_tcp, nobody_listens) {
  std::uint16_t port = 0;
  {
    asio::ip::tcp::acceptor a(io, {asio::ip::make_address("127.0.0.1"), 0});
    port = a.local_endpoint().port();
  }
  ap::client c(io);
  EXPECT_EQ(get(c, "http://127.0.0.1:" + std::to_string(port) + "/"), asio::error::connection_refused);
  EXPECT_EQ(call(c, client_request(method::get, "http://h/").unix_socket("/nowhere/at/all")).value(), ENOENT);
  EXPECT_TRUE(call(c, client_request(method::get, "http://h/").unix_socket(std::string(500, 'x'))));
}

TEST_F(over_tcp, unix_sockets) {
  std::string place = (std::filesystem::temp_directory_path() / "antiphonXXXXXX").string();
  ASSERT_NE(::mkdtemp(place.data()), nullptr);
  const std::string path = place + "/s";
  asio::local::stream_protocol::acceptor acceptor(io, asio::local::stream_protocol::endpoint(path));
  ap::async_serve(std::move(acceptor), app, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
  ap::client c(io);
  ASSERT_FALSE(call(c, client_request(method::get, "http://any/").unix_socket(path)));
  EXPECT_EQ(res.body(), "hello any");
  std::filesystem::remove_all(place);
}

TEST_F(over_tcp, a_server_that_stops_ends_idle_connections) {
  const auto port = std::to_string(serve());
  ap::client c(io);
  ASSERT_FALSE(get(c, "http://127.0.0.1:" + port + "/"));
  EXPECT_EQ(c.figures().idle, 1u);
  stop.emit(asio::cancellation_type::terminal);
  const auto last = std::chrono::steady_clock::now() + threat::patience;
  while (c.figures().idle != 0 && std::chrono::steady_clock::now() < last) io.run_one_for(100ms);
  EXPECT_EQ(c.figures().idle, 0u);
}

TEST_F(over_tcp, a_connection_that_has_ended_or_spoken_unseen_is_not_used_again) {
  asio::ip::tcp::acceptor server(io, {asio::ip::make_address("127.0.0.1"), 0});
  const std::string url = "http://127.0.0.1:" + std::to_string(server.local_endpoint().port()) + "/";
  ap::client c(io);
  std::vector<asio::ip::tcp::socket> ends;
  const auto post = [&] { // not idempotent: it would not be repeated
    std::optional<ap::error_code> got;
    c.async_send(client_request(method::post, url).body("x", "text/plain"),
                 [&](ap::error_code ec, ap::client_response) { got = ec; });
    const auto last = std::chrono::steady_clock::now() + threat::patience;
    std::string in;
    while (!got && std::chrono::steady_clock::now() < last) {
      io.run_one_for(10ms);
      server.non_blocking(true);
      ap::error_code ec;
      if (auto next = server.accept(ec); !ec) ends.push_back(std::move(next));
      if (ends.empty() || !ends.back().is_open() || ends.back().available(ec) == 0) continue;
      std::array<char, 4096> room;
      in.append(room.data(), ends.back().read_some(asio::buffer(room), ec));
      if (in.ends_with("\r\n\r\nx"))
        asio::write(ends.back(), asio::buffer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38));
    }
    return got.value_or(asio::error::timed_out);
  };
  EXPECT_FALSE(post());
  EXPECT_FALSE(post());
  EXPECT_EQ(ends.size(), 1u) << "it is used as long as it is there";
  ends.back().close(); // nothing runs meanwhile
  EXPECT_FALSE(post());
  ends.back().set_option(asio::socket_base::linger(true, 0));
  ends.back().close(); // a reset
  EXPECT_FALSE(post());
  EXPECT_EQ(ends.size(), 3u);
  // Nor one that has spoken: what it said would be taken for the answer.
  asio::write(ends.back(), asio::buffer("HTTP/1.1 500 R\r\nContent-Length: 0\r\n\r\n", 37));
  EXPECT_FALSE(post());
  EXPECT_EQ(ends.size(), 4u);
}

/// Answers what it is told to.
struct fixed_resolver final : ap::resolver {
  explicit fixed_resolver(addresses a) : all(std::move(a)) {}
  std::shared_ptr<void> resolve(std::string_view, const asio::any_io_executor& ex, answer done) override {
    auto held = std::make_shared<answer>(std::move(done));
    asio::post(ex, [this, weak = std::weak_ptr<answer>(held)] {
      if (const auto at = weak.lock()) (*at)({}, all);
    });
    return held;
  }
  addresses all;
};

TEST_F(over_tcp, several_addresses_are_tried_in_turn) {
  const auto port = std::to_string(serve("127.0.0.1"));
  ap::client c(io);
  // Nobody listens at the first two, which say so at once.
  c.use(std::make_shared<fixed_resolver>(addresses{
      asio::ip::make_address("127.0.0.2"), asio::ip::make_address("127.0.0.3"), asio::ip::make_address("127.0.0.1")}));
  EXPECT_FALSE(get(c, "http://many:" + port + "/"));
  ap::client none(io);
  none.use(std::make_shared<fixed_resolver>(addresses{}));
  EXPECT_EQ(get(none, "http://none/"), asio::error::host_not_found);
}

TEST_F(over_tcp, an_address_that_is_silent_costs_250_ms) {
  ap::testing::virtual_time time(io);
  // A listener whose queue is full drops what comes: its address is silent.
  asio::ip::tcp::acceptor full(io);
  full.open(asio::ip::tcp::v4());
  full.bind({asio::ip::make_address("127.0.0.2"), 0});
  full.listen(0);
  const auto port = full.local_endpoint().port();
  std::vector<asio::ip::tcp::socket> fill;
  for (int i = 0; i < 4; ++i) {
    fill.emplace_back(io);
    fill.back().async_connect(full.local_endpoint(), [](ap::error_code) {});
  }
  asio::ip::tcp::acceptor good(io, {asio::ip::make_address("127.0.0.1"), port});
  ap::async_serve(std::move(good), app, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
  ap::client c(io);
  c.use(std::make_shared<fixed_resolver>(
      addresses{asio::ip::make_address("127.0.0.2"), asio::ip::make_address("127.0.0.1")}));
  bool done = false;
  c.async_send(client_request(method::get, "http://two:" + std::to_string(port) + "/"),
               [&](ap::error_code ec, ap::client_response) { done = !ec; });
  time.advance(240ms);
  EXPECT_FALSE(done);
  time.advance(20ms);
  threat::eventually([&] {
    time.settle();
    return done;
  });
  EXPECT_TRUE(done);
}

TEST(addresses_of_both_families, take_turns) {
  const auto a = [](const char* text) { return asio::ip::make_address(text); };
  EXPECT_EQ(ap::detail::interleaved({a("::1"), a("::2"), a("::3"), a("1.1.1.1")}),
            (addresses{a("::1"), a("1.1.1.1"), a("::2"), a("::3")}));
  EXPECT_EQ(ap::detail::interleaved({a("1.1.1.1"), a("::1")}), (addresses{a("1.1.1.1"), a("::1")}));
  EXPECT_EQ(ap::detail::interleaved({a("1.1.1.1")}), (addresses{a("1.1.1.1")}));
}

/// A system that answers when it is told to.
struct slow_system {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  std::atomic<int> asked{0}, at_once{0}, most{0};

  addresses operator()(const std::string& host, ap::error_code& ec) {
    ++asked;
    const int now = ++at_once;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {}
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return open; });
    --at_once;
    if (host == "missing") ec = asio::error::host_not_found;
    return {asio::ip::make_address("127.0.0.1")};
  }
  void answer() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
};

class system_resolver_threads : public ::testing::Test {
 protected:
  std::shared_ptr<ap::system_resolver> make(ap::resolver_options o) {
    return std::make_shared<ap::system_resolver>(
        o, [at = system](const std::string& h, ap::error_code& ec) { return (*at)(h, ec); });
  }
  void settle(std::size_t n) {
    threat::eventually([&] {
      io.restart();
      io.poll();
      return answers.size() >= n;
    });
  }
  std::shared_ptr<void> ask(ap::system_resolver& r, const std::string& host) {
    return r.resolve(host, io.get_executor(),
                     [this, host](ap::error_code ec, addresses) { answers.push_back(host + (ec ? "!" : "")); });
  }
  asio::io_context io{1};
  std::shared_ptr<slow_system> system = std::make_shared<slow_system>();
  std::vector<std::string> answers;
};

TEST_F(system_resolver_threads, are_few_and_questions_bounded) {
  const auto r = make({.threads = 2, .questions = 3});
  std::vector<std::shared_ptr<void>> open;
  for (const auto* host : {"a", "b"}) open.push_back(ask(*r, host));
  ASSERT_TRUE(threat::eventually([&] { return system->at_once == 2; }));
  for (const auto* host : {"c", "d", "missing"}) open.push_back(ask(*r, host));
  open.push_back(ask(*r, "c")); // the same question
  std::optional<ap::error_code> busy;
  const auto too_many = r->resolve("f", io.get_executor(), [&](ap::error_code ec, addresses) { busy = ec; });
  EXPECT_FALSE(busy) << "called inside";
  io.poll();
  EXPECT_EQ(busy, client_error::dns_busy);
  open[2].reset(); // one who does not want to know any more
  system->answer();
  settle(5);
  std::sort(answers.begin(), answers.end());
  EXPECT_EQ(answers, (std::vector<std::string>{"a", "b", "c", "d", "missing!"}));
  EXPECT_EQ(system->asked, 5);
  EXPECT_EQ(system->most, 2);
}

TEST_F(system_resolver_threads, keep_answers_for_a_while) {
  ap::testing::virtual_time time(io);
  system->answer();
  const auto r = make({.max_age = 30s, .names = 2});
  auto q = ask(*r, "a");
  settle(1);
  time.advance(29s);
  q = ask(*r, "a");
  settle(2);
  EXPECT_EQ(system->asked, 1);
  time.advance(2s);
  q = ask(*r, "a");
  settle(3);
  EXPECT_EQ(system->asked, 2);
  for (const auto* host : {"b", "c", "d"}) q = ask(*r, host), settle(answers.size() + 1);
  q = ask(*r, "a"); // there was no more room for it
  settle(7);
  EXPECT_EQ(system->asked, 6);
}

TEST_F(system_resolver_threads, that_hang_do_not_keep_a_client_nor_a_context) {
  auto own = std::make_unique<asio::io_context>(1);
  {
    ap::testing::virtual_time time(*own);
    ap::client c(*own);
    c.use(make({.threads = 1}));
    std::optional<ap::error_code> got;
    c.async_send(client_request(method::get, "http://slow/"),
                 [&](ap::error_code ec, ap::client_response) { got = ec; });
    time.advance(4900ms);
    EXPECT_FALSE(got);
    time.advance(200ms);
    EXPECT_EQ(got, client_error::dns_timeout);
    c.async_send(client_request(method::get, "http://slow/"),
                 [](ap::error_code, ap::client_response) { ADD_FAILURE(); });
    own->restart();
    own->poll();
    own.reset(); // while the question is open
  }
  system->answer();
}

TEST(client_of_threads, may_be_called_from_any_of_them) {
  asio::io_context io(1);
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
  const auto url = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) + "/";
  ap::router app;
  app.get("/", [] { return "x"; });
  asio::cancellation_signal stop;
  ap::async_serve(std::move(acceptor), app, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
  std::thread server([&] { io.run(); });

  asio::thread_pool pool(3);
  std::atomic<int> ok{0}, over{0};
  {
    ap::client c(pool.get_executor()); // gets a strand
    std::vector<std::thread> callers;
    std::vector<std::unique_ptr<asio::cancellation_signal>> signals(90);
    for (auto& s : signals) s = std::make_unique<asio::cancellation_signal>();
    for (std::size_t t = 0; t < 3; ++t) {
      callers.emplace_back([&, t] {
        asio::io_context own(1); // the handlers run here
        for (std::size_t i = 0; i < 30; ++i) {
          const auto handler = [&](ap::error_code ec, ap::client_response) {
            ok += !ec;
            ++over;
          };
          auto& signal = *signals[t * 30 + i];
          c.async_send(client_request(method::get, url),
                       asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(own, handler)));
          if (i % 5 == 4) asio::post(own, [&] { signal.emit(asio::cancellation_type::terminal); });
        }
        own.run();
      });
    }
    for (auto& t : callers) t.join();
  }
  pool.join();
  EXPECT_EQ(over, 90);
  EXPECT_GE(ok, 72);
  asio::post(io, [&] { stop.emit(asio::cancellation_type::terminal); });
  server.join();
}

} // namespace
