// SPDX-License-Identifier: BSL-1.0
// Subjects are tokens between dots; in a pattern `*` is any one token, and `>` at the end is one or more (NATS).
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

inline constexpr std::size_t max_subject_size = 256;

/// Takes the first token and its dot off the front.
inline std::string_view take_token(std::string_view& subject) noexcept {
  const auto token = subject.substr(0, subject.find('.'));
  subject.remove_prefix(token.size() < subject.size() ? token.size() + 1 : token.size());
  return token;
}

/// Whether it may be a subject, or, where `pattern`, a pattern: names come from clients.
inline bool valid_subject(std::string_view text, bool pattern = false) noexcept {
  if (text.empty() || text.size() > max_subject_size || text.back() == '.') return false;
  while (!text.empty()) {
    const auto token = take_token(text);
    if (token.empty()) return false;
    for (const char c : token) {
      if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return false;
      if ((c == '*' || c == '>') && !(pattern && token.size() == 1 && (c == '*' || text.empty()))) return false;
    }
  }
  return true;
}

/// Of a valid pattern and a valid subject.
inline bool matches(std::string_view pattern, std::string_view subject) noexcept {
  while (!pattern.empty() && !subject.empty()) {
    const auto token = take_token(pattern);
    if (token == ">") return true;
    const auto named = take_token(subject);
    if (token != "*" && token != named) return false;
  }
  return pattern.empty() && subject.empty();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
