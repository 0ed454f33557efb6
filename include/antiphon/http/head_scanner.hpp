// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/error.hpp>
#include <antiphon/http/head.hpp>
#include <antiphon/http/limits.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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
inline const char* find_control_in_words(const char* p, const char* end) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - p >= 8; p += 8) {
      std::uint64_t word;
      std::memcpy(&word, p, 8);
      // The lowest mark is exact; a borrow can only set marks above it.
      const std::uint64_t marks = ((word - ones * 0x20) | ((word ^ ones * 0x7f) - ones)) & ~word & ones * 0x80;
      if (marks != 0) return p + (std::countr_zero(marks) >> 3);
    }
  }
  while (p != end && static_cast<unsigned char>(*p) >= 0x20 && *p != 0x7f) ++p;
  return p;
}

/// The same, sixteen bytes at a time where the processor can (any x86-64).
inline const char* find_control(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i marks = _mm_or_si128(low, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
    if (const auto found = static_cast<unsigned>(_mm_movemask_epi8(marks)); found != 0)
      return p + std::countr_zero(found);
  }
#endif
  return find_control_in_words(p, end);
}

/// Where a head stands in its block, when all of it is there.
struct head_extent {
  std::uint32_t size;    ///< bytes, with the empty line and with what was skipped before the head
  std::uint32_t skipped; ///< bytes of the empty line before it
  std::uint32_t lines;   ///< field lines
  bool has_tab;          ///< whether a field line has a tab
};

/// Finds the end of a message head in a block that grows, and refuses on the way whatever could be read in two ways:
/// control bytes, bare CR and LF, folded lines, and everything that is over a limit. Errors come in the order of the
/// bytes that cause them, so that they are the same however the bytes were split.
///
/// StartLine checks the first line: `error begins(std::string_view)` of what there is of it, then
/// `error take(const char* base, std::uint32_t at, std::uint32_t size)` of all of it; `error{}` is yes. It names the
/// errors of a line that is `bad` or `too_long`, and says whether one empty line may stand before it.
class head_scanner {
 public:
  explicit head_scanner(const head_limits& limits) noexcept : limits_(limits) {
    constexpr std::uint32_t most = 1U << 28; // so that sums of them and of offsets do not wrap around
    limits_.start_line = (std::min)(limits_.start_line, most);
    limits_.header_bytes = (std::clamp)(limits_.header_bytes, 2U, most);
    limits_.one_field = (std::min)(limits_.one_field, most);
    limits_.fields = (std::min)(limits_.fields, head_limits::max_fields);
  }

  void reset() noexcept { saved_ = {}; }

  /// Whether no byte of a message has been seen: nothing, or the empty line that may stand before one.
  bool idle() const noexcept { return !saved_.in_fields && saved_.at == saved_.skipped; }

  /// `block` begins where the head begins, and holds at least what it held when this last asked for more. After `done`
  /// the next call begins another head. `lines` takes where each field line stands, without its CRLF, as a name.
  template <class StartLine>
  parse_result scan(std::string_view block, StartLine& start, head_fields& lines, head_extent& extent,
                    error& why) noexcept {
    const char* const base = block.data();
    const char* const end = base + block.size();
    progress now = saved_;
    const char* p = base + now.at;
    if (!now.in_fields) {
      if (StartLine::after_empty_line && now.at == 0 && !skip_empty_line(now, p, end, why))
        return why == error{} ? parse_result::more : parse_result::failed;
      p = find_control(p, end);
      if (end - p < 2 || p[0] != '\r' || p[1] != '\n' || offset(base, p) > now.line + limits_.start_line) {
        p = pass_tabs(base, p, end, now.line + limits_.start_line);
        if (end - p < 2 || p[0] != '\r' || p[1] != '\n' || offset(base, p) > now.line + limits_.start_line)
          return stop_in_start_line(now, base, p, end, start, why);
      }
      const auto here = offset(base, p);
      const auto bad = start.take(base, now.line, here - now.line);
      if (bad != error{}) return refuse(bad, why);
      now.in_fields = true;
      now.line = here + 2;
      now.last = now.line + limits_.header_bytes - 2;
      p += 2;
    }

    for (bool at_line = offset(base, p) == now.line;; at_line = true) { // once for each line
      if (at_line && p != end && static_cast<unsigned char>(*p) <= ' ') {
        if (*p == '\r') {
          if (now.line > now.last) return refuse(error::head_too_large, why);
          if (end - p < 2) return wait(now, base, p);
          if (p[1] != '\n') return refuse(error::bare_cr, why);
          extent = {now.line + 2, now.skipped, now.lines, now.has_tab};
          if (saved_.at != 0) saved_ = {};
          return parse_result::done;
        }
        if (*p == ' ' || *p == '\t') return refuse(now.lines == 0 ? error::space_before_field : error::obs_fold, why);
      }
      const auto fence = (std::min)(now.line + limits_.one_field, now.last); // where at the latest the CR stands
      for (;;) {
        p = find_control(p, end);
        const auto here = offset(base, p);
        if (here > fence) return refuse(too_large(now, fence), why);
        if (end - p < 2) {
          if (p == end || *p == '\r') return wait(now, base, p);
        } else if (p[0] == '\r' && p[1] == '\n') {
          if (now.lines == limits_.fields) return refuse(error::too_many_fields, why);
          auto& line = lines.fields[now.lines++];
          line.name = now.line;
          line.name_size = here - now.line;
          p += 2;
          now.line = here + 2;
          break;
        }
        if (*p == '\r') return refuse(error::bare_cr, why);
        if (*p != '\t') return refuse(control_error(*p, error::bad_field_value), why);
        if (here == fence) return refuse(too_large(now, fence), why);
        now.has_tab = true;
        ++p;
      }
    }
  }

 private:
  struct progress {
    std::uint32_t at = 0;   // where to go on; before it there is nothing to refuse
    std::uint32_t line = 0; // where the line begins
    std::uint32_t last = 0; // where at the latest a CR stands
    std::uint32_t skipped = 0;
    std::uint32_t lines = 0;
    bool in_fields = false;
    bool has_tab = false;
  };

  static std::uint32_t offset(const char* base, const char* p) noexcept { return static_cast<std::uint32_t>(p - base); }

  static bool skip_empty_line(progress& now, const char*& p, const char* end, error& why) noexcept {
    if (p == end) return false;
    if (*p != '\r') return true;
    if (end - p < 2) return false;
    if (p[1] != '\n') {
      why = error::bare_cr;
      return false;
    }
    p += 2;
    now.at = now.line = now.skipped = 2;
    return true;
  }

  /// A tab makes a start line wrong, but is no reason to stop before its end.
  static const char* pass_tabs(const char* base, const char* p, const char* end, std::uint32_t fence) noexcept {
    while (p != end && *p == '\t' && offset(base, p) < fence) p = find_control(p + 1, end);
    return p;
  }

  /// Why the start line cannot be taken at p: it goes on, or is wrong.
  template <class StartLine>
  parse_result stop_in_start_line(progress& now, const char* base, const char* p, const char* end,
                                  const StartLine& start, error& why) noexcept {
    const auto size = offset(base, p) - now.line;
    const auto bad = start.begins({base + now.line, (std::min)(size, limits_.start_line)});
    if (bad != error{}) return refuse(bad, why);
    if (size > limits_.start_line) return refuse(StartLine::too_long, why);
    if (p == end) return wait(now, base, p);
    if (*p == '\r') return end - p < 2 ? wait(now, base, p) : refuse(error::bare_cr, why);
    if (*p == '\t') return refuse(StartLine::too_long, why);
    return refuse(control_error(*p, StartLine::bad), why);
  }

  parse_result wait(progress& now, const char* base, const char* p) noexcept {
    now.at = offset(base, p);
    saved_ = now;
    return parse_result::more;
  }
  static parse_result refuse(error reason, error& why) noexcept {
    why = reason;
    return parse_result::failed;
  }
  static error too_large(const progress& now, std::uint32_t fence) noexcept {
    return fence == now.last ? error::head_too_large : error::field_too_large;
  }
  static error control_error(char c, error otherwise) noexcept {
    return c == '\n' ? error::bare_lf : c == '\0' ? error::nul_byte : otherwise;
  }

  head_limits limits_;
  progress saved_;
};

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
