// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace layer_tests {

/// Calls of operator new by this thread so far; always zero where a sanitizer has its own (`allocations_are_counted`).
std::uint64_t allocations() noexcept;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool allocations_are_counted = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr bool allocations_are_counted = false;
#else
inline constexpr bool allocations_are_counted = true;
#endif
#else
inline constexpr bool allocations_are_counted = true;
#endif

} // namespace layer_tests
