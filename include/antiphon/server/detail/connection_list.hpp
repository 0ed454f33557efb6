// SPDX-License-Identifier: BSL-1.0
// server_state: its connections, and the second look at them.
#pragma once

#include <antiphon/server/detail/connection.hpp>
#include <antiphon/server/detail/connection_peer.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

ANTIPHON_DECL void server_state::add(connection& c) {
  c.retain();
  open_.fetch_add(1, std::memory_order_relaxed);
  counts.open.fetch_add(1, std::memory_order_relaxed);
  totals->open.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  c.next = first_;
  if (first_) first_->previous = &c;
  first_ = &c;
}

ANTIPHON_DECL void server_state::remove(connection& c) noexcept {
  {
    const std::lock_guard lock(mutex_);
    (c.previous ? c.previous->next : first_) = c.next;
    if (c.next) c.next->previous = c.previous;
    if (!known_.empty()) dismiss(c);
  }
  counts.open.fetch_sub(1, std::memory_order_relaxed);
  totals->open.fetch_sub(1, std::memory_order_relaxed);
  const counted_ptr<server_state> self(this); // last_gone may end the server
  const bool last = open_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  c.release();
  if (last) last_gone();
}

template <class F>
void server_state::each(F f) {
  std::vector<counted_ptr<connection>> all;
  {
    const std::lock_guard lock(mutex_);
    for (auto* c = first_; c; c = c->next) all.emplace_back(c);
  }
  for (auto& c : all) f(c);
}

ANTIPHON_DECL void server_state::abandon_connections() noexcept {
  while (auto* c = first_) {
    first_ = c->next;
    counts.open.fetch_sub(1, std::memory_order_relaxed);
    totals->open.fetch_sub(1, std::memory_order_relaxed);
    dismiss(*c);
    time.unlink(*c);
    c->abandon();
    c->release();
  }
  for (auto* c : lookers_) c->release();
  lookers_.clear();
}

ANTIPHON_DECL void server_state::look_later(connection& c) {
  lookers_.push_back(&c);
  c.retain();
  if (std::exchange(look_posted_, true)) return;
  look_turn turn{counted_ptr<server_state>(this)};
  using io_executor = asio::io_context::executor_type;
  if (targets<io_executor>(executor)) { // an any_io_executor would not ask the handler for its memory
    asio::post(*executor.target<io_executor>(), std::move(turn));
  } else {
    asio::post(executor, std::move(turn));
  }
}

ANTIPHON_DECL void server_state::look_pass() {
  look_posted_ = false;
  std::swap(lookers_, batch_);
  for (auto* c : batch_) {
    try {
      c->look();
    } catch (...) { // no memory, as a rule: it ends the connection, not the server
      c->report(std::current_exception(), "a connection", c->running());
      c->cut();
    }
    c->release();
  }
  batch_.clear();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
