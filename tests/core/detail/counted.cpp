// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/detail/counted.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

namespace ap = antiphon;

struct base : ap::detail::counted {};
struct thing final : base {
  explicit thing(int& gone) : gone_(gone) {}
  ~thing() override { ++gone_; }
  int& gone_;
};
using thing_ptr = ap::detail::counted_ptr<thing>;
using base_ptr = ap::detail::counted_ptr<base>;
static_assert(std::is_convertible_v<const thing_ptr&, base_ptr>);
static_assert(!std::is_convertible_v<const base_ptr&, thing_ptr> && !std::is_copy_constructible_v<thing>);

TEST(counted, is_destroyed_with_the_last_of_its_pointers_and_once) {
  int gone = 0;
  {
    const thing_ptr one(new thing(gone));
    thing_ptr two = one;
    EXPECT_EQ(one, two);
    const base_ptr three = one; // by its base
    EXPECT_EQ(three.get(), one.get());
    thing_ptr four = std::move(two);
    EXPECT_FALSE(two);
    EXPECT_EQ(four.get(), one.get());
    auto& itself = four;
    four = itself;
    EXPECT_EQ(four.get(), one.get());
    four = thing_ptr(new thing(gone));
    EXPECT_EQ(gone, 0);
    four = {};
    EXPECT_EQ(gone, 1) << "what was there before";
  }
  EXPECT_EQ(gone, 2);
}

TEST(counted, an_object_may_give_out_pointers_to_itself) {
  int gone = 0;
  auto* const raw = new thing(gone);
  {
    const thing_ptr one(raw);
    const thing_ptr again(raw);
  }
  EXPECT_EQ(gone, 1);
}

TEST(counted, pointers_may_go_on_any_thread) {
  int gone = 0;
  thing_ptr one(new thing(gone));
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([mine = one] {
      for (int n = 0; n < 1'000; ++n) const auto copy = mine;
    });
  one = {};
  for (auto& t : threads) t.join();
  threads.clear();
  EXPECT_EQ(gone, 1);
}

} // namespace
