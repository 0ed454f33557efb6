// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>
#include <antiphon/http/date.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// A line of a log that is made on the stack: columns with one space between them, or the members of a JSON object.
/// What does not fit is not written; that is a mistake of the caller's, whose limits add up to less than `size`.
class log_line {
 public:
  static constexpr std::size_t size = 6 * 1024;

  log_line() noexcept {} // not value-initialised: never filled with zeros

  /// Escaped, at most `most` characters; "-" for an empty one.
  void text(std::string_view raw, std::size_t most) noexcept {
    if (raw.empty()) put('-');
    const std::size_t end = std::min(size_ + most, size);
    for (const char c : raw) {
      const bool plain = c > ' ' && c < 0x7f && c != '"' && c != '\\';
      if (size_ + (plain ? 1U : 4U) + dots.size() > end) { // room is kept for the dots
        for (const char dot : dots) put(dot);
        break;
      }
      if (plain) {
        put(c);
        continue;
      }
      const auto byte = static_cast<unsigned char>(c);
      put('\\'), put('x'), put(digits[byte >> 4]), put(digits[byte & 15]);
    }
    put(' ');
  }
  void number(std::uint64_t n) noexcept {
    char buffer[20];
    const auto* end = std::to_chars(buffer, buffer + sizeof buffer, n).ptr;
    for (const char* c = buffer; c != end; ++c) put(*c);
    put(' ');
  }
  /// With microseconds.
  void seconds(duration d) noexcept {
    const auto us = std::max(std::chrono::floor<std::chrono::microseconds>(d).count(), std::int64_t{0});
    number(static_cast<std::uint64_t>(us) / 1'000'000);
    size_ -= 1;
    put('.');
    fixed(static_cast<unsigned>(us % 1'000'000), 6);
    put(' ');
  }
  /// "2026-01-31T12:00:00.000Z".
  void time(std::chrono::system_clock::time_point t) noexcept {
    using namespace std::chrono;
    const auto day = floor<days>(t);
    const auto date = year_month_day(day);
    const auto ms = static_cast<unsigned>(floor<milliseconds>(t - day).count());
    fixed(static_cast<unsigned>(static_cast<int>(date.year())), 4), put('-');
    fixed(static_cast<unsigned>(date.month()), 2), put('-');
    fixed(static_cast<unsigned>(date.day()), 2), put('T');
    fixed(ms / 3'600'000, 2), put(':');
    fixed(ms / 60'000 % 60, 2), put(':');
    fixed(ms / 1000 % 60, 2), put('.');
    fixed(ms % 1000, 3), put('Z'), put(' ');
  }

  /// Begins a member; its value is one of the columns above, or one of those below.
  log_line& member(std::string_view name) noexcept {
    if (size_ != 0) size_ -= 1; // the space behind the value before
    put(size_ == 0 ? '{' : ',');
    put('"');
    for (const char c : name) put(c);
    put('"'), put(':');
    return *this;
  }
  /// A string of JSON, at most `most` characters inside.
  void quoted(std::string_view raw, std::size_t most) noexcept {
    put('"');
    const std::size_t end = std::min(size_ + most, size);
    for (const char c : raw) {
      const bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';
      if (size_ + (plain ? 1U : 6U) + dots.size() > end) {
        for (const char dot : dots) put(dot);
        break;
      }
      if (plain) {
        put(c);
        continue;
      }
      const auto byte = static_cast<unsigned char>(c);
      for (const char u : std::string_view("\\u00")) put(u);
      put(digits[byte >> 4]), put(digits[byte & 15]);
    }
    put('"'), put(' ');
  }
  void quoted_time(std::chrono::system_clock::time_point t) noexcept {
    put('"');
    time(t);
    size_ -= 1;
    put('"'), put(' ');
  }
  void word(std::string_view plain) noexcept {
    for (const char c : plain) put(c);
    put(' ');
  }

  /// The object, with its end and that of the line.
  std::string_view finish_object() noexcept {
    size_ -= 1;
    put('}'), put('\n');
    return {text_, size_};
  }
  /// The line, with its end in the place of the last space.
  std::string_view finish() noexcept {
    text_[size_ - 1] = '\n';
    return {text_, size_};
  }

 private:
  static constexpr std::string_view dots = "...";
  static constexpr std::string_view digits = "0123456789abcdef";

  void put(char c) noexcept {
    if (size_ < size) text_[size_++] = c;
  }
  void fixed(unsigned n, int width) noexcept {
    if (size - size_ < static_cast<std::size_t>(width)) return;
    http::detail::put_number(text_ + size_, n, width);
    size_ += static_cast<std::size_t>(width);
  }

  std::size_t size_ = 0;
  char text_[size];
};

} // namespace detail
} // namespace v0
} // namespace antiphon
