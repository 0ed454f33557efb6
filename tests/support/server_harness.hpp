// SPDX-License-Identifier: BSL-1.0
// A server under test, and its clients, over each kind of stream, in virtual time and in one thread.
#pragma once

#include <antiphon/server.hpp>
#include <antiphon/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon_tests {

namespace ap = antiphon;
using namespace std::chrono_literals;

enum class kind { memory, plain_memory, tcp, plain_tcp };
inline const char* name_of(kind k) {
  constexpr const char* names[] = {"memory", "memory_without_readiness", "tcp", "tcp_without_readiness"};
  return names[static_cast<int>(k)];
}
inline void PrintTo(kind k, std::ostream* out) { *out << name_of(k); }

/// A response as it was on the wire, read by a parser of the tests' own.
struct reply {
  int code = 0;
  std::string head; ///< with the empty line
  std::string body; ///< without chunked framing
  std::vector<std::string> chunks;
  bool whole = false; ///< its framing says that it ended

  std::string header(std::string_view name) const;
  bool has(std::string_view name) const;
};

/// The client's end of a connection. Every member that waits drives the server; virtual time stands still meanwhile.
class wire {
 public:
  struct impl {
    virtual ~impl() = default;
    virtual std::size_t read(asio::mutable_buffer, ap::error_code&) = 0;
    virtual std::size_t write(asio::const_buffer, ap::error_code&) = 0;
    virtual void finish() = 0;
    virtual void close() = 0;
    virtual bool memory() const = 0;
    virtual void write_size(std::size_t) {}
  };
  wire(std::unique_ptr<impl> i, class served& s) : impl_(std::move(i)), served_(&s) {}

  /// Sends all of it; false where the server takes no more.
  bool send(std::string_view bytes);
  /// Sends what fits without the server doing anything.
  std::size_t put(std::string_view bytes);
  /// The next response; `whole` is false where the connection ended in it. `head`: it answers a HEAD request.
  reply next(bool head = false);
  /// send(), then next().
  reply ask(std::string_view bytes) {
    send(bytes);
    return next(bytes.starts_with("HEAD "));
  }
  /// At least `n` bytes, or all until the end.
  std::string read(std::size_t n);
  /// Everything until the end of the stream. Fails the test where it does not end.
  std::string rest();
  /// What is there now, and stays unread.
  const std::string& now();
  /// All that came and was not taken, and forgets it.
  std::string take();
  /// Whether the server has ended the connection. Looks without waiting long.
  bool ended();
  /// The connection ended without an orderly end.
  bool was_reset() const { return reset_; }
  /// Shuts down the sending side.
  void finish();
  void close();
  /// Stops reading into the test, so that the stream fills up.
  void hold(bool on = true) { held_ = on; }

 private:
  friend class served;
  bool pull();
  template <class Done>
  bool until(Done done);

  std::unique_ptr<impl> impl_;
  class served* served_;
  std::string in_;
  bool end_ = false, reset_ = false, held_ = false;
};

/// A server over streams of one kind.
class served {
 public:
  explicit served(kind k = kind::memory, std::size_t capacity = 64 * 1024);
  ~served();
  served(const served&) = delete;

  kind what;
  std::size_t capacity;
  asio::io_context io{1};
  ap::testing::virtual_time time{io};
  ap::router app;
  ap::serve_options options;
  std::vector<std::string> errors; ///< what on_error was told: "where: what"
  std::optional<ap::error_code> done;
  std::optional<ap::testing::fail_after> failure; ///< of the server's ends (memory only); set before start()

  void start();
  wire connect();
  /// Starts where that was not done.
  reply ask(std::string_view bytes) { return client().ask(bytes); }
  /// A connection that the server has accepted; kept for the length of the test.
  wire& client();
  void advance(ap::duration d) { time.advance(d); }
  void settle();
  void drain() { stop_.emit(asio::cancellation_type::partial); }
  void cut() { stop_.emit(asio::cancellation_type::terminal); }
  std::size_t open() const { return app.counts().open; }
  /// Cuts what is left, and checks that nothing stays.
  void finish();

  struct listening {
    virtual ~listening() = default;
    virtual std::unique_ptr<wire::impl> connect() = 0;
    virtual bool closed() const = 0;
    virtual void fail_next(ap::error_code) {}
  };
  std::unique_ptr<listening> listener;

 private:
  template <class Listener>
  void serve(Listener l);

  asio::cancellation_signal stop_;
  std::vector<std::unique_ptr<wire>> clients_;
  bool started_ = false, finished_ = false;
};

/// The tests of a suite run over every kind of stream.
class over_streams : public ::testing::TestWithParam<kind> {
 protected:
  served s{GetParam()};
  ap::router& app = s.app;
  bool tcp() const { return GetParam() == kind::tcp || GetParam() == kind::plain_tcp; }
  void TearDown() override { s.finish(); }
};
inline std::string stream_name(const ::testing::TestParamInfo<kind>& at) { return name_of(at.param); }
#define ANTIPHON_OVER_STREAMS(suite)                                                                                   \
  INSTANTIATE_TEST_SUITE_P(                                                                                            \
      over, suite, ::testing::Values(kind::memory, kind::plain_memory, kind::tcp, kind::plain_tcp), stream_name)

/// The tests of a suite run over a memory stream.
class in_memory : public ::testing::Test {
 protected:
  served s{kind::memory};
  ap::router& app = s.app;
  void TearDown() override { s.finish(); }
};

/// "GET /path HTTP/1.1", Host, `more` (whole lines).
inline std::string get(std::string_view path, std::string_view more = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n";
}
inline std::string head_of(std::string_view verb, std::string_view path, std::string_view more = {}) {
  return std::string(verb) + " " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n";
}
inline std::string post(std::string_view path, std::string_view body, std::string_view more = {}) {
  return head_of("POST", path, "Content-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more)) +
         std::string(body);
}
inline std::string chunked(std::string_view path, std::initializer_list<std::string_view> pieces,
                           std::string_view more = {}) {
  std::string made = head_of("POST", path, "Transfer-Encoding: chunked\r\n" + std::string(more));
  for (const auto piece : pieces) made += std::string(ap::http::chunk(piece).framed());
  return made + "0\r\n\r\n";
}

} // namespace antiphon_tests
