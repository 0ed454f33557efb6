// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/delivery.hpp>

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

namespace {

namespace ap = antiphon;

std::string kind(const ap::delivery<int>& d) {
  return d.visit([](const ap::message<int>& m) { return m ? "message " + std::to_string(*m) : std::string("none"); },
                 [](const ap::gap& g) { return "gap " + std::to_string(g.at_most.value_or(0)); },
                 [](ap::other_log) { return std::string("other"); });
}

TEST(delivery, is_one_of_three) {
  const ap::detail::counted_ptr<ap::detail::log_entry> entry(new ap::detail::log_value<int>(5));
  EXPECT_EQ(kind(ap::message<int>(entry)), "message 5");
  EXPECT_EQ(kind(ap::gap{{0, 1}, {0, 4}, 2}), "gap 2");
  EXPECT_EQ(kind(ap::gap{}), "gap 0");
  EXPECT_EQ(kind(ap::other_log()), "other");
  EXPECT_EQ(kind({}), "none") << "what comes with an error";
}

TEST(delivery, is_visited_by_named_arms_and_by_one_for_all) {
  const ap::delivery<int> d = ap::gap{{0, 1}, {0, 4}, 2};
  std::uint64_t before = 0;
  const auto on_message = [](const ap::message<int>&) {};
  const auto on_gap = [&before](const ap::gap& g) { before = g.before.minor_part; };
  const auto on_other = [](ap::other_log) {};
  d.visit(on_message, on_gap, on_other);
  EXPECT_EQ(before, 4U);
  static_assert(std::is_void_v<decltype(d.visit(on_message, on_gap, on_other))>);
  EXPECT_TRUE(d.visit([](const auto& what) { return std::is_same_v<decltype(what), const ap::gap&>; }));
}

TEST(delivery, gaps_are_compared_with_all_that_they_say) {
  const ap::gap g{{0, 1}, {0, 4}, 2};
  EXPECT_EQ(g, (ap::gap{{0, 1}, {0, 4}, 2}));
  EXPECT_NE(g, (ap::gap{{0, 2}, {0, 4}, 2}));
  EXPECT_NE(g, (ap::gap{{0, 1}, {0, 5}, 2}));
  EXPECT_NE(g, (ap::gap{{0, 1}, {0, 4}, {}}));
}

} // namespace
