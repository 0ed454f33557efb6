// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace antiphon {
inline namespace v0 {
namespace http {

/// The piece of a text that begins it: a well-formed UTF-8 sequence, or a maximal subpart of an ill-formed one, which
/// is what one U+FFFD stands for.
struct utf8_piece {
  std::size_t size = 0;
  bool valid = false;
};

/// The first piece of a text that is not empty. Overlong forms, surrogates and what is above U+10FFFF are ill-formed.
///
/// Source: the Unicode standard, section 3.9, table 3-7 and "U+FFFD substitution of maximal subparts".
constexpr utf8_piece next_utf8(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, true};
  const std::size_t size = lead >= 0xc2 && lead <= 0xdf   ? 2
                           : (lead & 0xf0) == 0xe0        ? 3
                           : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                          : 1;
  if (size == 1) return {1, false};
  // Only the second byte has limits of its own.
  const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (text.size() < 2 || byte(1) < low || byte(1) > high) return {1, false};
  for (std::size_t i = 2; i < size; ++i)
    if (i >= text.size() || (byte(i) & 0xc0) != 0x80) return {i, false};
  return {size, true};
}

namespace detail {

/// How many bytes at the beginning are ASCII, or fewer: whole blocks are counted.
inline std::size_t ascii_blocks(std::string_view text) noexcept {
  std::uint64_t block[4];
  std::size_t n = 0;
  for (; text.size() - n >= sizeof block; n += sizeof block) {
    std::memcpy(block, text.data() + n, sizeof block);
    if (((block[0] | block[1] | block[2] | block[3]) & 0x8080808080808080) != 0) break;
  }
  return n;
}

} // namespace detail

/// Whether the text is well-formed UTF-8.
constexpr bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    if (!std::is_constant_evaluated() && static_cast<unsigned char>(text.front()) < 0x80) {
      if (const auto n = detail::ascii_blocks(text); n != 0) {
        text.remove_prefix(n);
        continue;
      }
    }
    const auto piece = next_utf8(text);
    if (!piece.valid) return false;
    text.remove_prefix(piece.size);
  }
  return true;
}

} // namespace http
} // namespace v0
} // namespace antiphon
