// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/range.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace {

using namespace antiphon::http;

/// "whole", "unsatisfied", or "first+size" of each.
std::string read(std::string_view field, std::uint64_t content) {
  const auto set = range_set::parse(field, content);
  if (set.what() == range_set::kind::whole) return "whole";
  if (set.what() == range_set::kind::unsatisfied) return "unsatisfied";
  std::string out;
  for (const auto& r : set.ranges())
    out.append(out.empty() ? "" : " ").append(std::to_string(r.first)).append("+").append(std::to_string(r.size));
  return out;
}

TEST(range, reads_ranges) {
  const struct {
    std::string_view field;
    std::uint64_t content;
    const char* wanted;
  } cases[] = {
      {"bytes=0-499", 1000, "0+500"},
      {"bytes=500-999", 1000, "500+500"},
      {"bytes=0-0", 1000, "0+1"},
      {"bytes=999-999", 1000, "999+1"},
      {"bytes=999-1000", 1000, "999+1"},
      {"bytes=1000-1000", 1000, "unsatisfied"},
      {"bytes=0-", 1000, "0+1000"},
      {"bytes=999-", 1000, "999+1"},
      {"bytes=1000-", 1000, "unsatisfied"},
      {"bytes=-1", 1000, "999+1"},
      {"bytes=-1000", 1000, "0+1000"},
      {"bytes=-1001", 1000, "0+1000"},
      {"bytes=-0", 1000, "unsatisfied"},
      {"bytes=0-0,-1", 1000, "0+1 999+1"},
      {"bytes=500-600,0-9", 1000, "500+101 0+10"}, // in the order asked for
      {"bytes=0-9,2000-", 1000, "0+10"},
      {"bytes=2000-,3000-", 1000, "unsatisfied"},
      {"BYTES=0-9", 1000, "0+10"},
      {" bytes=0-9 , 20-29\t", 1000, "0+10 20+10"},
      {"bytes=,,0-9,,", 1000, "0+10"},
      {"bytes=00000000000000000000000000000005-5", 1000, "5+1"},
      // numbers that do not fit
      {"bytes=0-18446744073709551615", 1000, "0+1000"},
      {"bytes=0-18446744073709551616", 1000, "0+1000"},
      {"bytes=0-99999999999999999999999999999999999", 1000, "0+1000"},
      {"bytes=-99999999999999999999999999999999999", 1000, "0+1000"},
      {"bytes=18446744073709551616-", 1000, "unsatisfied"},
      {"bytes=1-18446744073709551614", std::numeric_limits<std::uint64_t>::max(), "1+18446744073709551614"},
      {"bytes=0-", std::numeric_limits<std::uint64_t>::max(), "0+18446744073709551615"},
      // nothing to send
      {"bytes=0-", 0, "whole"},
      {"bytes=-5", 0, "whole"},
      // no list of byte ranges
      {"", 1000, "whole"},
      {"bytes", 1000, "whole"},
      {"bytes=", 1000, "whole"},
      {"bytes=,", 1000, "whole"},
      {"bytes=-", 1000, "whole"},
      {"bytes=5", 1000, "whole"},
      {"bytes=5-4", 1000, "whole"},
      {"bytes=5-4,0-9", 1000, "whole"},
      {"bytes=0-9,x", 1000, "whole"},
      {"bytes=--5", 1000, "whole"},
      {"bytes=1-2-3", 1000, "whole"},
      {"bytes=+1-2", 1000, "whole"},
      {"bytes=0x1-2", 1000, "whole"},
      {"bytes=1 -2", 1000, "whole"},
      {"bytes= 1- 2", 1000, "whole"},
      {"bytes =0-9", 1000, "whole"},
      {"bytes:0-9", 1000, "whole"},
      {"lines=0-9", 1000, "whole"},
      {"bytes=0-9, bytes=20-29", 1000, "whole"},
      // what overlaps
      {"bytes=0-9,9-18", 1000, "whole"},
      {"bytes=0-9,10-18", 1000, "0+10 10+9"},
      {"bytes=0-,0-", 1000, "whole"},
      {"bytes=5-5,0-9", 1000, "whole"},
      {"bytes=0-0,-1", 1, "whole"},
      {"bytes=0-9,-991", 1000, "whole"},
  };
  for (const auto& c : cases) EXPECT_EQ(read(c.field, c.content), c.wanted) << c.field << " of " << c.content;
}

std::string list_of(std::size_t n, std::size_t step) {
  std::string field = "bytes=";
  for (std::size_t i = 0; i < n; ++i)
    field.append(i ? "," : "").append(std::to_string(i * step)).append("-").append(std::to_string(i * step));
  return field;
}

TEST(range, at_most_eight) {
  EXPECT_EQ(range_set::parse(list_of(8, 10), 10'000).ranges().size(), 8u);
  EXPECT_EQ(read(list_of(9, 10), 10'000), "whole");
  EXPECT_EQ(read(list_of(800, 10), 10'000), "whole");
  EXPECT_EQ(read(list_of(9, 10'000), 10'000), "whole") << "also where they are behind the end";
}

TEST(range, tells_what_is_sent) {
  EXPECT_EQ(content_range({0, 500}, 1234), "bytes 0-499/1234");
  EXPECT_EQ(content_range({1233, 1}, 1234), "bytes 1233-1233/1234");
  EXPECT_EQ(unsatisfied_range(1234), "bytes */1234");
}

TEST(range, frames_parts) {
  const auto set = range_set::parse("bytes=0-1,8-9", 10);
  const byteranges frame(set.ranges(), 10, "text/plain", "B");
  EXPECT_EQ(frame.content_type(), "multipart/byteranges; boundary=B");
  const std::string body = frame.before(0) + "ab" + frame.before(1) + "ij" + frame.end();
  EXPECT_EQ(body, "--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\nab"
                  "\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\nij\r\n--B--\r\n");
  EXPECT_EQ(frame.size(), body.size());
  const byteranges untyped(set.ranges(), 10, "", "B");
  EXPECT_EQ(untyped.before(0), "--B\r\nContent-Range: bytes 0-1/10\r\n\r\n");
}

} // namespace
