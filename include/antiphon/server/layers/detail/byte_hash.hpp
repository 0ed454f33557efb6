// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/server/layers/detail/random_id.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// SipHash with 128 bits of output, of any bytes. 2 and 4 are the reference; 1 and 3 are what hash tables use.
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
template <int Compress, int Finish>
wide siphash(wide key, std::string_view bytes) noexcept {
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
  const auto take = [&](std::uint64_t block) {
    d ^= block;
    rounds(Compress);
    a ^= block;
  };
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
    take(word(bytes.data(), 8));
    bytes.remove_prefix(8);
  }
  take((bytes.empty() ? 0 : word(bytes.data(), bytes.size())) | size << 56); // the last one tells the length
  c ^= 0xee;
  rounds(Finish);
  const std::uint64_t low = a ^ b ^ c ^ d;
  b ^= 0xdd;
  rounds(Finish);
  return {low, a ^ b ^ c ^ d};
}

} // namespace detail
} // namespace v0
} // namespace antiphon
