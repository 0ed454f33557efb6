// SPDX-License-Identifier: BSL-1.0
// Each kind of call, and what may happen to it at each of its steps: an operation fails, the answer is cut at a byte,
// it is cancelled. Half an answer is never taken for one, nothing stays behind, and the next call works.
#include <antiphon/client.hpp>
#include <antiphon/server.hpp>
#include <antiphon/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::client_request;
using ap::method;

enum class form { collected, streamed, posted, sent_in_pieces, redirected, repeated, upgraded };
constexpr form forms[] = {form::collected,  form::streamed, form::posted,  form::sent_in_pieces,
                          form::redirected, form::repeated, form::upgraded};

constexpr std::string_view first_request = "GET /hello HTTP/1.1\r\nHost: h\r\nUser-Agent: antiphon\r\n\r\n";

/// One call of that kind, to its end. It checks what it gets: whatever else has happened, that is all of it.
asio::awaitable<void> exchange(form what, ap::client c) {
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  switch (what) {
  case form::repeated: {
    const auto first = co_await c.get("http://h/hello"); // the next request ends its connection
    EXPECT_EQ(first.body(), "hello");
    [[fallthrough]];
  }
  case form::collected: {
    const auto res = co_await c.get("http://h/hello");
    EXPECT_EQ(res.body(), "hello");
    break;
  }
  case form::streamed: {
    auto res = co_await c.send(client_request(method::get, "http://h/pieces").stream_response());
    std::string all;
    while (true) {
      const auto piece = co_await res.read_some();
      if (piece.empty()) break;
      all += piece;
    }
    EXPECT_EQ(all, "one, two, three");
    EXPECT_EQ(res.trailers().get("x-sum"), "3");
    break;
  }
  case form::posted: {
    const auto res = co_await c.post("http://h/size", std::string(300, 'x'), "text/plain");
    EXPECT_EQ(res.body(), "300");
    break;
  }
  case form::sent_in_pieces: {
    const auto body = [](ap::body_writer& out) -> asio::awaitable<void> {
      for (int i = 0; i < 4; ++i) co_await out.write(std::string(60, 'x'));
      out.trailers(ap::http::fields{{"X-Sum", "4"}});
    };
    auto req = client_request(method::post, "http://h/size").stream_body(body);
    const auto res = co_await c.send(std::move(req));
    EXPECT_EQ(res.body(), "240 4");
    break;
  }
  case form::redirected: {
    const auto res = co_await c.get("http://h/moved");
    EXPECT_EQ(res.body(), "hello");
    EXPECT_EQ(res.url(), "http://h/hello");
    break;
  }
  case form::upgraded: {
    auto res = co_await c.upgrade(client_request(method::get, "http://h/echo"), "echo");
    EXPECT_TRUE(res.switched());
    auto stream = res.stream();
    co_await stream.async_write_some(asio::buffer("ball", 4), asio::use_awaitable);
    std::string back;
    char room[8];
    while (back.size() < 4) {
      const auto n = co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
      back.append(room, n);
    }
    EXPECT_EQ(back, "ball");
    break;
  }
  }
}

/// A stream without readiness.
struct plain_stream {
  ap::testing::memory_stream inner;
  auto get_executor() { return inner.get_executor(); }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& to, Token&& token) {
    return inner.async_read_some(to, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& from, Token&& token) {
    return inner.async_write_some(from, std::forward<Token>(token));
  }
  void close(ap::error_code& ec) { inner.close(ec); }
};

/// Cuts the next connection that it accepts when the server has written so many bytes.
struct cutting_listener {
  using executor_type = asio::any_io_executor;
  ap::testing::memory_listener inner;
  std::optional<std::size_t>* bytes;
  ap::error_code seen;

  executor_type get_executor() const { return inner.get_executor(); }
  void close() { inner.close(); }
  template <class Handler>
  void async_accept(Handler h) {
    inner.async_accept(
        [h = std::move(h), b = bytes, s = seen](ap::error_code ec, ap::testing::memory_stream end) mutable {
          if (!ec && *b) end.cut_after(*std::exchange(*b, std::nullopt), s);
          h(ec, std::move(end));
        });
  }
};

struct setting {
  form what = form::collected;
  bool plain = false;                               ///< the client's streams have no readiness
  std::size_t read_size = 0;                        ///< most bytes a read
  std::optional<ap::testing::fail_after> failure{}; ///< of the client's ends
  std::optional<std::size_t> cut{};                 ///< bytes of the server
  ap::error_code seen = asio::error::eof;           ///< after them
};

/// A client, a server, and one exchange of theirs.
class party {
 public:
  explicit party(setting h) : how(std::move(h)) {
    app.get("/hello", [] { return "hello"; });
    app.get("/moved", [] { return ap::redirect("/hello"); });
    app.get("/pieces", [](ap::request&) {
      return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
        for (const auto* piece : {"one, ", "two, ", "three"}) co_await out.write(piece);
        out.trailers(ap::http::fields{{"X-Sum", "3"}});
      });
    });
    app.post(
        "/size",
        [](ap::request& req) -> asio::awaitable<ap::response> {
          std::size_t n = 0;
          while (true) {
            const auto piece = co_await req.read_some();
            if (piece.empty()) break;
            n += piece.size();
          }
          const auto sum = req.trailers().get("x-sum");
          co_return std::to_string(n) + (sum ? " " + std::string(*sum) : "");
        },
        ap::route_options{.streamed = true});
    app.get("/echo", [](ap::request&) {
      return ap::http::upgrade("echo", [](ap::any_stream s) -> asio::awaitable<void> {
        char room[64];
        while (true) {
          const auto n = co_await s.async_read_some(asio::buffer(room), asio::use_awaitable);
          co_await s.async_write_some(asio::buffer(room, n), asio::use_awaitable);
        }
      });
    });
    ap::async_serve(cutting_listener{listener, &how.cut, how.seen}, app, ap::serve_options{},
                    asio::bind_cancellation_slot(stop.slot(), [this](ap::error_code) { stopped = true; }));
    how.plain ? client.use(ap::make_connector([this](const ap::connect_target&) { return plain_stream{connect()}; }))
              : client.use(ap::make_connector([this](const ap::connect_target&) { return connect(); }));
    asio::co_spawn(io, exchange(how.what, client),
                   asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr e) {
                     ended = true;
                     failed = e;
                   }));
  }
  /// After the exchange, however it has ended: nothing stays of it, and the next call works.
  void check() {
    time.advance(10min); // what waits is given up by then
    ASSERT_TRUE(ended);
    clean();
    how.failure.reset();
    how.cut.reset();
    bool good = false;
    client.async_send(client_request(method::get, "http://h/hello"),
                      [&](ap::error_code ec, ap::client_response res) { good = !ec && res.body() == "hello"; });
    time.advance(1s);
    EXPECT_TRUE(good) << "the next call";
    clean();
    client.close_idle();
    stop.emit(asio::cancellation_type::terminal);
    time.advance(1min);
    EXPECT_TRUE(stopped);
    EXPECT_EQ(client.figures().connections, 0u);
    EXPECT_EQ(client.figures().origins, 0u);
    EXPECT_EQ(app.counts().handling, 0u);
    io.restart();
    io.poll();
    EXPECT_TRUE(io.stopped()) << "no work is left";
  }
  bool whole() const { return ended && !failed; }
  ap::error_code code() const {
    try {
      if (failed) std::rethrow_exception(failed);
    } catch (const ap::system_error& e) {
      return e.code();
    }
    return {};
  }
  /// Runs that many handlers: fewer where there are no more.
  bool run(std::size_t handlers) {
    for (; handlers > 0; --handlers) {
      io.restart();
      if (io.poll_one() == 0) return false;
    }
    return !ended;
  }

  setting how;
  asio::io_context io{1};
  ap::testing::virtual_time time{io};
  ap::testing::memory_listener listener{io.get_executor(), 150};
  ap::router app;
  asio::cancellation_signal stop, cancel;
  bool stopped = false, ended = false;
  std::exception_ptr failed;
  std::size_t connections = 0;
  ap::client client{io};

 private:
  void clean() {
    const auto left = client.figures();
    EXPECT_EQ(left.calls, 0u);
    EXPECT_EQ(left.waiting, 0u);
    EXPECT_EQ(left.connections, left.idle);
  }
  ap::testing::memory_stream connect() {
    auto end = listener.connect();
    end.read_size(how.read_size);
    if (how.failure) end.fail(*how.failure);
    if (++connections == 1 && how.what == form::repeated) end.cut_after(first_request.size() + 1);
    return end;
  }
};

class every_step : public ::testing::TestWithParam<form> {};
const char* name_of(form what) {
  constexpr const char* names[] = {"a_collected_answer", "a_streamed_answer", "a_body",    "a_body_in_pieces",
                                   "a_redirect",         "a_repetition",      "an_upgrade"};
  return names[static_cast<int>(what)];
}
INSTANTIATE_TEST_SUITE_P(of, every_step, ::testing::ValuesIn(forms), [](const auto& at) { return name_of(at.param); });

TEST_P(every_step, succeeds_when_nothing_happens) {
  for (const bool plain : {false, true})
    for (const std::size_t read_size : {0u, 1u, 7u}) {
      party p({.what = GetParam(), .plain = plain, .read_size = read_size});
      p.time.settle();
      EXPECT_TRUE(p.whole()) << p.code().message();
      EXPECT_EQ(p.connections, GetParam() == form::repeated ? 2u : 1u);
      p.check();
    }
}

TEST_P(every_step, may_fail) {
  for (const bool plain : {false, true})
    for (const std::size_t read_size : {0u, 7u}) {
      const auto failures = ap::testing::for_each_failure([&](const ap::testing::fail_after& failure) {
        party p({.what = GetParam(), .plain = plain, .read_size = read_size, .failure = failure});
        p.time.advance(10min);
        if (!failure.failed()) {
          EXPECT_TRUE(p.whole()) << p.code().message();
        }
        p.check();
      });
      EXPECT_GT(failures, 2u);
    }
}

TEST_P(every_step, the_answer_may_be_cut) {
  for (const bool plain : {false, true}) {
    std::size_t good = 0, bad = 0;
    // To the end, and beyond: between two answers of one connection it is repeated, once.
    for (std::size_t bytes = 0; good < 4; ++bytes) {
      party p({.what = GetParam(),
               .plain = plain,
               .read_size = 1,
               .cut = bytes,
               .seen = plain ? ap::error_code(asio::error::connection_reset) : ap::error_code(asio::error::eof)});
      p.time.advance(10min);
      good = p.whole() ? good + 1 : 0;
      bad += !p.whole();
      p.check();
      ASSERT_LT(bytes, 1000u) << "it is cut anew and anew";
    }
    EXPECT_GT(bad, 80u);
  }
}

TEST_P(every_step, may_be_cancelled) {
  for (const bool plain : {false, true})
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
      std::size_t step = 0;
      for (bool running = true; running; ++step) {
        party p({.what = GetParam(), .plain = plain});
        running = p.run(step);
        p.cancel.emit(type);
        p.time.settle();
        EXPECT_TRUE(p.ended) << "at step " << step;
        if (!p.whole()) {
          EXPECT_EQ(p.code(), asio::error::operation_aborted) << p.code().message();
        }
        p.check();
      }
      EXPECT_GT(step, 5u);
    }
}

} // namespace
