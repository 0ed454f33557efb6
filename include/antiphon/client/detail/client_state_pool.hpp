// SPDX-License-Identifier: BSL-1.0
// client_state: connections, and the calls that wait for them.
#pragma once

#include <antiphon/client/detail/streamed_body.hpp>

#include <algorithm>

namespace antiphon {
inline namespace v0 {
namespace detail {

ANTIPHON_DECL bool client_state::aged(const client_connection& c) noexcept {
  return options.max_age != duration::zero() && now() >= later(c.born(), options.max_age);
}

ANTIPHON_DECL time_point client_state::expiry_of(const client_connection& c) noexcept {
  const auto expiry = later(now(), options.idle_expiry);
  return options.max_age == duration::zero() ? expiry : (std::min)(expiry, later(c.born(), options.max_age));
}

/// Gives a call that is in no list a connection, now or later.
ANTIPHON_DECL void client_state::acquire(client_call& c) {
  const auto& socket =
      client_request_access::socket(c.req).empty() ? unix_socket : client_request_access::socket(c.req);
  std::string made;
  std::string_view key = c.where.origin();
  if (!socket.empty()) key = made.append("unix:").append(socket);
  auto found = origins_.find(key);
  if (found == origins_.end()) {
    found = origins_.emplace(std::string(key), std::make_unique<origin>()).first;
    found->second->key = key;
  }
  origin& o = *found->second;
  c.from = &o;
  while (!o.idle.empty()) {
    client_connection& last = *o.idle.back();
    if (aged(last) || !last.quiet()) {
      last.close();
      continue;
    }
    o.idle.pop_back();
    --idle_;
    return last.start(c);
  }
  if (o.open < (std::max)(options.connections, std::size_t{1})) {
    ++o.open;
    return connect(c);
  }
  if (o.waiting >= options.waiting) return finish(c, client_error::pool_full);
  c.at = client_call::stage::queued;
  o.push(c);
  set_due(c, options.wait, client_error::pool_timeout);
}

/// Begins a call again that `gone` has lost, on a new connection: with the place of that one, as who waits came later.
ANTIPHON_DECL void client_state::repeat(client_call& c, client_connection& gone) {
  c.progress.repeated = true;
  ++c.from->open;
  gone.close();
  connect(c);
}

/// A place among the connections of its origin is the call's.
ANTIPHON_DECL void client_state::connect(client_call& c) {
  c.at = client_call::stage::resolving;
  const bool socket = !unix_socket.empty() || !client_request_access::socket(c.req).empty();
  std::string_view host = socket ? std::string_view() : links->resolves(c.where.host());
  if (host.empty()) return connect_to(c, {});
  if (host.front() == '[') host = host.substr(1, host.size() - 2);
  error_code no_address;
  const auto address = asio::ip::make_address(std::string(host), no_address);
  if (!no_address) return connect_to(c, {address});
  set_due(c, options.dns, client_error::dns_timeout);
  c.attempt = names->resolve(host, executor, [this, &c](error_code ec, resolver::addresses all) {
    const counted_ptr<client_state> self(this);
    self->enter([&] {
      const auto keep = std::move(c.attempt); // this runs inside of it, perhaps
      if (ec) return finish(c, ec);
      if (all.empty()) return finish(c, asio::error::host_not_found);
      phase(c, client_phase::dns);
      if (c.at != client_call::stage::resolving) return; // cancelled in the hook
      connect_to(c, std::move(all));
    });
  });
}

ANTIPHON_DECL void client_state::connect_to(client_call& c, resolver::addresses found) {
  c.at = client_call::stage::connecting;
  const auto& socket =
      client_request_access::socket(c.req).empty() ? unix_socket : client_request_access::socket(c.req);
  connect_target to;
  to.scheme = c.where.scheme();
  to.host = c.where.host();
  to.port = c.where.port();
  to.unix_socket = socket;
  to.addresses = std::move(found);
  set_due(c, options.connect, client_error::connect_timeout);
  c.attempt = links->connect(to, executor, [this, &c](error_code ec, std::unique_ptr<client_stream> stream) {
    const counted_ptr<client_state> self(this);
    self->enter([&] {
      const auto keep = std::move(c.attempt);
      connected(c, ec, std::move(stream));
    });
  });
}

ANTIPHON_DECL void client_state::connected(client_call& c, error_code ec, std::unique_ptr<client_stream> stream) {
  counted_ptr<client_connection> made;
  if (!ec) {
    made = counted_ptr<client_connection>(
        new client_connection(counted_ptr<client_layer_host>(this), *this, *c.from, std::move(stream), now()));
    made->open(ec);
  }
  if (ec) return finish(c, ec);
  made->retain(); // the list's, until connection_gone()
  made->next = first_;
  if (first_) first_->previous = made.get();
  first_ = made.get();
  ++connections_;
  time.unlink(c);
  c.linked = false;
  phase(c, client_phase::connect);
  if (c.at != client_call::stage::connecting) { // cancelled in the hook, which gave its place back
    ++made->home().open;
    return made->close();
  }
  made->start(c);
}

/// An answer is complete.
ANTIPHON_DECL void client_state::connection_free(client_connection& c, bool keep) {
  if (!keep || closed_ || aged(c)) return c.close();
  if (client_call* const next = c.home().pop()) {
    time.unlink(*next);
    next->linked = false;
    return c.start(*next);
  }
  if (idle_ >= options.idle_connections) return c.close();
  c.home().idle.push_back(&c);
  ++idle_;
  c.rest(expiry_of(c));
}

ANTIPHON_DECL void client_state::connection_gone(client_connection& c, bool was_idle) noexcept {
  (c.previous ? c.previous->next : first_) = c.next;
  if (c.next) c.next->previous = c.previous;
  --connections_;
  origin& o = c.home();
  --o.open;
  if (was_idle) {
    const auto at = std::find(o.idle.begin(), o.idle.end(), &c);
    if (at != o.idle.end()) o.idle.erase(at), --idle_;
  }
  serve_waiting(o);
  c.release();
}

ANTIPHON_DECL void client_state::serve_waiting(origin& o) {
  while (!closed_ && o.first && o.open < (std::max)(options.connections, std::size_t{1})) {
    client_call& next = *o.pop();
    ++o.open;
    connect(next);
  }
  maybe_unused(o);
}

ANTIPHON_DECL void client_state::maybe_unused(origin& o) {
  if (o.open == 0 && o.waiting == 0 && std::find(unused_.begin(), unused_.end(), &o) == unused_.end())
    unused_.push_back(&o);
}

ANTIPHON_DECL void client_state::drop_unused() noexcept {
  for (origin* const o : std::exchange(unused_, {}))
    if (o->open == 0 && o->waiting == 0) origins_.erase(origins_.find(o->key));
}

ANTIPHON_DECL void client_state::close_idle() {
  for (auto* c = first_; c;) {
    auto* const following = c->next;
    if (c->idle()) c->close();
    c = following;
  }
}

ANTIPHON_DECL client_figures client_state::figures() const noexcept {
  client_figures all;
  all.calls = calls_;
  all.connections = connections_;
  all.idle = idle_;
  all.origins = origins_.size();
  for (const auto& [key, o] : origins_) all.waiting += o->waiting;
  return all;
}

} // namespace detail
} // namespace v0
} // namespace antiphon
