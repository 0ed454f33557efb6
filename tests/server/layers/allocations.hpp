// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

// Sanitizers have their own operator new.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ANTIPHON_TEST_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define ANTIPHON_TEST_COUNTS_ALLOCATIONS 0
#endif
#endif
#if !defined(ANTIPHON_TEST_COUNTS_ALLOCATIONS)
#define ANTIPHON_TEST_COUNTS_ALLOCATIONS 1
#endif

namespace layer_tests {

/// Calls of operator new by this thread so far; always zero where ANTIPHON_TEST_COUNTS_ALLOCATIONS is.
std::uint64_t allocations() noexcept;

} // namespace layer_tests
