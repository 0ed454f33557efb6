// SPDX-License-Identifier: BSL-1.0
// What a client does besides one request and its answer: redirects, repetition, streams both ways, upgrades, layers.
#include "client/harness.hpp"
#include "support/count_bytes.hpp"

#include <antiphon/client/layers/metrics.hpp>
#include <antiphon/client/layers/retry.hpp>
#include <antiphon/client/layers/tracing.hpp>
#include <antiphon/core/notifier.hpp>
#include <antiphon/core/timeout.hpp>

#include <stdexcept>

namespace client_tests {
namespace {

class client_exchange : public ::testing::Test {
 protected:
  world w;

  void redirect(peer& from, int code, std::string_view to) {
    from.take();
    from.send("HTTP/1.1 " + std::to_string(code) + " R\r\nContent-Length: 3\r\nLocation: " + std::string(to) +
              "\r\n\r\nxyz");
  }
  void spawn(asio::awaitable<void> task) {
    asio::co_spawn(w.io, std::move(task), [this](std::exception_ptr e) {
      ended = true;
      failure = e;
    });
    w.time.settle();
  }
  bool ended = false;
  std::exception_ptr failure;
};

// --- Redirects.

TEST_F(client_exchange, redirects_change_the_method_as_browsers_do) {
  struct row {
    int code;
    method from, to;
    bool body;
  };
  for (const auto& [code, from, to, body] :
       {row{301, method::post, method::get, false}, row{302, method::post, method::get, false},
        row{303, method::post, method::get, false}, row{303, method::put, method::get, false},
        row{303, method::head, method::head, true}, row{301, method::put, method::put, true},
        row{302, method::del, method::del, true}, row{307, method::post, method::post, true},
        row{308, method::post, method::post, true}, row{301, method::get, method::get, true}}) {
    world one;
    const bool sends = from != method::head && from != method::get && from != method::del;
    client_request req(from, "http://h/a?b");
    if (sends) req.body("body", "text/plain");
    const auto c = one.send(std::move(req));
    one.at(0).take();
    one.at(0).send("HTTP/1.1 " + std::to_string(code) + " R\r\nContent-Length: 0\r\nLocation: c\r\n\r\n");
    const auto second = one.at(0).take(); // over the same connection
    EXPECT_TRUE(second.starts_with(std::string(ap::http::to_string(to)) + " /c HTTP/1.1\r\n")) << code << second;
    EXPECT_EQ(second.ends_with("\r\n\r\nbody"), sends && body) << code;
    EXPECT_EQ(second.find("Content-Type") != second.npos, sends && body) << code;
    one.at(0).send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(c->done && !c->ec) << code;
    EXPECT_EQ(c->res.url(), "http://h/c");
  }
}

TEST_F(client_exchange, credentials_stay_with_their_origin) {
  const auto ask = [&](std::string_view to) {
    const auto before = w.peers.size();
    client_request req(method::get, "http://h/");
    req.header("Authorization", "a").header("Cookie", "b").header("Proxy-Authorization", "c").header("X-Other", "d");
    const auto c = w.send(std::move(req));
    auto& first = w.peers.size() > before ? *w.peers.back() : w.at(0);
    redirect(first, 302, to);
    std::string got;
    for (auto& p : w.peers) got += p->take();
    for (auto& p : w.peers) p->answer("");
    EXPECT_TRUE(c->done && !c->ec);
    return got;
  };
  const auto same = ask("/x");
  EXPECT_NE(same.find("Authorization: a"), same.npos);
  EXPECT_NE(same.find("Cookie: b"), same.npos);
  for (const auto* other : {"http://other/", "http://h:81/", "//x/"}) {
    const auto got = ask(other);
    EXPECT_NE(got.find("X-Other: d"), got.npos);
    for (const auto* secret : {"Authorization", "Cookie"}) EXPECT_EQ(got.find(secret), got.npos) << got;
  }
}

TEST_F(client_exchange, redirects_are_limited) {
  w.options.redirects = 3;
  for (const int n : {3, 4, 300}) {
    const auto c = w.get("http://h/");
    for (int i = 0; i < n && !c->done; ++i) redirect(*w.peers.back(), 302, "/" + std::to_string(i));
    if (!c->done) w.peers.back()->answer("end");
    ASSERT_TRUE(c->done);
    if (n == 3) {
      EXPECT_EQ(c->res.body(), "end");
    } else {
      EXPECT_EQ(c->ec, client_error::too_many_redirects);
    }
  }
  const auto none = w.send(client_request(method::get, "http://h/").redirects(0));
  redirect(*w.peers.back(), 302, "/x");
  EXPECT_EQ(none->res.status(), ap::status::found);
  EXPECT_EQ(none->res.body(), "xyz");
}

TEST_F(client_exchange, redirects_to_where_a_client_does_not_go) {
  const auto to = [&](std::string_view from, std::string_view where) {
    const auto c = w.get(std::string(from));
    redirect(*w.peers.back(), 302, where);
    EXPECT_TRUE(c->done) << where;
    return c->ec;
  };
  EXPECT_EQ(to("http://h/", "ftp://x/"), client_error::bad_url);
  EXPECT_EQ(to("http://h/", "file:///etc/passwd"), client_error::bad_url);
  EXPECT_EQ(to("http://h/", "http://u:p@x/"), client_error::bad_url);
  EXPECT_EQ(to("https://h/", "http://h/"), client_error::insecure_redirect); // the connector of the test takes https
  const auto c =
      w.send(client_request(method::post, "http://h/").stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
        co_await out.write("once");
      }));
  redirect(w.at(0), 307, "/again");
  EXPECT_EQ(c->ec, client_error::body_not_repeatable);
}

TEST_F(client_exchange, the_body_of_a_redirect_is_read_only_so_far) {
  const auto c = w.get();
  w.at(0).take();
  w.at(0).send("HTTP/1.1 302 R\r\nLocation: /x\r\nContent-Length: 1000000\r\n\r\n" + std::string(70'000, 'x'));
  ASSERT_EQ(w.peers.size(), 2u);
  EXPECT_TRUE(w.at(0).ended());
  w.at(1).answer("y");
  EXPECT_EQ(c->res.body(), "y");
}

TEST_F(client_exchange, a_redirect_that_waits_for_a_coroutine_may_be_cancelled) {
  ap::notifier bell;
  bool gone = false;
  const auto stubborn = [&](ap::body_writer& out) -> asio::awaitable<void> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await out.write("piece");
    co_await bell.async_wait(asio::use_awaitable);
    gone = true;
  };
  for (const bool handle_goes : {false, true}) {
    gone = false;
    const auto c = w.send(client_request(method::post, "http://h/").stream_body(stubborn));
    redirect(*w.peers.back(), 303, "/next");
    EXPECT_FALSE(c->done);
    EXPECT_EQ(w.client().figures().calls, 1u);
    handle_goes ? w.made.reset() : c->cancel.emit(asio::cancellation_type::terminal);
    w.time.settle();
    EXPECT_FALSE(c->done) << "the coroutine may use what the caller has";
    bell.notify_all();
    w.time.settle();
    EXPECT_TRUE(gone);
    ASSERT_TRUE(c->done);
    EXPECT_EQ(c->ec, asio::error::operation_aborted);
  }
}

// --- Repetition.

TEST_F(client_exchange, a_connection_that_ended_meanwhile_is_repeated_once) {
  struct row {
    method verb;
    bool key, streamed, repeated;
  };
  for (const auto& [verb, key, streamed, repeated] :
       {row{method::get, false, false, true}, row{method::put, false, false, true},
        row{method::post, false, false, false}, row{method::post, true, false, true},
        row{method::put, false, true, false}}) {
    world one;
    one.get();
    one.get();
    one.at(0).answer("");
    one.at(1).answer(""); // two that are idle
    client_request req(verb, "http://h/");
    if (verb != method::get) req.body("body", "");
    if (key) req.idempotency_key("k1");
    if (streamed) req.stream_body([](ap::body_writer& out) -> asio::awaitable<void> { co_await out.write("piece"); });
    const auto c = one.send(std::move(req));
    EXPECT_FALSE(one.at(1).take().empty());
    one.at(1).close();
    EXPECT_EQ(one.peers.size(), repeated ? 3u : 2u) << "the repetition takes a new connection";
    if (!repeated) {
      EXPECT_EQ(c->ec, client_error::closed_early);
      continue;
    }
    EXPECT_FALSE(c->done);
    one.at(2).take();
    one.at(2).close(); // not a second time
    EXPECT_EQ(c->ec, client_error::closed_early);
  }
}

TEST_F(client_exchange, nothing_is_repeated_after_a_byte_of_the_answer) {
  w.get();
  w.at(0).answer("");
  const auto c = w.get();
  w.at(0).send("H");
  w.at(0).close();
  EXPECT_EQ(c->ec, ap::http::error::incomplete_message);
  EXPECT_EQ(w.peers.size(), 1u);
}

TEST_F(client_exchange, the_repetition_makes_room_for_its_connection) {
  w.options.connections = 2;
  w.get();
  w.get();
  w.at(0).answer("");
  w.at(1).answer("");
  const auto c = w.get(), d = w.get();
  w.at(1).close();
  w.at(0).close();
  ASSERT_EQ(w.peers.size(), 4u);
  w.at(2).answer("c");
  w.at(3).answer("d");
  EXPECT_EQ(c->res.body(), "c");
  EXPECT_EQ(d->res.body(), "d");
}

// --- Streams.

TEST_F(client_exchange, a_streamed_answer_is_read_as_it_comes) {
  w.capacity = 4096;
  std::string got;
  std::size_t pieces = 0;
  spawn([](world& at, std::string& to, std::size_t& n) -> asio::awaitable<void> {
    auto res = co_await at.client().send(client_request(method::get, "http://h/").stream_response());
    to += "head ";
    EXPECT_TRUE(res.streamed());
    while (true) {
      const auto piece = co_await res.read_some();
      if (piece.empty()) break;
      to += piece;
      ++n;
    }
    to += res.trailers().get("x-sum").value_or("none");
    EXPECT_EQ((co_await res.read_some()).size(), 0u); // and stays so
  }(w, got, pieces));
  w.at(0).take();
  w.at(0).send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(got, "head ");
  w.at(0).send("3\r\nabc\r\n");
  EXPECT_EQ(got, "head abc");
  w.at(0).send("2\r\nde\r\n1\r\nf\r\n0\r\nX-Sum: 6\r\n\r\n");
  EXPECT_EQ(got, "head abcdef6");
  EXPECT_TRUE(ended && !failure);
  EXPECT_EQ(w.client().figures().idle, 1u);
  w.get();
  EXPECT_EQ(w.peers.size(), 1u);
}

TEST_F(client_exchange, a_streamed_answer_that_is_not_read_stays_with_the_server) {
  w.capacity = 4096;
  std::size_t got = 0;
  spawn([](world& at, std::size_t& n) -> asio::awaitable<void> {
    auto res = co_await at.client().send(client_request(method::get, "http://h/").stream_response().max_body(10));
    co_await ap::sleep_for(1h); // not a time-out
    co_await threat::count_bytes(res, n);
  }(w, got));
  w.at(0).take();
  w.at(0).send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_FALSE(w.at(0).send(std::string(1'000'000, 'x'))) << "more than buffers hold was read";
  w.advance(59min);
  EXPECT_FALSE(ended);
  EXPECT_EQ(got, 0u);
  w.advance(65s);
  EXPECT_GT(got, 4000u);
  EXPECT_FALSE(ended);
  w.at(0).close();
  EXPECT_TRUE(ended);
  EXPECT_TRUE(failure); // cut short
}

TEST_F(client_exchange, streamed_answers_end_in_many_ways) {
  const auto until = [&](std::string_view bytes, bool close, ap::duration wait = {}) {
    world one;
    std::string end = "open";
    asio::co_spawn(
        one.io,
        [](world& at, std::string& to) -> asio::awaitable<void> {
          try {
            auto res =
                co_await at.client().send(client_request(method::get, "http://h/").stream_response().total(100s));
            while (!(co_await res.read_some()).empty()) {}
            to = "end";
          } catch (const ap::system_error& e) {
            to = std::string(e.code().category().name()) + std::to_string(e.code().value());
          }
        }(one, end),
        [](std::exception_ptr e) { EXPECT_FALSE(e); });
    one.time.settle();
    one.at(0).take();
    one.at(0).send(bytes);
    if (close) one.at(0).close();
    one.advance(wait);
    return std::string(end); // as it is now: the world goes
  };
  const auto named = [](ap::error_code ec) { return std::string(ec.category().name()) + std::to_string(ec.value()); };
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  EXPECT_EQ(until(head + "hello", false), "end");
  EXPECT_EQ(until("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false), "end");
  EXPECT_EQ(until("HTTP/1.1 200 OK\r\n\r\nhello", true), "end");
  EXPECT_EQ(until("HTTP/1.1 200 OK\r\n\r\nhello", false), "open");
  EXPECT_EQ(until(head + "hell", true), named(ap::http::error::incomplete_message));
  EXPECT_EQ(until("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy", false),
            named(ap::http::error::bad_chunk_framing));
  EXPECT_EQ(until(head + "hell", false, 31s), named(client_error::idle_timeout));
}

TEST_F(client_exchange, a_streamed_answer_that_is_dropped_closes_its_connection) {
  const auto c = w.send(client_request(method::get, "http://h/").stream_response());
  w.at(0).take();
  w.at(0).send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  ASSERT_TRUE(c->done && !c->ec);
  EXPECT_FALSE(w.at(0).ended());
  c->res = ap::client_response();
  EXPECT_TRUE(w.at(0).ended());
  EXPECT_EQ(w.client().figures().origins, 0u);
  // And one that outlives its client, and its context, is harmless.
  const auto d = w.send(client_request(method::get, "http://h/").stream_response());
  w.at(1).take();
  w.at(1).send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  w.made.reset();
  w.time.settle();
  EXPECT_TRUE(w.at(1).ended());
  EXPECT_TRUE(d->done && !d->ec);
}

TEST_F(client_exchange, a_body_may_be_a_coroutine_that_waits_for_the_server) {
  w.capacity = 1000;
  std::size_t written = 0;
  const auto c = w.send(client_request(method::post, "http://h/")
                            .stream_body(
                                [&written](ap::body_writer& out) -> asio::awaitable<void> {
                                  for (int i = 0; i < 100; ++i) {
                                    co_await out.write(std::string(100, 'x'));
                                    ++written;
                                  }
                                  out.trailers(ap::http::fields{{"X-Sum", "1"}});
                                },
                                "text/plain"));
  EXPECT_LT(written, 15u);
  const auto got = w.at(0).take();
  EXPECT_EQ(written, 100u);
  EXPECT_NE(got.find("Transfer-Encoding: chunked\r\n\r\n64\r\nx"), got.npos) << got.substr(0, 300);
  EXPECT_TRUE(got.ends_with("\r\n0\r\nX-Sum: 1\r\n\r\n"));
  w.at(0).answer("ok");
  EXPECT_EQ(c->res.body(), "ok");
  EXPECT_EQ(w.client().figures().idle, 1u);
}

TEST_F(client_exchange, a_body_that_fails_or_is_not_wanted) {
  const auto fails =
      w.send(client_request(method::post, "http://h/").stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
        co_await out.write("x");
        throw std::runtime_error("mine");
      }));
  EXPECT_EQ(fails->ec, client_error::body_failed);
  EXPECT_TRUE(w.at(0).ended());
  bool gone = false;
  struct leaves {
    bool& flag;
    ~leaves() { flag = true; }
  };
  const auto endless = [&gone](ap::body_writer& out) -> asio::awaitable<void> {
    const leaves at{gone};
    while (true) {
      co_await out.write("more");
      co_await ap::sleep_for(1s);
    }
  };
  const auto refused = w.send(client_request(method::post, "http://h/").stream_body(endless));
  w.advance(3s);
  EXPECT_FALSE(gone);
  w.at(1).answer("no");
  ASSERT_TRUE(refused->done && !refused->ec);
  EXPECT_TRUE(gone) << "the call waits for its coroutine, which may use what the caller has";
  EXPECT_TRUE(w.at(1).ended());
  gone = false;
  const auto cancelled = w.send(client_request(method::post, "http://h/").stream_body(endless));
  w.advance(3s);
  cancelled->cancel.emit(asio::cancellation_type::terminal);
  w.time.settle();
  EXPECT_TRUE(gone);
  EXPECT_EQ(cancelled->ec, asio::error::operation_aborted);
  gone = false;
  const auto lost = w.send(client_request(method::post, "http://h/").stream_body(endless));
  w.peers.back()->close();
  w.advance(3s);
  EXPECT_TRUE(gone);
  EXPECT_TRUE(lost->ec) << lost->ec.message();
}

TEST_F(client_exchange, nothing_follows_a_piece_whose_write_was_cancelled) {
  w.capacity = 1024;
  ap::error_code first, second;
  for (const bool throws : {false, true}) {
    const auto upload = [&first, &second, throws](ap::body_writer& out) -> asio::awaitable<void> {
      const auto cancelled = [&](std::string_view piece) -> asio::awaitable<ap::error_code> {
        try {
          co_await ap::with_timeout(1s, out.write(piece));
        } catch (const ap::system_error& e) {
          co_return e.code();
        }
        co_return ap::error_code();
      };
      first = co_await cancelled(std::string(10'000, 'x'));
      second = co_await cancelled("GET /smuggled HTTP/1.1");
      if (throws) throw ap::system_error(asio::error::access_denied);
    };
    const auto c = w.send(client_request(method::post, "http://h/").stream_body(upload));
    w.advance(2s);
    ASSERT_TRUE(c->done);
    EXPECT_EQ(c->ec, throws ? ap::error_code(asio::error::access_denied) : client_error::body_failed);
    EXPECT_TRUE(first && second) << first.message() << second.message();
    const auto came = w.peers.back()->take();
    EXPECT_TRUE(came.ends_with("xxx")) << "neither another piece nor the end of the body";
    EXPECT_TRUE(w.peers.back()->ended());
  }
}

TEST_F(client_exchange, a_redirect_before_the_body_is_out_ends_its_coroutine_first) {
  bool gone = false;
  struct leaves {
    bool& flag;
    ~leaves() { flag = true; }
  };
  const auto endless = [&gone](ap::body_writer& out) -> asio::awaitable<void> {
    const leaves at{gone};
    while (true) {
      co_await out.write("GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
      co_await ap::sleep_for(1s);
    }
  };
  const auto c = w.send(client_request(method::post, "http://h/").stream_body(endless));
  redirect(w.at(0), 303, "/login");
  EXPECT_TRUE(gone);
  EXPECT_TRUE(w.at(0).ended());
  w.advance(3s);
  EXPECT_TRUE(w.at(1).take().ends_with("\r\n\r\n")) << "nothing of it comes behind the next request";
  w.at(1).answer("log in");
  ASSERT_TRUE(c->done && !c->ec);
  EXPECT_EQ(c->res.body(), "log in");
  EXPECT_EQ(w.client().figures().idle, 1u);
}

TEST_F(client_exchange, a_redirect_waits_for_a_coroutine_that_does_not_want_to_end) {
  bool gone = false;
  struct leaves {
    bool& flag;
    ~leaves() { flag = true; }
  };
  const auto stubborn = [&gone](ap::body_writer& out) -> asio::awaitable<void> {
    const leaves at{gone};
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await out.write("x");
    co_await ap::sleep_for(2s);
  };
  const auto c = w.send(client_request(method::post, "http://h/").stream_body(stubborn));
  redirect(*w.peers.back(), 303, "/x");
  w.advance(1s);
  EXPECT_TRUE(!gone && !c->done && w.peers.size() == 1);
  w.advance(2s);
  ASSERT_TRUE(gone && !c->done && w.peers.size() == 2);
  w.at(1).answer("there");
  EXPECT_EQ(c->res.body(), "there");
  w.client().close_idle();

  gone = false;
  const auto cancelled = w.send(client_request(method::post, "http://h/").stream_body(stubborn));
  redirect(*w.peers.back(), 303, "/x");
  cancelled->cancel.emit(asio::cancellation_type::terminal);
  w.advance(1s);
  EXPECT_FALSE(gone || cancelled->done) << "it may use what the caller has";
  w.advance(2s);
  EXPECT_TRUE(gone && cancelled->done);
  EXPECT_EQ(cancelled->ec, asio::error::operation_aborted);
  EXPECT_EQ(w.peers.size(), 3u) << "and leads nowhere";

  const auto late = w.send(client_request(method::post, "http://h/").stream_body(stubborn).total(1s));
  redirect(*w.peers.back(), 303, "/x");
  w.advance(5s);
  EXPECT_EQ(late->ec, client_error::total_timeout);
  EXPECT_EQ(w.client().figures().calls, 0u);

  const auto left = w.send(client_request(method::post, "http://h/").stream_body(stubborn));
  redirect(*w.peers.back(), 303, "/x");
  w.made.reset();
  w.advance(5s);
  EXPECT_EQ(left->ec, asio::error::operation_aborted);
}

TEST_F(client_exchange, a_body_gives_way_to_the_answer_that_does_not_want_it) {
  w.capacity = 64 * 1024 * 1024; // a server that takes all of it at once: no write ever waits
  std::size_t written = 0;
  const auto upload = [&written](ap::body_writer& out) -> asio::awaitable<void> {
    for (const std::string piece(16 * 1024, 'x'); written < 32 * 1024 * 1024; written += piece.size())
      co_await out.write(piece);
  };
  struct server { // refuses as soon as it runs
    world& at;
    void operator()() const {
      ap::error_code ec;
      char byte = 0;
      if (at.peers.empty() || at.peers[0]->stream().read_some(asio::buffer(&byte, 1), ec) == 0)
        return asio::post(at.io, *this);
      const std::string_view no = "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n";
      at.peers[0]->stream().write_some(asio::buffer(no), ec);
    }
  };
  asio::post(w.io, server{w});
  const auto c = w.send(client_request(method::post, "http://h/").stream_body(upload));
  ASSERT_TRUE(c->done && !c->ec) << c->ec.message();
  EXPECT_EQ(c->res.status(), ap::status::content_too_large);
  EXPECT_LT(written, 4u * 1024 * 1024);
}

// --- Interim answers, upgrades, Unix sockets.

TEST_F(client_exchange, interim_answers_are_told) {
  std::string told;
  const auto c =
      w.send(client_request(method::get, "http://h/").on_interim([&](ap::status s, const ap::http::fields& f) {
        told += std::to_string(ap::http::code(s)) + std::string(f.get("link").value_or("-"));
        return told.size(); // which nobody wants
      }));
  w.at(0).send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n");
  EXPECT_EQ(told, "103</a>102-");
  w.at(0).answer("x");
  EXPECT_TRUE(c->done && !c->ec);
}

TEST_F(client_exchange, an_upgrade_gives_the_stream) {
  std::string got;
  spawn([](world& at, std::string& to) -> asio::awaitable<void> {
    client_request req(method::get, "http://h/chat");
    auto res = co_await at.client().upgrade(std::move(req), "echo/1");
    if (!res.switched()) throw std::runtime_error("not switched");
    auto stream = res.stream();
    std::array<char, 100> room;
    while (to.size() < 10) {
      const auto n = co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
      to.append(room.data(), n);
      co_await stream.async_write_some(asio::buffer("ok", 2), asio::use_awaitable);
    }
  }(w, got));
  const auto head = w.at(0).take();
  EXPECT_NE(head.find("Connection: Upgrade\r\nUpgrade: echo/1\r\n"), head.npos) << head;
  w.at(0).send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\nearly");
  EXPECT_EQ(got, "early");
  EXPECT_EQ(w.at(0).take(), "ok");
  w.advance(10min); // nothing times out any more
  w.at(0).send("later");
  EXPECT_EQ(got, "earlylater");
  EXPECT_TRUE(ended && !failure);
  EXPECT_TRUE(w.at(0).ended());
  EXPECT_EQ(w.client().figures().connections, 0u);
}

TEST_F(client_exchange, an_upgrade_may_be_refused_or_become_another) {
  const auto c = w.send(client_request(method::get, "http://h/").upgrade("websocket"));
  w.at(0).answer("no");
  EXPECT_TRUE(c->done && !c->ec);
  EXPECT_FALSE(c->res.switched());
  EXPECT_EQ(c->res.body(), "no");
  const auto d = w.send(client_request(method::get, "http://h/").upgrade("websocket"));
  w.at(0).send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n");
  EXPECT_EQ(d->ec, client_error::upgrade_to_another);
}

TEST_F(client_exchange, unix_sockets_are_origins_of_their_own) {
  w.get();
  w.at(0).answer("");
  w.send(client_request(method::get, "http://h/x").unix_socket("/run/a"));
  w.send(client_request(method::get, "http://h/y").unix_socket("/run/b"));
  EXPECT_EQ(w.targets, (std::vector<std::string>{"h:80", "/run/a", "/run/b"}));
  EXPECT_TRUE(w.at(1).take().starts_with("GET /x HTTP/1.1\r\nHost: h\r\n"));
  w.made.reset();
  w.options.unix_socket = "/run/all";
  w.get("http://anything/");
  EXPECT_EQ(w.targets.back(), "/run/all");
}

// --- Layers.

struct counting {
  std::string* log;
  std::optional<ap::client_response> before(client_request& req) {
    *log += "b";
    req.header("X-Added", "1");
    if (req.url().ends_with("/cached")) return ap::client_response(ap::status::ok, "cached");
    return std::nullopt;
  }
  void after(client_request&, ap::client_response& res) {
    *log += "a";
    res.fields().add("X-Seen", "1");
  }
};
struct outer {
  std::string* log;
  std::optional<ap::client_response> before(client_request&) { return *log += "(", std::nullopt; }
  void after(client_request&, ap::client_response&) { *log += ")"; }
};
struct pausing {
  asio::awaitable<ap::client_response> operator()(client_request& req, ap::client_next next) {
    co_await ap::sleep_for(1s);
    auto res = co_await next(req);
    co_return res;
  }
};

TEST_F(client_exchange, layers_with_hooks_and_layers_that_wait) {
  for (const bool waits : {false, true}) {
    world one;
    std::string log;
    one.client().use(outer{&log});
    if (waits) one.client().use(pausing());
    one.client().use(counting{&log});
    const auto c = one.get();
    one.advance(waits ? 1s : 0s);
    EXPECT_NE(one.at(0).now().find("X-Added: 1"), std::string::npos);
    one.at(0).answer("x");
    ASSERT_TRUE(c->done && !c->ec);
    EXPECT_EQ(c->res.header("x-seen"), "1");
    EXPECT_EQ(log, "(ba)");
    log.clear();
    const auto d = one.get("http://h/cached");
    one.advance(waits ? 1s : 0s);
    ASSERT_TRUE(d->done && !d->ec);
    EXPECT_EQ(d->res.body(), "cached");
    EXPECT_EQ(log, "(b)");
    EXPECT_THROW(one.client().use(outer{&log}), std::logic_error);
    const auto e = one.get("nonsense");
    one.advance(waits ? 1s : 0s);
    EXPECT_EQ(e->ec, client_error::bad_url);
    const auto f = one.get();
    one.advance(waits ? 1s : 0s);
    f->cancel.emit(asio::cancellation_type::terminal);
    one.time.settle();
    EXPECT_EQ(f->ec, asio::error::operation_aborted);
  }
}

TEST_F(client_exchange, hooks_that_throw_end_their_call) {
  struct thrower {
    int* at;
    std::optional<ap::client_response> before(client_request&) { return step(0), std::nullopt; }
    void after(client_request&, ap::client_response&) { step(1); }
    void on_phase(ap::client_phase p, const ap::client_progress&) { step(2 + static_cast<int>(p)); }
    void step(int n) const {
      if (n == *at) throw std::runtime_error("mine");
    }
  };
  for (int at = 0; at < 10; ++at) {
    if (at == 2) continue; // no name is resolved here
    world one;
    one.client().use(thrower{&at});
    const auto c =
        one.send(client_request(method::get, "http://h/").on_interim([&](ap::status, const ap::http::fields&) {
          if (at == 8) throw std::runtime_error("mine");
        }));
    if (!one.peers.empty()) {
      one.at(0).take();
      one.at(0).send("HTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    }
    ASSERT_TRUE(c->done) << at;
    EXPECT_EQ(c->ec, at == 9 ? ap::error_code() : client_error::layer_failed) << at;
    EXPECT_EQ(one.client().figures().calls, 0u);
  }
}

TEST_F(client_exchange, phases_are_told) {
  std::string log;
  ap::client_progress last;
  struct hook {
    std::string* log;
    ap::client_progress* last;
    void on_phase(ap::client_phase p, const ap::client_progress& so_far) {
      *log += "dcsfb."[static_cast<int>(p)];
      *last = so_far;
      last->url = last->origin = {};
    }
  };
  w.client().use(hook{&log, &last});
  ap::client_metrics metrics(2);
  w.client().use(metrics);
  w.send(client_request(method::post, "http://h/").body("12345", ""));
  w.advance(3s);
  w.at(0).answer("hello");
  EXPECT_EQ(log, "csfb.");
  EXPECT_EQ(last.took, 3s);
  EXPECT_EQ(last.status, ap::status::ok);
  EXPECT_FALSE(last.reused);
  EXPECT_GT(last.bytes_out, 50u);
  EXPECT_GT(last.bytes_in, 40u);
  log.clear();
  w.get();
  w.at(0).answer("x");
  EXPECT_EQ(log, "sfb.");
  EXPECT_TRUE(last.reused);
  w.refuse = asio::error::connection_refused;
  for (int i = 0; i < 5; ++i) w.get("http://h" + std::to_string(i));
  EXPECT_EQ(last.ec, asio::error::connection_refused);
  const auto text = metrics.text();
  EXPECT_NE(text.find("http_client_calls_total{origin=\"http://h\",outcome=\"2xx\"} 2\n"), text.npos) << text;
  EXPECT_NE(text.find("http_client_calls_total{origin=\"other\",outcome=\"error\"} 4\n"), text.npos) << text;
  EXPECT_NE(text.find("http_client_connections_reused_total{origin=\"http://h\"} 1\n"), text.npos) << text;
}

TEST_F(client_exchange, traces_go_on) {
  w.client().use(ap::client_tracing());
  w.get();
  const auto head = w.at(0).take();
  const auto at = head.find("traceparent: ");
  ASSERT_NE(at, head.npos);
  const auto made = head.substr(at + 13, 55);
  EXPECT_TRUE(ap::client_tracing::valid(made)) << made;
  EXPECT_TRUE(made.ends_with("-01"));
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  w.send(client_request(method::get, "http://h/").header("traceparent", parent));
  const auto child = w.at(1).take();
  EXPECT_NE(child.find("traceparent: 00-0af7651916cd43dd8448eb211c80319c-"), child.npos);
  EXPECT_EQ(child.find(parent), child.npos);
  EXPECT_NE(child.find("-00\r\n"), child.npos);
  for (const std::string bad : {"", "00-0-0-00", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
                                "00-00000000000000000000000000000000-b7ad6b7169203331-00",
                                "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"})
    EXPECT_FALSE(ap::client_tracing::valid(bad)) << bad;
}

TEST_F(client_exchange, retry_repeats_what_may_succeed) {
  const auto run = [](client_request req, std::vector<std::string> answers, ap::retry_options options = {}) {
    world one;
    one.client().use(ap::retry(options));
    const auto c = one.send(std::move(req));
    std::size_t asked = 0;
    for (const auto& a : answers) {
      one.advance(1s);
      if (c->done || one.peers.back()->now().empty()) break;
      ++asked;
      one.peers.back()->take();
      a.empty() ? one.peers.back()->close()
                : static_cast<void>(one.peers.back()->send("HTTP/1.1 " + a + "\r\nContent-Length: 0\r\n\r\n"));
    }
    one.advance(1s);
    const bool done = c->done;
    const auto code = ap::http::code(c->res.status());
    return std::to_string(asked) + (done ? "" : " waits") +
           (c->ec  ? " failed"
            : done ? " " + std::to_string(code)
                   : "");
  };
  const client_request get(method::get, "http://h/");
  const client_request post(method::post, "http://h/");
  EXPECT_EQ(run(get, {"503 x", "502 x", "200 x"}), "3 200");
  EXPECT_EQ(run(get, {"503 x", "503 x", "503 x", "200 x"}), "3 503");
  EXPECT_EQ(run(get, {"", "200 x"}), "2 200");
  EXPECT_EQ(run(get, {"500 x", "200 x"}), "1 500");
  EXPECT_EQ(run(get, {"404 x", "200 x"}), "1 404");
  EXPECT_EQ(run(post, {"503 x", "200 x"}), "1 503");
  EXPECT_EQ(run(post, {"", "200 x"}), "1 failed");
  EXPECT_EQ(run(client_request(post).idempotency_key("k"), {"503 x", "200 x"}), "2 200");
  EXPECT_EQ(run(get, {"503 x\r\nRetry-After: 1", "200 x"}), "2 200");
  EXPECT_EQ(run(get, {"503 x\r\nRetry-After: 20", "200 x"}), "1 waits");
  EXPECT_EQ(run(get, {"503 x\r\nRetry-After: 100", "200 x"}), "1 503");
  EXPECT_EQ(run(get, {"503 x", "200 x"}, {.budget = 0}), "1 503");
}

TEST_F(client_exchange, retry_repeats_what_was_cut_off) {
  w.client().use(ap::retry());
  for (const bool reset : {false, true}) {
    const auto c = w.get(), d = w.send(client_request(method::post, "http://h/").body("x", ""));
    for (std::size_t i = w.peers.size() - 2; i < w.peers.size(); ++i) {
      w.at(i).take();
      w.at(i).send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal");
      reset ? w.at(i).reset() : w.at(i).close();
    }
    EXPECT_TRUE(d->ec) << "the server has seen it";
    w.advance(1s);
    EXPECT_FALSE(c->done);
    w.peers.back()->answer("whole");
    ASSERT_TRUE(c->done && !c->ec) << c->ec.message();
    EXPECT_EQ(c->res.body(), "whole");
    w.client().close_idle();
    w.time.settle();
  }
}

TEST_F(client_exchange, retry_has_a_budget_for_all_calls) {
  w.options.connections = 1000;
  w.client().use(ap::retry({.attempts = 2, .budget = 10}));
  std::vector<call> all;
  for (int i = 0; i < 100; ++i) all.push_back(w.get());
  std::size_t asked = 0;
  for (int round = 0; round < 3; ++round) {
    for (auto& p : w.peers) {
      if (p->take().empty()) continue;
      ++asked;
      p->send("HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n");
    }
    w.advance(1s);
  }
  for (const auto& c : all) EXPECT_TRUE(c->done && !c->ec);
  EXPECT_EQ(asked, 110u);
}

} // namespace
} // namespace client_tests
