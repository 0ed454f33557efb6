// SPDX-License-Identifier: BSL-1.0
// Threat suite: clients that take their time to read, or read faster than anybody.
#include "../support/allocated.hpp"
#include "../support/temporary_folder.hpp"
#include "../support/threat_app.hpp"

#include <antiphon/server/files.hpp>

#include <asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <deque>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

class slow_reader : public testing::Test {
 protected:
  slow_reader() { t::add_threat_routes(app, counts); }

  t::threat_counts counts;
  ap::router app;
};

TEST_F(slow_reader, that_never_reads_is_cut) {
  for (const char* path : {"/big", "/flood", "/gush", "/hints"}) {
    t::threat_counts mine;
    ap::router routes;
    t::add_threat_routes(routes, mine);
    t::live_server server(routes, {.write_stall = 300ms});
    auto client = server.client(4096);
    std::string requests;
    for (int i = 0; i < 40; ++i) requests += t::get(path); // more than the kernel holds
    ASSERT_TRUE(client.send(requests));
    ASSERT_TRUE(t::eventually([&] { return mine.requests > 0; })) << path;
    EXPECT_TRUE(server.empties()) << path;
    EXPECT_EQ(mine.handlers.now() + mine.flows.now() + mine.bodies.now(), 0) << path;
  }
}

TEST_F(slow_reader, that_reads_now_and_then_is_not_cut) {
  t::live_server server(app, {.write_stall = 500ms});
  auto client = server.client(4096);
  ASSERT_TRUE(client.send(t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big")));
  // A stall is no progress at all: this takes far longer than one.
  for (int i = 0; i < 40; ++i) {
    ::poll(nullptr, 0, 25);
    ASSERT_TRUE(client.receive());
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.response().body.size(), 300'000U);
}

TEST_F(slow_reader, a_handler_s_time_holds_though_earlier_answers_are_not_read) {
  app.get("/limited",
          [c = &counts](ap::request&) -> asio::awaitable<ap::response> {
            const t::census::one alive(c->handlers);
            co_await ap::sleep_for(1h);
            co_return "never";
          },
          {.timeout = 300ms});
  app.get("/huge", [] { return ap::text(std::string(20'000'000, 'h')); });
  t::live_server server(app);
  auto client = server.client(4096);
  ASSERT_TRUE(client.send(t::get("/huge") + t::get("/limited")));
  EXPECT_EQ(client.response().body.size(), 20'000'000U);
  EXPECT_EQ(client.response().status, 503);
  EXPECT_TRUE(counts.handlers.empties());
}

// One client that reads as fast as it is written to must not keep the server from the others.
TEST_F(slow_reader, is_not_starved_by_a_fast_one) {
  for (const char* path : {"/gush", "/flood", "/hints"}) {
    t::live_server server(app);
    std::atomic<bool> stop{false};
    std::thread reader([&, port = server.port()] {
      t::raw_client fast(port);
      fast.send(t::get(path));
      while (!stop && fast.receive()) fast.input().clear();
    });
    ASSERT_TRUE(t::eventually([&] { return server.open() == 1; }));
    for (int i = 0; i < 10; ++i) {
      auto other = server.client();
      ASSERT_TRUE(other.send(t::get("/")));
      EXPECT_EQ(other.response().body, "hello") << path;
    }
    stop = true;
    server.cut();
    reader.join();
  }
}

// Files go from the system's cache to the socket: a reader that waits holds none of them.
TEST_F(slow_reader, a_crowd_of_downloads_holds_no_buffers) {
  const antiphon_tests::temporary_folder folder;
  folder.write("large", std::string(20'000'000, 'f'));
  asio::thread_pool disk(1);
  app.get("/files/{path...}", ap::files(folder.path(), disk));
  t::live_server server(app, {.write_stall = 2s});
  const auto before = t::allocated();
  std::deque<t::raw_client> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(server.client(4096));
    ASSERT_TRUE(clients.back().send(t::get("/files/large")));
  }
  ASSERT_TRUE(t::eventually([&] { return app.counts().answering == 100; }));
  ::poll(nullptr, 0, 100);
  EXPECT_LT(t::allocated(), before + 4'000'000);
  EXPECT_EQ(clients.front().response().body.size(), 20'000'000U) << "who reads gets all of it";
  clients.pop_front();
  EXPECT_TRUE(server.empties()) << "who does not is cut";
}

} // namespace
