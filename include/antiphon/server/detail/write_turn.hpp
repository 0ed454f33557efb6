// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What may be written without going back to the event loop: to a client that reads as fast as it is written to, no
/// write ever waits, and nothing else would run.
class write_turn {
 public:
  explicit write_turn(std::uint32_t most = 256 * 1024) noexcept : most_(most) {}

  /// True: that was enough for now, and the next turn begins.
  bool over(std::size_t written) noexcept {
    taken_ += static_cast<std::uint32_t>((std::clamp)(written, least, std::size_t{most_}));
    if (taken_ < most_) return false;
    taken_ = 0;
    return true;
  }

 private:
  static constexpr std::size_t least = 4 * 1024; // a small write costs a call of the kernel: at most 64 of them
  std::uint32_t most_;                           // some 20 us of copying, for which the loop's own cost is little
  std::uint32_t taken_ = 0;                      // less than most_
};

} // namespace detail
} // namespace v0
} // namespace antiphon
