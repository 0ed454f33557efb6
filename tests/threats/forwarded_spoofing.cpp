// SPDX-License-Identifier: BSL-1.0
// Threat suite: clients that claim to be somebody else, in fields and in PROXY headers.
#include "../support/server_harness.hpp"

#include <antiphon/server/layers/access_log.hpp>
#include <antiphon/server/layers/trusted_proxies.hpp>

namespace {

using namespace antiphon_tests;

/// A server whose connections come from wherever a PROXY header says.
class forwarded_spoofing : public ::testing::Test {
 protected:
  void serve(std::initializer_list<std::string_view> trusted, ap::trusted_proxies_options options = {}) {
    s = std::make_unique<served>();
    s->options.proxy_protocol = true;
    s->app.use(ap::access_log([this](std::string_view line) { log = line; }));
    s->app.use(ap::trusted_proxies(trusted, options));
    s->app.get("/", [](ap::request& req) {
      return req.peer() + " " + std::string(req.scheme()) + " " + std::string(req.authority());
    });
    s->start();
  }
  /// What the handler sees of a request that comes from `from` with these lines.
  std::string seen(std::string_view from, std::string_view lines) {
    auto w = s->connect();
    const bool six = from.find(':') != from.npos;
    std::string header = std::string("PROXY ") + (six ? "TCP6 " : "TCP4 ") + std::string(from) + " " +
                         (six ? "::1" : "127.0.0.1") + " 1000 80\r\n";
    const auto answer = w.ask(header + get("/", lines));
    const auto text = answer.code == 200 ? answer.body : std::to_string(answer.code);
    w.close();
    return text;
  }
  void TearDown() override {
    if (s) s->finish();
  }

  std::unique_ptr<served> s;
  std::string log;
};

struct claim {
  const char* from;
  std::string lines;
  std::string seen;
};

TEST_F(forwarded_spoofing, only_named_peers_are_believed_and_only_their_own_words) {
  serve({"10.0.0.1", "10.1.0.0/16", "2001:db8::/32"});
  const claim claims[] = {
      // Nobody believes a client.
      {"192.0.2.1", "", "192.0.2.1:1000 http h"},
      {"192.0.2.1", "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n", "192.0.2.1:1000 http h"},
      {"192.0.2.1", "X-Forwarded-For: 127.0.0.1\r\n", "192.0.2.1:1000 http h"},
      {"10.0.0.2", "X-Forwarded-For: 127.0.0.1\r\n", "10.0.0.2:1000 http h"},
      {"2001:db9::1", "X-Forwarded-For: 127.0.0.1\r\n", "[2001:db9::1]:1000 http h"},
      // A proxy is, in what it has said itself.
      {"10.0.0.1", "", "10.0.0.1:1000 http h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1 http h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1:4711\r\nX-Forwarded-Proto: https\r\n", "192.0.2.1:4711 https h"},
      {"2001:db8::5", "X-Forwarded-For: 2001:DB9:0::1\r\n", "[2001:db9::1] http h"},
      {"10.0.0.1", "X-Forwarded-For: ::ffff:192.0.2.1\r\n", "192.0.2.1 http h"},
      {"10.0.0.1", "X-Forwarded-For: 127.0.0.1, 192.0.2.1\r\n", "192.0.2.1 http h"},
      {"10.0.0.1", "X-Forwarded-For: 10.0.0.1, 192.0.2.1\r\n", "192.0.2.1 http h"},
      {"10.0.0.1", "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1 http h"},
      {"10.0.0.1", "x-forwarded-for: 127.0.0.1 ,\t192.0.2.1 ,,\r\n", "192.0.2.1 http h"},
      // Through several proxies, as far as they are named.
      {"10.0.0.1", "X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.1.7.7\r\n", "192.0.2.1 http h"},
      {"10.0.0.1", "X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.1.7.7, 10.2.0.1\r\n", "10.2.0.1 http h"},
      {"10.0.0.1", "X-Forwarded-For: 10.1.0.1, 10.1.0.2\r\n", "10.1.0.1 http h"},
      // What cannot be read ends the way; what proxies may say instead of an address is said.
      {"10.0.0.1", "X-Forwarded-For: localhost\r\n", "10.0.0.1:1000 http h"},
      {"10.0.0.1", "X-Forwarded-For: localhost, 10.1.0.1\r\n", "10.1.0.1 http h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, \"127.0.0.1\r\n", "10.0.0.1:1000 http h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, unknown\r\n", "unknown http h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, _a.b-c\r\n", "_a.b-c http h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, _a b\r\n", "10.0.0.1:1000 http h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, unix:\r\n", "unix: http h"},
      // The scheme, as the client's own proxy has seen it, and never as the client has.
      {"10.0.0.1", "X-Forwarded-Proto: https\r\n", "10.0.0.1:1000 https h"},
      {"10.0.0.1", "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Forwarded-Proto: https, http\r\n", "192.0.2.1 http h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, 10.1.0.1\r\nX-Forwarded-Proto: https, http\r\n", "192.0.2.1 https h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, 10.1.0.1\r\nX-Forwarded-Proto: https\r\n", "192.0.2.1 https h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: gopher\r\n", "192.0.2.1 http h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: WSS\r\n", "192.0.2.1 https h"},
      // Fields that this proxy does not write are the client's.
      {"10.0.0.1", "Forwarded: for=127.0.0.1;proto=https;host=evil\r\n", "10.0.0.1:1000 http h"},
      {"10.0.0.1", "X-Forwarded-Host: evil\r\n", "10.0.0.1:1000 http h"},
      {"10.0.0.1", "X-Real-IP: 127.0.0.1\r\n", "10.0.0.1:1000 http h"},
      {"10.0.0.1", "X-Forwarded-For: " + std::string(4000, ',') + "192.0.2.1\r\n", "192.0.2.1 http h"},
  };
  for (const auto& c : claims) {
    EXPECT_EQ(seen(c.from, c.lines), c.seen) << c.from << '\n' << c.lines;
    // The log names who the handler saw.
    EXPECT_NE(log.find(" " + c.seen.substr(0, c.seen.find(' ')) + " GET"), std::string::npos) << log;
  }
}

TEST_F(forwarded_spoofing, rfc_7239) {
  serve({"10.0.0.1", "10.1.0.0/16"}, {.read = ap::forwarded_by::rfc_7239});
  const claim claims[] = {
      {"192.0.2.1", "Forwarded: for=127.0.0.1;proto=https;host=evil\r\n", "192.0.2.1:1000 http h"},
      {"192.0.2.1", "Forwarded: nonsense\r\n", "192.0.2.1:1000 http h"},
      {"10.0.0.1", "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n", "10.0.0.1:1000 http h"},
      {"10.0.0.1", "Forwarded: for=192.0.2.1\r\n", "192.0.2.1 http h"},
      {"10.0.0.1", "Forwarded: for=\"[2001:db8::1]:99\";proto=https;host=\"a.example:8443\"\r\n",
       "[2001:db8::1]:99 https a.example:8443"},
      {"10.0.0.1", "Forwarded: for=127.0.0.1;proto=https;host=evil, for=192.0.2.1\r\n", "192.0.2.1 http h"},
      {"10.0.0.1", "Forwarded: for=127.0.0.1;host=evil\r\nForwarded: for=192.0.2.1;host=a\r\n", "192.0.2.1 http a"},
      {"10.0.0.1", "Forwarded: for=6.6.6.6;host=evil, for=192.0.2.1;proto=https;host=a, for=10.1.0.1;proto=http\r\n",
       "192.0.2.1 https a"},
      {"10.0.0.1", "Forwarded: for=6.6.6.6, proto=https\r\n", "10.0.0.1:1000 https h"}, // it does not say for whom
      {"10.0.0.1", "Forwarded: for=6.6.6.6, for=_secret\r\n", "_secret http h"},
      {"10.0.0.1", "Forwarded: for=6.6.6.6, for=unknown\r\n", "unknown http h"},
      // A quote that the client has opened must not swallow what the proxy appends.
      {"10.0.0.1", "Forwarded: for=127.0.0.1;x=\", for=192.0.2.1\r\n", "400"},
      {"10.0.0.1", "Forwarded: for=\"127.0.0.1, for=\"[2001:db8::1]\"\r\n", "400"},
      {"10.0.0.1", "Forwarded: for=127.0.0.1;x=\"\r\nForwarded: for=192.0.2.1\r\n", "400"},
      {"10.0.0.1", "Forwarded: for=127.0.0.1;x=\"\\, for=192.0.2.1\r\n", "400"},
      {"10.0.0.1", "Forwarded: for=1.1.1.1;for=127.0.0.1\r\n", "400"},
      {"10.0.0.1", "Forwarded: for=192.0.2.1;host=\"a/b\"\r\n", "400"},
      {"10.0.0.1", "Forwarded: for=192.0.2.1;host=\"u@a\"\r\n", "400"},
  };
  for (const auto& c : claims) EXPECT_EQ(seen(c.from, c.lines), c.seen) << c.from << '\n' << c.lines;
}

TEST_F(forwarded_spoofing, the_host_is_read_where_the_proxy_sets_it) {
  serve({"10.0.0.1", "10.1.0.1"}, {.host = true});
  const claim claims[] = {
      {"192.0.2.1", "X-Forwarded-Host: evil\r\n", "192.0.2.1:1000 http h"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: a.example:99\r\n", "192.0.2.1 http a.example:99"},
      {"10.0.0.1", "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Forwarded-Host: evil, a\r\n", "192.0.2.1 http a"},
      {"10.0.0.1", "X-Forwarded-For: 192.0.2.1, 10.1.0.1\r\nX-Forwarded-Host: a, b\r\n", "192.0.2.1 http a"},
      {"10.0.0.1", "X-Forwarded-Host: a b\r\n", "400"},
      {"10.0.0.1", "X-Forwarded-Host: a/../b\r\n", "400"},
  };
  for (const auto& c : claims) EXPECT_EQ(seen(c.from, c.lines), c.seen) << c.from << '\n' << c.lines;
}

// What one request has told holds for that request, not for the connection.
TEST_F(forwarded_spoofing, the_next_request_of_a_proxy_is_another_clients) {
  serve({"10.0.0.1"});
  auto w = s->connect();
  w.send("PROXY TCP4 10.0.0.1 127.0.0.1 1000 80\r\n" + get("/", "X-Forwarded-For: 192.0.2.1\r\n") + get("/") +
         get("/", "X-Forwarded-For: 192.0.2.2\r\nX-Forwarded-Proto: https\r\n") + get("/nowhere"));
  EXPECT_EQ(w.next().body, "192.0.2.1 http h");
  EXPECT_EQ(w.next().body, "10.0.0.1:1000 http h");
  EXPECT_EQ(w.next().body, "192.0.2.2 https h");
  EXPECT_EQ(w.next().code, 404);
}

TEST_F(forwarded_spoofing, unix_sockets_are_believed_where_they_are_named) {
  for (const bool named : {false, true}) {
    if (s) s->finish();
    named ? serve({"unix:"}) : serve({"127.0.0.1"});
    const std::string header = std::string("\r\n\r\n\0\r\nQUIT\n\x21\x31\x00\xd8", 16) + std::string(216, '\0');
    EXPECT_EQ(s->client().ask(header + get("/", "X-Forwarded-For: 6.6.6.6, 192.0.2.1, unix:\r\n")).body,
              named ? "192.0.2.1 http h" : "unix: http h");
  }
}

TEST(trusted_proxies, are_named_by_addresses) {
  for (const auto* wrong : {"", "localhost", "10.0.0.0/33", "10.1.0.0/8", "[::1]", "10.0.0.1:80", "unix", "*"}) {
    EXPECT_THROW(ap::trusted_proxies({wrong}), std::invalid_argument) << wrong;
  }
  EXPECT_NO_THROW(ap::trusted_proxies(std::vector<std::string>{"10.0.0.0/8", "::1", "unix:"}));
}

// --- PROXY headers

class proxy_header : public over_streams {
 protected:
  proxy_header() {
    s.options.proxy_protocol = true;
    app.get("/", [](ap::request& req) { return req.peer(); });
  }
  const std::string line = "PROXY TCP4 192.0.2.1 127.0.0.1 1000 80\r\n";
};

TEST_P(proxy_header, says_whose_a_connection_is) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(line + get("/")).body, "192.0.2.1:1000");
  EXPECT_EQ(c.ask(get("/")).body, "192.0.2.1:1000");
  EXPECT_EQ(c.ask(line + get("/")).code, 400); // it comes once
  auto& own = s.client();
  const auto answer = own.ask("PROXY UNKNOWN\r\n" + get("/"));
  EXPECT_EQ(answer.code, 200);
  EXPECT_TRUE(tcp() ? answer.body.starts_with("127.0.0.1:") : answer.body.empty()) << answer.body;
}

TEST_P(proxy_header, comes_in_any_pieces) {
  const std::string v2 =
      std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\x7f\0\0\x01\x03\xe8\0\x50", 28);
  for (const auto& header : {line, v2}) {
    const std::string all = header + get("/");
    for (const std::size_t piece : {1U, 7U, 30U}) {
      auto c = s.connect();
      for (std::size_t at = 0; at < all.size(); at += piece) ASSERT_TRUE(c.send(all.substr(at, piece))) << at;
      EXPECT_EQ(c.next().body, "192.0.2.1:1000") << piece;
      c.close();
    }
  }
}

TEST_P(proxy_header, is_not_optional) {
  for (const auto& wrong : {get("/"), "PROXY TCP4 evil 127.0.0.1 1 1\r\n" + get("/"), std::string(2000, 'x'),
                            "PROXY UNKNOWN" + std::string(2000, 'x')}) {
    auto c = s.connect();
    c.put(wrong);
    EXPECT_EQ(c.rest(), "");
  }
  EXPECT_EQ(app.counts().refused, 4U);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(proxy_header, must_be_whole_in_the_time_of_a_head) {
  s.options.head_time = 10s;
  auto& silent = s.client();
  auto& slow = s.client();
  auto& head = s.client();
  ASSERT_TRUE(slow.send(line.substr(0, 20)));
  ASSERT_TRUE(head.send(line + "GET / HT"));
  s.advance(9s);
  ASSERT_TRUE(slow.send(line.substr(20, 5))); // what comes does not prolong it
  EXPECT_FALSE(silent.ended());
  EXPECT_FALSE(slow.ended());
  s.advance(2s);
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(slow.rest(), "");
  EXPECT_EQ(head.next().code, 408);
}

TEST_P(proxy_header, of_version_2_is_limited) {
  s.options.proxy_header = 100;
  const auto of = [](std::size_t size) {
    std::string header("\r\n\r\n\0\r\nQUIT\n\x21\x11", 14);
    header += static_cast<char>((size - 16) >> 8);
    header += static_cast<char>((size - 16) & 255);
    header += std::string("\xc0\x00\x02\x01\x7f\0\0\x01\x03\xe8\0\x50", 12);
    return header + std::string(size - 28, 't');
  };
  EXPECT_EQ(s.connect().ask(of(100) + get("/")).body, "192.0.2.1:1000");
  for (const std::size_t size : {101U, 10'000U}) {
    auto c = s.connect();
    c.put(of(size) + get("/"));
    EXPECT_EQ(c.rest(), "") << size;
  }
}

TEST_P(proxy_header, names_the_address_that_is_counted) {
  s.options.max_per_address = 2;
  const auto from = [](int n) { return "PROXY TCP4 192.0.2." + std::to_string(n) + " 127.0.0.1 1000 80\r\n"; };
  auto& one = s.client();
  auto& two = s.client();
  EXPECT_EQ(one.ask(from(1) + get("/")).code, 200);
  EXPECT_EQ(two.ask("PROXY TCP6 ::ffff:192.0.2.1 ::1 1001 80\r\n" + get("/")).code, 200);
  for (int i = 0; i < 200; ++i) {
    auto more = s.connect();
    EXPECT_EQ(more.ask(from(1) + get("/")).code, 503);
    more.close();
  }
  EXPECT_EQ(s.client().ask(from(2) + get("/")).code, 200);
  two.close();
  for (int i = 0; i < 10; ++i) s.settle();
  s.advance(2s);
  EXPECT_EQ(s.client().ask(from(1) + get("/")).code, 200);
}

// Its connection is drained as one that has sent nothing yet.
TEST_P(proxy_header, that_has_not_come_holds_up_no_drain) {
  auto& silent = s.client();
  auto& asked = s.client();
  ASSERT_TRUE(asked.send(line));
  s.drain();
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(asked.rest(), "");
  for (int i = 0; i < 10; ++i) s.settle();
  EXPECT_TRUE(s.done);
}
ANTIPHON_OVER_STREAMS(proxy_header);

} // namespace
