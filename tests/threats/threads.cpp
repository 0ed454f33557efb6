// SPDX-License-Identifier: BSL-1.0
// A soak of run() with several threads: requests of all kinds, streams of one topic, publishers outside of all
// contexts, and drains, again and again. ThreadSanitizer judges. ANTIPHON_STRESS_SECONDS=60 for more than a moment.
#include "../support/running.hpp"
#include "../support/threat_app.hpp"

#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server/layers/access_log.hpp>
#include <antiphon/server/layers/metrics.hpp>
#include <antiphon/server/layers/request_id.hpp>
#include <antiphon/server/layers/trusted_proxies.hpp>
#include <antiphon/sse.hpp>

#include <cstdlib>
#include <random>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

std::chrono::milliseconds length() {
  const char* seconds = std::getenv("ANTIPHON_STRESS_SECONDS");
  return seconds ? std::chrono::seconds(std::atoi(seconds)) : 1s;
}

/// A client in a thread of its own, until the server is gone or it is told to stop.
void visit(std::uint16_t port, unsigned seed, std::atomic<bool>& stop, std::atomic<int>& answered) {
  std::mt19937 random(seed);
  const std::string requests[] = {
      t::get("/"),
      t::get("/big"),
      t::post("/post", std::string(3000, 'p')),
      t::get("/soon"),
      t::get("/now"),
      t::get("/nowhere"),
      t::get("/deaf/1"),
      t::get("/metrics"),
      t::get("/") + t::get("/soon") + t::get("/"),
      t::get("/", "X-Forwarded-For: 192.0.2.1\r\n"),
  };
  const std::string streams[] = {t::get("/stream"), t::get("/flow"),  t::get("/body"),
                                 t::get("/next"),   t::get("/sleep"), t::get("/talk", t::upgrade_lines)};
  while (!stop) {
    t::raw_client client(port);
    if (!client.connected()) return;
    if (random() % 3 == 0) {
      client.send(streams[random() % std::size(streams)]);
      client.receive(5ms);
      if (random() % 2 == 0) client.reset();
      continue;
    }
    for (auto n = random() % 5 + 1; n > 0; --n) {
      if (!client.send(requests[random() % std::size(requests)]) || client.response().status == 0) break;
      ++answered;
    }
  }
}

TEST(threads, serve_all_there_is_while_servers_come_and_go) {
  const auto end = std::chrono::steady_clock::now() + length();
  ap::topic<std::string> news({.history = 64});
  t::threat_counts counts;
  std::atomic<int> answered{0}, lines{0};
  int rounds = 0;
  do {
    t::running r;
    const auto& app = r.app;
    ap::metrics numbers;
    app.use(ap::access_log([&lines](std::string_view) { ++lines; }));
    app.use(ap::trusted_proxies({"127.0.0.1"}));
    app.use(ap::request_id());
    app.use(numbers);
    t::add_threat_routes(app, counts);
    app.get("/metrics", numbers.handler(app));
    app.get("/now", [=](ap::request& req) { return ap::polling::short_poll(news, req); });
    app.get("/next", [=](ap::request& req) { return ap::polling::long_poll(news, req); });
    app.get("/stream", [=](ap::request& req) { return ap::sse::stream(news, req, {.heartbeat = 20ms}); });
    r.start_on_a_port({.threads = 2, .banner = false, .serve = {.max_per_address = 100, .drain = 300ms}});

    std::atomic<bool> stop{false};
    std::vector<std::thread> others;
    for (unsigned i = 0; i < 3; ++i)
      others.emplace_back(visit, r.port, static_cast<unsigned>(rounds) * 3 + i, std::ref(stop), std::ref(answered));
    others.emplace_back([&] {
      while (!stop) {
        news.publish("something new");
        counts.bell.notify_all();
        ::poll(nullptr, 0, 1);
      }
    });
    const int wanted = answered + 50;
    EXPECT_TRUE(t::eventually([&] { return answered >= wanted; }));
    r.signal(); // with all of them at it
    if (rounds % 2 == 1) r.signal();
    EXPECT_TRUE(r.ends());
    EXPECT_EQ(r.code, 0);
    stop = true;
    for (auto& o : others) o.join();
    EXPECT_EQ(app.counts().open, 0U);
    EXPECT_EQ(app.counts().handling, 0U);
    EXPECT_EQ(app.counts().answering, 0U);
    ++rounds;
  } while (std::chrono::steady_clock::now() < end);
  EXPECT_GT(lines, 0);
  EXPECT_EQ(counts.handlers.now() + counts.flows.now() + counts.bodies.now() + counts.upgrades.now(), 0);
  EXPECT_EQ(news.stats().readers, 0U);
}

} // namespace
