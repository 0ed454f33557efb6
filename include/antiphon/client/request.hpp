// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/detail/callback.hpp>
#include <antiphon/core/shared_buffer.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/body_writer.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/method.hpp>
#include <antiphon/http/status.hpp>
#include <antiphon/http/token.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// The coroutine that makes the body of a request, with the closure that it lives in.
using request_source = callback<asio::awaitable<void>(http::body_writer&)>;
using interim_hook = callback<void(http::status, const http::fields&)>;

struct client_request_access;

} // namespace detail

/// What a client is to send. A class with setters, so that it may be written inside a co_await expression:
///
///     auto res = co_await client.send(ap::client_request(ap::method::put, url).body(text, "text/plain").total(2s));
///
/// Copies share the body. Setters throw std::invalid_argument for a CR, LF, NUL or another control byte. Thread safety:
/// none.
class client_request {
 public:
  client_request() = default;
  /// `url`: absolute. It is looked at when the request is sent.
  client_request(http::method verb, std::string url) : verb_(verb), url_(std::move(url)) {}

  http::method method() const noexcept { return verb_; }
  const std::string& url() const noexcept { return url_; }
  const http::fields& fields() const noexcept { return fields_; }
  /// The first field of that name, or an empty text.
  std::string_view header(std::string_view name) const noexcept {
    return fields_.get(name).value_or(std::string_view());
  }
  std::string_view body() const noexcept { return body_.view(); }
  /// Whether the body can be sent once more.
  bool repeatable() const noexcept { return !source_; }
  /// Whether sending it twice means the same as once: by its method, or by its idempotency key.
  bool idempotent() const noexcept { return is_idempotent(verb_) || fields_.contains("Idempotency-Key"); }

  client_request& method(http::method verb) & { return verb_ = verb, *this; }
  client_request& url(std::string to) & { return url_ = std::move(to), *this; }
  /// Replaces all fields of that name.
  client_request& header(std::string_view name, std::string_view value) & { return fields_.set(name, value), *this; }
  client_request& add(std::string_view name, std::string_view value) & { return fields_.add(name, value), *this; }
  client_request& erase(std::string_view name) & { return fields_.erase(name), *this; }
  client_request& body(std::string bytes, std::string_view content_type) & {
    return body(shared_buffer(std::move(bytes)), content_type);
  }
  client_request& body(shared_buffer bytes, std::string_view content_type) & {
    if (!content_type.empty()) fields_.set("Content-Type", content_type);
    body_ = std::move(bytes);
    source_.reset();
    return *this;
  }
  /// The body comes of a coroutine `awaitable<void>(body_writer&)`, which waits where the server does not take it; it
  /// is sent in chunks, once: neither repeated nor redirected. Its closure lives as long as the coroutine, which is
  /// cancelled when the answer comes first.
  template <class F>
  client_request& stream_body(F f, std::string_view content_type = {}) & {
    static_assert(std::is_invocable_r_v<asio::awaitable<void>, F&, http::body_writer&>,
                  "antiphon: the body of a request is a coroutine asio::awaitable<void>(antiphon::body_writer&)");
    if (!content_type.empty()) fields_.set("Content-Type", content_type);
    body_ = shared_buffer();
    source_ = std::make_shared<detail::request_source>(std::move(f));
    return *this;
  }
  /// The answer is complete with its head; its body is then read by client_response::read_some().
  client_request& stream_response(bool on = true) & { return streamed_ = on, *this; }
  /// Called with each interim response (103 Early Hints), on the client's executor.
  template <class F>
  client_request& on_interim(F f) & {
    static_assert(std::is_invocable_v<F&, http::status, const http::fields&>,
                  "antiphon: on_interim takes a function void(antiphon::status, const antiphon::http::fields&)");
    interim_ = std::make_shared<detail::interim_hook>(std::move(f));
    return *this;
  }
  /// Makes any method one that may be repeated: the server knows the second time by the key.
  client_request& idempotency_key(std::string_view key) & { return header("Idempotency-Key", key); }
  /// Asks for another protocol: with 101 the answer has a stream.
  client_request& upgrade(std::string_view protocol) & {
    if (!http::is_token(protocol.substr(0, protocol.find('/'))) || !http::is_field_value(protocol))
      throw std::invalid_argument(
          "antiphon: the protocol of an upgrade is a name, perhaps with a version: 'websocket'");
    return protocol_ = protocol, *this;
  }
  /// Over a Unix socket instead of TCP; Host and the path are those of the URL, "http://localhost/x".
  client_request& unix_socket(std::string path) & { return socket_ = std::move(path), *this; }
  // In the place of the client's options.
  client_request& first_byte(duration d) & { return first_byte_ = d, *this; }
  client_request& idle(duration d) & { return idle_ = d, *this; }
  client_request& total(duration d) & { return total_ = d, *this; }
  client_request& max_body(std::uint64_t bytes) & { return max_body_ = bytes, *this; }
  client_request& redirects(unsigned most) & { return redirects_ = static_cast<int>(most), *this; }

  client_request&& method(http::method verb) && { return std::move(method(verb)); }
  client_request&& url(std::string to) && { return std::move(url(std::move(to))); }
  client_request&& header(std::string_view name, std::string_view value) && { return std::move(header(name, value)); }
  client_request&& add(std::string_view name, std::string_view value) && { return std::move(add(name, value)); }
  client_request&& body(std::string bytes, std::string_view content_type) && {
    return std::move(body(std::move(bytes), content_type));
  }
  client_request&& body(shared_buffer bytes, std::string_view content_type) && {
    return std::move(body(std::move(bytes), content_type));
  }
  template <class F>
  client_request&& stream_body(F f, std::string_view content_type = {}) && {
    return std::move(stream_body(std::move(f), content_type));
  }
  client_request&& stream_response(bool on = true) && { return std::move(stream_response(on)); }
  template <class F>
  client_request&& on_interim(F f) && {
    return std::move(on_interim(std::move(f)));
  }
  client_request&& idempotency_key(std::string_view key) && { return std::move(idempotency_key(key)); }
  client_request&& upgrade(std::string_view protocol) && { return std::move(upgrade(protocol)); }
  client_request&& unix_socket(std::string path) && { return std::move(unix_socket(std::move(path))); }
  client_request&& first_byte(duration d) && { return std::move(first_byte(d)); }
  client_request&& idle(duration d) && { return std::move(idle(d)); }
  client_request&& total(duration d) && { return std::move(total(d)); }
  client_request&& max_body(std::uint64_t bytes) && { return std::move(max_body(bytes)); }
  client_request&& redirects(unsigned most) && { return std::move(redirects(most)); }

 private:
  friend struct detail::client_request_access;
  static constexpr duration unset = (duration::min)();

  http::method verb_ = http::method::get;
  bool streamed_ = false;
  int redirects_ = -1;
  std::string url_;
  http::fields fields_;
  shared_buffer body_;
  std::shared_ptr<detail::request_source> source_;
  std::shared_ptr<detail::interim_hook> interim_;
  std::string protocol_, socket_;
  duration first_byte_ = unset, idle_ = unset, total_ = unset;
  std::uint64_t max_body_ = 0;
};

namespace detail {

/// The client's way into a request.
struct client_request_access {
  static http::fields& fields(client_request& r) noexcept { return r.fields_; }
  static bool streamed(const client_request& r) noexcept { return r.streamed_; }
  static auto& source(client_request& r) noexcept { return r.source_; }
  static interim_hook* interim(const client_request& r) noexcept { return r.interim_.get(); }
  static const std::string& protocol(const client_request& r) noexcept { return r.protocol_; }
  static std::string& socket(client_request& r) noexcept { return r.socket_; }
  static const shared_buffer& body(const client_request& r) noexcept { return r.body_; }
  static void drop_body(client_request& r) noexcept { r.body_ = shared_buffer(), r.source_.reset(); }
  static duration first_byte(const client_request& r, duration d) noexcept { return pick(r.first_byte_, d); }
  static duration idle(const client_request& r, duration d) noexcept { return pick(r.idle_, d); }
  static duration total(const client_request& r, duration d) noexcept { return pick(r.total_, d); }
  static std::uint64_t max_body(const client_request& r, std::uint64_t n) noexcept {
    return r.max_body_ != 0 ? r.max_body_ : n;
  }
  static unsigned redirects(const client_request& r, unsigned n) noexcept {
    return r.redirects_ >= 0 ? static_cast<unsigned>(r.redirects_) : n;
  }

 private:
  static duration pick(duration own, duration other) noexcept { return own == client_request::unset ? other : own; }
};

} // namespace detail

using http::body_writer;
using http::method;
using http::status;

} // namespace v0
} // namespace antiphon
