// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

/// Where the first CRLF begins in [at, end), or a CR that is the last byte; else the end. A search for CR alone would
/// stop 256 bytes apart in pictures, and at each byte in what is made to be slow.
inline const char* find_crlf(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');
  const auto pairs = [&](const char* from) { // of 16 bytes and the one behind
    const auto* const first = reinterpret_cast<const __m128i*>(from);
    const auto* const second = reinterpret_cast<const __m128i*>(from + 1);
    return _mm_and_si128(_mm_cmpeq_epi8(_mm_loadu_si128(first), cr), _mm_cmpeq_epi8(_mm_loadu_si128(second), lf));
  };
  const auto bits = [](__m128i found) { return static_cast<std::uint64_t>(_mm_movemask_epi8(found)); };
  for (; end - at > 64; at += 64) {
    const __m128i a = pairs(at), b = pairs(at + 16), c = pairs(at + 32), d = pairs(at + 48);
    if (bits(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) == 0) continue;
    return at + std::countr_zero(bits(a) | bits(b) << 16 | bits(c) << 32 | bits(d) << 48);
  }
#endif
  while (at != end) {
    at = static_cast<const char*>(std::memchr(at, '\r', static_cast<std::size_t>(end - at)));
    if (!at) return end;
    if (at + 1 == end || at[1] == '\n') return at;
    ++at;
  }
  return end;
}

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
