// SPDX-License-Identifier: BSL-1.0
// Threat suite: clients that read a log. They change between all ways of reading, are cut, vanish, and do not read.
#include "../support/live_server.hpp"

#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/sse.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <charconv>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

using texts = ap::topic<std::string>;

ap::router app_of(const texts& news) {
  ap::router app;
  app.get("/news", [=](ap::request& req) { return ap::polling::short_poll(news, req, {.max_items = 7}); });
  app.get("/next", [=](ap::request& req) { return ap::polling::long_poll(news, req, {.hold = 200ms}); });
  app.get("/stream", [=](ap::request& req) { return ap::sse::stream(news, req); });
  return app;
}

std::uint64_t number_behind(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  if (at == text.npos) return 0;
  std::uint64_t n = 0;
  const auto* from = text.data() + at + name.size();
  std::from_chars(from, text.data() + text.size(), n);
  return n;
}

/// A client that reads everything, by whatever way it happens to choose, and is cut now and then.
class wanderer {
 public:
  /// It knows the place before all messages, and so hears of those that are dropped before it comes.
  wanderer(std::uint16_t port, const texts& news, unsigned seed)
      : port_(port), random_(seed), cursor_(to_string(ap::cursor{news.head().log, {}})) {}

  /// Until it has seen, or was told that it has missed, `total` messages.
  void read(std::uint64_t total) {
    const auto end = std::chrono::steady_clock::now() + t::patience;
    while (seen.size() + missed < total && std::chrono::steady_clock::now() < end) {
      switch (random_() % 3) {
      case 0: poll("/news"); break;
      case 1: poll("/next"); break;
      default: stream(); break;
      }
    }
  }

  std::vector<std::string> seen;
  std::uint64_t missed = 0;
  bool other_log = false;

 private:
  std::string request(std::string_view path, int minor) const {
    return "GET " + std::string(path) + "?after=" + cursor_ + " HTTP/1." + std::to_string(minor) +
           "\r\nHost: a\r\nConnection: close\r\n\r\n";
  }
  void poll(std::string_view path) {
    t::raw_client client(port_);
    if (!client.send(request(path, 1))) return;
    if (random_() % 4 == 0) return client.reset(); // the answer is lost: it is asked for again
    const auto answer = client.response();
    if (answer.status != 200 || !answer.whole) return;
    missed += number_behind(answer.body, "\"at_most\":");
    other_log |= answer.body.find("\"other_log\":true") != std::string::npos;
    constexpr std::string_view data = "\"data\":\"";
    for (auto at = answer.body.find(data); at != std::string::npos; at = answer.body.find(data, at)) {
      at += data.size();
      seen.push_back(answer.body.substr(at, answer.body.find('"', at) - at));
    }
    cursor_ = answer.body.substr(11, answer.body.find('"', 11) - 11);
  }
  void stream() {
    t::raw_client client(port_);
    if (!client.send(request("/stream", 0)) || !client.read_until("\r\n\r\n")) return; // 1.0: no chunks
    auto& in = client.input();
    in.erase(0, in.find("\r\n\r\n") + 4);
    ap::sse::decoder decoder;
    for (auto left = random_() % 40; left-- > 0;) {
      decoder.feed(std::exchange(in, {}), [&](const ap::sse::event& e) {
        cursor_ = *e.id;
        if (e.type == "message") seen.push_back(e.data);
        if (e.type == "antiphon-gap") missed += number_behind(e.data, "\"at_most\":");
        other_log |= e.type == "antiphon-other-log";
      });
      if (!client.receive(20ms)) break;
    }
    client.reset();
  }

  const std::uint16_t port_;
  std::minstd_rand random_;
  std::string cursor_;
};

/// Publishers and wanderers at the same time; what the wanderers have.
std::vector<wanderer> race(const texts& news, std::uint64_t each, int publishers, int readers) {
  t::live_server server(app_of(news));
  std::vector<wanderer> clients;
  for (int i = 0; i < readers; ++i) clients.emplace_back(server.port(), news, 7U + static_cast<unsigned>(i));
  std::vector<std::thread> threads;
  for (auto& c : clients)
    threads.emplace_back([&c, total = each * static_cast<std::uint64_t>(publishers)] { c.read(total); });
  for (int p = 0; p < publishers; ++p)
    threads.emplace_back([&news, p, each] {
      for (std::uint64_t i = 0; i < each; ++i) {
        news.publish(std::to_string(p) + "-" + std::to_string(i));
        if (i % 16 == 0) ::poll(nullptr, 0, 1);
      }
    });
  for (auto& thread : threads) thread.join();
  return clients;
}

TEST(subscribers, who_change_between_all_ways_of_reading_see_each_message_once) {
  const texts news({.history = 100'000});
  for (const auto& c : race(news, 700, 3, 4)) {
    EXPECT_EQ(c.missed, 0U);
    EXPECT_FALSE(c.other_log);
    ASSERT_EQ(c.seen.size(), 2'100U);
    std::map<char, std::uint64_t> next; // each publisher's messages in its order
    for (const auto& m : c.seen) EXPECT_EQ(m.substr(2), std::to_string(next[m[0]]++));
  }
  EXPECT_TRUE(t::eventually([&] { return news.stats().readers == 0; }));
}

TEST(subscribers, who_fall_behind_are_told_how_many_they_missed) {
  const texts news({.history = 30});
  std::uint64_t missed = 0;
  for (const auto& c : race(news, 700, 3, 4)) {
    EXPECT_FALSE(c.other_log);
    EXPECT_EQ(c.seen.size() + c.missed, 2'100U);
    missed += c.missed;
    std::map<char, std::uint64_t> next;
    for (const auto& m : c.seen) {
      const auto n = static_cast<std::uint64_t>(std::stoul(m.substr(2)));
      EXPECT_GE(n, next[m[0]]) << "none comes twice";
      next[m[0]] = n + 1;
    }
  }
  EXPECT_GT(missed, 0U) << "the history was long enough for all: the test tests nothing";
}

TEST(subscribers, who_vanish_at_once_leave_nothing_behind) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const int many = files.rlim_max > 25'000 ? 4'000 : 400;
  const texts news;
  t::live_server server(app_of(news));
  {
    std::vector<t::raw_client> clients;
    clients.reserve(static_cast<std::size_t>(many));
    for (int i = 0; i < many; ++i) {
      auto& c = clients.emplace_back(server.port());
      ASSERT_TRUE(c.send(i % 2 ? "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
                               : "GET /next HTTP/1.1\r\nHost: a\r\nPrefer: wait=100\r\n\r\n"));
    }
    ASSERT_TRUE(t::eventually([&] { return news.stats().readers >= static_cast<std::size_t>(many / 2); }));
    for (auto& c : clients) c.reset();
  }
  EXPECT_TRUE(server.empties());
  EXPECT_TRUE(t::eventually([&] { return news.stats().readers == 0; }));
  EXPECT_EQ(news.view().log()->parked.load(), 0U);
  EXPECT_EQ(server.client().connected(), true);
}

TEST(subscribers, who_do_not_read_hold_up_nobody) {
  const texts news({.history = 64});
  t::live_server server(app_of(news));
  std::vector<t::raw_client> deaf;
  for (int i = 0; i < 20; ++i) {
    auto& c = deaf.emplace_back(server.port(), 4096);
    ASSERT_TRUE(c.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"));
  }
  auto reads = server.client();
  ASSERT_TRUE(reads.send("GET /stream HTTP/1.0\r\n\r\n"));
  ASSERT_TRUE(reads.read_until("retry: 3000\n\n"));
  ASSERT_TRUE(t::eventually([&] { return news.stats().readers == 21; }));
  reads.input().clear();
  const std::string text(20'000, 'x');
  for (int i = 0; i < 500; ++i) { // 10 MB: what the sockets of the deaf hold is far less
    news.publish(text);
    reads.input().clear();
    ASSERT_TRUE(reads.read_until("\n\n")) << i;
  }
  EXPECT_EQ(news.stats().kept, 64U);
  EXPECT_GT(news.stats().slowest_lag, 64U);
  // One that reads again is told what it has missed, and goes on.
  ASSERT_TRUE(deaf.front().read_until("event: antiphon-gap\n"));
}

} // namespace
