// SPDX-License-Identifier: BSL-1.0
// Calls through a proxy: tunnels by CONNECT, proxies that open none, proxies that mean harm, connectors above and
// below.
#include "client/harness.hpp"
#include "support/allocated.hpp"
#include "support/raw_client.hpp"

#include <antiphon/client/detail/hopeless.hpp>
#include <antiphon/client/layers/retry.hpp>
#include <antiphon/core/race.hpp>
#include <antiphon/server.hpp>

#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <exception>
#include <random>
#include <stdexcept>

namespace client_tests {
namespace {

using ap::status;

const std::string opened = "HTTP/1.1 200 Connection established\r\n\r\n";
const std::string hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

class through_a_proxy : public ::testing::TestWithParam<bool> {
 protected:
  through_a_proxy() {
    prepare(w);
    w.plain = GetParam();
  }
  void prepare(world& one) {
    one.around = [this](std::shared_ptr<ap::connector> inner) {
      return ap::make_proxy_connector(url, options, std::move(inner));
    };
  }
  /// A call whose proxy says `bytes`.
  call answered(std::string_view bytes) {
    const auto c = w.get();
    auto& p = *w.peers.back();
    p.take();
    p.send(bytes);
    return c;
  }
  std::string url = "http://proxy.example:3128";
  ap::proxy_options options;
  world w;
};
INSTANTIATE_TEST_SUITE_P(over, through_a_proxy, ::testing::Bool(),
                         [](const auto& at) { return at.param ? "plain" : "readiness"; });

TEST_P(through_a_proxy, a_call) {
  const auto c = w.get("http://Example.org/a");
  ASSERT_EQ(w.peers.size(), 1u);
  EXPECT_EQ(w.targets[0], "proxy.example:3128");
  EXPECT_EQ(w.at(0).take(), "CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\n");
  w.at(0).send(opened);
  EXPECT_EQ(w.at(0).take(), "GET /a HTTP/1.1\r\nHost: example.org\r\nUser-Agent: antiphon\r\n\r\n");
  w.at(0).send(hello);
  ASSERT_TRUE(c->done);
  EXPECT_FALSE(c->ec) << c->ec.message();
  EXPECT_EQ(c->res.body(), "hello");
  // The tunnel is kept, for this server only.
  const auto d = w.get("http://example.org/b");
  EXPECT_TRUE(w.at(0).now().starts_with("GET /b "));
  w.at(0).answer("x");
  EXPECT_EQ(d->res.body(), "x");
  w.get("http://[::1]:81/");
  EXPECT_EQ(w.at(1).take(), "CONNECT [::1]:81 HTTP/1.1\r\nHost: [::1]:81\r\n\r\n");
}

TEST_P(through_a_proxy, byte_by_byte) {
  w.capacity = 7; // which the request is sent in pieces of
  url = "http://user:secret@proxy.example";
  const auto c = w.get();
  EXPECT_EQ(w.at(0).take(),
            "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n");
  for (const char& b : "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + opened) ASSERT_TRUE(w.at(0).send({&b, 1}));
  EXPECT_TRUE(w.at(0).take().starts_with("GET / HTTP/1.1\r\n"));
  for (const char& b : hello) ASSERT_TRUE(w.at(0).send({&b, 1}));
  EXPECT_EQ(c->res.body(), "hello");
}

TEST_P(through_a_proxy, what_follows_the_head_is_the_servers) {
  const std::string large(20'000, 'x');
  const auto answer = "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + large;
  for (const std::size_t size : {0u, 1u, 1000u}) {
    w.read_size = size;
    const auto c = answered(opened + answer);
    ASSERT_TRUE(c->done) << size;
    EXPECT_FALSE(c->ec) << c->ec.message();
    EXPECT_TRUE(c->res.body() == large);
    w.client().close_idle();
    w.time.settle();
  }
}

/// RFC 9110, section 9.3.6: all of 2xx opens, and there is no content, whatever the fields say.
TEST_P(through_a_proxy, what_opens_a_tunnel) {
  for (const std::string head :
       {"HTTP/1.0 200 Connection established\r\n\r\n", "HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 299 \r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nProxy-Agent: x\r\n\r\n"}) {
    const auto c = answered(head);
    EXPECT_TRUE(w.peers.back()->take().starts_with("GET / ")) << head;
    w.peers.back()->send(hello);
    EXPECT_EQ(c->res.body(), "hello") << head;
    w.client().close_idle();
    w.time.settle();
  }
}

TEST_P(through_a_proxy, a_refusal_is_named) {
  for (const int code : {101, 302, 400, 401, 403, 404, 407, 429, 499, 502, 503, 504, 999}) {
    const auto c =
        answered("HTTP/1.1 " + std::to_string(code) + " Whatever it says\r\nContent-Length: 9\r\n\r\nno secret");
    ASSERT_TRUE(c->done) << code;
    EXPECT_EQ(ap::proxy_status(c->ec), static_cast<status>(code));
    const auto said = c->ec.message();
    EXPECT_NE(said.find("proxy"), said.npos) << said;
    EXPECT_NE(said.find(std::to_string(code)), said.npos) << said;
    EXPECT_EQ(said.find("credentials") != said.npos, code == 407 || code == 401) << said;
    EXPECT_EQ(ap::detail::is_hopeless(c->ec), code < 500 && code != 429) << code;
    EXPECT_TRUE(w.peers.back()->ended());
    EXPECT_EQ(w.client().figures().connections, 0u);
    EXPECT_EQ(w.client().figures().origins, 0u);
  }
  EXPECT_EQ(answered("HTTP/1.1 403 Forbidden\r\n\r\n")->ec.message(),
            "the proxy opens no tunnel to the server: it answered CONNECT with 403 Forbidden");
  EXPECT_FALSE(ap::proxy_status(client_error::proxy_closed));
  EXPECT_FALSE(ap::proxy_status(client_error::proxy_refused));
  EXPECT_FALSE(ap::proxy_status(ap::error_code(1403, ap::http::error_category())));
  EXPECT_TRUE(ap::make_error_code(client_error::proxy_refused).message().starts_with("unknown"));
}

TEST_P(through_a_proxy, what_was_never_connected_is_worth_another_try) {
  w.client().use(ap::retry({.attempts = 4, .first = 0s}));
  const auto c = w.send(client_request(method::post, "http://h/").body("x", "text/plain")); // not idempotent
  const std::string bad_gateway = "HTTP/1.1 502 Bad Gateway\r\n\r\n", forbidden = "HTTP/1.1 403 Forbidden\r\n\r\n";
  for (const std::string_view said :
       {std::string_view(bad_gateway), std::string_view(""), std::string_view(forbidden)}) {
    w.peers.back()->take();
    w.peers.back()->send(said);
    w.peers.back()->close();
    w.advance(1s);
  }
  EXPECT_EQ(w.peers.size(), 3u);
  ASSERT_TRUE(c->done);
  EXPECT_EQ(ap::proxy_status(c->ec), status::forbidden);
}

TEST_P(through_a_proxy, interim_answers_are_bounded) {
  options.interim = 3;
  const auto said = [&](int n) {
    std::string all;
    for (int i = 0; i < n; ++i) all += "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n";
    return answered(all + opened + hello)->ec;
  };
  EXPECT_FALSE(said(3));
  w.client().close_idle();
  w.time.settle();
  EXPECT_EQ(said(4), client_error::proxy_bad_answer);
  EXPECT_EQ(said(300), client_error::proxy_bad_answer);
}

TEST_P(through_a_proxy, the_head_is_bounded) {
  options.response_head = 1000;
  const auto said = [&](std::size_t n) {
    return answered("HTTP/1.1 200 OK\r\nX: " + std::string(n - 7, 'x') + "\r\n\r\n" + hello)->ec;
  };
  EXPECT_FALSE(said(1000));
  w.client().close_idle();
  w.time.settle();
  EXPECT_EQ(said(1001), client_error::proxy_bad_answer);
  EXPECT_EQ(said(100'000), client_error::proxy_bad_answer);
}

/// One deadline for all of it: it begins with the connection, and no progress moves it.
TEST_P(through_a_proxy, the_time_to_connect_covers_the_handshake) {
  for (int step = 0; step < 4; ++step) {
    world one;
    prepare(one);
    one.plain = GetParam();
    if (step == 0) one.capacity = 5; // it reads nothing
    const auto c = one.get();
    one.advance(4s);
    if (step != 0) one.at(0).take();
    if (step == 2) one.at(0).send("HTTP/1.1 200 OK\r\nA:");
    if (step == 3) one.at(0).send("HTTP/1.1 103 Early Hints\r\n\r\n");
    one.advance(900ms);
    EXPECT_FALSE(c->done) << step;
    one.advance(200ms);
    ASSERT_TRUE(c->done) << step;
    EXPECT_EQ(c->ec, client_error::connect_timeout) << step;
    EXPECT_TRUE(one.at(0).ended());
    EXPECT_TRUE(step == 0 || !one.at(0).send(opened)) << "nobody hears of it";
    EXPECT_EQ(one.client().figures().origins, 0u);
  }
}

TEST_P(through_a_proxy, calls_may_be_cancelled_at_every_step) {
  const std::string all = "HTTP/1.1 103 Early Hints\r\n\r\n" + opened;
  for (std::size_t n = 0; n < all.size(); ++n) {
    world one;
    prepare(one);
    one.plain = GetParam();
    if (n == 0) one.capacity = 5; // while it is sent
    const auto c = one.get();
    if (n != 0) one.at(0).take();
    one.at(0).send(all.substr(0, n));
    EXPECT_FALSE(c->done) << n;
    c->cancel.emit(asio::cancellation_type::terminal);
    one.time.settle();
    ASSERT_TRUE(c->done) << n;
    EXPECT_EQ(c->ec, asio::error::operation_aborted);
    EXPECT_TRUE(one.at(0).ended());
    EXPECT_EQ(one.client().figures().origins, 0u);
  }
}

TEST_P(through_a_proxy, any_step_may_fail) {
  std::size_t closed = 0;
  const auto failures = ap::testing::for_each_failure([&](const ap::testing::fail_after& failure) {
    world one;
    prepare(one);
    one.plain = GetParam();
    one.failure = failure;
    const auto c = one.get();
    one.at(0).take();
    one.at(0).send("HTTP/1.1 103 Early Hints\r\n\r\n");
    one.at(0).send(opened);
    one.at(0).take();
    one.at(0).send(hello);
    ASSERT_TRUE(c->done);
    if (!failure.failed()) {
      EXPECT_EQ(c->res.body(), "hello");
    } else if (c->ec) {
      closed += c->ec == client_error::proxy_closed; // after that the tunnel's own failures begin
      EXPECT_EQ(one.client().figures().connections, 0u);
    }
    EXPECT_EQ(one.client().figures().calls, 0u);
  });
  EXPECT_GT(failures, closed);
  EXPECT_GE(closed, 3u); // the request, two heads
}

TEST_P(through_a_proxy, cut_at_every_byte) {
  const std::string all = "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + opened;
  for (std::size_t n = 0; n < all.size(); ++n) {
    for (const bool reset : {false, true}) {
      const auto c = answered(all.substr(0, n));
      reset ? w.peers.back()->reset() : w.peers.back()->close();
      ASSERT_TRUE(c->done) << n;
      EXPECT_EQ(c->ec, client_error::proxy_closed) << n << ": " << c->ec.message();
      EXPECT_EQ(w.client().figures().origins, 0u);
    }
  }
  const auto c = answered(all); // the server's end, which is another matter
  w.peers.back()->close();
  EXPECT_EQ(c->ec, client_error::closed_early);
}

TEST_P(through_a_proxy, a_proxy_without_an_end) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::pair<std::string, std::string> rows[] = {{"HTTP/1.1 200 ", std::string(4096, 'x')},
                                                      {ok + "X: ", std::string(4096, 'x')},
                                                      {ok, "X: " + std::string(1000, 'x') + "\r\n"},
                                                      {ok, "A: b\r\n"},
                                                      {"", "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"},
                                                      {"", std::string(4096, 'x')},
                                                      {"", "\r\n"},
                                                      {"", std::string(4096, '\0')},
                                                      {"HTTP/1.1 200 ", std::string(4096, '\t')},
                                                      {ok + "X: ", std::string(4096, ' ')}};
  for (const auto& [head, piece] : rows) {
    const auto held = threat::allocated();
    {
      const auto c = w.get();
      auto& p = *w.peers.back();
      p.take();
      std::size_t sent = 0;
      if (p.send(head))
        while (sent < 1'000'000 && !p.ended() && p.send(piece)) sent += piece.size();
      EXPECT_LT(sent, 200'000u) << head << piece.substr(0, 10);
      ASSERT_TRUE(c->done);
      EXPECT_EQ(c->ec, client_error::proxy_bad_answer) << c->ec.message();
    }
    w.peers.clear();
    EXPECT_LT(threat::allocated(), held + 300'000);
  }
}

TEST_P(through_a_proxy, a_proxy_of_another_kind) {
  for (const std::string said :
       {"SSH-2.0-x\r\n", "220 smtp.example ESMTP\r\n", "\x05\xff", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    const auto c = answered(said);
    ASSERT_TRUE(c->done) << said;
    EXPECT_EQ(c->ec, client_error::proxy_bad_answer) << said << c->ec.message();
    EXPECT_TRUE(w.peers.back()->ended());
  }
}

TEST_P(through_a_proxy, garbage_of_all_kinds) {
  const std::string seed =
      "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\n";
  std::minstd_rand random(4711);
  for (int round = 0; round < 500; ++round) {
    world one;
    prepare(one);
    one.plain = GetParam();
    one.read_size = round % 3 == 0 ? 1 : 0;
    const auto c = one.get();
    std::string bytes = seed;
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
      const auto at = random() % bytes.size();
      switch (random() % 3) {
      case 0: bytes[at] = static_cast<char>(random()); break;
      case 1: bytes.erase(at, 1 + random() % 4); break;
      default: bytes.insert(at, std::string_view("\r\n\0 :;0F", 8).substr(random() % 8, 1));
      }
      if (bytes.empty()) bytes = "x";
    }
    one.at(0).send(bytes);
    if (random() % 3 == 0) one.at(0).close();
    one.advance(10min);
    EXPECT_TRUE(c->done && c->ec) << round;
    EXPECT_EQ(one.client().figures().connections, 0u) << round;
  }
}

TEST_P(through_a_proxy, a_context_may_go_first) {
  for (const std::string said : {"not even asked", "", "HTTP/1.1 200 OK\r\n"}) {
    for (const std::size_t capacity : {5u, 5000u}) {
      auto io = std::make_unique<asio::io_context>(1);
      std::optional<ap::testing::memory_stream> far_end;
      const auto make = [&]<bool Readiness>(std::bool_constant<Readiness>) {
        return ap::make_connector([&](const ap::connect_target&) {
          auto ends = ap::testing::memory_pair<Readiness, true>(io->get_executor(), capacity);
          far_end.emplace(std::move(ends.second));
          return std::move(ends.first);
        });
      };
      ap::client c(*io);
      c.use(ap::make_proxy_connector(url, {}, GetParam() ? make(std::false_type()) : make(std::true_type())));
      const auto keep = std::make_shared<int>(0);
      c.async_send(client_request(method::get, "http://h/"),
                   [keep](ap::error_code, ap::client_response) { ADD_FAILURE(); });
      if (said != "not even asked") io->poll();
      if (far_end) {
        ap::error_code ec;
        far_end->write_some(asio::buffer(said), ec);
        io->poll();
      }
      if (capacity == 5u) far_end.reset(); // that is told, but nobody runs
      io.reset();
      EXPECT_EQ(keep.use_count(), 1);
    }
  }
}

TEST_P(through_a_proxy, unix_sockets_are_not_reached_by_it) {
  const auto c = w.send(client_request(method::get, "http://h/").unix_socket("/run/app.sock"));
  EXPECT_EQ(w.targets[0], "/run/app.sock");
  w.at(0).answer("x");
  EXPECT_EQ(c->res.body(), "x");
}

TEST_P(through_a_proxy, and_another) {
  w.around = [](std::shared_ptr<ap::connector> inner) {
    auto first = ap::make_proxy_connector("http://a:a@first:1", {}, std::move(inner));
    return ap::make_proxy_connector("http://b:b@second:2", {}, std::move(first));
  };
  const auto c = w.get();
  EXPECT_EQ(w.targets[0], "first:1");
  EXPECT_EQ(w.at(0).take(), "CONNECT second:2 HTTP/1.1\r\nHost: second:2\r\nProxy-Authorization: Basic YTph\r\n\r\n");
  w.at(0).send(opened);
  EXPECT_EQ(w.at(0).take(), "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\nProxy-Authorization: Basic Yjpi\r\n\r\n");
  w.at(0).send(opened + hello);
  EXPECT_EQ(c->res.body(), "hello");
  const auto d = w.get("http://other/");
  w.at(1).send(opened);
  w.at(1).send("HTTP/1.1 407 x\r\n\r\n"); // the second's
  EXPECT_EQ(ap::proxy_status(d->ec), status::proxy_authentication_required);
  EXPECT_TRUE(w.at(1).ended());
}

// --- Around a tunnel: what a connector for TLS will do
// -----------------------------------------------------------------

std::string masked(std::string bytes) {
  for (char& b : bytes) b = static_cast<char>(b ^ 0x55);
  return bytes;
}

/// The stream of another, with every byte changed on the way.
class masked_stream final : public ap::detail::client_stream {
 public:
  explicit masked_stream(std::unique_ptr<client_stream> inner) : inner_(std::move(inner)) {}
  void open(ap::error_code& ec) override { inner_->open(ec); }
  std::size_t read(asio::mutable_buffer to, ap::error_code& ec) override {
    const auto n = inner_->read(to, ec);
    auto* const bytes = static_cast<char*>(to.data());
    std::transform(bytes, bytes + n, bytes, [](char b) { return static_cast<char>(b ^ 0x55); });
    return n;
  }
  std::size_t write(const ap::detail::gather& from, ap::error_code& ec) override {
    const auto bytes = copy(from);
    return inner_->write({asio::buffer(bytes), asio::const_buffer()}, ec);
  }
  void wait_read(ap::detail::counted_ptr<ap::detail::stream_user> user) override { inner_->wait_read(std::move(user)); }
  void wait_write(const ap::detail::gather& from, ap::detail::counted_ptr<ap::detail::stream_user> user) override {
    const auto bytes = copy(from);
    inner_->wait_write({asio::buffer(bytes), asio::const_buffer()}, std::move(user));
  }
  bool quiet() override { return inner_->quiet(); }
  void shutdown_send() noexcept override { inner_->shutdown_send(); }
  void close() noexcept override { inner_->close(); }

 private:
  static std::string copy(const ap::detail::gather& from) {
    std::string bytes(asio::buffer_size(from), '\0');
    asio::buffer_copy(asio::buffer(bytes), from);
    return masked(std::move(bytes));
  }
  std::unique_ptr<client_stream> inner_;
};

/// https is http that is masked.
class masking_connector final : public ap::connector {
 public:
  explicit masking_connector(std::shared_ptr<ap::connector> inner) : inner_(std::move(inner)) {}
  bool takes(std::string_view scheme) const override { return scheme == "https" || inner_->takes(scheme); }
  std::string_view resolves(std::string_view host) const override { return inner_->resolves(host); }
  std::shared_ptr<void> connect(const ap::connect_target& to, const asio::any_io_executor& executor,
                                result done) override {
    if (to.scheme != "https") return inner_->connect(to, executor, std::move(done));
    return inner_->connect(to, executor, [done = std::move(done)](ap::error_code ec, auto stream) {
      done(ec, ec ? nullptr : std::make_unique<masked_stream>(std::move(stream)));
    });
  }

 private:
  std::shared_ptr<ap::connector> inner_;
};

TEST_P(through_a_proxy, tls_may_stand_around_it) {
  w.around = [this](std::shared_ptr<ap::connector> inner) {
    return std::make_shared<masking_connector>(ap::make_proxy_connector(url, {}, std::move(inner)));
  };
  const auto c = w.get("https://h/");
  EXPECT_EQ(w.at(0).take(), "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
  w.at(0).send(opened + masked(hello).substr(0, 3)); // a server that speaks first
  EXPECT_EQ(masked(w.at(0).take()), "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: antiphon\r\n\r\n");
  w.at(0).send(masked(hello).substr(3));
  EXPECT_EQ(c->res.body(), "hello");
  const auto d = w.get("http://h/"); // not masked
  w.at(1).take();
  w.at(1).send(opened + hello);
  EXPECT_EQ(d->res.body(), "hello");
  const auto e = w.get("https://no/");
  w.at(2).send("HTTP/1.1 403 x\r\n\r\n");
  EXPECT_EQ(ap::proxy_status(e->ec), status::forbidden);
}

TEST_P(through_a_proxy, or_below_it) {
  w.around = [](std::shared_ptr<ap::connector> inner) {
    return ap::make_proxy_connector("https://proxy", {}, std::make_shared<masking_connector>(std::move(inner)));
  };
  const auto c = w.get();
  EXPECT_EQ(w.targets[0], "proxy:443");
  EXPECT_EQ(masked(w.at(0).take()), "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n");
  w.at(0).send(masked(opened + hello));
  EXPECT_EQ(c->res.body(), "hello");
}

// --- The URL
// -----------------------------------------------------------------------------------------------------------

TEST(proxy_url, has_the_credentials) {
  const auto sent = [](const char* url) {
    world w;
    w.around = [url](std::shared_ptr<ap::connector> inner) {
      return ap::make_proxy_connector(url, {}, std::move(inner));
    };
    w.get();
    const auto head = w.at(0).take();
    const std::string_view before = "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n";
    EXPECT_TRUE(head.starts_with(before) && head.ends_with("\r\n\r\n")) << head;
    return w.targets[0] + " " + head.substr(before.size(), head.size() - before.size() - 2);
  };
  const std::string basic = "Proxy-Authorization: Basic ";
  EXPECT_EQ(sent("http://p:3128"), "p:3128 ");
  EXPECT_EQ(sent("http://p"), "p:80 ");
  EXPECT_EQ(sent("HTTP://P:1/"), "p:1 ");
  EXPECT_EQ(sent("http://[::1]:3128"), "[::1]:3128 ");
  EXPECT_EQ(sent("http://user:secret@p:3128/"), "p:3128 " + basic + "dXNlcjpzZWNyZXQ=\r\n");
  EXPECT_EQ(sent("http://user@p:3128"), "p:3128 " + basic + "dXNlcjo=\r\n");
  EXPECT_EQ(sent("http://us%40er:a%3Ab%2f@p"), "p:80 " + basic + "dXNAZXI6YTpiLw==\r\n"); // us@er:a:b/
  EXPECT_EQ(sent("http://u:a@b@p"), "p:80 " + basic + "dTphQGI=\r\n");                    // as browsers read it
}

TEST(proxy_url, is_refused_without_being_repeated) {
  for (const std::string url : {"",
                                "secret",
                                "secret:1",
                                "://secret",
                                "http://",
                                "http://user:secret@",
                                "http://user:secret@p:0",
                                "http://user:secret@p:99999",
                                "http://user:secret@p/path",
                                "http://user:secret@p?q",
                                "http://us%3Aer:secret@p",
                                "http://user:secret%0d%0aX:y@p",
                                "http://user:secret%zz@p",
                                "http://user:secret%00@p",
                                "http://user:sec/ret@p",
                                "http://user:3128/secret@p",
                                "socks5://user:secret@p:1080",
                                "http://user:secret@p\r\nX: y",
                                "ftp://secret",
                                "https://user:secret@p:3128"}) {
    try {
      ap::make_proxy_connector(url);
      ADD_FAILURE() << url;
    } catch (const std::invalid_argument& e) {
      const std::string_view said = e.what();
      EXPECT_EQ(said.find("secret"), said.npos) << said;
      EXPECT_EQ(said.find("TLS") != said.npos, url.starts_with("https:")) << said;
    }
  }
}

/// Whoever calls a connector need not be a client, which has looked at its URLs.
TEST(proxy_connector, refuses_a_host_that_is_none) {
  world w;
  const auto links = ap::make_proxy_connector("http://p", {}, ap::make_connector([&](const ap::connect_target&) {
                                                ADD_FAILURE() << "connected";
                                                return ap::testing::memory_pair(w.io.get_executor()).first;
                                              }));
  EXPECT_FALSE(links->takes("https"));
  EXPECT_EQ(links->resolves("h"), "");
  for (const std::string host : {"", "h\r\nX: y", "h x", "u@h", "h:1"}) {
    ap::connect_target to;
    to.host = host;
    to.port = 80;
    std::optional<ap::error_code> got;
    const auto attempt = links->connect(to, w.io.get_executor(), [&](ap::error_code ec, auto) { got = ec; });
    EXPECT_FALSE(got);
    w.time.settle();
    EXPECT_EQ(got, client_error::bad_url) << host;
  }
}

// --- Real sockets
// ------------------------------------------------------------------------------------------------------

/// A small proxy, which knows one server by any name.
class real_proxy {
 public:
  real_proxy(asio::io_context& io, std::uint16_t server)
      : acceptor_(io, {asio::ip::make_address("127.0.0.1"), 0}), server_(server) {
    asio::co_spawn(io, accept(), asio::bind_cancellation_slot(stop_.slot(), [](std::exception_ptr) {}));
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void stop() { stop_.emit(asio::cancellation_type::terminal); }
  std::vector<std::string> heads;
  std::string wanted = "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"; // user:secret

 private:
  using socket = asio::ip::tcp::socket;
  asio::awaitable<void> accept() {
    while (true) {
      auto client = co_await acceptor_.async_accept(asio::use_awaitable);
      asio::co_spawn(acceptor_.get_executor(), serve(std::move(client)), [](std::exception_ptr) {});
    }
  }
  asio::awaitable<void> serve(socket client) {
    std::string in;
    const auto n = co_await asio::async_read_until(client, asio::dynamic_buffer(in), "\r\n\r\n", asio::use_awaitable);
    heads.push_back(in.substr(0, n));
    std::string answer = "HTTP/1.1 200 OK\r\n\r\n";
    if (in.find(wanted) == in.npos) answer = "HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=x\r\n\r\n";
    co_await asio::async_write(client, asio::buffer(answer), asio::use_awaitable);
    if (answer[9] != '2') co_return;
    socket server(client.get_executor());
    const asio::ip::tcp::endpoint to(asio::ip::make_address("127.0.0.1"), server_);
    co_await server.async_connect(to, asio::use_awaitable);
    auto down = pass(server, client), up = pass(client, server);
    co_await ap::race(std::move(down), std::move(up));
  }
  static asio::awaitable<void> pass(socket& from, socket& to) {
    std::array<char, 4096> room;
    while (true) {
      const auto n = co_await from.async_read_some(asio::buffer(room), asio::use_awaitable);
      co_await asio::async_write(to, asio::buffer(room, n), asio::use_awaitable);
    }
  }

  asio::ip::tcp::acceptor acceptor_;
  std::uint16_t server_;
  asio::cancellation_signal stop_;
};

struct listening_resolver final : ap::resolver {
  std::shared_ptr<void> resolve(std::string_view host, const asio::any_io_executor& ex, answer done) override {
    asked.emplace_back(host);
    auto held = std::make_shared<answer>(std::move(done));
    // Nobody listens at the first.
    const addresses all{asio::ip::make_address("127.0.0.2"), asio::ip::make_address("127.0.0.1")};
    asio::post(ex, [weak = std::weak_ptr<answer>(held), all] {
      if (const auto at = weak.lock()) (*at)({}, all);
    });
    return held;
  }
  std::vector<std::string> asked;
};

TEST(proxy_over_tcp, resolves_the_name_of_the_proxy_only) {
  asio::io_context io(1);
  ap::router app;
  app.get("/", [](ap::request& req) { return "hello " + std::string(req.authority()); });
  app.post(
      "/echo", [](ap::request& req) { return req.take_body(); }, ap::route_options{.max_body = 10'000'000});
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
  real_proxy proxy(io, acceptor.local_endpoint().port());
  asio::cancellation_signal stop;
  ap::async_serve(std::move(acceptor), app, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));

  ap::client_response res;
  const auto names = std::make_shared<listening_resolver>();
  const auto call = [&](const std::string& who, client_request req) {
    ap::client c(io);
    c.use(names).use(ap::make_proxy_connector("http://" + who + "proxy.example:" + std::to_string(proxy.port())));
    std::optional<ap::error_code> got;
    c.async_send(std::move(req), [&](ap::error_code ec, ap::client_response r) {
      got = ec;
      res = std::move(r);
    });
    const auto last = std::chrono::steady_clock::now() + threat::patience;
    while (!got && std::chrono::steady_clock::now() < last) io.run_one_for(1s);
    return got.value_or(asio::error::timed_out);
  };
  EXPECT_EQ(call("user:secret@", {method::get, "http://server.invalid/"}), ap::error_code());
  EXPECT_EQ(res.body(), "hello server.invalid");
  EXPECT_EQ(names->asked, std::vector<std::string>{"proxy.example"});
  ASSERT_EQ(proxy.heads.size(), 1u);
  EXPECT_TRUE(proxy.heads[0].starts_with("CONNECT server.invalid:80 HTTP/1.1\r\nHost: server.invalid:80\r\n"));

  const std::string large(3'000'000, 'y');
  EXPECT_FALSE(call("user:secret@", client_request(method::post, "http://s/echo").body(large, "text/plain")));
  EXPECT_TRUE(res.body() == large);
  EXPECT_EQ(ap::proxy_status(call("user:wrong@", {method::get, "http://s/"})), status::proxy_authentication_required);
  EXPECT_EQ(ap::proxy_status(call("", {method::get, "http://s/"})), status::proxy_authentication_required);

  proxy.stop();
  stop.emit(asio::cancellation_type::terminal);
  io.restart();
  io.poll();
}

} // namespace
} // namespace client_tests
