// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <atomic>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What a context cannot say by itself: that one thread only runs it.
class threading final : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;
  explicit threading(asio::execution_context& context) : service(context) {}

  std::atomic<bool> one{false};

 private:
  void shutdown() override {}
};

/// Promises that one thread only runs this io_context, for its whole life: what runs side by side then needs no strand.
inline void promise_one_thread(asio::io_context& context) { asio::use_service<threading>(context).one = true; }

inline bool is_strand(const asio::any_io_executor& executor) noexcept {
  return targets<asio::strand<asio::any_io_executor>>(executor) ||
         targets<asio::strand<asio::io_context::executor_type>>(executor) ||
         targets<asio::strand<asio::thread_pool::executor_type>>(executor);
}

/// An executor that runs one thing at a time: `executor` itself if it is known to, or a strand over it.
inline asio::any_io_executor serial_executor(const asio::any_io_executor& executor) {
  if (is_strand(executor) || asio::use_service<threading>(context_of(executor)).one) return executor;
  return asio::make_strand(executor);
}

} // namespace detail
} // namespace v0
} // namespace antiphon
