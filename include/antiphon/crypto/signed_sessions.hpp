// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/crypto/hmac.hpp>
#include <antiphon/http/query.hpp>
#include <antiphon/http/set_cookie.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/server/session.hpp>

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

struct signed_session_options {
  std::chrono::seconds absolute = std::chrono::hours(24); ///< after so long it is over; renew() begins it again
  std::size_t max_bytes = http::new_cookie::max_size; ///< of the cookie's name and value, no more than browsers take:
                                                      ///< session::set() throws
  /// For tests; null: the system's clock, as all servers that share a key must agree on the time.
  std::chrono::system_clock::time_point (*now)() = nullptr;
};
static_assert(std::is_trivially_destructible_v<signed_session_options>);

/// Sessions that the clients keep: the cookie holds all of it, and a signature that nobody without the key can make.
/// Any process with the key reads it, and nothing is lost when one ends. It is signed and not encrypted: the client can
/// read it. And it cannot be taken back: a copy of a cookie is good until its time is over, log-out or not. A handle: a
/// copy is the same. Thread-safe.
///
/// Keys: the first one signs, all of them verify. To change it, put a new one before it; take the old one out when
/// `absolute` has passed.
///
///     app.use(ap::sessions(ap::signed_sessions({key})));
class signed_sessions {
 public:
  static constexpr std::size_t least_key = 16;

  /// Throws std::invalid_argument without a key, or for one of less than 16 bytes.
  explicit signed_sessions(std::vector<std::string> keys, signed_session_options options = {})
      : state_(std::make_shared<state>(checked(std::move(keys)), options)) {}

  /// For the layer `sessions`.
  std::shared_ptr<detail::session_backend> backend() const noexcept { return state_; }

 private:
  static std::vector<std::string> checked(std::vector<std::string> keys) {
    bool good = !keys.empty();
    for (const auto& k : keys) good = good && k.size() >= least_key;
    if (good) return keys;
    throw std::invalid_argument("antiphon: signed sessions need a key of at least 16 bytes, which nobody can guess: "
                                "`openssl rand -hex 32` makes one");
  }

  /// The value is DUE.ENTRIES.SIGNATURE: seconds since 1970, form-encoded, 64 digits. The cookie's name is signed too:
  /// a value is no other cookie's.
  class state final : public detail::session_backend {
   public:
    state(std::vector<std::string> keys, const signed_session_options& o) : keys_(std::move(keys)), options_(o) {
      options_.max_bytes = (std::min)(options_.max_bytes, http::new_cookie::max_size);
    }

    void load(detail::session_record& to, std::string_view value, const where& at) override {
      if (value.size() + at.cookie.size() > options_.max_bytes) return;
      const auto dot = value.rfind('.');
      if (dot == value.npos || !good(at.cookie, value.substr(0, dot), value.substr(dot + 1))) return;
      // From here on it is ours, and as we wrote it.
      value = value.substr(0, dot);
      const auto due = http::parse_decimal(value.substr(0, value.find('.')));
      if (!due || static_cast<std::int64_t>(*due) <= now()) return;
      value.remove_prefix(value.find('.') + 1);
      while (const auto p = http::next_parameter(value))
        to.entries.push_back({http::form_decode(p->name), http::form_decode(p->value)});
      to.due = static_cast<std::int64_t>(*due);
      to.known = true;
    }
    bool fits(const detail::session_record& r, const where& at) const override {
      return at.cookie.size() + content(r, now()).size() + 1 + signature_size <= options_.max_bytes;
    }
    std::optional<std::string> save(detail::session_record& r, const where& at) override {
      if (r.renewed || !r.known) r.due = now() + options_.absolute.count();
      auto out = content(r, r.due);
      const auto signature = sign(keys_.front(), at.cookie, out);
      r.known = true;
      return out.append(".").append(signature);
    }
    void remove(const detail::session_record&) noexcept override {}

   private:
    static constexpr std::size_t signature_size = 64;

    std::int64_t now() const {
      const auto time = options_.now ? options_.now() : std::chrono::system_clock::now();
      return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    }
    static std::string content(const detail::session_record& r, std::int64_t due) {
      std::string entries;
      for (const auto& e : r.entries) http::append_parameter(entries, e.name, e.value);
      return std::to_string(due) + "." + entries;
    }
    static std::string sign(std::string_view key, std::string_view cookie, std::string_view content) {
      return crypto::hmac_sha256(key, std::string(cookie).append("=").append(content));
    }
    bool good(std::string_view cookie, std::string_view content, std::string_view signature) const {
      for (const auto& key : keys_)
        if (crypto::same_bytes(sign(key, cookie, content), signature)) return true;
      return false;
    }

    const std::vector<std::string> keys_;
    signed_session_options options_;
  };

  std::shared_ptr<state> state_;
};

} // namespace v0
} // namespace antiphon
