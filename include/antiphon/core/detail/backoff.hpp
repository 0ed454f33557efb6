// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random.hpp>
#include <antiphon/core/time.hpp>

#include <algorithm>
#include <chrono>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// A length of the program's choice, with which one can compute: between nothing and a year.
inline duration bounded(duration length) noexcept {
  return (std::clamp)(length, duration::zero(), duration(std::chrono::hours(8760)));
}

/// How long to wait before the next attempt: at random between nothing and a cap ("full jitter"), which begins with
/// `first` and doubles with each failure in a row, up to `most`.
inline duration backoff_cap(duration first, duration most, unsigned failures) noexcept {
  duration cap = (std::max)(first, duration::zero());
  for (; failures > 1 && cap < most / 2; --failures) cap += cap;
  return failures > 1 ? (std::max)(most, duration::zero()) : (std::min)(cap, most);
}
inline duration backoff(duration first, duration most, unsigned failures) {
  return between(duration::zero(), backoff_cap(first, most, failures));
}

} // namespace detail
} // namespace v0
} // namespace antiphon
