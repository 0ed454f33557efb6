// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/time_service.hpp>

#include <cstdint>
#include <random>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// 64 bits of the system's source of randomness.
inline std::uint64_t random_word(std::random_device& source) {
  return std::uint64_t{source() & 0xffffffffU} << 32 | (source() & 0xffffffffU);
}

/// A length between `least` and `most`, at random: so that those who were told the same do not come back at once. Not
/// for secrets.
inline duration between(duration least, duration most) {
  static thread_local std::minstd_rand generator{std::random_device()()};
  if (most <= least) return least;
  const auto span = static_cast<double>((most - least).count());
  const auto part =
      static_cast<double>(generator() - generator.min()) / static_cast<double>(generator.max() - generator.min());
  return least + duration(static_cast<duration::rep>(span * part));
}

} // namespace detail
} // namespace v0
} // namespace antiphon
