// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/any_stream.hpp>
#include <antiphon/core/shared_buffer.hpp>
#include <antiphon/http/body_writer.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/file_body.hpp>
#include <antiphon/http/flow.hpp>
#include <antiphon/http/problem.hpp>
#include <antiphon/http/status.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// Makes a response of a type of yours: specialise it with `static response make(const T&)` and return T from handlers.
template <class T>
struct response_from;

namespace http {

class response;

namespace detail {

template <class T>
concept has_response_from = requires(T&& value) {
  { response_from<std::remove_cvref_t<T>>::make(std::forward<T>(value)) } -> std::same_as<response>;
};

/// The body coroutine of a response, with the closure that it lives in.
struct body_source {
  virtual ~body_source() = default;
  virtual asio::awaitable<void> run(body_writer&) = 0;
};

/// What runs on the connection after it has changed its protocol.
struct upgraded {
  explicit upgraded(std::string p) : protocol(checked(std::move(p))) {}
  virtual ~upgraded() = default;
  virtual asio::awaitable<void> run(any_stream) = 0;
  const std::string protocol;

 private:
  static std::string checked(std::string p) { // RFC 9110, section 7.8: a list of names, each perhaps with a version
    std::string_view rest = p;
    bool good = false;
    while (const auto element = next_element(rest)) {
      const auto slash = element->find('/');
      good = is_token(element->substr(0, slash)) && (slash == element->npos || is_token(element->substr(slash + 1)));
      if (!good) break;
    }
    if (good) return p;
    throw std::invalid_argument("antiphon: the protocol of an upgrade is a name, perhaps with a version: 'websocket'");
  }
};

} // namespace detail

/// An answer: a status, fields, and one of bytes, shared bytes, a flow, a body coroutine, an upgrade, parts of files.
///
/// Made by conversion from a status, a text or a string literal, or by the functions below the class. Thread safety:
/// none. Content-Length, Transfer-Encoding, Connection and Date are the session's: setting them here throws.
class response {
 public:
  enum class kind : unsigned char { bytes, shared, flow, body, upgrade, file };
  static constexpr std::string_view plain_text = "text/plain; charset=utf-8";

  response() = default;
  response(http::status code) : status_(code) {}
  response(std::string text) : content_type_(plain_text), bytes_(std::move(text)) {}
  response(std::string_view text) : response(std::string(text)) {}
  response(const char* text) : response(std::string(text)) {}
  response(const problem& p);
  /// Of a type of the program's own, by response_from<T>.
  template <class T>
  requires(!std::same_as<std::remove_cvref_t<T>, response>) && detail::has_response_from<T> response(T&& value)
      : response(response_from<std::remove_cvref_t<T>>::make(std::forward<T>(value))) {}

  /// `content_type` must be a literal or otherwise outlive the response; set("Content-Type", …) copies. Throws
  /// std::invalid_argument if it has a control byte.
  response(http::status code, std::string body, std::string_view content_type)
      : status_(code), content_type_(checked_type(content_type)), bytes_(std::move(body)) {}
  response(http::status code, shared_buffer body, std::string_view content_type)
      : status_(code), kind_(kind::shared), content_type_(checked_type(content_type)), shared_(std::move(body)) {}
  /// Of files: sent without a copy where the stream allows it.
  response(http::status code, file_body body, std::string_view content_type)
      : status_(code), kind_(kind::file), content_type_(checked_type(content_type)),
        file_(std::make_unique<file_body>(std::move(body))) {}

  http::status status() const noexcept { return status_; }
  /// The media type that the factory gave, where no Content-Type field was set.
  std::string_view content_type() const noexcept { return content_type_; }
  const http::fields& fields() const noexcept { return fields_; }
  kind what() const noexcept { return kind_; }
  /// The bytes of kind::bytes and kind::shared.
  std::string_view body() const noexcept { return kind_ == kind::shared ? shared_.view() : std::string_view(bytes_); }

  response& status(http::status code) & {
    status_ = code;
    return *this;
  }
  response&& status(http::status code) && { return std::move(status(code)); }
  /// Replaces all fields of that name. Throws std::invalid_argument on CR, LF, NUL or a name that is no token.
  response& set(std::string_view name, std::string_view value) & {
    check(name);
    fields_.set(name, value);
    return *this;
  }
  response&& set(std::string_view name, std::string_view value) && { return std::move(set(name, value)); }
  /// Adds one more field of that name.
  response& add(std::string_view name, std::string_view value) & {
    check(name);
    fields_.add(name, value);
    return *this;
  }
  response&& add(std::string_view name, std::string_view value) && { return std::move(add(name, value)); }

  /// Adds a line that is known to be right, and whose name no other line has: for layers that every request pays.
  void add_unchecked(std::string_view name, std::string_view value) { fields_.add_unchecked(name, value); }
  /// The same for several, which were made once: for faces.
  void add_unchecked(const http::fields& lines) { fields_.append(lines); }
  /// Replaces all fields: for sessions. Throws as set().
  void fields_of(const http::fields& all) {
    for (const auto& f : all) check(f.name);
    fields_ = all;
  }
  /// Takes `other` over and keeps this object's buffers where `other` brings none: sessions reuse one response.
  void assign(response&& other) {
    status_ = other.status_;
    kind_ = other.kind_;
    content_type_ = other.content_type_;
    if (other.fields_.empty()) {
      fields_.clear();
    } else {
      fields_ = std::move(other.fields_);
    }
    bytes_ = std::move(other.bytes_);
    shared_ = std::move(other.shared_);
    if (kind_ <= kind::shared) return; // what is in progress was taken out, here and there
    flow_ = std::move(other.flow_);
    source_ = std::move(other.source_);
    upgraded_ = std::move(other.upgraded_);
    file_ = std::move(other.file_);
  }
  /// The same as assigning response(text), without one in between.
  void assign_text(std::string&& text) {
    status_ = http::status::ok;
    kind_ = kind::bytes;
    content_type_ = plain_text;
    fields_.clear();
    bytes_ = std::move(text);
  }
  void assign_text(std::string_view text) {
    assign_text(std::string());
    bytes_.assign(text);
  }

  // For sessions: the parts that an answer is made of.
  std::string take_bytes() noexcept { return std::move(bytes_); }
  shared_buffer take_shared() noexcept { return std::move(shared_); }
  std::unique_ptr<http::flow> take_flow() noexcept { return std::move(flow_); }
  std::unique_ptr<detail::body_source> take_source() noexcept { return std::move(source_); }
  std::unique_ptr<detail::upgraded> take_upgrade() noexcept { return std::move(upgraded_); }
  /// Not taken where only the head is sent: its size is in there.
  std::unique_ptr<file_body> take_file() noexcept { return std::move(file_); }
  std::uint64_t file_size() const noexcept { return file_ ? file_->size() : 0; }

  /// An answer in progress, see flow.
  explicit response(std::unique_ptr<http::flow> f) : kind_(kind::flow), flow_(std::move(f)) {}
  explicit response(std::unique_ptr<detail::body_source> s, std::string_view content_type)
      : kind_(kind::body), content_type_(checked_type(content_type)), source_(std::move(s)) {}
  explicit response(std::unique_ptr<detail::upgraded> u)
      : status_(http::status::switching_protocols), kind_(kind::upgrade), upgraded_(std::move(u)) {}

 private:
  void check(std::string_view name);
  static std::string_view checked_type(std::string_view type) {
    if (type.data() == plain_text.data() || is_field_value(type)) return type;
    throw std::invalid_argument("antiphon: the content type of a response has a control byte, or blanks at its ends");
  }

  http::status status_ = http::status::ok;
  kind kind_ = kind::bytes;
  std::string_view content_type_;
  http::fields fields_;
  std::string bytes_;
  shared_buffer shared_;
  std::unique_ptr<http::flow> flow_;
  std::unique_ptr<detail::body_source> source_;
  std::unique_ptr<detail::upgraded> upgraded_;
  std::unique_ptr<file_body> file_;
};

inline void response::check(std::string_view name) {
  for (const std::string_view own : {"content-length", "transfer-encoding", "connection", "date", "keep-alive"}) {
    if (!iequals(name, own)) continue;
    throw std::invalid_argument("antiphon: the field '" + std::string(name) +
                                "' is written by the server itself: do not set it on a response");
  }
  if (iequals(name, "content-type")) content_type_ = {};
}

inline response::response(const problem& p)
    : status_(p.status()), content_type_(problem::content_type), bytes_(p.to_json()) {}

/// Plain text in UTF-8.
inline response text(std::string body, status code = status::ok) {
  return response(code, std::move(body), response::plain_text);
}
/// A page.
inline response html(std::string body, status code = status::ok) {
  return response(code, std::move(body), "text/html; charset=utf-8");
}
/// JSON that is encoded already.
inline response json(std::string body, status code = status::ok) {
  return response(code, std::move(body), "application/json");
}
/// 303 (or another redirection) to `location`.
inline response redirect(std::string_view location, status code = status::see_other) {
  return response(code).set("Location", location);
}

/// A body written by a coroutine, in chunks, with back-pressure: `asio::awaitable<void>(body_writer&)`. The callable
/// lives in the response until the body ends, so captures by value are safe; the request is gone by then, so take what
/// is needed of it by value. An exception cuts the connection (the client sees the body end short) and reaches
/// on_error.
template <class F>
response stream_body(F f, std::string_view content_type = "application/octet-stream") {
  static_assert(std::is_invocable_r_v<asio::awaitable<void>, F&, body_writer&>,
                "antiphon: a body is a coroutine: asio::awaitable<void> f(antiphon::body_writer&)");
  struct source final : detail::body_source {
    explicit source(F callable) : f(std::move(callable)) {}
    asio::awaitable<void> run(body_writer& out) override { return f(out); }
    F f;
  };
  return response(std::make_unique<source>(std::move(f)), content_type);
}

/// Changes the protocol: 101 with `Upgrade: protocol`, then `f` runs with the bytes of the connection and owns them
/// until it returns. The callable lives until then. Refused with 426 where the client did not ask for an upgrade.
/// Throws std::invalid_argument for a protocol that is no list of names.
template <class F>
response upgrade(std::string protocol, F f) {
  static_assert(std::is_invocable_r_v<asio::awaitable<void>, F&, any_stream>,
                "antiphon: an upgrade runs a coroutine: asio::awaitable<void> f(antiphon::any_stream)");
  struct source final : detail::upgraded {
    source(std::string p, F callable) : upgraded(std::move(p)), f(std::move(callable)) {}
    asio::awaitable<void> run(any_stream stream) override { return f(std::move(stream)); }
    F f;
  };
  return response(std::make_unique<source>(std::move(protocol), std::move(f)));
}

} // namespace http

/// What a handler may return (or an awaitable of it): a response, a status, a text, a problem, or a type with a
/// response_from.
template <class T>
concept response_like = std::convertible_to<T, http::response>;

using http::body_writer;
using http::file_body;
using http::html;
using http::json;
using http::problem;
using http::redirect;
using http::response;
using http::status;
using http::stream_body;
using http::text;
using http::upgrade;

} // namespace v0
} // namespace antiphon
