// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/server/layer.hpp>
#include <antiphon/server/layers/detail/refusal.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

struct concurrency_limit_options {
  std::size_t most = 1'000; ///< requests whose answer is not over, streams and held polls too: 503 beyond
  duration retry_after = std::chrono::seconds(1); ///< what the 503 says, in whole seconds
};
static_assert(std::is_trivially_destructible_v<concurrency_limit_options>);

/// A layer that lets so many requests in at a time; those beyond are answered with 503 and Retry-After, at once. A
/// handle: a copy counts with it, so one limit may stand around several groups.
///
/// A request counts from its head until its answer is over, however it ends: written, cut, failed, or its client gone
/// while the body was still coming. So a server-sent stream holds its place as long as it lasts. Each counts once, also
/// where copies of one limit stand around it twice. Thread-safe, without a lock; one allocation a request.
/// Throws std::invalid_argument for a limit of 0.
///
/// Example: reports.use(ap::concurrency_limit({.most = 8}));
class concurrency_limit {
 public:
  explicit concurrency_limit(concurrency_limit_options options = {}) : state_(std::make_shared<state>(options)) {
    if (options.most == 0) throw std::invalid_argument("antiphon: a concurrency_limit of 0 would answer no request");
  }

  /// Those that are let in, now.
  std::size_t running() const noexcept { return state_->running.load(std::memory_order_relaxed); }

  /// Hook of the layer.
  std::optional<response> before(request& req) const {
    auto* held = req.find_state<places>();
    for (const auto* p = held; p; p = p->outer.get())
      if (p->of == state_) return std::nullopt;
    if (!state_->enter())
      return detail::retry_later(http::status::service_unavailable,
                                 "as many requests run as this server takes: try again later",
                                 state_->options.retry_after);
    places mine(state_);
    if (!held) {
      req.set_state(std::move(mine));
    } else {
      held->outer = std::make_unique<places>(places(std::move(mine), std::move(held->outer)));
    }
    return std::nullopt;
  }

 private:
  struct state {
    explicit state(const concurrency_limit_options& o) noexcept : options(o) {}
    bool enter() noexcept {
      auto now = running.load(std::memory_order_relaxed);
      while (now < options.most)
        if (running.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return true;
      return false;
    }
    const concurrency_limit_options options;
    std::atomic<std::size_t> running{0};
  };

  /// The places that a request holds, in this limit and in others around it.
  struct places {
    explicit places(std::shared_ptr<state> s) noexcept : of(std::move(s)) {}
    places(places&& other) noexcept = default;
    places(places&& other, std::unique_ptr<places> rest) noexcept : of(std::move(other.of)), outer(std::move(rest)) {}
    ~places() {
      if (of) of->running.fetch_sub(1, std::memory_order_relaxed);
    }
    std::shared_ptr<state> of;
    std::unique_ptr<places> outer;
  };

  std::shared_ptr<state> state_;
};

} // namespace v0
} // namespace antiphon
