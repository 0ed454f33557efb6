// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chars.hpp>
#include <antiphon/http/token.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Some bytes of a content: `size` of them, from `first` on. Never none.
struct byte_range {
  std::uint64_t first = 0;
  std::uint64_t size = 0;
  friend constexpr bool operator==(const byte_range&, const byte_range&) = default;
};

/// What a Range field asks for, of a content whose size is known.
class range_set {
 public:
  /// Ranges in one request; more is answered with the whole content.
  static constexpr std::size_t most = 8;

  enum class kind : unsigned char {
    whole,       ///< 200: the field is no list of byte ranges, or asks for too much: it is ignored
    partial,     ///< 206: ranges() has them, in the order asked for
    unsatisfied, ///< 416: all of them are behind the end
  };

  /// Reads the value of a Range field.
  ///
  /// Ranges that overlap, or more than `most`, are ignored, and the whole content is sent: an answer is never much
  /// larger than the content. Source: RFC 9110, section 14.
  static constexpr range_set parse(std::string_view field, std::uint64_t content) noexcept {
    range_set out;
    constexpr std::string_view unit = "bytes=";
    field = trim_ows(field);
    if (!iequals(field.substr(0, unit.size()), unit)) return out;
    field.remove_prefix(unit.size());
    std::size_t asked = 0;
    while (!field.empty()) {
      const auto comma = field.find(',');
      const auto spec = trim_ows(field.substr(0, comma));
      field.remove_prefix(comma == field.npos ? field.size() : comma + 1);
      if (spec.empty()) continue;
      if (++asked > most) return range_set();
      byte_range range;
      switch (read(spec, content, range)) {
      case spec_kind::bad: return range_set();
      case spec_kind::behind: continue;
      case spec_kind::good: break;
      }
      for (const auto& other : out.ranges())
        if (range.first < other.first + other.size && other.first < range.first + range.size) return range_set();
      out.ranges_[out.count_++] = range;
    }
    if (asked == 0) return out;
    out.kind_ = out.count_ != 0 ? kind::partial : content == 0 ? kind::whole : kind::unsatisfied;
    return out;
  }

  constexpr kind what() const noexcept { return kind_; }
  constexpr std::span<const byte_range> ranges() const noexcept { return {ranges_.data(), count_}; }

 private:
  enum class spec_kind : unsigned char { good, behind, bad };

  /// Digits; a number that is too large to hold is one behind every end.
  static constexpr bool number(std::string_view text, std::uint64_t& out) noexcept {
    constexpr auto most_held = (std::numeric_limits<std::uint64_t>::max)();
    if (text.empty()) return false;
    out = 0;
    for (const char c : text) {
      if (!is_digit(c)) return false;
      const auto digit = static_cast<std::uint64_t>(c - '0');
      out = out > (most_held - digit) / 10 ? most_held : out * 10 + digit;
    }
    return true;
  }
  static constexpr spec_kind read(std::string_view spec, std::uint64_t content, byte_range& out) noexcept {
    const auto hyphen = spec.find('-');
    if (hyphen == spec.npos) return spec_kind::bad;
    const auto before = spec.substr(0, hyphen), behind = spec.substr(hyphen + 1);
    std::uint64_t first = 0, last = (std::numeric_limits<std::uint64_t>::max)();
    if (before.empty()) { // the last so many bytes
      if (!number(behind, last)) return spec_kind::bad;
      out.size = (std::min)(last, content);
      out.first = content - out.size;
      return out.size == 0 ? spec_kind::behind : spec_kind::good;
    }
    if (!number(before, first) || (!behind.empty() && !number(behind, last)) || last < first) return spec_kind::bad;
    if (first >= content) return spec_kind::behind;
    out.first = first;
    out.size = (std::min)(last, content - 1) - first + 1;
    return spec_kind::good;
  }

  kind kind_ = kind::whole;
  std::array<byte_range, most> ranges_{};
  std::size_t count_ = 0;
};

/// The value of Content-Range: "bytes 0-99/1000".
inline std::string content_range(const byte_range& range, std::uint64_t content) {
  std::string out = "bytes ";
  out.append(std::to_string(range.first)).append("-").append(std::to_string(range.first + range.size - 1));
  return out.append("/").append(std::to_string(content));
}
/// The same where none could be satisfied (416): "bytes */1000".
inline std::string unsatisfied_range(std::uint64_t content) { return "bytes */" + std::to_string(content); }

/// The framing of several ranges in one body, multipart/byteranges: `before(i)` goes before the i-th range, and `end()`
/// behind the last.
///
/// `boundary` must not occur in the content: 128 random bits do not. Source: RFC 9110, section 14.6.
class byteranges {
 public:
  /// `content_type` is that of each part; empty: unknown. It has no line break.
  byteranges(std::span<const byte_range> ranges, std::uint64_t content, std::string_view content_type,
             std::string boundary)
      : boundary_(std::move(boundary)) {
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      std::string head(i == 0 ? "--" : "\r\n--");
      head.append(boundary_).append("\r\n");
      if (!content_type.empty()) head.append("Content-Type: ").append(content_type).append("\r\n");
      head.append("Content-Range: ").append(content_range(ranges[i], content)).append("\r\n\r\n");
      size_ += head.size() + ranges[i].size;
      heads_.push_back(std::move(head));
    }
    end_.append("\r\n--").append(boundary_).append("--\r\n");
    size_ += end_.size();
  }

  std::string content_type() const { return "multipart/byteranges; boundary=" + boundary_; }
  const std::string& before(std::size_t i) const noexcept { return heads_[i]; }
  const std::string& end() const noexcept { return end_; }
  /// Bytes of the whole body.
  std::uint64_t size() const noexcept { return size_; }

 private:
  std::string boundary_;
  std::vector<std::string> heads_;
  std::string end_;
  std::uint64_t size_ = 0;
};

} // namespace http
} // namespace v0
} // namespace antiphon
