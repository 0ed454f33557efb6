// SPDX-License-Identifier: BSL-1.0
// Threat suite: seconds of random requests, pipelines, disconnects, resets and cancellations leave nothing behind.
// ANTIPHON_STRESS_SECONDS=60 for the long run.
#include "../support/threat_app.hpp"

#include <asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

std::chrono::milliseconds length() {
  const char* text = std::getenv("ANTIPHON_STRESS_SECONDS");
  return std::chrono::milliseconds(text ? std::atoi(text) * 1000 : 5000) / 3; // three tests share it
}

/// What one client does to a server until time is up. Always the same for the same seed, but for the timing.
class vandal {
 public:
  vandal(std::uint16_t port, unsigned seed) : port_(port), random_(seed) {}

  void run(std::chrono::steady_clock::time_point end) {
    while (std::chrono::steady_clock::now() < end) once();
  }
  std::uint64_t connections = 0, answers = 0;

 private:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  std::string request() {
    static const std::vector<std::string> all{
        t::get("/"),
        t::get("/"),
        t::get("/soon"),
        t::get("/sleep"),
        t::get("/spawn"),
        t::get("/race"),
        t::get("/big"),
        t::get("/flow"),
        t::get("/held"),
        t::get("/notified"),
        t::get("/flood"),
        t::get("/body"),
        t::get("/gush"),
        t::get("/hints"),
        t::get("/deaf/5"),
        t::get("/limited"),
        t::get("/nowhere"),
        t::get("/talk", t::upgrade_lines) + "some words",
        t::get("/talk"), // not asked for
        t::post("/post", "0123456789"),
        t::post("/post", std::string(40'000, 'p')),
        "POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nA: "
        "b\r\n\r\n",
        "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        "POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + std::string(20'000, 's'), // not wanted
        "HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /body HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /flow HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET /body HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "BREW /pot HTTP/1.1\r\n\r\n",
    };
    return all[below(static_cast<unsigned>(all.size()))];
  }

  void once() {
    t::raw_client client(port_, below(3) == 0 ? 4096 : 0);
    if (!client.connected()) return;
    ++connections;
    std::string bytes;
    for (unsigned n = 1 + (below(3) == 0 ? below(12) : 0); n > 0; --n) bytes += request();
    // What nobody reads is in a kernel then, and not in the client's with its FIN behind it: that is for limits.cpp.
    bytes.resize(std::min<std::size_t>(bytes.size(), 64'000));
    if (below(4) == 0) bytes.resize(below(static_cast<unsigned>(bytes.size())) + 1); // cut
    const std::size_t piece = below(3) == 0 ? 1 + below(300) : bytes.size();
    // A client that writes more than the server takes is a test of its own; here it goes on.
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      if (client.flood(std::string_view(bytes).substr(at, piece), std::min(piece, bytes.size() - at), 5ms) == 0) break;
    if (below(4) == 0) client.finish_sending();
    for (unsigned n = below(4); n > 0; --n) {
      if (!client.receive(std::chrono::milliseconds(1 + below(20)))) break;
      ++answers;
    }
    if (below(2) == 0) client.reset();
  }

  std::uint16_t port_;
  std::mt19937 random_;
};

struct total {
  std::uint64_t connections = 0, answers = 0;
};

template <class Meanwhile>
total vandalise(const std::vector<std::uint16_t>& ports, Meanwhile meanwhile) {
  const auto end = std::chrono::steady_clock::now() + length();
  std::vector<vandal> all;
  for (unsigned i = 0; i < 6; ++i) all.emplace_back(ports[i % ports.size()], i + 1);
  std::vector<std::thread> threads;
  for (auto& v : all) threads.emplace_back([&v, end] { v.run(end); });
  while (std::chrono::steady_clock::now() < end) meanwhile();
  total sum;
  for (std::size_t i = 0; i < all.size(); ++i) {
    threads[i].join();
    sum.connections += all[i].connections;
    sum.answers += all[i].answers;
  }
  return sum;
}

class random_disconnects : public testing::Test {
 protected:
  random_disconnects() {
    t::add_threat_routes(app, counts);
    app.get("/limited",
            [c = &counts](ap::request&) -> asio::awaitable<ap::response> {
              const t::census::one alive(c->handlers);
              co_await ap::sleep_for(1h);
              co_return "never";
            },
            {.timeout = 10ms});
    options.head_time = 300ms;
    options.body_idle = 300ms;
    options.write_stall = 500ms;
    options.keep_alive = 300ms;
    options.linger = 200ms;
    options.max_requests = 20;
    options.max_connections = 40;
  }

  void expect_nothing_left() {
    EXPECT_TRUE(counts.handlers.empties()) << counts.handlers.now();
    EXPECT_TRUE(counts.flows.empties()) << counts.flows.now();
    EXPECT_TRUE(counts.bodies.empties()) << counts.bodies.now();
    EXPECT_TRUE(t::eventually([&] { return app.counts().open == 0; })) << app.counts().open;
    EXPECT_TRUE(counts.upgrades.empties()) << counts.upgrades.now();
    EXPECT_EQ(app.counts().handling, 0U);
    EXPECT_EQ(app.counts().answering, 0U);
  }
  void report(const total& sum) {
    RecordProperty("connections", std::to_string(sum.connections));
    std::printf("%llu connections, %llu reads, %d handlers (%d cancelled), %d flows, %d bodies, %d upgrades\n",
                static_cast<unsigned long long>(sum.connections), static_cast<unsigned long long>(sum.answers),
                counts.handlers.ever(), counts.cancelled.load(), counts.flows.ever(), counts.bodies.ever(),
                counts.upgrades.ever());
    EXPECT_GT(sum.connections, 20U);
    EXPECT_GT(sum.answers, 0U);
    EXPECT_GT(counts.cancelled, 0);
  }

  t::threat_counts counts;
  ap::router app;
  ap::serve_options options;
};

TEST_F(random_disconnects, leave_nothing_in_one_context) {
  t::live_server server(app, options);
  report(vandalise({server.port()}, [&] {
    counts.bell.notify_all();
    ::poll(nullptr, 0, 3);
  }));
  expect_nothing_left();
  EXPECT_FALSE(server.over());
  server.drain();
  EXPECT_TRUE(server.ends());
  EXPECT_FALSE(server.result());
}

TEST_F(random_disconnects, leave_nothing_in_two_contexts) {
  t::live_server first(app, options), second(app, options);
  report(vandalise({first.port(), second.port()}, [&] {
    counts.bell.notify_all();
    ::poll(nullptr, 0, 3);
  }));
  first.drain();
  second.drain();
  expect_nothing_left();
  EXPECT_TRUE(first.ends() && second.ends());
  EXPECT_FALSE(first.result() || second.result());
}

TEST_F(random_disconnects, leave_nothing_on_a_thread_pool) {
  std::atomic<bool> over{false};
  ap::error_code result;
  asio::thread_pool pool(3);
  asio::cancellation_signal signal;
  auto strand = asio::make_strand(pool.get_executor());
  asio::basic_socket_acceptor<asio::ip::tcp, asio::thread_pool::executor_type> acceptor(
      pool.get_executor(), {asio::ip::address_v4::loopback(), 0});
  const auto port = acceptor.local_endpoint().port();
  options.drain = 500ms;
  ap::async_serve(std::move(acceptor), app, options,
                  asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(strand, [&](ap::error_code ec) {
                                                 result = ec;
                                                 over = true;
                                               })));
  report(vandalise({port}, [&] {
    counts.bell.notify_all();
    ::poll(nullptr, 0, 3);
  }));
  asio::post(strand, [&] { signal.emit(asio::cancellation_type::partial); });
  EXPECT_TRUE(t::eventually([&] { return over.load(); }));
  EXPECT_FALSE(result);
  expect_nothing_left();
  pool.join();
}

} // namespace
