// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/detail/parking.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace {

using antiphon::detail::parking;
using antiphon::detail::parking_of;

struct guest : parking::item {
  void abandon() noexcept override {
    ++abandoned;
    for (auto* other : takes_along) others += home->remove(*other) ? 1 : 0;
  }
  parking* home = nullptr;
  std::vector<guest*> takes_along;
  int abandoned = 0;
  int others = 0;
};

TEST(parking, an_item_is_taken_out_once) {
  asio::io_context io;
  auto& home = parking_of(io.get_executor());
  guest a, b, c;
  EXPECT_FALSE(home.remove(a));
  EXPECT_TRUE(home.add(a));
  EXPECT_TRUE(home.add(b));
  EXPECT_TRUE(home.add(c));
  EXPECT_TRUE(home.remove(b));
  EXPECT_FALSE(home.remove(b));
  EXPECT_TRUE(home.remove(a));
  EXPECT_TRUE(home.remove(c));
  EXPECT_TRUE(home.add(a));
  EXPECT_TRUE(home.remove(a));
}

TEST(parking, what_is_left_is_abandoned_with_the_context) {
  guest a, b, out;
  {
    asio::io_context io;
    auto& home = parking_of(asio::make_strand(io));
    EXPECT_EQ(&home, &parking_of(io.get_executor())) << "one a context";
    home.add(a);
    home.add(b);
    home.add(out);
    home.remove(out);
  }
  EXPECT_EQ(a.abandoned, 1);
  EXPECT_EQ(b.abandoned, 1);
  EXPECT_EQ(out.abandoned, 0);
}

TEST(parking, abandoning_one_may_take_out_others) {
  guest a, b, c;
  {
    asio::io_context io;
    for (auto* g : {&a, &b, &c}) {
      g->home = &parking_of(io.get_executor());
      g->home->add(*g);
    }
    a.takes_along = {&b, &c};
    b.takes_along = {&a, &c};
    c.takes_along = {&a, &b};
  }
  EXPECT_EQ(a.abandoned + b.abandoned + c.abandoned, 1);
  EXPECT_EQ(a.others + b.others + c.others, 2);
}

TEST(parking, nothing_is_added_to_a_context_that_goes) {
  guest late;
  struct adds : guest {
    guest* other = nullptr;
    std::optional<bool> added;
    void abandon() noexcept override { added = home->add(*other); }
  } first;
  {
    asio::io_context io;
    first.home = &parking_of(io.get_executor());
    first.other = &late;
    first.home->add(first);
  }
  EXPECT_EQ(first.added, false);
  EXPECT_EQ(late.abandoned, 0);
}

} // namespace
