// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// 128 bits.
using wide = std::pair<std::uint64_t, std::uint64_t>;

/// SipHash-2-4 with 128 bits of output, of a message that is one number: who does not know the key can neither guess
/// nor continue the results for 0, 1, 2…
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
constexpr wide siphash(wide key, std::uint64_t message) noexcept {
  std::uint64_t a = key.first ^ 0x736f6d6570736575, b = key.second ^ 0x646f72616e646f6d ^ 0xee,
                c = key.first ^ 0x6c7967656e657261, d = key.second ^ 0x7465646279746573;
  const auto rounds = [&](int n) {
    while (n-- > 0) {
      a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
      c += d, d = std::rotl(d, 16) ^ c;
      a += d, d = std::rotl(d, 21) ^ a;
      c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
    }
  };
  for (const std::uint64_t block : {message, std::uint64_t{8} << 56}) { // the last one tells the length
    d ^= block;
    rounds(2);
    a ^= block;
  }
  c ^= 0xee;
  rounds(4);
  const std::uint64_t low = a ^ b ^ c ^ d;
  b ^= 0xdd;
  rounds(4);
  return {low, a ^ b ^ c ^ d};
}

/// An id as text.
class hex_id {
 public:
  explicit constexpr hex_id(wide id) noexcept {
    put(0, id.first);
    put(16, id.second);
  }
  constexpr operator std::string_view() const noexcept { return {text_.data(), text_.size()}; }

 private:
  constexpr void put(std::size_t at, std::uint64_t bits) noexcept {
    put_half(at, static_cast<std::uint32_t>(bits >> 32));
    put_half(at + 8, static_cast<std::uint32_t>(bits));
  }
  // Eight digits at once: a byte of the number for each, then ASCII.
  constexpr void put_half(std::size_t at, std::uint64_t half) noexcept {
    half = (half | half << 16) & 0x0000ffff0000ffff;
    half = (half | half << 8) & 0x00ff00ff00ff00ff;
    half = (half | half << 4) & 0x0f0f0f0f0f0f0f0f;
    const std::uint64_t letters = (half + 0x0606060606060606) >> 4 & 0x0101010101010101;
    std::uint64_t text = half + 0x3030303030303030 + letters * ('a' - '0' - 10);
    if constexpr (std::endian::native == std::endian::little) { // the first digit is in the highest byte
      text = (text & 0x00ff00ff00ff00ff) << 8 | (text >> 8 & 0x00ff00ff00ff00ff);
      text = (text & 0x0000ffff0000ffff) << 16 | (text >> 16 & 0x0000ffff0000ffff);
      text = std::rotl(text, 32);
    }
    const auto digits = std::bit_cast<std::array<char, 8>>(text);
    std::copy(digits.begin(), digits.end(), text_.begin() + static_cast<std::ptrdiff_t>(at));
  }

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
    const auto word = [&source] { return std::uint64_t{source() & 0xffffffffU} << 32 | (source() & 0xffffffffU); };
    own.key.first = word();
    own.key.second = word();
    own.seeded = true;
  }
  return hex_id(siphash(own.key, own.next++));
}

} // namespace detail
} // namespace v0
} // namespace antiphon
