// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/detail/byte_buffer.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using antiphon::detail::byte_buffer;
using antiphon::detail::put;

TEST(put, copies_texts_of_all_sizes_and_nothing_else) {
  for (std::size_t size = 1; size < 70; ++size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>('0' + i));
    std::vector<char> room(size); // the sanitizers watch its end
    EXPECT_EQ(put(room.data(), text), room.data() + size);
    EXPECT_EQ(std::string(room.begin(), room.end()), text);
  }
}

TEST(byte_buffer, grows_at_the_end_and_is_taken_from_the_front) {
  byte_buffer b;
  std::string expected;
  for (int i = 0; i < 2'000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 37), static_cast<char>('a' + i % 26));
    b.append(piece);
    expected += piece;
    const auto n = expected.size() / 3;
    b.consume(n);
    expected.erase(0, n);
    ASSERT_EQ(b.view(), expected) << i;
  }
  b.push_back('x');
  EXPECT_EQ(b.view(), expected + 'x');
  b.clear();
  EXPECT_TRUE(b.empty());
  b.shrink(0);
  EXPECT_EQ(b.capacity(), 0U);
}

TEST(byte_buffer, nothing_can_be_appended_and_erased) {
  byte_buffer b;
  b.append(std::string_view());
  EXPECT_EQ(b.capacity(), 0U);
  b.append("abcdef").consume(1);
  b.erase(0, 0);
  b.erase(1, 2);
  EXPECT_EQ(b.view(), "bef");
  b.erase(0, 3);
  EXPECT_TRUE(b.empty());
}

TEST(byte_buffer, moves_leave_nothing_behind) {
  byte_buffer a;
  a.append("text");
  byte_buffer b(std::move(a));
  EXPECT_EQ(b.view(), "text");
  EXPECT_TRUE(a.empty()); // NOLINT(bugprone-use-after-move)
  a.append("more");
  b = std::move(a);
  EXPECT_EQ(b.view(), "more");
}

} // namespace
