// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>
#include <type_traits>
#include <utility>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace antiphon {
inline namespace v0 {
namespace detail {

/// 128 bits.
using wide = std::pair<std::uint64_t, std::uint64_t>;

/// SipHash-Compress-Finish with 128 bits of output, block by block; the last block tells the length. 2 and 4 are the
/// reference; 1 and 3 are what hash tables use.
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
template <int Compress, int Finish>
class sip_state {
 public:
  explicit constexpr sip_state(wide key) noexcept
      : a_(key.first ^ 0x736f6d6570736575), b_(key.second ^ 0x646f72616e646f6d ^ 0xee),
        c_(key.first ^ 0x6c7967656e657261), d_(key.second ^ 0x7465646279746573) {}

  constexpr void take(std::uint64_t block) noexcept {
    d_ ^= block;
    rounds(Compress);
    a_ ^= block;
  }
  constexpr wide finish() noexcept {
    c_ ^= 0xee;
    rounds(Finish);
    const std::uint64_t low = a_ ^ b_ ^ c_ ^ d_;
    b_ ^= 0xdd;
    rounds(Finish);
    return {low, a_ ^ b_ ^ c_ ^ d_};
  }

 private:
  constexpr void rounds(int n) noexcept {
    while (n-- > 0) {
      a_ += b_, b_ = std::rotl(b_, 13) ^ a_, a_ = std::rotl(a_, 32);
      c_ += d_, d_ = std::rotl(d_, 16) ^ c_;
      a_ += d_, d_ = std::rotl(d_, 21) ^ a_;
      c_ += b_, b_ = std::rotl(b_, 17) ^ c_, c_ = std::rotl(c_, 32);
    }
  }

  std::uint64_t a_, b_, c_, d_;
};

/// Of a message that is one number: who does not know the key can neither guess nor continue the results for 0, 1, 2…
template <int Compress, int Finish>
constexpr wide siphash(wide key, std::uint64_t message) noexcept {
  sip_state<Compress, Finish> state(key);
  state.take(message);
  state.take(std::uint64_t{8} << 56);
  return state.finish();
}

/// An id as text: the bytes of both numbers, the lowest first, two digits each.
class hex_id {
 public:
  explicit constexpr hex_id(wide id) noexcept {
#if defined(__SSE2__)
    if (!std::is_constant_evaluated()) {
      put(id);
      return;
    }
#endif
    for (std::size_t i = 0; i < 16; ++i) {
      const auto byte = (i < 8 ? id.first : id.second) >> 8 * (i % 8) & 0xff;
      text_[2 * i] = "0123456789abcdef"[byte >> 4];
      text_[2 * i + 1] = "0123456789abcdef"[byte & 15];
    }
  }
  constexpr operator std::string_view() const noexcept { return {text_.data(), text_.size()}; }

 private:
#if defined(__SSE2__)
  void put(wide id) noexcept {
    const __m128i bytes = _mm_set_epi64x(static_cast<long long>(id.second), static_cast<long long>(id.first));
    const __m128i low = _mm_and_si128(bytes, _mm_set1_epi8(15));
    const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
    const auto write = [](char* to, __m128i digits) {
      const __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(digits, _mm_set1_epi8(9)), _mm_set1_epi8('a' - '0' - 10));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_add_epi8(_mm_add_epi8(digits, _mm_set1_epi8('0')), letters));
    };
    write(text_.data(), _mm_unpacklo_epi8(high, low));
    write(text_.data() + 16, _mm_unpackhi_epi8(high, low));
  }
#endif

  std::array<char, 32> text_{};
};

/// A new id, of a generator that each thread seeds once from the system's source of randomness.
inline hex_id random_id() {
  struct generator {
    wide key;
    std::uint64_t next;
    bool seeded;
  };
  static thread_local constinit generator own{};
  if (!own.seeded) [[unlikely]] {
    std::random_device source;
    own.key = {random_word(source), random_word(source)};
    own.seeded = true;
  }
  return hex_id(siphash<1, 3>(own.key, own.next++));
}

} // namespace detail
} // namespace v0
} // namespace antiphon
