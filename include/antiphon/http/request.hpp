// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/detail/siphash.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/detail/typed_state.hpp>
#include <antiphon/http/detail/waiting.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/head.hpp>
#include <antiphon/http/method.hpp>
#include <antiphon/http/percent.hpp>
#include <antiphon/http/query.hpp>
#include <antiphon/http/status.hpp>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

/// What a request asks of the connection that it came on.
class request_host {
 public:
  virtual asio::any_io_executor request_executor() const = 0;
  virtual std::string request_peer() const = 0;
  virtual bool request_secure() const noexcept = 0;
  virtual asio::awaitable<void> request_interim(status, fields) = 0;
  virtual time_point request_now() const noexcept = 0;
  /// The next bytes of a streamed body. True: `piece` is next (empty: the end), or `ec` says what went wrong. False:
  /// wait for request_reading(), and ask again.
  virtual bool request_read(std::string_view& piece, error_code& ec) = 0;
  virtual waiting_host& request_reading() noexcept = 0;
  virtual const fields& request_trailers() const noexcept = 0;

 protected:
  ~request_host() = default;
};

/// What proxies have told of the client, in place of what the connection shows.
struct told_client {
  std::string peer;
  std::string host;           ///< empty: as the request has it
  std::optional<bool> secure; ///< nothing: as the connection is
};

struct request_access;

} // namespace detail

/// A request: accessors over the bytes that came, which the request owns until it is answered.
///
/// Views are valid until the handler has returned (for a coroutine: until it has ended). Bodies, flows and upgrades run
/// after that: give them what they need by value. Thread safety: none.
class request {
 public:
  static constexpr std::size_t max_params = 16;

  request() = default;
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  http::method method() const noexcept { return head_.verb; }
  /// The target as sent: path and query.
  std::string_view target() const noexcept { return head_.raw_target(base_); }
  /// The path as sent, percent-encoding and all; param() and rest are decoded.
  std::string_view path() const noexcept { return head_.path(base_); }
  /// What `{name}` of the route matched, percent-decoded; for `{name...}` the rest of the path. A name that the route
  /// does not have is a mistake in the program and gives an empty text.
  std::string_view param(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < param_count_; ++i)
      if (params_[i].name == name) return view(params_[i]);
    assert(false && "antiphon: request::param() was asked for a name that the route's pattern does not have");
    return {};
  }
  /// The query as sent, without the question mark.
  std::string_view query() const noexcept { return head_.query(base_); }
  /// The first query parameter of that name, decoded; nothing where there is none or the encoding is broken.
  std::optional<std::string> query(std::string_view name) const { return query_value(query(), name); }
  /// The first field of that name, or an empty text. Names compare without regard to case.
  std::string_view header(std::string_view name) const noexcept {
    const auto* field = head_.find(base_, name);
    return field ? head_.value(base_, *field) : std::string_view();
  }
  bool has_header(std::string_view name) const noexcept { return head_.find(base_, name) != nullptr; }
  /// Calls f(name, value) for each field, in the order sent.
  template <class F>
  void for_each_header(F&& f) const {
    for (std::size_t i = 0; i < head_.count; ++i)
      f(head_.name(base_, head_.fields[i]), head_.value(base_, head_.fields[i]));
  }
  /// Host, or the authority of an absolute target; behind the layer trusted_proxies what the client has sent to those.
  std::string_view authority() const noexcept {
    return is_told_ && !told_.host.empty() ? std::string_view(told_.host) : head_.authority(base_);
  }
  /// "http" or "https"; behind the layer trusted_proxies the client's.
  std::string_view scheme() const noexcept {
    const bool secure = is_told_ && told_.secure ? *told_.secure : host_ && host_->request_secure();
    return secure ? "https" : "http";
  }
  /// Address and port of the client, as text ("127.0.0.1:5123", "[::1]:80"); "unix:" for a Unix socket, empty where a
  /// stream has none. That is the other end of the connection, but where serve_options::proxy_protocol or the layer
  /// trusted_proxies say otherwise. http::peer_address() is what to count or compare.
  std::string peer() const {
    if (is_told_) return told_.peer;
    return host_ ? host_->request_peer() : std::string();
  }
  /// 1 for HTTP/1.1, 0 for HTTP/1.0.
  int version_minor() const noexcept { return head_.version_minor; }

  /// The collected body.
  std::string_view body() const noexcept { return body_; }
  /// The collected body as a string of its own; body() is empty afterwards.
  std::string take_body() {
    // Its hash is of use with this field only, and costs as much as reading the body once more.
    if (!body_.empty()) taken_ = {body_.size(), has_header("Idempotency-Key") ? hash_of(body_) : v0::detail::wide{}};
    std::string taken = body_.data() == owned_body_.data() ? std::move(owned_body_) : std::string(body_);
    owned_body_.clear();
    body_ = {};
    return taken;
  }
  /// What tells a collected body from others, also when it was taken by take_body(); then the hash is there where the
  /// request has an Idempotency-Key. The hash, SipHash, is the same on every node, and is no signature.
  struct body_digest {
    std::size_t size = 0;
    std::pair<std::uint64_t, std::uint64_t> hash{};
    friend bool operator==(const body_digest&, const body_digest&) = default;
  };
  body_digest digest() const noexcept { return taken_.size != 0 ? taken_ : body_digest{body_.size(), hash_of(body_)}; }

  /// Whether the body is read as it comes: route_options::streamed, and there is a body. body() is empty then.
  bool streamed() const noexcept { return streamed_; }
  /// The next bytes of the body: in a streamed one as they come, and no more is read from the client until the next
  /// call, which is the back-pressure. A collected body is given whole. A client that waits for `100 Continue` is told
  /// to go on by the first call; a handler that answers without reading never asks for the body.
  ///
  /// Completes:  with bytes, valid until the next call, or an empty view at the end of the body.
  /// Errors:     system_error: http::error (too large, too slow, malformed, cut short), or the stream's when the client
  ///             has gone. If a handler lets it through, the client gets the status that belongs to it.
  /// Cancels:    terminal; the body can still be read on.
  /// Source:     RFC 9110, sections 6.4 and 10.1.1. Example: examples/upload.cpp
  asio::awaitable<std::string_view> read_some() {
    std::string_view piece;
    error_code ec;
    while (!ec && !next_piece(piece, ec)) ec = co_await detail::wait_for(host_->request_reading());
    if (ec) throw system_error(ec, "reading a request body");
    co_return piece;
  }
  /// The trailer fields of a chunked body, when all of it was read; those that frame, route or authenticate are left
  /// out.
  ///
  /// Source: RFC 9110, section 6.5.
  const http::fields& trailers() const noexcept {
    static const http::fields none;
    return host_ && body_of(head_) == body_kind::chunked ? host_->request_trailers() : none;
  }

  /// The pattern of the route that was taken, "" where none was: a label that does not grow with what clients send.
  std::string_view route() const noexcept { return route_; }
  /// Fields that layers leave for handlers and for each other, for instance the request id.
  http::fields& notes() noexcept { return notes_; }
  const http::fields& notes() const noexcept { return notes_; }

  /// Leaves a value of any type for the layers inside and for the handler: who the user is, a session, a transaction.
  /// One of the same type is replaced. It is destroyed when the answer is over, the last one set first; that of a
  /// stream is over when the stream ends, so a state may also hold what the exchange takes.
  template <class T>
  T& set_state(T value) {
    return state_.set<T>(std::move(value));
  }
  /// What a layer has set. Throws std::logic_error where it is missing: no layer around the route has set it. A type
  /// may name its layer for that sentence: `static constexpr std::string_view set_by = "my::sessions";`
  template <class T>
  T& state() {
    return state_.get<T>();
  }
  template <class T>
  const T& state() const {
    return state_.get<T>();
  }
  /// The same; null where it is missing.
  template <class T>
  T* find_state() noexcept {
    return state_.find<T>();
  }
  template <class T>
  const T* find_state() const noexcept {
    return state_.find<T>();
  }

  /// The time that the connection goes by; a test may be its master.
  time_point now() const noexcept { return host_ ? host_->request_now() : clock::now(); }

  /// The connection's executor: where the handler runs.
  asio::any_io_executor executor() const { return host_ ? host_->request_executor() : asio::any_io_executor(); }

  /// Sends an interim response (103 Early Hints, 102) ahead of the answer. HTTP/1.0 clients are sent none.
  ///
  /// Completes:  when earlier answers are out and it is written. Errors: system_error where the client has gone;
  ///             std::invalid_argument, at once, for fields that frame a body.
  /// Source:     RFC 9110, section 15.2.
  asio::awaitable<void> send_interim(http::status code, http::fields extra) {
    assert(is_informational(code) && code != http::status::switching_protocols);
    for (const std::string_view framing : {"content-length", "transfer-encoding"})
      if (extra.contains(framing))
        throw std::invalid_argument("antiphon: an interim response has no body, so no field '" + std::string(framing) +
                                    "'");
    return host_->request_interim(code, std::move(extra));
  }

 private:
  friend struct detail::request_access;

  /// request_host::request_read(), and a collected body in one piece.
  bool next_piece(std::string_view& piece, error_code& ec) {
    if (streamed_) return host_->request_read(piece, ec);
    if (!std::exchange(given_, true)) piece = body_;
    return true;
  }

  struct param_ref {
    std::string_view name;             // in the router's pattern
    std::uint32_t begin = 0, size = 0; // in the head, or in decoded_
    bool decoded = false;
  };
  static v0::detail::wide hash_of(std::string_view body) noexcept {
    return v0::detail::siphash<2, 4>({0x616e746970686f6e, 0x626f6479}, body);
  }
  std::string_view view(const param_ref& p) const noexcept {
    return p.decoded ? std::string_view(decoded_).substr(p.begin, p.size) : std::string_view(base_ + p.begin, p.size);
  }

  const char* base_ = nullptr;
  request_head head_;
  std::size_t param_count_ = 0;
  std::array<param_ref, max_params> params_;
  std::string decoded_;
  std::string_view body_;
  bool streamed_ = false, given_ = false;
  std::string owned_body_;
  body_digest taken_;
  std::string_view route_;
  http::fields notes_;
  detail::typed_state state_;
  detail::request_host* host_ = nullptr;
  detail::told_client told_;
  bool is_told_ = false;
};

namespace detail {

/// The session's and the router's way into a request.
struct request_access {
  static request_head& head(request& r) noexcept { return r.head_; }
  static const char* base(const request& r) noexcept { return r.base_; }
  static void base(request& r, const char* b) noexcept { r.base_ = b; }
  static void host(request& r, request_host* h) noexcept { r.host_ = h; }
  static void route(request& r, std::string_view pattern) noexcept { r.route_ = pattern; }
  static void told(request& r, told_client&& client) {
    r.told_ = std::move(client);
    r.is_told_ = true;
  }
  static std::string& owned_body(request& r) noexcept { return r.owned_body_; }
  static void body_in_place(request& r, std::string_view b) noexcept { r.body_ = b; }
  static typed_state& state(request& r) noexcept { return r.state_; }
  static void body_is_owned(request& r) noexcept { r.body_ = r.owned_body_; }
  static bool next_piece(request& r, std::string_view& piece, error_code& ec) { return r.next_piece(piece, ec); }
  static waiting_host& reading(request& r) noexcept { return r.host_->request_reading(); }
  static void body_is_streamed(request& r) noexcept { r.streamed_ = true; }

  static void begin(request& r, const char* b) noexcept {
    assert(r.state_.empty() && "cleared when the answer before was over");
    r.base_ = b;
    r.param_count_ = 0;
    r.decoded_.clear();
    r.owned_body_.clear();
    r.body_ = {};
    r.taken_.size = 0;
    r.streamed_ = r.given_ = false;
    r.route_ = {};
    r.notes_.clear();
    r.is_told_ = false;
  }
  /// False where there are too many.
  static bool add_param(request& r, std::string_view name, std::string_view raw) {
    if (r.param_count_ == request::max_params) return false;
    auto& p = r.params_[r.param_count_++];
    p.name = name;
    p.decoded = raw.find('%') != raw.npos;
    if (!p.decoded) {
      p.begin = static_cast<std::uint32_t>(raw.data() - r.base_);
      p.size = static_cast<std::uint32_t>(raw.size());
      return true;
    }
    const auto plain = percent_decode(raw);
    if (!plain) return false;
    p.begin = static_cast<std::uint32_t>(r.decoded_.size());
    p.size = static_cast<std::uint32_t>(plain->size());
    r.decoded_.append(*plain);
    return true;
  }
};

} // namespace detail
} // namespace http

using http::method;
using http::request;

} // namespace v0
} // namespace antiphon
