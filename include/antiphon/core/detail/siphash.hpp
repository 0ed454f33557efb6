// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

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

/// SipHash of any bytes.
template <int Compress, int Finish>
wide siphash(wide key, std::string_view bytes) noexcept {
  sip_state<Compress, Finish> state(key);
  // The lowest byte first, on every machine.
  const auto word = [](const char* at, std::size_t n) {
    std::uint64_t w = 0;
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(&w, at, n);
    } else {
      for (std::size_t i = n; i-- > 0;) w = w << 8 | static_cast<unsigned char>(at[i]);
    }
    return w;
  };
  const std::uint64_t size = bytes.size();
  while (bytes.size() >= 8) {
    state.take(word(bytes.data(), 8));
    bytes.remove_prefix(8);
  }
  state.take((bytes.empty() ? 0 : word(bytes.data(), bytes.size())) | size << 56); // the last one tells the length
  return state.finish();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
