// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/detail/random_id.hpp>
#include <antiphon/core/detail/siphash.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace {

namespace ap = antiphon;

// The reference's key 00 01 ... 0f.
constexpr ap::detail::wide key{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::string hex(ap::detail::wide hash) { return std::string(std::string_view(ap::detail::hex_id(hash))); }

TEST(siphash, is_that_of_the_reference) {
  // Messages 00 01 ... of 0, 1, 8 and 15 bytes.
  const std::string bytes{'\0', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  const auto of = [&](std::size_t n) {
    return hex(ap::detail::siphash<2, 4>(key, std::string_view(bytes).substr(0, n)));
  };
  EXPECT_EQ(of(0), "a3817f04ba25a8e66df67214c7550293");
  EXPECT_EQ(of(1), "da87c1d86b99af44347659119b22fc45");
  EXPECT_EQ(of(15), "5493e99933b0a8117e08ec0f97cfc3d9");
  EXPECT_EQ(of(8), hex(ap::detail::siphash<2, 4>(key, std::uint64_t{0x0706050403020100}))) << "a number is eight bytes";
}

TEST(siphash, tells_lengths_keys_and_every_byte_apart) {
  std::set<ap::detail::wide> seen;
  const auto add = [&](const ap::detail::wide& k, std::string_view text) {
    EXPECT_TRUE(seen.insert(ap::detail::siphash<2, 4>(k, text)).second) << text.size();
  };
  for (std::size_t n = 0; n < 40; ++n) add(key, std::string(n, '\0'));
  for (std::size_t n = 0; n < 40; ++n)
    for (const char c : {'\1', '\x80'}) {
      std::string text(40, '\0');
      text[n] = c;
      add(key, text);
    }
  add({key.first ^ 1, key.second}, "");
  add({key.first, key.second ^ 1}, "");
}

TEST(siphash, reads_bytes_wherever_they_begin) {
  const std::string bytes = "0123456789abcdefghijklmnopqrstuvwxyz";
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const std::string moved = std::string(shift, 'x') + bytes;
    EXPECT_EQ((ap::detail::siphash<2, 4>(key, std::string_view(moved).substr(shift))),
              (ap::detail::siphash<2, 4>(key, bytes)));
  }
}

static_assert(ap::detail::siphash<1, 3>(key, std::uint64_t{1}) != ap::detail::siphash<1, 3>(key, std::uint64_t{2}));
static_assert(ap::detail::siphash<1, 3>(key, std::uint64_t{1}) != ap::detail::siphash<2, 4>(key, std::uint64_t{1}));

} // namespace
