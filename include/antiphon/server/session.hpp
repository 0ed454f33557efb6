// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>
#include <antiphon/http/cookie.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/set_cookie.hpp>
#include <antiphon/server/layer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What a session is beside its face: what its store reads and writes.
struct session_record {
  struct entry {
    std::string name, value;
    bool changed = false;
  };
  std::vector<entry> entries;
  std::vector<std::string> erased;
  std::string id;       ///< where the store has it
  std::int64_t due = 0; ///< where the cookie itself is the session: seconds since 1970
  bool known = false;   ///< the client's cookie was good
  bool changed = false, renewed = false;

  entry* find(std::string_view name) noexcept {
    const auto at = std::find_if(entries.begin(), entries.end(), [&](const entry& e) { return e.name == name; });
    return at == entries.end() ? nullptr : &*at;
  }
};

/// Where sessions are between two requests. Thread-safe.
struct session_backend {
  struct where {
    std::string_view cookie; ///< its name
    time_point now;
  };
  virtual ~session_backend() = default;
  /// Fills the record, or leaves it as it is where the value is none of ours, or is over.
  virtual void load(session_record&, std::string_view value, const where&) = 0;
  virtual bool fits(const session_record&, const where&) const = 0;
  /// Keeps what has changed; the cookie's new value, or nothing where the client's stays right.
  virtual std::optional<std::string> save(session_record&, const where&) = 0;
  virtual void remove(const session_record&) noexcept = 0;
};

struct session_access;

} // namespace detail

/// What is remembered of one client from request to request: a few short texts by name. `ap::session_of(req)` gives it.
///
/// It is read from the store when it is first asked for, and kept when the handler has returned; bodies and flows run
/// after that and have none. Where it stays empty, nothing is kept and no cookie is set. Views hold until it is
/// changed. Thread safety: none; two requests of a client have a session each, and a value that both set is that of the
/// later one.
class session {
 public:
  static constexpr std::string_view set_by = "antiphon::sessions"; // for request::state()

  std::optional<std::string_view> get(std::string_view name) const noexcept {
    for (const auto& e : record_.entries)
      if (e.name == name) return e.value;
    return std::nullopt;
  }
  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }
  bool empty() const noexcept { return record_.entries.empty(); }

  /// Throws std::length_error where the session would be larger than its store takes: then nothing has changed.
  void set(std::string_view name, std::string_view value) {
    auto* at = record_.find(name);
    if (at && at->value == value) return;
    std::string before(value); // it may be a view of this session, which moves
    const bool is_new = !at;
    if (is_new) at = &record_.entries.emplace_back(detail::session_record::entry{std::string(name), {}});
    at->value.swap(before);
    if (!backend_->fits(record_, {cookie_, {}})) {
      is_new ? record_.entries.pop_back() : at->value.swap(before);
      throw std::length_error("antiphon: the session would be larger than its store takes (4 KiB unless told "
                              "otherwise): keep a key in it, and what is large elsewhere");
    }
    at->changed = record_.changed = true;
  }
  /// Whether it was there.
  bool erase(std::string_view name) {
    auto* const at = record_.find(name);
    if (!at) return false;
    record_.erased.push_back(std::move(at->name));
    record_.entries.erase(record_.entries.begin() + (at - record_.entries.data()));
    return record_.changed = true;
  }
  /// Ends it, as at a log-out: nothing of it is left, here and in the store, and the client's cookie is taken away.
  /// What is set afterwards begins a new one.
  void clear() noexcept {
    record_.entries.clear();
    record_.erased.clear();
    record_.changed = record_.known;
    record_.renewed = false;
    if (!std::exchange(record_.known, false)) return;
    ended_ = true;
    backend_->remove(record_);
  }
  /// Gives it a new id, and its whole time: at a log-in, so that an id which somebody planted in the client before is
  /// worth nothing.
  void renew() noexcept { record_.renewed = true; }

 private:
  friend class sessions;
  friend struct detail::session_access;

  session(std::shared_ptr<detail::session_backend> b, std::string_view cookie) noexcept
      : backend_(std::move(b)), cookie_(cookie) {}

  std::shared_ptr<detail::session_backend> backend_;
  std::string_view cookie_; // the layer's
  detail::session_record record_;
  bool loaded_ = false;
  bool ended_ = false; // the client has a cookie that is worth nothing now
};

namespace detail {

struct session_access {
  static session& loaded(session& s, request& req) {
    if (s.loaded_) return s;
    const auto sent = http::cookies::of(req).get(s.cookie_);
    if (sent) s.backend_->load(s.record_, *sent, {s.cookie_, req.now()});
    s.loaded_ = true;
    return s;
  }
};

} // namespace detail

/// The session of a request: for handlers, and for layers inside of the layer `sessions`.
///
/// Errors: std::logic_error where there is no such layer around the route; request_error(too_many_cookies), 400.
inline session& session_of(request& req) { return detail::session_access::loaded(req.state<session>(), req); }

struct session_options {
  std::string_view cookie = "session"; ///< its name; "__Host-session" where all is over TLS. Must outlive the layer
  std::string_view path = "/";         ///< likewise
  std::string_view domain{};           ///< likewise; empty: this host only
  bool secure = false;                 ///< over TLS only, even where this server speaks none: behind a proxy that does
  http::same_site same_site = http::same_site::lax;
  std::chrono::seconds max_age{0}; ///< how long browsers keep the cookie; zero: until they are closed
};
static_assert(std::is_trivially_destructible_v<session_options>);

/// The layer that gives requests their sessions. Handlers are the same whatever keeps them: a session_store, or
/// signed_sessions of <antiphon/crypto.hpp>.
///
///     app.use(ap::sessions(ap::session_store({.idle = 30min})));
///     app.get("/", [](ap::request& req) {
///       ap::session& s = ap::session_of(req);
///       …
///     });
///
/// An answer that sets the cookie is not for caches: it gets `Cache-Control: no-store`, unless it has that field.
/// A request whose handler asks for no session costs no look-up. Where two of these layers stand around a route, the
/// outer one's session holds. Thread-safe.
/// Throws std::invalid_argument for options that make no cookie.
///
/// Source: RFC 6265bis; OWASP, session management. Example: examples/sessions.cpp
class sessions {
 public:
  /// `Store` is session_store or signed_sessions; a handle, of which the layer has a copy.
  template <class Store>
  explicit sessions(const Store& store, session_options options = {}) : backend_(store.backend()), options_(options) {
    static_cast<void>(dressed(http::new_cookie(options_.cookie, "")).text(false)); // throws here, and not at a log-in
  }

  std::optional<response> before(request& req) const {
    if (!req.find_state<session>()) req.set_state(session(backend_, options_.cookie));
    return std::nullopt;
  }
  void after(request& req, response& res) const {
    auto* const s = req.find_state<session>();
    if (!s || s->backend_ != backend_ || !(s->record_.changed || s->record_.renewed || s->ended_)) return;
    auto& record = s->record_;
    std::optional<std::string> value;
    if (!record.entries.empty()) {
      value = backend_->save(record, {options_.cookie, req.now()});
    } else if (record.known) {
      backend_->remove(record);
      s->ended_ = true;
    }
    if (!value && !s->ended_) return;
    http::set_cookie(res, req,
                     value ? dressed(http::new_cookie(options_.cookie, *value))
                           : dressed(http::new_cookie::removal(options_.cookie)));
    if (!res.fields().contains("Cache-Control")) res.set("Cache-Control", "no-store");
    record.changed = record.renewed = s->ended_ = false;
  }

 private:
  http::new_cookie dressed(http::new_cookie c) const {
    c.path(options_.path).same_site(options_.same_site);
    if (!options_.domain.empty()) c.domain(options_.domain);
    if (options_.secure) c.secure(true);
    if (options_.max_age.count() > 0 && !c.value().empty()) c.max_age(options_.max_age);
    return c;
  }

  std::shared_ptr<detail::session_backend> backend_;
  session_options options_;
};

} // namespace v0
} // namespace antiphon
