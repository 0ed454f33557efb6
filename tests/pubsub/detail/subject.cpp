// SPDX-License-Identifier: BSL-1.0
#include <antiphon/pubsub/detail/pattern_tree.hpp>
#include <antiphon/pubsub/detail/subject.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using antiphon::detail::matches;
using antiphon::detail::valid_subject;
using namespace std::string_view_literals;

TEST(subject, is_tokens_with_dots_between_them) {
  for (const auto good :
       {"a", "a.b", "orders.eu.created", "A-1_~!.#$%&'()+,/:;<=?@[]^`{|}", "\xc3\xa4.\xf0\x9f\x98\x80"})
    EXPECT_TRUE(valid_subject(good)) << good;
  for (const auto bad : {""sv, "."sv, ".a"sv, "a."sv, "a..b"sv, "a b"sv, "a\tb"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv,
                         "a\x7f"sv, " "sv, "*"sv, ">"sv, "a.*"sv, "a.>"sv, "a*"sv, "a>b"sv})
    EXPECT_FALSE(valid_subject(bad)) << bad;
  EXPECT_TRUE(valid_subject(std::string(256, 'x')));
  EXPECT_FALSE(valid_subject(std::string(257, 'x')));
  EXPECT_FALSE(valid_subject(std::string(25'600, 'x')));
}

TEST(subject, wildcards_are_whole_tokens_of_patterns) {
  for (const auto good : {"*", ">", "a.*", "a.>", "*.*.>", "*.b", "a"}) EXPECT_TRUE(valid_subject(good, true)) << good;
  for (const auto bad : {"", "a*", "*a", "**", ">.a", "a.>.b", ">>", "a.b>", "a..>", ".>", "a.>."})
    EXPECT_FALSE(valid_subject(bad, true)) << bad;
}

TEST(subject, matches_as_nats_has_it) {
  EXPECT_TRUE(matches("orders.*.created", "orders.eu.created"));
  EXPECT_FALSE(matches("orders.*.created", "orders.eu.de.created"));
  EXPECT_FALSE(matches("orders.*", "orders"));
  EXPECT_FALSE(matches("orders.*", "orders.eu.created"));
  EXPECT_TRUE(matches("orders.>", "orders.eu"));
  EXPECT_TRUE(matches("orders.>", "orders.eu.created"));
  EXPECT_FALSE(matches("orders.>", "orders")) << "one token at least";
  EXPECT_TRUE(matches(">", "a.b.c"));
  EXPECT_TRUE(matches("a.b", "a.b"));
  EXPECT_FALSE(matches("a.b", "a.bc"));
  EXPECT_FALSE(matches("a", "a.b"));
  EXPECT_TRUE(matches("*.>", "a.b"));
  EXPECT_FALSE(matches("*.>", "a"));
}

TEST(pattern_tree, finds_what_matching_one_by_one_finds) {
  std::mt19937 random(5);
  const auto name = [&](bool pattern) {
    std::string made;
    for (auto n = 1 + random() % 4; n-- > 0;) {
      if (!made.empty()) made += '.';
      const auto pick = random() % (pattern ? 5 : 3);
      made += pick < 3 ? std::string(1, static_cast<char>('a' + pick)) : pick == 3 ? "*" : n == 0 ? ">" : "b";
    }
    return made;
  };
  antiphon::detail::pattern_tree<int> tree;
  std::vector<std::string> patterns;
  for (int round = 0; round < 2000; ++round) {
    if (!patterns.empty() && random() % 3 == 0) {
      const auto gone = patterns.begin() + static_cast<std::ptrdiff_t>(random() % patterns.size());
      tree.erase(*gone);
      patterns.erase(gone);
    } else if (const auto p = name(true); std::find(patterns.begin(), patterns.end(), p) == patterns.end()) {
      patterns.push_back(p);
      tree[p] = 1 + static_cast<int>(std::hash<std::string>()(p) % 1'000'000);
    }
    const auto subject = name(false);
    std::vector<int> found, expected;
    tree.for_each_match(subject, [&](int v) { found.push_back(v); });
    for (const auto& p : patterns)
      if (matches(p, subject)) expected.push_back(1 + static_cast<int>(std::hash<std::string>()(p) % 1'000'000));
    std::sort(found.begin(), found.end());
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(found, expected) << subject;
  }
  for (const auto& p : patterns) tree.erase(p);
  int left = 0;
  tree.for_each([&](int) { ++left; });
  EXPECT_EQ(left, 0);
  tree.erase("never.there");
}

} // namespace
