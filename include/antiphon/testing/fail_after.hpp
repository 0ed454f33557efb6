// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace antiphon {
inline namespace v0 {
namespace testing {

/// Lets a number of steps succeed; the next one fails, and so do all after it.
///
/// A memory_stream counts its operations with it; a test may count steps of its own. A handle: copies count together.
/// Thread safety: all members.
class fail_after {
 public:
  explicit fail_after(std::size_t steps, error_code with = asio::error::connection_reset)
      : count_(std::make_shared<count>(steps, with)) {}

  /// Makes one step: no error, or the failure.
  error_code step() const noexcept {
    return count_->made.fetch_add(1, std::memory_order_relaxed) < count_->allowed ? error_code() : count_->with;
  }
  /// The steps were used up and a further one was tried.
  bool failed() const noexcept { return count_->made.load(std::memory_order_relaxed) > count_->allowed; }

 private:
  struct count {
    count(std::size_t steps, error_code ec) noexcept : allowed(steps), with(ec) {}
    const std::size_t allowed;
    const error_code with;
    std::atomic<std::size_t> made{0};
  };
  std::shared_ptr<count> count_;
};

/// Runs `scenario(fail_after)` with a failure at step 0, 1, 2... until it gets by without one, and returns how many
/// runs had one. The scenario checks what must hold after any failure; it learns from `failed()` which of the two runs
/// it is.
///
/// Throws std::logic_error when `most` runs were not enough: then the scenario ignores its failures and goes on for
/// ever.
template <class Scenario>
std::size_t for_each_failure(Scenario&& scenario, std::size_t most = 10'000) {
  for (std::size_t step = 0; step < most; ++step) {
    const fail_after failure(step);
    scenario(failure);
    if (!failure.failed()) return step;
  }
  throw std::logic_error("antiphon: for_each_failure: the scenario still fails after " + std::to_string(most) +
                         " runs; does it end when an operation fails?");
}

} // namespace testing
} // namespace v0
} // namespace antiphon
