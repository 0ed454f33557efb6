// SPDX-License-Identifier: BSL-1.0
// connection and server_state: whose a connection is, and how many are of one address.
#pragma once

#include <antiphon/http/address.hpp>
#include <antiphon/http/proxy_protocol.hpp>
#include <antiphon/server/detail/connection.hpp>

#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// True: the client's own bytes are next. False: more of the header must come, for which the head's time runs, or the
/// connection is over.
ANTIPHON_DECL bool connection::take_proxy_header(std::string_view bytes, std::size_t& used) {
  http::proxy_header header;
  error_code ec;
  const auto result = http::parse_proxy_header(bytes, header, ec, server_->options.proxy_header);
  if (result == http::parse_result::more) return false;
  used = bytes.size();
  if (result == http::parse_result::failed) { // who speaks to us is no proxy: it gets no answer
    server_->counts.refused.fetch_add(1, std::memory_order_relaxed);
    die();
    return false;
  }
  proxy_wanted_ = false;
  if (!header.peer.empty()) server_->proxied(*this, std::move(header.peer));
  if (server_->options.max_per_address != 0 && !server_->admit(*this)) {
    refuse_full(*work_);
    return false;
  }
  used = header.size;
  return true;
}

ANTIPHON_DECL std::string connection::peer() const {
  std::string client;
  if (server_->options.proxy_protocol) client = server_->proxied(*this);
  return client.empty() ? io_peer() : client;
}

ANTIPHON_DECL bool server_state::admit(const connection& c) {
  const std::string peer = c.peer();
  if (peer == http::unix_peer) return true; // a proxy, as a rule: it comes with the connections of all
  std::string address(http::peer_address(peer));
  const std::lock_guard lock(mutex_);
  auto& own = known_[&c];
  {
    const std::lock_guard all(totals->mutex);
    auto& n = totals->addresses[address];
    if (n >= options.max_per_address) return false;
    ++n;
  }
  own.counted = true;
  own.address = std::move(address);
  return true;
}

ANTIPHON_DECL void server_state::proxied(const connection& c, std::string peer) {
  const std::lock_guard lock(mutex_);
  known_[&c].peer = std::move(peer);
}

ANTIPHON_DECL std::string server_state::proxied(const connection& c) {
  const std::lock_guard lock(mutex_);
  const auto at = known_.find(&c);
  return at == known_.end() ? std::string() : at->second.peer;
}

ANTIPHON_DECL void server_state::dismiss(const connection& c) noexcept {
  const auto at = known_.find(&c);
  if (at == known_.end()) return;
  if (at->second.counted) {
    const std::lock_guard all(totals->mutex);
    const auto count = totals->addresses.find(at->second.address);
    if (--count->second == 0) totals->addresses.erase(count);
  }
  known_.erase(at);
}

} // namespace detail
} // namespace v0
} // namespace antiphon
