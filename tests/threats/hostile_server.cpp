// SPDX-License-Identifier: BSL-1.0
// Threat suite: servers that mean a client harm. Nothing that they send makes it wait for ever, grow, believe a cut
// body, or take one answer for another.
#include "../client/harness.hpp"
#include "../support/allocated.hpp"

#include <cstdint>
#include <random>

namespace client_tests {
namespace {

class hostile_server : public ::testing::Test {
 protected:
  world w;

  /// Sends `head`, then `piece` again and again, until the client has enough; how many bytes it took.
  std::size_t flood(peer& p, std::string_view head, const std::string& piece, std::size_t most = 100'000'000) {
    p.take();
    std::size_t sent = 0;
    if (!p.send(head)) return 0;
    while (sent < most && !p.ended() && p.send(piece)) sent += piece.size();
    return sent;
  }
  /// A call that is answered with `bytes`, after which the server closes.
  call answered(std::string_view bytes, bool reset = false) {
    const auto c = w.get();
    std::size_t i = w.peers.size() - 1;
    while (i > 0 && w.at(i).now().empty()) --i; // it may go over a connection that was there
    auto& p = w.at(i);
    p.take();
    p.send(bytes);
    reset ? p.reset() : p.close();
    w.time.settle();
    return c;
  }
};

TEST_F(hostile_server, without_an_end) {
  struct row {
    const char* what;
    std::string head, piece;
    ap::error_code ec;
    std::size_t most;
  };
  using http = ap::http::error;
  const std::string ok = "HTTP/1.1 200 OK\r\n", chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
  const row rows[] = {
      {"status line", "HTTP/1.1 200 ", std::string(4096, 'x'), http::bad_status_line, 200'000},
      {"field", ok + "X: ", std::string(4096, 'x'), http::head_too_large, 200'000},
      {"fields", ok, "X: " + std::string(1000, 'x') + "\r\n", http::head_too_large, 200'000},
      {"many fields", ok, "A: b\r\n", http::too_many_fields, 200'000},
      {"interim answers", "", "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", http::too_many_interim_responses, 200'000},
      {"body", ok + "\r\n", std::string(50'000, 'x'), http::body_too_large, 17'000'000},
      {"chunks", chunked, "c350\r\n" + std::string(50'000, 'x') + "\r\n", http::body_too_large, 17'000'000},
      {"small chunks", chunked, "1;a=bcdefghijklmnopqrstuvwxyz\r\nx\r\n", http::chunk_overhead, 200'000},
      {"chunk size", chunked, "0000000000", http::bad_chunk_size, 200'000},
      {"extension", chunked + "1;", std::string(1000, 'x'), http::bad_chunk_extension, 200'000},
      {"trailers", chunked + "0\r\n", "X: " + std::string(1000, 'x') + "\r\n", http::trailer_too_large, 200'000},
      {"nothing known", "", std::string(4096, 'x'), http::bad_status_line, 200'000},
      {"empty lines", "", "\r\n", http::bad_status_line, 200'000},
      {"NULs", "", std::string(4096, '\0'), http::nul_byte, 200'000},
  };
  for (const auto& r : rows) {
    const auto held = threat::allocated();
    {
      const auto c = w.get();
      EXPECT_LT(flood(*w.peers.back(), r.head, r.piece), r.most) << r.what;
      ASSERT_TRUE(c->done) << r.what;
      // Framing that is refused for its size may be refused for one limit or another.
      EXPECT_EQ(c->ec.category(), ap::http::error_category()) << r.what;
      if (r.ec != http::chunk_overhead && r.ec != http::nul_byte) {
        EXPECT_EQ(c->ec, r.ec) << r.what << ": " << c->ec.message();
      }
      EXPECT_EQ(w.client().figures().connections, 0u) << r.what;
    }
    w.peers.clear();
    EXPECT_LT(threat::allocated(), held + 300'000) << r.what;
  }
}

TEST_F(hostile_server, memory_stays_flat_while_a_stream_has_no_end) {
  std::uint64_t got = 0;
  asio::cancellation_signal stop;
  asio::co_spawn(
      w.io,
      [](world& at, std::uint64_t& n) -> asio::awaitable<void> {
        auto res = co_await at.client().send(client_request(method::get, "http://h/").stream_response());
        while (true) n += (co_await res.read_some()).size();
      }(w, got),
      asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
  w.time.settle();
  w.at(0).take();
  w.at(0).send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "c350\r\n" + std::string(50'000, 'x') + "\r\n";
  w.at(0).send(chunk);
  const auto held = threat::allocated();
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(w.at(0).send(chunk));
  EXPECT_EQ(got, 2001u * 50'000);
  EXPECT_LT(threat::allocated(), held + 200'000);
  stop.emit(asio::cancellation_type::terminal);
  w.time.settle();
}

TEST_F(hostile_server, that_announces_much_makes_nobody_reserve_it) {
  w.options.max_body = 1ull << 40;
  const auto held = threat::allocated();
  std::vector<call> all;
  for (int i = 0; i < 16; ++i) all.push_back(w.get());
  for (auto& p : w.peers) {
    p->take();
    p->send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nx");
  }
  EXPECT_LT(threat::allocated(), held + 16 * 250'000); // streams of the test and 64 KiB each
  for (auto& p : w.peers) p->close();
  for (const auto& c : all) EXPECT_EQ(c->ec, ap::http::error::incomplete_message);
}

TEST_F(hostile_server, that_contradicts_itself) {
  using http = ap::http::error;
  struct row {
    const char* fields;
    http why;
  };
  for (const auto& [fields, why] :
       {row{"Content-Length: 3\r\nContent-Length: 4", http::repeated_content_length},
        row{"Content-Length: 3, 3", http::bad_content_length},
        row{"Content-Length: 3\r\nTransfer-Encoding: chunked", http::conflicting_lengths},
        row{"Content-Length: +3", http::bad_content_length}, row{"Content-Length: -1", http::bad_content_length},
        row{"Content-Length: 0x3", http::bad_content_length},
        row{"Content-Length: 99999999999999999999", http::bad_content_length},
        row{"Transfer-Encoding: gzip, chunked", http::unsupported_transfer_coding},
        row{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", http::repeated_transfer_coding},
        row{"Content-Length : 3", http::space_before_colon}, row{"X: a\r\n b", http::obs_fold},
        row{"X: a\rContent-Length: 3", http::bare_cr}, row{"X: a\nContent-Length: 3", http::bare_lf}}) {
    const auto c = answered("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n\r\nabc");
    ASSERT_TRUE(c->done) << fields;
    EXPECT_EQ(c->ec.category(), ap::http::error_category()) << fields;
    if (why != http::bad_content_length && why != http::unsupported_transfer_coding) {
      EXPECT_EQ(c->ec, why) << fields << ": " << c->ec.message();
    }
    EXPECT_EQ(w.client().figures().connections, 0u);
  }
}

TEST_F(hostile_server, answers_that_nobody_asked_for_answer_nobody) {
  const std::string evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
  for (int when = 0; when < 4; ++when) {
    world one;
    const auto c = one.get();
    one.at(0).take();
    const std::string good =
        when == 3 ? "HTTP/1.1 204 No Content\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";
    if (when == 0) one.at(0).send(good + evil);                // at once
    if (when == 1) one.at(0).send(good), one.at(0).send(evil); // behind it
    if (when == 2) one.at(0).send(good + evil.substr(0, 1));   // its beginning
    if (when == 3) one.at(0).send(good + evil);                // a body where there is none
    ASSERT_TRUE(c->done && !c->ec);
    const auto next = one.get();
    EXPECT_FALSE(next->done) << when;
    ASSERT_EQ(one.peers.size(), 2u) << "the connection is of no more use";
    EXPECT_TRUE(one.at(0).take().empty());
    one.at(1).answer("mine");
    EXPECT_EQ(next->res.body(), "mine");
  }
  // Before the request: a greeting is no answer either.
  world one;
  const auto c = one.get();
  one.at(0).send("220 smtp.example.org ESMTP\r\n");
  EXPECT_EQ(c->ec, ap::http::error::bad_status_line);
}

TEST_F(hostile_server, that_cuts_at_every_byte) {
  const std::pair<std::string, std::string> answers[] = {
      {"HTTP/1.1 103 x\r\nLink: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\nX: y\r\n\r\n", "abcdef"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n3;x=y\r\ndef\r\n0\r\nX: y\r\n\r\n"},
      {"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 6\r\n\r\n", "abcdef"}};
  for (const auto& [head, body] : answers) {
    const auto whole = head + body;
    for (std::size_t n = 0; n < whole.size(); ++n) {
      for (const bool reset : {false, true}) {
        const auto c = answered(whole.substr(0, n), reset);
        ASSERT_TRUE(c->done) << n;
        EXPECT_TRUE(c->ec) << n << " bytes were taken for all";
        EXPECT_EQ(c->res.status(), ap::status()) << "and half an answer is none";
        EXPECT_EQ(w.client().figures().calls, 0u);
        EXPECT_EQ(w.client().figures().connections, 0u);
      }
    }
    w.peers.clear();
  }
}

TEST_F(hostile_server, that_drips) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef";
  const auto c = w.send(client_request(method::get, "http://h/").total(5min));
  w.at(0).take();
  std::size_t n = 0;
  while (!c->done && n < whole.size()) {
    w.at(0).send({&whole[n++], 1});
    w.advance(25s);
  }
  EXPECT_EQ(c->ec, client_error::total_timeout);
  EXPECT_EQ(n, 13u);
}

TEST_F(hostile_server, that_sends_a_client_around) {
  const auto c = w.get();
  for (int i = 0; i < 100 && !c->done; ++i) { // each to another origin
    auto& p = *w.peers.back();
    p.take();
    p.send("HTTP/1.1 302 x\r\nContent-Length: 0\r\nLocation: http://h" + std::to_string(i) + "/\r\n\r\n");
  }
  EXPECT_EQ(c->ec, client_error::too_many_redirects);
  EXPECT_EQ(w.peers.size(), 6u);
  for (const std::string to : {"http://x/\tX: y", "//", "http://", "http://[::1", "http://h:99999/", "\x01", "\\\\x\\y",
                               "http://user@x/", "http://127.1/", "gopher://x/"}) {
    const auto d = answered("HTTP/1.1 302 x\r\nContent-Length: 0\r\nLocation: " + to + "\r\n\r\n");
    EXPECT_TRUE(d->done && d->ec) << to;
  }
}

TEST_F(hostile_server, garbage_of_all_kinds) {
  const std::string seeds[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
                               "HTTP/1.1 103 Early\r\n\r\nHTTP/1.0 200 OK\r\n\r\nbody until the end",
                               "HTTP/1.1 302 Found\r\nLocation: http://h/x\r\nContent-Length: 0\r\n\r\n",
                               "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbytes"};
  std::minstd_rand random(4711);
  for (int round = 0; round < 1500; ++round) {
    world one;
    one.plain = round % 2 != 0;
    one.read_size = round % 3 == 0 ? 1 : 0;
    client_request req(method::get, "http://h/");
    if (round % 5 == 0) req.stream_response();
    if (round % 7 == 0) req.upgrade("x");
    const auto c = one.send(std::move(req));
    for (int answer = 0; answer < 3 && !c->done; ++answer) {
      std::string bytes = seeds[random() % std::size(seeds)];
      for (auto changes = random() % 4; changes > 0; --changes) {
        const auto at = random() % bytes.size();
        switch (random() % 4) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes.erase(at, 1 + random() % 4); break;
        case 2: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 9)); break;
        default: bytes.insert(at, std::string_view("\r\n\0 :;0F", 8).substr(random() % 8, 1));
        }
        if (bytes.empty()) bytes = "x";
      }
      one.peers.back()->send(bytes);
      if (random() % 3 == 0) one.peers.back()->close();
    }
    c->res = ap::client_response();
    one.advance(10min);
    EXPECT_TRUE(c->done) << round;
    c->res = ap::client_response();
    one.time.settle();
    EXPECT_EQ(one.client().figures().calls, 0u) << round;
    EXPECT_EQ(one.client().figures().connections, 0u) << round;
  }
}

/// Everything that may be open when a context is destroyed: nothing of it is called, and nothing leaks.
TEST_F(hostile_server, silence_until_the_context_goes) {
  struct silent_resolver final : ap::resolver {
    std::shared_ptr<void> resolve(std::string_view, const asio::any_io_executor&, answer done) override {
      return std::make_shared<answer>(std::move(done));
    }
  };
  for (const bool client_first : {false, true}) {
    auto own = std::make_unique<world>();
    auto& at = *own;
    at.options.connections = 4;
    const auto names = std::make_unique<ap::client>(at.io);
    names->use(std::make_shared<silent_resolver>());
    const auto never = [](std::exception_ptr) { ADD_FAILURE(); };
    asio::co_spawn(
        at.io, [](ap::client c) -> asio::awaitable<void> { co_await c.get("http://name/"); }(*names), never);
    asio::co_spawn(
        at.io,
        [](ap::client c) -> asio::awaitable<void> {
          auto res = co_await c.send(client_request(method::get, "http://h/").stream_response());
          while (true) co_await res.read_some();
        }(at.client()),
        never);
    at.time.settle();
    at.at(0).take();
    at.at(0).send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    asio::co_spawn(
        at.io,
        [](ap::client c) -> asio::awaitable<void> {
          auto res = co_await c.upgrade(client_request(method::get, "http://h/"), "x");
          auto stream = res.stream();
          char room[8];
          co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
        }(at.client()),
        never);
    at.time.settle();
    at.at(1).send("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    asio::co_spawn(
        at.io,
        [](ap::client c) -> asio::awaitable<void> {
          auto body = [text = std::string(100'000, 'x')](ap::body_writer& out) -> asio::awaitable<void> {
            while (true) co_await out.write(text);
          };
          co_await c.send(client_request(method::post, "http://h/").stream_body(std::move(body)));
        }(at.client()),
        never);
    for (int i = 0; i < 6; ++i) // some wait for an answer, some for a connection
      asio::co_spawn(
          at.io, [](ap::client c) -> asio::awaitable<void> { co_await c.get("http://h/"); }(at.client()), never);
    at.time.settle();
    EXPECT_EQ(at.client().figures().waiting, 5u);
    if (client_first) at.made.reset();     // the coroutines have handles
    const auto kept = std::move(at.peers); // silent to the end
    own.reset();
  }
}

} // namespace
} // namespace client_tests
