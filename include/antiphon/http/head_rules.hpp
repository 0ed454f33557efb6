// SPDX-License-Identifier: BSL-1.0
// What the fields of a head may say together: the rules that keep two readers of one message from seeing two messages.
#pragma once

#include <antiphon/core/detail/decl.hpp>
#include <antiphon/http/error.hpp>
#include <antiphon/http/head.hpp>
#include <antiphon/http/host.hpp>
#include <antiphon/http/token.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

/// Whether the N - 1 bytes at p are `lower` (letters and hyphens only) without regard to case. Only for text without
/// control bytes: the fold below would take 0x0d for a hyphen.
template <std::size_t N>
inline bool same_word(const char* p, const char (&lower)[N]) noexcept {
  constexpr std::size_t size = N - 1;
  if constexpr (size >= 8) {
    std::uint64_t a, b, c, d;
    std::memcpy(&a, p, 8);
    std::memcpy(&b, lower, 8);
    std::memcpy(&c, p + size - 8, 8);
    std::memcpy(&d, lower + size - 8, 8);
    constexpr std::uint64_t fold = 0x2020202020202020;
    bool same = (((a | fold) ^ b) | ((c | fold) ^ d)) == 0;
    if constexpr (size > 16) same = same && (p[8] | 0x20) == lower[8];
    static_assert(size <= 17);
    return same;
  } else {
    static_assert(size >= 4);
    std::uint32_t a, b, c, d;
    std::memcpy(&a, p, 4);
    std::memcpy(&b, lower, 4);
    std::memcpy(&c, p + size - 4, 4);
    std::memcpy(&d, lower + size - 4, 4);
    return (((a | 0x20202020U) ^ b) | ((c | 0x20202020U) ^ d)) == 0;
  }
}

/// The host that was asked for last, and was right: clients of one server name one host, as a rule.
class known_host {
 public:
  bool is(std::string_view text) const noexcept {
    return text.size() == size_ && size_ != 0 && same_eight(text.data(), text_.data()) &&
           same_eight(text.data() + size_ - 8, text_.data() + size_ - 8) &&
           (size_ <= 16 || same_eight(text.data() + 8, text_.data() + 8));
  }
  void keep(std::string_view text) noexcept {
    if (text.size() < 8 || text.size() > text_.size()) return;
    size_ = static_cast<std::uint8_t>(text.copy(text_.data(), text_.size()));
  }

 private:
  std::array<char, 24> text_;
  std::uint8_t size_ = 0;
};

/// What one pass over the fields collects.
struct field_facts {
  known_host* known = nullptr; ///< of a request
  std::uint64_t content_length = 0;
  text_ref host;
  bool has_host = false;
  bool has_length = false;
  bool has_coding = false;
  bool close = false;
  bool keep_alive = false;
  bool connection_upgrade = false;
  bool upgrade = false;
  bool expect_continue = false;
  bool bad_expect = false;
};

/// Names made of unreserved characters and IPv4 addresses, with a port of at most four digits, are told here; the rest
/// by the whole grammar.
inline bool is_host(std::string_view text) noexcept {
  std::size_t i = 0;
  for (const std::size_t size = text.size(); i < size && is_a(text[i], unreserved_class);) ++i;
  if (i == text.size()) return i != 0;
  const auto port = text.size() - i - 1;
  if (text[i] != ':' || i == 0 || port == 0 || port > 4) return valid_host(text);
  return all_of(text.substr(i + 1), digit_class);
}

inline void read_connection(std::string_view list, field_facts& facts) noexcept {
  if (list.size() == 10 && same_word(list.data(), "keep-alive")) {
    facts.keep_alive = true;
    return;
  }
  while (const auto element = next_element(list)) {
    facts.close = facts.close || iequals(*element, "close");
    facts.keep_alive = facts.keep_alive || iequals(*element, "keep-alive");
    facts.connection_upgrade = facts.connection_upgrade || iequals(*element, "upgrade");
  }
}

/// What is wrong with a Transfer-Encoding, which may only be `chunked`.
inline error coding_error(std::string_view list) noexcept {
  if (list.size() == 7 && same_word(list.data(), "chunked")) return error{};
  bool unknown = false;
  bool chunked = false;
  for (;;) {
    const auto comma = find_unquoted(list, ',');
    const auto element = trim_ows(list.substr(0, comma));
    const auto name = trim_ows(element.substr(0, find_unquoted(element, ';')));
    if (!is_token(name)) return error::bad_transfer_coding;
    if (iequals(name, "chunked")) {
      if (name.size() != element.size()) return error::bad_transfer_coding;
      if (chunked) return error::repeated_transfer_coding;
      chunked = true;
    } else {
      if (chunked) return error::bad_transfer_coding; // something after the last coding that frames
      unknown = true;
    }
    if (comma == list.size()) break;
    list.remove_prefix(comma + 1);
  }
  return unknown ? error::unsupported_transfer_coding : error{};
}

inline error read_content_length(std::string_view text, std::uint64_t& out) noexcept {
  const auto number = parse_decimal(text);
  if (!number) return text.find(',') != text.npos ? error::repeated_content_length : error::bad_content_length;
  out = *number;
  return error{};
}

/// Where the name in a field line ends: at its first colon, or at `end` where there is none. May read up to `readable`.
inline const char* find_colon(const char* p, const char* end, const char* readable) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  if constexpr (std::endian::native == std::endian::little) {
    for (; readable - p >= 8; p += 8) {
      std::uint64_t word;
      std::memcpy(&word, p, 8);
      word ^= ones * ':';
      const std::uint64_t marks = (word - ones) & ~word & ones * 0x80; // the lowest mark is exact
      if (marks != 0) return (std::min)(p + (std::countr_zero(marks) >> 3), end);
      if (p + 8 >= end) return end;
    }
  }
  while (p != end && *p != ':') ++p;
  return p;
}

/// Why a line is no field.
inline error field_line_error(std::string_view line) noexcept {
  const auto colon = line.find(':');
  if (colon == line.npos) return error::bad_field_line;
  const auto name = line.substr(0, colon);
  if (!name.empty() && (name.back() == ' ' || name.back() == '\t')) return error::space_before_colon;
  return is_token(name) ? error{} : error::bad_field_name;
}

/// The first line of a whole head that is no field, told from where the lines begin. llhttp refuses each of them; this
/// says why.
inline error field_lines_error(const char* base, const head_fields& lines) noexcept {
  for (std::size_t i = 0; i < lines.count; ++i) {
    const char* const line = base + lines.fields[i].name;
    std::size_t size = 0;
    while (line[size] != '\r') ++size;
    const auto bad = field_line_error({line, size});
    if (bad != error{}) return bad;
  }
  return error{};
}

/// The name of what is wrong with the fields of a head that was refused: a line that is none comes before `bad`, what
/// read_fields() said.
inline error refused_fields(const char* base, const head_fields& fields, error bad) noexcept {
  const auto line = field_lines_error(base, fields);
  if (line != error{}) return line;
  return bad != error{} ? bad : error::bad_field_line;
}

/// Takes the `fields.count` field lines of a head apart (the scanner has put each whole line where its name is to be),
/// reads them into `facts`, and decides the framing of the message where they agree on one. `error{}` where there is
/// nothing to refuse. That names are tokens is left to llhttp. `end`: what may be read.
template <bool Request>
ANTIPHON_FORCE_INLINE error read_fields(const char* base, const char* end, head_fields& fields,
                                        std::uint8_t version_minor, field_facts& facts,
                                        head_framing& framing) noexcept {
  for (field_ref *f = fields.fields.data(), *last = f + fields.count; f != last; ++f) {
    const char* const name = base + f->name;
    const char* const line_end = name + f->name_size;
    const char* const colon = find_colon(name, line_end, end);
    if (colon == line_end) return error::bad_field_line;
    // As trim_ows() does, for ten instructions a field less.
    const char* value = colon + 1;
    while (*value == ' ' || *value == '\t') ++value; // the CR ends it
    const char* value_end = line_end;
    while (value_end > value && static_cast<unsigned char>(value_end[-1]) <= ' ') --value_end;
    const auto size = static_cast<std::uint32_t>(value_end - value);
    f->name_size = static_cast<std::uint32_t>(colon - name);
    f->value = static_cast<std::uint32_t>(value - base);
    f->value_size = size;
    switch (f->name_size) {
    case 0: return error::bad_field_name; // llhttp before 9.2 takes it
    case 4:
      if (Request && same_word(name, "host")) {
        if (facts.has_host) return error::repeated_host;
        facts.has_host = true;
        if (!facts.known->is({value, size})) {
          if (!is_host({value, size})) return error::bad_host;
          facts.known->keep({value, size});
        }
        facts.host = {f->value, size};
      }
      break;
    case 6:
      if (Request && same_word(name, "expect")) {
        const bool known = iequals({value, size}, "100-continue");
        facts.expect_continue |= known;
        facts.bad_expect |= !known;
      }
      break;
    case 7:
      if (same_word(name, "upgrade")) facts.upgrade |= size != 0;
      break;
    case 10:
      if (same_word(name, "connection")) read_connection({value, size}, facts);
      break;
    case 14:
      if (same_word(name, "content-length")) {
        if (facts.has_length) return error::repeated_content_length;
        facts.has_length = true;
        const auto bad = read_content_length({value, size}, facts.content_length);
        if (bad != error{}) return bad;
      }
      break;
    case 17:
      if (same_word(name, "transfer-encoding")) {
        if (facts.has_coding) return error::repeated_transfer_coding;
        facts.has_coding = true;
        const auto bad = coding_error({value, size});
        if (bad != error{}) return bad;
      }
      break;
    default: break;
    }
  }
  if (facts.has_coding && facts.has_length) return error::conflicting_lengths;
  if (facts.has_coding && version_minor == 0) return error::transfer_coding_in_http_1_0;
  framing.content_length = facts.content_length;
  framing.has_length = facts.has_length;
  framing.chunked = facts.has_coding;
  framing.keep_alive = !facts.close && (version_minor == 1 || facts.keep_alive);
  framing.upgrade = facts.upgrade && facts.connection_upgrade && version_minor == 1;
  return error{};
}

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
