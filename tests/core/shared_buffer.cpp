// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/shared_buffer.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace {

namespace ap = antiphon;

TEST(shared_buffer, takes_the_bytes_over_and_shares_them) {
  std::string bytes(100, 'x');
  const auto* const where = bytes.data();
  ap::shared_buffer last;
  EXPECT_TRUE(last.empty());
  EXPECT_EQ(last.view(), "");
  {
    const ap::shared_buffer first(std::move(bytes));
    EXPECT_EQ(first.view().data(), where) << "not copied";
    EXPECT_EQ(first.size(), 100U);
    last = first;
  }
  EXPECT_EQ(last.view().data(), where) << "as long as a handle";
  EXPECT_EQ(last.view(), std::string(100, 'x'));
  EXPECT_TRUE(ap::shared_buffer(std::string()).empty());
}

} // namespace
