// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <malloc.h>

// Of the sanitizers, where there is one.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace threat {

/// How much of the heap this process holds: not what was freed and is kept for later.
inline std::size_t allocated() noexcept {
  if (&__sanitizer_get_current_allocated_bytes) return __sanitizer_get_current_allocated_bytes();
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

} // namespace threat
