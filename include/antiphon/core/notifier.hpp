// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/waiter_group.hpp>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// A coroutine or a callback that waits on a notifier.
class notified_wait : public parked_base, public waiter {
 public:
  void wake() final {
    if (ended()) ec_ = asio::error::operation_aborted;
    arrive();
  }
  void discard() noexcept final { destroy(); }
  void cancel() noexcept {
    if (!leave()) return;
    ec_ = asio::error::operation_aborted;
    post();
  }
  std::tuple<error_code> result() const { return {ec_}; }

 protected:
  ~notified_wait() = default;

 private:
  error_code ec_;
};

struct initiate_notified_wait {
  template <class Handler>
  void operator()(Handler handler, const std::shared_ptr<waiter_groups>& groups) const {
    start(std::move(handler), *groups, nullptr);
  }
  template <class Handler>
  void operator()(Handler handler, const std::shared_ptr<waiter_groups>& groups, std::uint64_t seen) const {
    start(std::move(handler), *groups, &seen);
  }

 private:
  template <class Handler>
  static void start(Handler handler, waiter_groups& groups, const std::uint64_t* seen) {
    static_assert(!std::is_same_v<asio::associated_executor_t<Handler>, asio::system_executor>,
                  "notifier::async_wait completes on the executor of what waits, and this handler has none: write "
                  "async_wait(asio::bind_executor(executor, token))");
    const asio::any_io_executor executor(asio::get_associated_executor(handler));
    auto* const op = park<notified_wait>(std::move(handler), executor);
    if (!groups.join(executor, *op, seen)) op->post();
  }
};

} // namespace detail

/// Wakes all who wait, thousands of them in one pass for each executor: "look again, something has changed".
///
/// A wake-up is a hint: who is woken looks, and waits again. A handle: copies are the same notifier, and all members
/// are const. Thread safety: all members, from any thread. Lifetime: waits end with operation_aborted when the last
/// handle is gone, and without a word when their context is destroyed.
///
///     while (queue.empty()) co_await changed.async_wait(asio::use_awaitable);   // on one executor
///
/// Where the change is made on another thread, take `count()` before looking, so that no change falls between:
///
///     for (auto seen = changed.count(); !ready(); seen = changed.count())
///       co_await changed.async_wait(seen, asio::use_awaitable);
class notifier {
 public:
  /// Wakes what waits now, each on its own executor, at most 256 of them before others get their turn there. Never
  /// waits.
  void notify_all() const { groups_->notify_all(); }

  /// How often it was notified until now.
  std::uint64_t count() const noexcept { return groups_->count(); }

  /// Waits for the next notify_all().
  ///
  /// Completes:  void(error_code), on the associated executor, which the token must have.
  /// Errors:     asio::error::operation_aborted when it was cancelled or the notifier is gone.
  /// Cancels:    all types.
  template <class Token>
  [[nodiscard]] auto async_wait(Token&& token) const {
    return asio::async_initiate<Token, void(error_code)>(detail::initiate_notified_wait(), token, groups_);
  }

  /// Waits until count() is no longer `seen`, which may be so already. Else as above.
  template <class Token>
  [[nodiscard]] auto async_wait(std::uint64_t seen, Token&& token) const {
    return asio::async_initiate<Token, void(error_code)>(detail::initiate_notified_wait(), token, groups_, seen);
  }

  /// Has `w.wake()` called on `executor` at the next notify_all(). `executor` must be serial (a strand, or a context
  /// with one thread), and `w` joins and leaves on it; it waits on one notifier at a time.
  void join(const asio::any_io_executor& executor, waiter& w) const { groups_->join(executor, w, nullptr); }
  /// The same, unless count() is no longer `seen`: then false, and `w` does not wait.
  bool join(const asio::any_io_executor& executor, waiter& w, std::uint64_t seen) const {
    return groups_->join(executor, w, &seen);
  }

 private:
  std::shared_ptr<detail::waiter_groups> groups_ = std::make_shared<detail::waiter_groups>();
};

} // namespace v0
} // namespace antiphon
