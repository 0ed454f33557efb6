// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/date.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace std::chrono_literals;
using antiphon::http::date_text;
using antiphon::http::parse_date;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year;

constexpr sys_seconds sample = sys_days(year(1994) / 11 / 6) + 8h + 49min + 37s;
static_assert(date_text(sample).view() == "Sun, 06 Nov 1994 08:49:37 GMT");

const std::chrono::system_clock::time_point now_2026 = sys_days(year(2026) / 6 / 15);

TEST(date, writes_the_one_form) {
  EXPECT_EQ(date_text(sample).view(), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date_text(sys_seconds(0s)).view(), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date_text(sys_seconds(-1s)).view(), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(date_text(sys_days(year(2024) / 2 / 29) + 23h + 59min + 59s).view(), "Thu, 29 Feb 2024 23:59:59 GMT");
  const std::chrono::system_clock::time_point fraction = sample + 999ms;
  EXPECT_EQ(date_text(fraction).view(), "Sun, 06 Nov 1994 08:49:37 GMT");
  const std::chrono::system_clock::time_point before = sys_seconds(0s) - 1ms;
  EXPECT_EQ(date_text(before).view(), "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST(date, years_without_four_digits_are_clamped) {
  EXPECT_EQ(date_text(sys_days(year(5) / 1 / 1)).view().substr(12, 4), "0005");
  EXPECT_EQ(date_text(sys_days(year(-5) / 1 / 1)).view(), "Sat, 01 Jan 0000 00:00:00 GMT");
  EXPECT_EQ(date_text(sys_days(year(12345) / 1 / 1)).view(), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(date_text(sys_seconds::max()).view(), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(date_text(sys_seconds::min()).view(), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(date, says_what_the_c_library_says) {
  for (std::time_t t = -2'000'000'000; t < 6'000'000'000; t += 7'654'321) {
    std::tm parts{};
    ASSERT_TRUE(gmtime_r(&t, &parts));
    char expected[64];
    std::strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    ASSERT_EQ(date_text(sys_seconds(std::chrono::seconds(t))).view(), expected);
  }
}

TEST(date, reads_all_three_forms) {
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT", now_2026), sample);
  EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", now_2026), sample);
  EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994", now_2026), sample);
  EXPECT_EQ(parse_date("Sun Nov 06 08:49:37 1994", now_2026), sample);
  EXPECT_EQ(parse_date("Wed Nov 16 08:49:37 1994", now_2026), sample + 240h);
}

TEST(date, reads_back_what_it_writes) {
  for (long long t = -62'167'219'200; t < 253'402'300'800; t += 98'765'432'1) {
    const sys_seconds time{std::chrono::seconds(t)};
    ASSERT_EQ(parse_date(date_text(time)), time) << date_text(time).view();
  }
}

TEST(date, every_day_of_a_leap_year_and_its_neighbours) {
  for (auto day = sys_days(year(2023) / 1 / 1); day < sys_days(year(2026) / 1 / 1); day += std::chrono::days(1)) {
    const auto text = date_text(sys_seconds(day));
    ASSERT_EQ(parse_date(text), sys_seconds(day)) << text.view();
  }
}

TEST(date, refuses) {
  for (const std::string_view bad : {"",
                                     " ",
                                     "GMT",
                                     ",",
                                     "Sun,",
                                     "Sun, 06 Nov 1994 08:49:37",
                                     "Sun, 06 Nov 1994 08:49:37 UTC",
                                     "Sun, 06 Nov 1994 08:49:37 GMT ",
                                     " Sun, 06 Nov 1994 08:49:37 GMT",
                                     "Sun, 6 Nov 1994 08:49:37 GMT",
                                     "Sun, 06 Nov 94 08:49:37 GMT",
                                     "sun, 06 Nov 1994 08:49:37 GMT",
                                     "Sun, 06 nov 1994 08:49:37 GMT",
                                     "Sun, 06 Nov 1994 08:49:37 gmt",
                                     "Mon, 06 Nov 1994 08:49:37 GMT",
                                     "Sun, 06 Nov 1994 24:00:00 GMT",
                                     "Sun, 06 Nov 1994 08:60:37 GMT",
                                     "Sun, 06 Nov 1994 08:49:61 GMT",
                                     "Sun, 06 Nov 1994 8:49:37 GMT",
                                     "Sun, 00 Nov 1994 08:49:37 GMT",
                                     "Thu, 31 Nov 1994 08:49:37 GMT",
                                     "Wed, 29 Feb 2023 00:00:00 GMT",
                                     "Sun, 06 Nov 1994 08:49:37 +0000",
                                     "Sun,  06 Nov 1994 08:49:37 GMT",
                                     "Sun, -6 Nov 1994 08:49:37 GMT",
                                     "Sun, 06 Nov 1994 08-49-37 GMT",
                                     "Sun, 06-Nov-94 08:49:37 GMT",
                                     "Sunday, 06 Nov 1994 08:49:37 GMT",
                                     "Sunday, 06-Nov-1994 08:49:37 GMT",
                                     "Monday, 06-Nov-94 08:49:37 GMT",
                                     "Sun Nov 6 08:49:37 1994",
                                     "Sun Nov 06 08:49:37 1994 GMT",
                                     "Sun Nov  6 08:49:37 94",
                                     "Sun Nov   6 08:49:37 1994",
                                     "Sun Nov  66 08:49:37 1994",
                                     "784111777",
                                     "1994-11-06T08:49:37Z"})
    EXPECT_FALSE(parse_date(bad, now_2026)) << bad;
}

TEST(date, any_cut_and_any_changed_byte_is_refused_or_another_date) {
  for (const std::string good :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    for (std::size_t i = 0; i < good.size(); ++i) {
      EXPECT_FALSE(parse_date(good.substr(0, i), now_2026)) << good.substr(0, i);
      for (int byte = 0; byte < 256; ++byte) {
        auto changed = good;
        changed[i] = static_cast<char>(byte);
        if (changed == "Sun Nov 06 08:49:37 1994") continue; // the same day, in two digits
        EXPECT_TRUE(changed == good || parse_date(changed, now_2026) != sample) << changed;
      }
    }
  }
}

TEST(date, a_leap_second_is_the_second_after) {
  EXPECT_EQ(parse_date("Sat, 31 Dec 2016 23:59:60 GMT"), sys_days(year(2017) / 1 / 1));
}

TEST(date, two_digits_are_the_year_at_most_50_years_ahead) {
  const auto year_of = [](std::string_view text, int now) -> int {
    const auto time = parse_date(text, sys_days(year(now) / 6 / 15));
    if (!time) return 0;
    return static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(*time)).year());
  };
  EXPECT_EQ(year_of("Wednesday, 01-Jan-76 00:00:00 GMT", 2026), 2076);
  EXPECT_EQ(year_of("Saturday, 01-Jan-77 00:00:00 GMT", 2026), 1977);
  EXPECT_EQ(year_of("Thursday, 01-Jan-26 00:00:00 GMT", 2026), 2026);
  EXPECT_EQ(year_of("Saturday, 01-Jan-00 00:00:00 GMT", 2026), 2000);
  EXPECT_EQ(year_of("Friday, 01-Jan-10 00:00:00 GMT", 2080), 0) << "2010 began on a Friday, 2110 will not";
  EXPECT_EQ(year_of("Wednesday, 01-Jan-10 00:00:00 GMT", 2080), 2110);
  EXPECT_EQ(year_of("Sunday, 01-Jan-30 00:00:00 GMT", 2080), 2130);
  EXPECT_EQ(year_of("Wednesday, 01-Jan-31 00:00:00 GMT", 2080), 2031);
  EXPECT_EQ(year_of("Friday, 01-Jan-99 00:00:00 GMT", 2026), 1999);
}

} // namespace
