// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <limits>

#if __has_include(<sys/resource.h>)
#include <sys/resource.h>
#endif

namespace antiphon {
inline namespace v0 {
namespace detail {

/// 90 % of the files that this process may have open; no limit where the system tells none.
inline std::size_t connection_limit() noexcept {
#if __has_include(<sys/resource.h>)
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    return static_cast<std::size_t>(limit.rlim_cur) / 10 * 9;
#endif
  return std::numeric_limits<std::size_t>::max();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
