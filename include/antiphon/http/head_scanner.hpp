// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/error.hpp>
#include <antiphon/http/limits.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// What a parser says about the bytes that it was given.
enum class parse_result : unsigned char {
  done,   ///< the message (or its head) is whole
  more,   ///< so far so good: call again with more bytes
  failed, ///< refused; the error says why, and no later byte may be looked at
};

namespace detail {

/// The first byte of [p, end) that no plain text of a head contains: below 0x20, or 0x7f. Eight bytes at a time.
inline const char* find_control(const char* p, const char* end) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  if (end - p >= 8) {
    const char* const last = end - 8;
    do {
      std::uint64_t word;
      std::memcpy(&word, p, 8);
      // The lowest mark is exact; a borrow can only set marks above it.
      const std::uint64_t marks = ((word - ones * 0x20) | ((word ^ ones * 0x7f) - ones)) & ~word & ones * 0x80;
      if (marks != 0) {
        if constexpr (std::endian::native == std::endian::little) return p + (std::countr_zero(marks) >> 3);
        break;
      }
      p += 8;
    } while (p <= last);
  }
  while (p != end && static_cast<unsigned char>(*p) >= 0x20 && *p != 0x7f) ++p;
  return p;
}

/// Finds the end of a message head in a block that grows, and refuses on the way whatever could be read in two ways:
/// control bytes, bare CR and LF, folded lines, and everything that is over a limit. Errors come in the order of the
/// bytes that cause them, so that they are the same however the bytes were split.
///
/// StartLine checks the first line: `error begins(std::string_view)` of what there is of it, then
/// `error take(const char* base, std::uint32_t at, std::uint32_t size)` of all of it; `error{}` is yes. It names the
/// errors of a line that is `bad` or `too_long`, and says whether one empty line may stand before it.
template <class StartLine>
class head_scanner {
 public:
  explicit head_scanner(const head_limits& limits) noexcept : limits_(limits) {
    constexpr std::uint32_t most = 1U << 28; // so that sums of them and of offsets do not wrap around
    limits_.start_line = (std::min)(limits_.start_line, most);
    limits_.header_bytes = (std::clamp)(limits_.header_bytes, 2U, most);
    limits_.one_field = (std::min)(limits_.one_field, most);
    limits_.fields = (std::min)(limits_.fields, head_limits::max_fields);
    reset();
  }

  void reset() noexcept {
    at_ = line_ = skipped_ = lines_ = 0;
    in_fields_ = has_tab_ = false;
  }

  /// `block` begins where the head begins, and holds at least what it held when this last asked for more.
  parse_result scan(std::string_view block, error& why) noexcept {
    const char* const base = block.data();
    const char* const end = base + block.size();
    const char* p = base + at_;
    if (!in_fields_) {
      if (StartLine::after_empty_line && at_ == 0 && !skip_empty_line(p, end, why))
        return why == error{} ? parse_result::more : parse_result::failed;
      p = find_control(p, end);
      while (p != end && *p == '\t' && offset(base, p) < line_ + limits_.start_line) p = find_control(p + 1, end);
      if (end - p < 2 || p[0] != '\r' || p[1] != '\n' || offset(base, p) > line_ + limits_.start_line)
        return stop_in_start_line(base, p, end, why);
      const auto here = offset(base, p);
      const auto bad = start_.take(base, line_, here - line_);
      if (bad != error{}) return refuse(bad, why);
      in_fields_ = true;
      line_ = here + 2;
      last_ = line_ + limits_.header_bytes - 2;
      p += 2;
    }

    auto line = line_;
    auto lines = lines_;
    const auto last = last_;
    const auto save = [&](const char* here, std::uint32_t line_at) {
      at_ = offset(base, here);
      line_ = line_at;
      lines_ = lines;
    };
    for (;;) {
      const auto fence = (std::min)(line + limits_.one_field, last); // where at the latest the CR of this line stands
      if (offset(base, p) == line && p != end && static_cast<unsigned char>(*p) <= ' ') {
        if (*p == '\r') {
          if (line > last) return refuse(error::head_too_large, why);
          if (end - p < 2) break;
          if (p[1] != '\n') return refuse(error::bare_cr, why);
          save(p + 2, line);
          return parse_result::done;
        }
        if (*p == ' ' || *p == '\t') return refuse(lines == 0 ? error::space_before_field : error::obs_fold, why);
      }
      p = find_control(p, end);
      const auto here = offset(base, p);
      if (here > fence) return refuse(fence == last ? error::head_too_large : error::field_too_large, why);
      if (end - p < 2) {
        if (p == end || *p == '\r') break;
      } else if (p[0] == '\r' && p[1] == '\n') {
        if (++lines > limits_.fields) return refuse(error::too_many_fields, why);
        p += 2;
        line = here + 2;
        continue;
      }
      if (*p == '\r') return refuse(error::bare_cr, why);
      if (*p != '\t') return refuse(control_error(*p, error::bad_field_value), why);
      if (here == fence) return refuse(fence == last ? error::head_too_large : error::field_too_large, why);
      has_tab_ = true;
      ++p;
    }
    save(p, line);
    return parse_result::more;
  }

  /// After `done`: the bytes of the head, with the empty line and with what was skipped before it.
  std::uint32_t size() const noexcept { return at_; }
  std::uint32_t skipped() const noexcept { return skipped_; }
  /// The number of field lines, and the offset of the first.
  std::uint32_t lines() const noexcept { return lines_; }
  bool has_tab() const noexcept { return has_tab_; }
  const StartLine& start_line() const noexcept { return start_; }
  /// Whether no byte of a message has been seen: nothing, or the empty line that may stand before one.
  bool idle() const noexcept { return !in_fields_ && at_ == skipped_; }

 private:
  static std::uint32_t offset(const char* base, const char* p) noexcept { return static_cast<std::uint32_t>(p - base); }

  bool skip_empty_line(const char*& p, const char* end, error& why) noexcept {
    if (p == end) return false;
    if (*p != '\r') return true;
    if (end - p < 2) return false;
    if (p[1] != '\n') {
      why = error::bare_cr;
      return false;
    }
    p += 2;
    at_ = line_ = skipped_ = 2;
    return true;
  }

  /// Why the start line cannot be taken at p: it goes on, or is wrong.
  parse_result stop_in_start_line(const char* base, const char* p, const char* end, error& why) noexcept {
    const auto size = offset(base, p) - line_;
    const auto bad = start_.begins({base + line_, (std::min)(size, limits_.start_line)});
    if (bad != error{}) return refuse(bad, why);
    if (size > limits_.start_line) return refuse(StartLine::too_long, why);
    if (p == end) return wait(base, p);
    if (*p == '\r') return end - p < 2 ? wait(base, p) : refuse(error::bare_cr, why);
    if (*p == '\t') return refuse(StartLine::too_long, why);
    return refuse(control_error(*p, StartLine::bad), why);
  }

  parse_result wait(const char* base, const char* p) noexcept {
    at_ = offset(base, p);
    return parse_result::more;
  }
  static parse_result refuse(error reason, error& why) noexcept {
    why = reason;
    return parse_result::failed;
  }
  static error control_error(char c, error otherwise) noexcept {
    return c == '\n' ? error::bare_lf : c == '\0' ? error::nul_byte : otherwise;
  }

  head_limits limits_;
  std::uint32_t at_;       // where to go on; before it there is nothing to refuse
  std::uint32_t line_;     // where the line begins
  std::uint32_t last_ = 0; // where at the latest a CR stands
  std::uint32_t skipped_;
  std::uint32_t lines_;
  bool in_fields_;
  bool has_tab_;
  StartLine start_;
};

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
