// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/response_reader.hpp>
#include <antiphon/http/serializer.hpp>
#include <antiphon/server/serve.hpp>
#include <antiphon/testing/memory_listener.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace testing {

/// What a test_client was answered.
struct test_response {
  http::status status{}; ///< 0 where the connection ended, or time was up, before a head came
  http::fields fields;
  std::string body;                  ///< without chunked framing
  bool complete = false;             ///< all of it came; false: it was cut, or is still in progress
  std::vector<http::status> interim; ///< of the 1xx before it

  /// The first field of that name, or an empty text.
  std::string header(std::string_view name) const { return std::string(fields.get(name).value_or(std::string_view())); }
};

/// Calls a router in memory: no sockets, no threads, no waiting.
///
///     ap::testing::test_client client(app);
///     const auto res = client.get("/hello?name=x");
///     EXPECT_EQ(res.status, ap::status::ok);
///     EXPECT_EQ(res.body, "hello x");
///
/// The real session serves it, so layers, limits, HEAD, 405 and time-outs are as in the program. Time is virtual: where
/// a handler waits, time steps on until it has answered, `patience` at most, so a handler that sleeps an hour is tested
/// in microseconds. Requests go over one connection as long as the server keeps it. Thread safety: none.
class test_client {
 public:
  /// Freezes the router. Throws as async_serve does.
  explicit test_client(router app, serve_options options = {}) : app_(std::move(app)), listener_(io_.get_executor()) {
    async_serve(listener_, app_, options,
                asio::bind_cancellation_slot(stop_.slot(), [this](error_code) { over_ = true; }));
  }
  ~test_client() {
    stream_.reset();
    if (!over_) stop_.emit(asio::cancellation_type::terminal);
    time_.settle();
  }
  test_client(const test_client&) = delete;
  test_client& operator=(const test_client&) = delete;

  test_response get(std::string_view target, const http::fields& extra = {}) {
    return request(http::method::get, target, {}, extra);
  }
  test_response head(std::string_view target, const http::fields& extra = {}) {
    return request(http::method::head, target, {}, extra);
  }
  test_response post(std::string_view target, std::string_view body, const http::fields& extra = {}) {
    return request(http::method::post, target, body, extra);
  }
  test_response put(std::string_view target, std::string_view body, const http::fields& extra = {}) {
    return request(http::method::put, target, body, extra);
  }
  test_response patch(std::string_view target, std::string_view body, const http::fields& extra = {}) {
    return request(http::method::patch, target, body, extra);
  }
  /// DELETE.
  test_response del(std::string_view target, const http::fields& extra = {}) {
    return request(http::method::del, target, {}, extra);
  }
  /// Any method. Host is "test" where `extra` has none; Content-Length comes by itself.
  test_response request(http::method verb, std::string_view target, std::string_view body = {},
                        const http::fields& extra = {}) {
    send(verb, target, body, extra);
    const auto until = antiphon::detail::later(time_.now(), patience);
    auto& clock = antiphon::detail::time_of(io_.get_executor());
    while (!receive() && !ended_) {
      const auto next = clock.next();
      if (next == time_point::max() || next > until) break;
      time_.advance(next - time_.now());
    }
    auto made = std::move(answer_);
    if (!made.complete) { // what may still come of it answers no later request
      if (reader_ && reader_->has_head()) take_head(made), made.body = reader_->body();
      stream_.reset();
    }
    return made;
  }

  /// Sends a request and does not wait; receive() tells of the answer, advance() lets time pass.
  void send(http::method verb, std::string_view target, std::string_view body = {}, const http::fields& extra = {}) {
    http::fields all;
    if (!extra.get("host")) all.add("Host", "test");
    for (const auto& line : extra) all.add(line.name, line.value);
    const bool has_body =
        !body.empty() || verb == http::method::post || verb == http::method::put || verb == http::method::patch;
    std::string bytes;
    http::append_request_head(bytes, verb, target, all,
                              has_body ? http::framing::length(body.size()) : http::framing::none());
    bytes.append(body);
    if (stream_) pull(); // it may have been closed since
    if (!stream_ || ended_) connect();
    answer_ = {};
    reader_.emplace(verb);
    write(bytes);
  }
  /// The answer to send(), when all of it has come.
  const test_response* receive() {
    time_.settle();
    while (!answer_.complete && pull()) {}
    if (ended_ && !answer_.complete) parse();
    return answer_.complete ? &answer_ : nullptr;
  }

  /// Sends bytes as they are, on a connection of their own, and returns the bytes that come back before the server
  /// waits for time to pass or for more.
  std::string exchange(std::string_view bytes) {
    auto stream = listener_.connect();
    std::string got;
    std::array<char, 4096> room;
    for (bool again = true; again;) {
      error_code ec;
      const auto n = bytes.empty() ? 0 : stream.write_some(asio::buffer(bytes), ec);
      bytes.remove_prefix(n);
      time_.settle();
      const auto came = stream.read_some(asio::buffer(room), ec);
      got.append(room.data(), came);
      again = n != 0 || came != 0;
    }
    stream.close();
    time_.settle();
    return got;
  }

  /// Lets virtual time pass.
  void advance(duration length) { time_.advance(length); }
  time_point now() const noexcept { return time_.now(); }
  /// Where the handlers run.
  asio::io_context& context() noexcept { return io_; }

  /// How much virtual time request() gives an answer.
  duration patience = std::chrono::hours(1);

 private:
  void connect() {
    stream_.reset();
    time_.settle();
    stream_.emplace(listener_.connect());
    ended_ = false;
    time_.settle();
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      error_code ec;
      const auto n = stream_->write_some(asio::buffer(bytes), ec);
      bytes.remove_prefix(n);
      time_.settle();
      // A server that takes no more has answered, or its answer must be read first.
      if (n == 0 && !pull()) return;
    }
  }

  /// Reads what is there, once.
  bool pull() {
    if (!stream_ || ended_) return false;
    std::array<char, 16 * 1024> room;
    error_code ec;
    const auto n = stream_->read_some(asio::buffer(room), ec);
    if (n == 0) {
      ended_ = ec != asio::error::would_block;
      return false;
    }
    if (reader_) {
      reader_->append({room.data(), n});
      parse();
    }
    time_.settle();
    return true;
  }

  void parse() {
    error_code ec;
    while (reader_ && !answer_.complete) {
      const auto result = reader_->parse(ec);
      if (result == http::parse_result::failed)
        throw std::logic_error("antiphon: the server's answer is no HTTP: " + ec.message());
      if (result == http::parse_result::more && !(ended_ && reader_->finish(ec) && reader_->has_head())) return;
      if (reader_->head().interim()) {
        answer_.interim.push_back(reader_->head().status);
        reader_->next();
        continue;
      }
      take_head(answer_);
      answer_.body = std::move(reader_->body());
      answer_.complete = true;
    }
  }

  void take_head(test_response& to) {
    const auto& head = reader_->head();
    to.status = head.status;
    for (std::size_t i = 0; i < head.count; ++i)
      to.fields.add(head.name(reader_->base(), head.fields[i]), head.value(reader_->base(), head.fields[i]));
  }

  asio::io_context io_{1};
  virtual_time time_{io_};
  router app_;
  memory_listener listener_;
  asio::cancellation_signal stop_;
  bool over_ = false;
  std::optional<memory_stream> stream_;
  std::optional<http::response_reader> reader_;
  bool ended_ = false;
  test_response answer_;
};

} // namespace testing
} // namespace v0
} // namespace antiphon
