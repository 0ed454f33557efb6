// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/detail/timer_heap.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using antiphon::detail::timer_entry;
using antiphon::detail::timer_heap;
using time_point = timer_heap::time_point;

struct entry final : timer_entry {
  void on_due() noexcept override {}
};

TEST(timer_heap, gives_entries_in_order_and_equal_ones_as_they_were_added) {
  timer_heap heap;
  std::deque<entry> e(6);
  const time_point base{};
  heap.add(e[0], base + 3s);
  heap.add(e[1], base + 1s);
  heap.add(e[2], base + 2s);
  heap.add(e[3], base + 1s);
  heap.add(e[4], base + 1s);
  heap.add(e[5], base + 2s);
  EXPECT_EQ(heap.next(), base + 1s);
  for (const std::size_t i : {1u, 3u, 4u, 2u, 5u, 0u}) EXPECT_EQ(heap.pop(), &e[i]);
  EXPECT_TRUE(heap.empty());
  EXPECT_EQ(heap.pop(), nullptr);
  EXPECT_EQ(heap.next(), time_point::max());
}

TEST(timer_heap, removes_from_anywhere_and_once) {
  timer_heap heap;
  entry a, b;
  EXPECT_FALSE(heap.remove(a));
  heap.add(a, time_point(1s));
  heap.add(b, time_point(2s));
  EXPECT_TRUE(heap.remove(a));
  EXPECT_FALSE(heap.remove(a));
  EXPECT_EQ(heap.pop(), &b);
  EXPECT_FALSE(heap.remove(b));
  heap.add(a, time_point(5s)); // may come back
  EXPECT_EQ(heap.pop(), &a);
}

TEST(timer_heap, forgets_what_was_removed_before_it_is_due) {
  timer_heap heap;
  std::deque<entry> e(1'000);
  for (std::size_t i = 0; i < e.size(); ++i) heap.add(e[i], time_point(std::chrono::seconds(i)));
  for (std::size_t i = 0; i < e.size() - 1; ++i) {
    EXPECT_TRUE(heap.remove(e[i]));
    EXPECT_EQ(heap.next(), time_point(std::chrono::seconds(i + 1)));
  }
  EXPECT_FALSE(heap.empty());
  EXPECT_TRUE(heap.remove(e.back()));
  EXPECT_TRUE(heap.empty());
}

TEST(timer_heap, agrees_with_a_sorted_map) {
  std::mt19937 random(11);
  const auto below = [&](unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); };
  timer_heap heap;
  std::deque<entry> entries(100);
  using key = std::pair<time_point, int>;
  std::map<key, timer_entry*> sorted;
  std::vector<key> keys(entries.size());
  int order = 0;
  for (int step = 0; step < 50'000; ++step) {
    ASSERT_EQ(heap.empty(), sorted.empty());
    ASSERT_EQ(heap.next(), sorted.empty() ? time_point::max() : sorted.begin()->first.first);
    const auto i = below(100);
    if (below(3) == 0) {
      timer_entry* const expected = sorted.empty() ? nullptr : sorted.begin()->second;
      ASSERT_EQ(heap.pop(), expected);
      if (expected) sorted.erase(sorted.begin());
      continue;
    }
    const bool there = sorted.count(keys[i]) != 0 && sorted[keys[i]] == &entries[i];
    ASSERT_EQ(heap.remove(entries[i]), there);
    if (there) sorted.erase(keys[i]);
    keys[i] = {time_point(std::chrono::seconds(below(20))), ++order};
    heap.add(entries[i], keys[i].first);
    sorted[keys[i]] = &entries[i];
  }
  while (heap.pop()) {}
}

} // namespace
