// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/counted.hpp>
#include <antiphon/core/detail/time_service.hpp>

#include <mutex>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Calls a target on its executor when a time is over. Apart from the target, since the time may be over just when that
/// goes.
class timer_call final : public counted, public timer_entry {
 public:
  struct target {
    virtual void time_over() noexcept = 0;

   protected:
    ~target() = default;
  };

  timer_call(target& t, asio::any_io_executor executor)
      : target_(&t), executor_(std::move(executor)), time_(time_of(executor_)) {}

  /// False: the context goes. Within time_over() again.
  bool start(duration after) {
    retain(); // the time service's
    if (time_.add(*this, later(time_.now(), after))) return true;
    release();
    return false;
  }
  /// From now on the target is not called.
  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      target_ = nullptr;
    }
    if (time_.remove(*this)) release();
  }

 private:
  void on_due() noexcept override {
    asio::post(executor_, [self = counted_ptr<timer_call>(this)] { self->due(); });
    release();
  }
  void on_shutdown() noexcept override { release(); }
  void due() {
    const std::lock_guard lock(mutex_);
    if (target_) target_->time_over();
  }

  std::mutex mutex_;
  target* target_;
  const asio::any_io_executor executor_;
  time_service& time_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
