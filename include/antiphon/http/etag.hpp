// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chars.hpp>
#include <antiphon/http/token.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// An entity tag, `"opaque"` or `W/"opaque"`: a view of the text that it was read from.
///
/// Source: RFC 9110, section 8.8.3. There is no escape in it: a backslash is a byte like others.
class entity_tag {
 public:
  /// Nothing unless the whole text is one tag.
  static constexpr std::optional<entity_tag> parse(std::string_view text) noexcept {
    const auto tag = take(text);
    return tag && text.empty() ? tag : std::nullopt;
  }

  constexpr bool weak() const noexcept { return weak_; }
  /// What stands between the quotes.
  constexpr std::string_view opaque() const noexcept { return opaque_; }

  /// Byte for byte the same content: for ranges and for If-Match.
  constexpr bool same_bytes(const entity_tag& other) const noexcept {
    return !weak_ && !other.weak_ && opaque_ == other.opaque_;
  }
  /// As good as the same content: for If-None-Match.
  constexpr bool equivalent(const entity_tag& other) const noexcept { return opaque_ == other.opaque_; }

 private:
  friend constexpr std::optional<entity_tag> next_entity_tag(std::string_view& rest) noexcept;

  constexpr entity_tag(std::string_view opaque, bool weak) noexcept : opaque_(opaque), weak_(weak) {}

  static constexpr std::optional<entity_tag> take(std::string_view& text) noexcept {
    auto rest = text;
    const bool weak = rest.substr(0, 2) == "W/"; // in upper case only
    if (weak) rest.remove_prefix(2);
    if (rest.empty() || rest.front() != '"') return std::nullopt;
    const auto end = rest.find('"', 1);
    if (end == rest.npos) return std::nullopt;
    const auto opaque = rest.substr(1, end - 1);
    for (const char c : opaque)
      if (c == ' ' || c == '\t' || !is_value_char(c)) return std::nullopt;
    text = rest.substr(end + 1);
    return entity_tag(opaque, weak);
  }

  std::string_view opaque_;
  bool weak_;
};

/// Takes the next tag of a list; what is no tag is passed over. `while (auto tag = next_entity_tag(rest)) ...`
constexpr std::optional<entity_tag> next_entity_tag(std::string_view& rest) noexcept {
  for (;;) {
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t' || rest.front() == ',')) rest.remove_prefix(1);
    if (rest.empty()) return std::nullopt;
    const auto tag = entity_tag::take(rest);
    const auto comma = rest.find(',');
    const auto behind = trim_ows(rest.substr(0, comma));
    rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
    if (tag && behind.empty()) return tag;
  }
}

} // namespace http
} // namespace v0
} // namespace antiphon
