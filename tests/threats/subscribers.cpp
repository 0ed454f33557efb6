// SPDX-License-Identifier: BSL-1.0
// Threat suite: clients that read a log. They change between all ways of reading, are cut, vanish, and do not read.
#include "../support/wanderer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace {

namespace t = threat;
using namespace std::chrono_literals;

using t::texts;
using t::wanderer;

/// Publishers and wanderers at the same time; what the wanderers have.
std::vector<wanderer> compete(const texts& news, std::uint64_t each, int publishers, int readers) {
  t::live_server server(t::log_app(news));
  std::vector<wanderer> clients;
  for (int i = 0; i < readers; ++i)
    clients.emplace_back(std::vector{server.port()}, news, 7U + static_cast<unsigned>(i));
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
  for (const auto& c : compete(news, 700, 3, 4)) {
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
  for (const auto& c : compete(news, 700, 3, 4)) {
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
  t::live_server server(t::log_app(news));
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
  t::live_server server(t::log_app(news));
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
