// SPDX-License-Identifier: BSL-1.0
// Threat suite: every limit of an HTTP/1.1 server at the limit, one beyond it, and far beyond it with memory flat.
#include "../support/threat_app.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

/// Bytes of this process that are in memory.
std::size_t resident() {
  std::ifstream in("/proc/self/statm");
  std::size_t pages = 0, size = 0;
  in >> size >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}
constexpr std::size_t mebibyte = 1024 * 1024;

ap::serve_options small_options() {
  ap::serve_options o;
  o.head.start_line = 100;
  o.head.header_bytes = 1000;
  o.head.one_field = 200;
  o.head.fields = 10;
  o.framing.chunk_extension = 50;
  o.framing.chunk_extensions = 400;
  o.framing.chunk_overhead_ratio = 2;
  o.framing.chunk_overhead_base = 500;
  return o;
}

struct limit {
  std::string name;
  std::size_t most;
  int status; ///< beyond it
  /// A request that has `n` of what is limited.
  std::function<std::string(std::size_t n)> make;
};

std::string repeat(std::string_view text, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}
std::string chunked(const std::string& body) {
  return "POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

const std::vector<limit> all{
    {"bytes of the request line", 100, 414,
     [](std::size_t n) { return "GET /" + std::string(n - 14, 'p') + " HTTP/1.1\r\nHost: a\r\n\r\n"; }},
    {"bytes of one field", 200, 431,
     [](std::size_t n) { return t::get("/", "X: " + std::string(n - 3, 'v') + "\r\n"); }},
    {"bytes of one field's name", 200, 431,
     [](std::size_t n) { return t::get("/", std::string(n - 1, 'N') + ":\r\n"); }},
    {"fields", 10, 431, [](std::size_t n) { return t::get("/", repeat("X: v\r\n", n - 1)); }},
    {"bytes of all fields", 1000, 431,
     [](std::size_t n) { // "Host: a" and the empty line are 11 bytes of them; fields of at most 150
       std::string more;
       for (std::size_t left = n - 11; left > 0;) {
         std::size_t take = std::min<std::size_t>(left, 150);
         if (left - take != 0 && left - take < 10) take -= 10;
         more += "X: " + std::string(take - 5, 'v') + "\r\n";
         left -= take;
       }
       return t::get("/", more);
     }},
    {"trailers", 7, 431, [](std::size_t n) { return chunked("0\r\n" + repeat("X: v\r\n", n + 1) + "\r\n"); }},
    {"bytes of a chunk's extension", 50, 400,
     [](std::size_t n) { return chunked("1;" + std::string(n - 1, 'e') + "\r\nx\r\n0\r\n\r\n"); }},
    {"bytes of a body by length", 5000, 413, [](std::size_t n) { return t::post("/up", std::string(n, 'b')); }},
    {"bytes of a body in chunks", 5000, 413,
     [](std::size_t n) {
       char size[20];
       std::snprintf(size, sizeof size, "%zx", n);
       return chunked(size + ("\r\n" + std::string(n, 'b')) + "\r\n0\r\n\r\n");
     }},
    {"query parameters", 1000, 400, [](std::size_t n) { return t::get("/?" + repeat("a&", n)); }},
};

ap::router small_app() {
  ap::router app;
  app.get("/{path...}", [] { return "hello"; });
  app.post("/up", [](ap::request& req) { return std::to_string(req.body().size()); }, {.max_body = 5000});
  return app;
}

class limits : public testing::TestWithParam<limit> {};

TEST_P(limits, hold_at_one_beyond_and_a_hundred_times) {
  const auto& p = GetParam();
  auto options = small_options();
  if (p.name == "query parameters") options.head.start_line = 8192;
  t::live_server server(small_app(), options);
  {
    auto client = server.client();
    ASSERT_TRUE(client.send(p.make(p.most)));
    EXPECT_EQ(client.response().status, 200);
    ASSERT_TRUE(client.send(t::get("/")));
    EXPECT_EQ(client.response().status, 200); // the connection lives
  }
  {
    auto client = server.client();
    ASSERT_TRUE(client.send(p.make(p.most + 1) + t::get("/")));
    EXPECT_EQ(client.response().status, p.status);
    EXPECT_EQ(client.read_to_end(), "");
  }
  if (p.name == "query parameters") return; // the request line ends that
  {
    auto client = server.client();
    client.send(p.make(p.most * 100));
    EXPECT_EQ(client.response().status, p.status);
    EXPECT_EQ(client.read_to_end(), "");
  }
  EXPECT_TRUE(server.empties());
}

INSTANTIATE_TEST_SUITE_P(of_http, limits, testing::ValuesIn(all), [](const auto& test) {
  std::string name = test.param.name;
  for (auto& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

struct endless {
  std::string name, begin, again;
  // Far more than the kernels pass on while nobody reads: that of the client keeps its FIN back, so nobody could hear
  // it. Only a reset overtakes the rest.
  bool resets = false;
};
void PrintTo(const endless& e, std::ostream* out) { *out << e.name; }

class endless_input : public testing::TestWithParam<endless> {};

TEST_P(endless_input, is_not_kept) {
  t::threat_counts counts;
  ap::router app;
  t::add_threat_routes(app, counts);
  t::live_server server(app, {.head_time = 1h, .body_idle = 1h, .write_stall = 1h});
  {
    auto warm = server.client();
    ASSERT_TRUE(warm.send(t::get("/")));
    EXPECT_EQ(warm.response().status, 200);
  }
  const auto& p = GetParam();
  std::string again;
  while (again.size() < 64 * 1024) again += p.again;
  const std::size_t before = resident();
  std::size_t most = 0;
  for (int i = 0; i < 4; ++i) {
    auto client = server.client(4096);
    ASSERT_TRUE(client.send(p.begin));
    client.flood(again, 64 * mebibyte, 100ms);
    most = std::max(most, resident());
    if (p.resets) client.reset();
  }
  EXPECT_LT(most, before + 24 * mebibyte) << most / mebibyte << " MiB, before: " << before / mebibyte;
  EXPECT_TRUE(server.empties());
}

INSTANTIATE_TEST_SUITE_P(
    of_http, endless_input,
    testing::Values(endless{"line", "GET /", "x"}, endless{"fields", t::get("/").substr(0, 25), "X: y\r\n"},
                    endless{"field", "GET / HTTP/1.1\r\nX: ", "x"}, endless{"empty_lines", "\r\n", "\r\n"},
                    endless{"chunks", chunked("").replace(6, 2, "post"), "1\r\nx\r\n"},
                    endless{"extension", chunked("1;").replace(6, 2, "post"), "x"},
                    endless{"extensions", chunked("").replace(6, 2, "post"), "1;aaaaaaaaaaaaaaaa\r\nx\r\n"},
                    endless{"zeros", chunked("").replace(6, 2, "post"), "0"},
                    endless{"trailers", chunked("0\r\n").replace(6, 2, "post"), "X: y\r\n"},
                    endless{"chunk", chunked("ffffff\r\n").replace(6, 2, "post"), "x"},
                    endless{"body", "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", "x"},
                    endless{"unwanted_body", "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
                            "x"},
                    endless{"behind_a_refusal", "BAD\r\n\r\n", "x"},
                    endless{"behind_a_handler", t::get("/sleep"), t::get("/sleep"), true},
                    endless{"behind_a_flow", t::get("/held"), t::get("/held"), true},
                    endless{"behind_a_body", t::get("/body"), "x"},
                    endless{"into_an_upgrade_that_does_not_read", t::get("/mute", t::upgrade_lines), "x"},
                    endless{"pipelined_and_not_read", t::get("/"), t::get("/")},
                    endless{"pipelined_heads_and_not_read", t::get("/"), "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"},
                    endless{"pipelined_large_and_not_read", t::get("/"), t::get("/big")}),
    [](const auto& test) { return test.param.name; });

class server_limits : public testing::Test {
 protected:
  server_limits() { t::add_threat_routes(app, counts); }
  t::threat_counts counts;
  ap::router app;
};

TEST_F(server_limits, extensions_of_a_message) {
  t::live_server server(small_app(), small_options());
  const auto with = [](std::size_t n) {
    return chunked(repeat("20;" + std::string(39, 'e') + "\r\n" + std::string(32, 'x') + "\r\n", n) + "0\r\n\r\n");
  };
  auto client = server.client();
  ASSERT_TRUE(client.send(with(10))); // 10 times 40 bytes
  EXPECT_EQ(client.response().body, "320");
  ASSERT_TRUE(client.send(with(11)));
  EXPECT_EQ(client.response().status, 400);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(server_limits, framing_against_content) {
  t::live_server server(small_app(), small_options());
  const auto with = [](std::size_t n) { return chunked(repeat("1\r\nx\r\n", n) + "0\r\n\r\n"); };
  auto client = server.client();
  ASSERT_TRUE(client.send(with(150)));
  EXPECT_EQ(client.response().body, "150");
  ASSERT_TRUE(client.send(with(200))); // about 5 bytes of framing each, of which 2 are paid for
  EXPECT_EQ(client.response().status, 400);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(server_limits, requests_of_a_connection) {
  t::live_server server(app, {.max_requests = 5});
  auto client = server.client();
  ASSERT_TRUE(client.send(repeat(t::get("/"), 500)));
  for (int i = 1; i <= 5; ++i) {
    const auto answer = client.response();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Connection"), i == 5 ? "close" : "");
  }
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(counts.requests, 5);
}

TEST_F(server_limits, connections) {
  t::live_server server(app, {.max_connections = 5});
  std::vector<t::raw_client> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(server.client());
    ASSERT_TRUE(clients.back().send(t::get("/")));
    EXPECT_EQ(clients.back().response().status, 200);
  }
  {
    auto refused = server.client();
    const auto answer = refused.response(); // before it has said a word
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_TRUE(refused.closes());
  }
  {
    std::vector<t::raw_client> crowd;
    for (int i = 0; i < 500; ++i) crowd.push_back(server.client());
    for (auto& c : crowd) EXPECT_NE(c.response().status, 200);
    EXPECT_LE(server.open(), 5U + 64U);
  }
  ASSERT_TRUE(clients.front().send(t::get("/"))); // those that are in are served
  EXPECT_EQ(clients.front().response().status, 200);
  clients.pop_back();
  EXPECT_TRUE(t::eventually([&] {
    auto again = server.client();
    again.send(t::get("/"));
    return again.response().status == 200;
  }));
}

TEST_F(server_limits, connections_of_an_address) {
  t::live_server server(app, {.max_per_address = 3});
  std::vector<t::raw_client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(server.client());
    ASSERT_TRUE(clients.back().send(t::get("/")));
    EXPECT_EQ(clients.back().response().status, 200);
  }
  for (int i = 0; i < 300; ++i) {
    auto refused = server.client();
    EXPECT_EQ(refused.response().status, 503);
  }
  clients.clear();
  EXPECT_TRUE(t::eventually([&] {
    auto again = server.client();
    again.send(t::get("/"));
    return again.response().status == 200;
  }));
}

TEST_F(server_limits, collected_bodies_of_all) {
  t::live_server server(app, {.max_bodies = 100'000});
  const auto half = [](std::size_t length) {
    return "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n\r\nab";
  };
  auto first = server.client();
  auto second = server.client();
  ASSERT_TRUE(first.send(half(60'000)));
  ASSERT_TRUE(t::eventually([&] { return server.open() == 2; }));
  ASSERT_TRUE(second.send(half(40'000)));
  ASSERT_TRUE(second.stays_quiet(20ms));
  {
    auto third = server.client();
    ASSERT_TRUE(third.send(half(3)));
    const auto answer = third.response();
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(third.closes());
  }
  {
    auto chunks = server.client();
    ASSERT_TRUE(chunks.send("POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"));
    EXPECT_EQ(chunks.response().status, 503);
  }
  for (int i = 0; i < 100; ++i) {
    auto more = server.client();
    ASSERT_TRUE(more.send(half(1000)));
    EXPECT_EQ(more.response().status, 503);
  }
  first.reset(); // what was reserved for it is given back
  EXPECT_TRUE(t::eventually([&] { return server.open() <= 2; }));
  EXPECT_TRUE(t::eventually([&] {
    auto again = server.client();
    again.send(half(3) + "c");
    return again.response().status == 200;
  }));
  ASSERT_TRUE(second.send(std::string(39'998, 'b')));
  EXPECT_EQ(second.response().body, "40000");
}

TEST_F(server_limits, requests_answered_ahead) {
  t::live_server server(app, {.max_pipelined = 4});
  auto client = server.client();
  ASSERT_TRUE(client.send(repeat(t::get("/"), 400)));
  for (int i = 0; i < 400; ++i) ASSERT_EQ(client.response().body, "hello");
}

TEST_F(server_limits, bytes_read_ahead_of_a_handler) {
  t::live_server server(app, {.max_ahead = 8 * 1024});
  auto client = server.client();
  std::string many = t::get("/deaf/200");
  const int count = 2000;
  for (int i = 0; i < count; ++i) many += t::get("/");
  ASSERT_TRUE(client.send(many));
  EXPECT_EQ(client.response().body, "did not hear");
  for (int i = 0; i < count; ++i) ASSERT_EQ(client.response().body, "hello"); // none is lost
}

// A large body, used or not, leaves nothing in the pools.
TEST_F(server_limits, memory_of_large_bodies_is_given_back) {
  app.post("/large", [](ap::request& req) { return std::to_string(req.body().size()); }, {.max_body = 64 * mebibyte});
  app.get("/large", [] { return ap::text(std::string(8 * mebibyte, 'l')); });
  t::live_server server(app);
  const std::string body(8 * mebibyte, 'b');
  const auto once = [&](int n) {
    std::vector<t::raw_client> clients;
    for (int i = 0; i < n; ++i) {
      clients.push_back(server.client());
      ASSERT_TRUE(clients.back().send(t::post("/large", body)));
      EXPECT_EQ(clients.back().response().body, std::to_string(body.size()));
      ASSERT_TRUE(clients.back().send("HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n"));
      EXPECT_EQ(clients.back().response(true).status, 200);
    }
  };
  ASSERT_TRUE(server.open() == 0);
  once(4);
  EXPECT_TRUE(server.empties());
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // they keep what is freed
  const auto before = resident();
  once(30);
  EXPECT_LT(resident(), before + 32 * mebibyte);
#endif
}

} // namespace
