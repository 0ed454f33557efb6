// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What may be written, or read, without going back to the event loop: with a peer that is as fast as we are, no call
/// ever waits, and nothing else would run.
template <std::uint32_t Most>
class turn {
 public:
  /// True: that was enough for now, and the next turn begins.
  bool over(std::size_t bytes) noexcept {
    taken_ += static_cast<std::uint32_t>((std::clamp)(bytes, least, std::size_t{Most}));
    if (taken_ < Most) return false;
    taken_ = 0;
    return true;
  }

 private:
  static constexpr std::size_t least = 4 * 1024; // a small one costs a call of the kernel: not too many of them
  std::uint32_t taken_ = 0;                      // less than Most
};

using write_turn = turn<256 * 1024>; // some 20 us of copying, for which the loop's own cost is little
using read_turn = turn<1024 * 1024>; // nothing but the copy is made of it

} // namespace detail
} // namespace v0
} // namespace antiphon
