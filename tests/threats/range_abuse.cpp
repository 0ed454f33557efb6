// SPDX-License-Identifier: BSL-1.0
// Range fields that make a server work or send far more than was asked for, over sockets.
#include "../support/allocated.hpp"
#include "../support/live_server.hpp"
#include "../support/temporary_folder.hpp"

#include <antiphon/server/files.hpp>

#include <asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace {

using namespace threat;
using antiphon_tests::temporary_folder;

constexpr std::size_t size = 1'000'000;

class range_abuse : public ::testing::Test {
 protected:
  temporary_folder at;
  asio::thread_pool pool{1};

  range_abuse() { at.write("a.bin", std::string(size, 'x')); }
  router app() {
    router made;
    made.get("/{path...}", files(at.path(), pool));
    return made;
  }
};

std::string request(std::string_view range, std::string_view verb = "GET") {
  return std::string(verb) + " /a.bin HTTP/1.1\r\nHost: h\r\nRange: " + std::string(range) + "\r\n\r\n";
}
/// n ranges, each `step` behind the other.
std::string ranges(std::size_t n, std::size_t length, std::size_t step) {
  std::string out = "bytes=";
  for (std::size_t i = 0; i < n; ++i)
    out.append(i ? "," : "").append(std::to_string(i * step)).append("-").append(std::to_string(i * step + length - 1));
  return out;
}

TEST_F(range_abuse, an_answer_is_hardly_larger_than_the_file) {
  const struct {
    std::string range;
    int status;
  } cases[] = {
      {ranges(8, 1, 2), 206},             // the limit
      {ranges(9, 1, 2), 200},             // limit + 1
      {ranges(800, 1, 2), 200},           // 100 times the limit
      {ranges(8, 100'000, 100'000), 206}, // all of it, nearly
      {ranges(8, 100'001, 100'000), 200}, // each overlaps the next
      {"bytes=0-,0-,0-,0-", 200},
      {"bytes=0-,1-,2-,3-,4-,5-,6-,7-", 200},
      {"bytes=-1000000,-999999", 200},
      {"bytes=0-18446744073709551615", 206},
      {"bytes=18446744073709551615-18446744073709551616", 416},
      {"bytes=-99999999999999999999999999999999999999", 206},
      {"bytes=0-0," + std::string(5000, ','), 206},
      {"bytes=" + std::string(7000, '0') + "-0", 206},
      {"bytes=" + std::string(2000, '-'), 200},
      {"bytes=0-0,99999999-,99999999-", 206},
  };
  live_server server(app());
  auto client = server.client();
  for (const auto& c : cases) {
    SCOPED_TRACE(c.range.substr(0, 80));
    ASSERT_TRUE(client.send(request(c.range)));
    const auto r = client.response();
    EXPECT_EQ(r.status, c.status);
    EXPECT_TRUE(r.whole);
    EXPECT_LE(r.body.size(), size + 8 * 256);
    if (c.status == 200) {
      EXPECT_EQ(r.body.size(), size);
    }
    client.send(request(c.range, "HEAD"));
    EXPECT_EQ(client.response(true).status, 200) << "HEAD has no ranges";
  }
}

TEST_F(range_abuse, slow_readers_of_many_ranges_cost_little) {
  live_server server(app());
  std::vector<std::unique_ptr<raw_client>> clients;
  const auto one = [&] {
    clients.push_back(std::make_unique<raw_client>(server.port(), 4096));
    return clients.back()->send(request(ranges(8, 120'000, 120'001)));
  };
  ASSERT_TRUE(one());
  ASSERT_TRUE(clients.back()->read_until("multipart/byteranges"));
  const auto before = allocated();
  constexpr std::size_t n = 50;
  for (std::size_t i = 0; i < n; ++i) ASSERT_TRUE(one());
  for (auto& c : clients) EXPECT_TRUE(c->read_until("multipart/byteranges"));
  std::size_t held = 0;
  for (auto& c : clients) held += c->input().size();
  EXPECT_LT(allocated(), before + held + n * 40 * 1024) << "a head, and the places of the parts";
  EXPECT_EQ(server.open(), n + 1);
  for (auto& c : clients) c->close();
  EXPECT_TRUE(server.empties());
}

} // namespace
