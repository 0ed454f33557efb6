// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chars.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

namespace detail {

inline constexpr std::string_view day_names = "SunMonTueWedThuFriSat";
inline constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";

constexpr void put_number(char* out, unsigned number, int digits) noexcept {
  while (digits-- > 0) {
    out[digits] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
}

constexpr void put_text(char* out, std::string_view text) noexcept {
  for (const char c : text) *out++ = c;
}

} // namespace detail

/// A date in the one form that is sent: "Sun, 06 Nov 1994 08:49:37 GMT". Without locale and without allocation.
class date_text {
 public:
  static constexpr std::size_t size = 29;

  /// Years outside 0 to 9999 have no such form; the nearest date that has is taken.
  constexpr explicit date_text(std::chrono::sys_seconds time) noexcept {
    using namespace std::chrono;
    constexpr sys_seconds first = sys_days(year(0) / 1 / 1);
    constexpr sys_seconds last = sys_days(year(10'000) / 1 / 1) - seconds(1);
    if (time < first) time = first;
    if (time > last) time = last;
    const auto day = floor<days>(time);
    const auto date = year_month_day(day);
    const auto seconds_of_day = static_cast<unsigned>((time - day).count());
    char* const out = text_.data();
    detail::put_text(out, detail::day_names.substr(weekday(day).c_encoding() * 3, 3));
    detail::put_text(out + 3, ", ");
    detail::put_number(out + 5, static_cast<unsigned>(date.day()), 2);
    out[7] = ' ';
    detail::put_text(out + 8, detail::month_names.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3));
    out[11] = ' ';
    detail::put_number(out + 12, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    out[16] = ' ';
    detail::put_number(out + 17, seconds_of_day / 3600, 2);
    out[19] = ':';
    detail::put_number(out + 20, seconds_of_day / 60 % 60, 2);
    out[22] = ':';
    detail::put_number(out + 23, seconds_of_day % 60, 2);
    detail::put_text(out + 25, " GMT");
  }

  template <class Duration>
  constexpr explicit date_text(std::chrono::sys_time<Duration> time) noexcept
      : date_text(std::chrono::floor<std::chrono::seconds>(time)) {}

  constexpr std::string_view view() const noexcept { return {text_.data(), size}; }
  constexpr operator std::string_view() const noexcept { return view(); }

 private:
  std::array<char, size> text_{};
};

namespace detail {

/// Reads a date from left to right; after the first thing that does not fit, everything fails.
class date_scanner {
 public:
  constexpr explicit date_scanner(std::string_view text) noexcept : rest_(text) {}

  constexpr void text(std::string_view wanted) noexcept {
    if (rest_.substr(0, wanted.size()) != wanted) return fail();
    rest_.remove_prefix(wanted.size());
  }

  constexpr int number(std::size_t digits) noexcept {
    int out = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (i >= rest_.size() || !is_digit(rest_[i])) {
        fail();
        return 0;
      }
      out = out * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return out;
  }

  /// Which of the names of three letters comes, from 0.
  constexpr unsigned name(std::string_view names) noexcept {
    for (unsigned i = 0; i * 3 < names.size(); ++i) {
      if (rest_.substr(0, 3) != names.substr(i * 3, 3)) continue;
      rest_.remove_prefix(3);
      return i;
    }
    fail();
    return 0;
  }

  constexpr unsigned long_day_name() noexcept {
    constexpr std::array<std::string_view, 7> names{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
    for (unsigned i = 0; i < names.size(); ++i) {
      if (rest_.substr(0, names[i].size()) != names[i]) continue;
      rest_.remove_prefix(names[i].size());
      return i;
    }
    fail();
    return 0;
  }

  /// "08:49:37"; the second may be 60, a leap second.
  constexpr std::chrono::seconds time() noexcept {
    const int hour = number(2);
    text(":");
    const int minute = number(2);
    text(":");
    const int second = number(2);
    if (hour > 23 || minute > 59 || second > 60) fail();
    return std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  }

  constexpr bool next_is(char c) const noexcept { return !rest_.empty() && rest_.front() == c; }
  constexpr bool at_end() const noexcept { return ok_ && rest_.empty(); }

 private:
  constexpr void fail() noexcept {
    ok_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

} // namespace detail

/// Reads a date in any of the three forms of RFC 9110, section 5.6.7; nothing if it is not exactly one, does not exist
/// or has the wrong day of the week. `now` decides which century a year of two digits belongs to: at most 50 years
/// ahead.
inline std::optional<std::chrono::sys_seconds>
parse_date(std::string_view text,
           std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) noexcept {
  using namespace std::chrono;
  detail::date_scanner in(text);
  unsigned week_day = 0;
  unsigned month_number = 0;
  int day_number = 0;
  int year_number = 0;
  seconds time_of_day{};
  const auto comma = text.find(',');
  if (comma == 3) { // Sun, 06 Nov 1994 08:49:37 GMT
    week_day = in.name(detail::day_names);
    in.text(", ");
    day_number = in.number(2);
    in.text(" ");
    month_number = in.name(detail::month_names);
    in.text(" ");
    year_number = in.number(4);
    in.text(" ");
    time_of_day = in.time();
    in.text(" GMT");
  } else if (comma != std::string_view::npos) { // Sunday, 06-Nov-94 08:49:37 GMT
    week_day = in.long_day_name();
    in.text(", ");
    day_number = in.number(2);
    in.text("-");
    month_number = in.name(detail::month_names);
    in.text("-");
    const int this_year = static_cast<int>(year_month_day(floor<days>(now)).year());
    year_number = this_year - this_year % 100 + in.number(2);
    if (year_number > this_year + 50) year_number -= 100;
    if (year_number <= this_year - 50) year_number += 100;
    in.text(" ");
    time_of_day = in.time();
    in.text(" GMT");
  } else { // Sun Nov  6 08:49:37 1994
    week_day = in.name(detail::day_names);
    in.text(" ");
    month_number = in.name(detail::month_names);
    in.text(" ");
    const bool one_digit = in.next_is(' ');
    if (one_digit) in.text(" ");
    day_number = in.number(one_digit ? 1 : 2);
    in.text(" ");
    time_of_day = in.time();
    in.text(" ");
    year_number = in.number(4);
  }
  if (!in.at_end()) return std::nullopt;
  const auto date = year(year_number) / month(month_number + 1) / day(static_cast<unsigned>(day_number));
  if (!date.ok() || weekday(sys_days(date)).c_encoding() != week_day) return std::nullopt;
  return sys_days(date) + time_of_day;
}

} // namespace http
} // namespace v0
} // namespace antiphon
