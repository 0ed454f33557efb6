// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/siphash.hpp>
#include <antiphon/http/address.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/server/layer.hpp>
#include <antiphon/server/layers/detail/rate_table.hpp>
#include <antiphon/server/layers/detail/refusal.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace antiphon {
inline namespace v0 {

struct rate_limit_options {
  std::uint32_t requests = 100; ///< of one client, in `per`, as an average: 429 beyond
  duration per = std::chrono::minutes(1);
  std::uint32_t burst = 0;       ///< at once, after a time of rest; 0: `requests`
  std::size_t max_keys = 10'000; ///< clients that are told apart; beyond, those of longest ago are forgotten
  /// Clients are told apart by the last element of this field, which a proxy of yours sets or a layer outside has
  /// checked (a key): who may choose it freely is never refused. Empty, and where a request has no such field: by the
  /// address of the peer. Must outlive the layer.
  std::string_view field = {};
};
static_assert(std::is_trivially_destructible_v<rate_limit_options>);

/// A layer that bounds the rate of each client's requests by a token bucket: 429 and Retry-After beyond. A handle: a
/// copy counts with it.
///
/// Addresses count without their port, and IPv6 addresses by their first 64 bits, as one client has all of the rest.
/// Behind proxies stand ap::trusted_proxies outside of this: else all clients of a proxy, or of a Unix socket, are one.
/// Memory: some 150 bytes a client, of
/// max_keys at most. Thread-safe; one short lock a request. The time is that of the request's connection.
/// Throws std::invalid_argument for limits that let nothing through, or that are no rate.
///
/// Example: app.use(ap::rate_limit({.requests = 20, .per = 1s}));
class rate_limit {
 public:
  explicit rate_limit(rate_limit_options options = {}) : state_(std::make_shared<state>(checked(options))) {}

  /// Clients that are known now.
  std::size_t keys() const { return state_->table.size(); }

  /// Hook of the layer.
  std::optional<response> before(request& req) const {
    const auto wait = state_->table.take(key_of(req), req.now());
    if (wait == duration::zero()) return std::nullopt;
    return detail::retry_later(http::status::too_many_requests, "too many requests: slow down", wait);
  }

 private:
  struct state {
    explicit state(const rate_limit_options& o)
        : field(o.field), table(o.per / o.requests, o.per / o.requests * o.burst, o.max_keys) {
      std::random_device source;
      secret = {detail::random_word(source), detail::random_word(source)};
    }
    const std::string_view field;
    detail::wide secret;
    detail::rate_table table;
  };

  static rate_limit_options checked(rate_limit_options o) {
    const auto refuse = [](const char* why) {
      throw std::invalid_argument(std::string("antiphon: rate_limit: ") + why);
    };
    if (o.requests == 0 || o.max_keys == 0) refuse("a limit of 0 would let nothing through");
    if (o.per < duration(o.requests)) refuse("`per` is too short for as many requests");
    if (o.burst == 0) o.burst = o.requests;
    if ((duration::max)() / 4 / o.burst < o.per / o.requests) refuse("as many at once are as good as no limit");
    if (!o.field.empty() && !http::is_token(o.field)) refuse("`field` is no name of a field");
    return o;
  }

  detail::wide key_of(const request& req) const {
    if (!state_->field.empty()) {
      std::string_view last;
      req.for_each_header([&](std::string_view name, std::string_view value) {
        if (!http::iequals(name, state_->field)) return;
        while (const auto element = http::next_element(value)) last = *element;
      });
      if (!last.empty()) return key_of(last);
    }
    return key_of(req.peer());
  }
  /// The same whatever the way in which an address is written, and whatever its port.
  detail::wide key_of(std::string_view text) const {
    const auto node = http::parse_node(text);
    if (!node) return detail::siphash<1, 3>(state_->secret, http::peer_address(text));
    char bytes[8];
    const auto take = [&](const auto& all, std::size_t n) {
      std::copy_n(reinterpret_cast<const char*>(all.data()), n, bytes);
      return std::string_view(bytes, n);
    };
    const auto& address = node->address;
    const auto start = address.is_v4() ? take(address.to_v4().to_bytes(), 4) : take(address.to_v6().to_bytes(), 8);
    return detail::siphash<1, 3>({~state_->secret.first, state_->secret.second}, start);
  }

  std::shared_ptr<state> state_;
};

} // namespace v0
} // namespace antiphon
