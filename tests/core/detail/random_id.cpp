// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/detail/random_id.hpp>

#include <gtest/gtest.h>

#include <array>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;

TEST(random_id, is_no_counter_and_never_twice_the_same) {
  std::mutex all_lock;
  std::set<std::string> all;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::set<std::string> own;
      for (int i = 0; i < 2'000; ++i) own.emplace(std::string_view(ap::detail::random_id()));
      const std::lock_guard lock(all_lock);
      all.merge(own);
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(all.size(), 8'000U);
  // Each digit takes each of its 16 values about as often as the others, in every place.
  for (std::size_t place = 0; place < 32; ++place) {
    std::array<int, 256> seen{};
    for (const auto& id : all) ++seen[static_cast<unsigned char>(id[place])];
    for (const char digit : std::string_view("0123456789abcdef"))
      EXPECT_NEAR(seen[static_cast<unsigned char>(digit)], 500, 200) << place << digit;
  }
}

TEST(random_id, comes_from_siphash) {
  // The reference's key 00 01 … 0f and message 00 01 … 07.
  constexpr ap::detail::wide key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  constexpr auto got = ap::detail::siphash<2, 4>(key, 0x0706050403020100);
  EXPECT_EQ(got.first, 0x61f55862baa9623b);
  EXPECT_EQ(got.second, 0xb49714f364e2830f);
  EXPECT_EQ(std::string_view(ap::detail::hex_id({0x0123456789abcdef, 0x1f})), "efcdab89674523011f00000000000000");
  constexpr ap::detail::hex_id constant({0x0123456789abcdef, 0x1f}); // written by another branch
  EXPECT_EQ(std::string_view(constant), "efcdab89674523011f00000000000000");
}

} // namespace
