// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/accept_encoding.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace {

using namespace antiphon::http;

TEST(accept_encoding, weighs_a_coding) {
  const struct {
    std::string_view accept, coding;
    int weight;
  } cases[] = {
      {"gzip, br", "br", 1000},
      {"gzip;q=0.5, br;q=0.7", "gzip", 500},
      {"GZIP", "gzip", 1000},
      {"x-gzip;q=0.3", "gzip", 300},
      {"x-br", "br", 0},
      {"gzip;q=0", "gzip", 0},
      {"gzip;q=nonsense", "gzip", 0},
      {"*", "br", 1000},
      {"*;q=0.2", "br", 200},
      {"gzip;q=0.9, *;q=0", "br", 0},
      {"gzip;q=0, *", "gzip", 0}, // what is named goes before *
      {"deflate", "gzip", 0},
      {"", "gzip", 0},
      // identity
      {"", "identity", 1},
      {"gzip", "identity", 1},
      {"identity;q=0.4, gzip", "identity", 400},
      {"identity;q=0", "identity", 0},
      {"*;q=0", "identity", 0},
      {"*;q=0.5", "identity", 500},
      {"*;q=0, identity;q=0.1", "identity", 100},
  };
  for (const auto& c : cases) EXPECT_EQ(encoding_weight(c.accept, c.coding), c.weight) << c.accept << " / " << c.coding;
}

TEST(accept_encoding, chooses) {
  constexpr std::array<std::string_view, 3> offered{"br", "gzip", "identity"};
  const auto choose = [&](std::string_view accept) {
    return std::string(choose_encoding(accept, offered).value_or("none"));
  };
  EXPECT_EQ(choose("gzip, deflate, br, zstd"), "br");
  EXPECT_EQ(choose("gzip, deflate"), "gzip");
  EXPECT_EQ(choose("gzip, br;q=0.9"), "gzip");
  EXPECT_EQ(choose("*"), "br");
  EXPECT_EQ(choose("gzip;q=0.2, identity;q=0.8"), "identity");
  EXPECT_EQ(choose("gzip;q=0.001"), "gzip");
  EXPECT_EQ(choose(""), "identity");
  EXPECT_EQ(choose("deflate, zstd"), "identity");
  EXPECT_EQ(choose("gzip;q=0, br;q=0"), "identity");
  EXPECT_EQ(choose("*;q=0"), "none");
  EXPECT_EQ(choose("identity;q=0"), "none");
  EXPECT_EQ(choose("identity;q=0, gzip"), "gzip");
}

} // namespace
