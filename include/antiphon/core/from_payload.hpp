// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/payload.hpp>
#include <antiphon/core/shared_buffer.hpp>

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace antiphon {
inline namespace v0 {

/// A message made of bytes that came from elsewhere: what to_payload() is the other way round. False where they are
/// none of that type. For types of yours, write one beside the type: it is found by its argument.
///
///     bool from_payload(const ap::payload& p, quote& to) { return parse(p.bytes(), to); }
inline bool from_payload(const payload& p, std::string& to) {
  to = p.bytes();
  return true;
}
inline bool from_payload(const payload& p, shared_buffer& to) {
  to = shared_buffer(std::string(p.bytes()));
  return true;
}
template <class T>
requires(std::integral<T> || std::floating_point<T>) &&
    (!std::same_as<T, bool>)bool from_payload(const payload& p, T& to) noexcept {
  const std::string_view text = p.bytes();
  const auto read = std::from_chars(text.data(), text.data() + text.size(), to);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

/// A type that can be made of bytes: it has a from_payload().
template <class T>
concept payload_readable = requires(const payload& p, T& to) {
  { from_payload(p, to) } -> std::same_as<bool>;
};

/// Nothing where the bytes are none of that type.
template <class T>
std::optional<T> read_payload(const payload& p) {
  static_assert(payload_readable<T>, "antiphon: bytes are read by from_payload(): write `bool from_payload(const "
                                     "antiphon::payload&, T&)` beside the type");
  T made{};
  if (!from_payload(p, made)) return std::nullopt;
  return made;
}

} // namespace v0
} // namespace antiphon
