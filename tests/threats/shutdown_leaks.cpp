// SPDX-License-Identifier: BSL-1.0
// Threat suite: programs that end while clients are in every state. Each is a process of its own: under ASan it is the
// leak checker that judges.
#include "../support/child_process.hpp"
#include "../support/threat_app.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <sys/wait.h>

namespace {

namespace t = threat;
using namespace std::chrono_literals;

std::string program() { return ANTIPHON_TEST_PROGRAMS "/antiphon_threats_server"; }

struct ending {
  std::string how, order;
  unsigned threads;
  std::string name() const {
    std::string text = how + "_" + order + (threads > 1 ? "_threads" : "");
    std::replace(text.begin(), text.end(), '-', '_');
    return text;
  }
  friend void PrintTo(const ending& e, std::ostream* out) { *out << e.name(); }
};

class shutdown_leaks : public ::testing::TestWithParam<ending> {};

TEST_P(shutdown_leaks, finds_none) {
  const auto& p = GetParam();
  t::child_process child({program(), p.how, p.order, std::to_string(p.threads)});
  const auto port = child.port();
  ASSERT_NE(port, 0) << child.log();

  std::vector<t::raw_client> clients;
  const auto open = [&](std::string_view request, int receive_buffer = 0) {
    clients.emplace_back(port, receive_buffer);
    ASSERT_TRUE(clients.back().send(request));
  };
  for (int i = 0; i < 3; ++i) {
    open("");                     // idle, nothing sent
    open("GET / HTTP/1.1\r\nHo"); // half a head
    open("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    open(t::get("/")); // idle after an answer that is not read
    open(t::get("/big"), 4096);
    open("BAD\r\n\r\n"); // lingering
    open(t::get("/sleep"));
    open(t::get("/sleep") + t::get("/") + t::get("/sleep"));
    open(t::get("/spawn"));
    open(t::get("/race"));
    open(t::get("/hints"), 4096);
    open(t::get("/flow"));
    open(t::get("/held"));
    open(t::get("/notified"));
    open(t::get("/flood"), 4096);
    open(t::get("/body"));
    open(t::get("/gush"), 4096);
    open(t::get("/talk", t::upgrade_lines));
    open(t::get("/mute", t::upgrade_lines));
  }
  // With several threads they may stand in any of them: each counts the same numbers.
  ASSERT_TRUE(t::eventually([&] {
    t::raw_client asks(port);
    asks.send(t::get("/counts"));
    // sleep 2, spawn 2, race 3, hints 1; flow, held, notified, flood; body, gush; talk, mute
    return asks.response().body == "24 12 6 6";
  })) << child.log();

  if (p.how == "run") {
    child.signal(SIGTERM);
  } else {
    open(t::get(p.how.ends_with("stop") ? "/stop" : "/throw"));
  }
  EXPECT_EQ(child.wait(), 0) << child.log();
  EXPECT_EQ(child.log().find("Sanitizer"), std::string::npos) << child.log();
  EXPECT_EQ(child.log().find("caught") != std::string::npos, p.how.ends_with("throw")) << child.log();
}

INSTANTIATE_TEST_SUITE_P(ways, shutdown_leaks,
                         ::testing::Values(ending{"run", "before", 1}, ending{"run", "after", 1},
                                           ending{"run", "before", 2}, ending{"run", "after", 2},
                                           ending{"run-stop", "before", 1}, ending{"run-stop", "after", 1},
                                           ending{"run-stop", "before", 2}, ending{"run-stop", "after", 2},
                                           ending{"run-throw", "before", 1}, ending{"run-throw", "after", 1},
                                           ending{"run-throw", "before", 2}, ending{"run-throw", "after", 2},
                                           ending{"own-stop", "before", 0}, ending{"own-stop", "after", 0},
                                           ending{"own-throw", "before", 0}, ending{"own-throw", "after", 0}),
                         [](const auto& test) { return test.param.name(); });

TEST(run_in_a_process, drains_at_the_first_signal_and_cuts_at_the_second) {
  t::child_process child({program(), "run", "before"});
  const auto port = child.port();
  ASSERT_NE(port, 0) << child.log();
  t::raw_client talks(port), streams(port);
  ASSERT_TRUE(talks.send(t::get("/mute", t::upgrade_lines)));
  EXPECT_EQ(talks.status(), 101);
  ASSERT_TRUE(streams.send(t::get("/flow")));
  ASSERT_TRUE(streams.read_until("0\n"));
  child.signal(SIGTERM);
  ASSERT_TRUE(child.says("stopping; a second signal stops at once"));
  ASSERT_TRUE(streams.read_until("bye\n"));
  child.signal(SIGINT);
  EXPECT_TRUE(child.says("stopping at once"));
  EXPECT_TRUE(talks.closes());
  EXPECT_EQ(child.wait(), 0) << child.log();
}

TEST(run_in_a_process, says_that_the_port_is_taken) {
  asio::io_context io;
  const asio::ip::tcp::acceptor other(io, {asio::ip::address_v4::loopback(), 0});
  t::child_process child({program(), "port", std::to_string(other.local_endpoint().port())});
  EXPECT_NE(child.wait(), 0);
  EXPECT_NE(child.log().find("another program listens there"), std::string::npos) << child.log();
}

TEST(run_in_a_process, says_that_it_has_no_right_to_a_port) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may listen on every port";
  t::child_process child({program(), "port", "81"});
  EXPECT_NE(child.wait(), 0);
  EXPECT_NE(child.log().find("no right to it"), std::string::npos) << child.log();
}

TEST(run_in_a_process, survives_that_there_are_no_more_files) {
  t::child_process child({program(), "files", "40"});
  const auto port = child.port();
  ASSERT_NE(port, 0) << child.log();
  std::vector<t::raw_client> clients;
  for (int i = 0; i < 100; ++i) clients.emplace_back(port);
  // Some are served, some are refused or closed, some wait in the kernel's queue; none makes it spin or give up.
  int served = 0;
  for (auto& c : clients) c.send(t::get("/"));
  ASSERT_TRUE(t::eventually([&] {
    for (auto& c : clients)
      if (c.receive(0ms) && c.input().find("hello") != std::string::npos) ++served;
    return served >= 20;
  })) << served;
  clients.clear();
  t::raw_client late(port);
  ASSERT_TRUE(late.send(t::get("/")));
  EXPECT_EQ(late.response().body, "hello");
  late.close();
  child.signal(SIGTERM);
  EXPECT_EQ(child.wait(), 0) << child.log();
}

} // namespace
