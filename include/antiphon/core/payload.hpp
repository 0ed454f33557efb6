// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/shared_buffer.hpp>

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// A message as bytes, with their media type: what those send who send a log's messages on. Either a view of the
/// message, which lives longer, or bytes of its own.
class payload {
 public:
  /// `type` must be a literal, or otherwise outlive it.
  static payload of(std::string bytes, std::string_view type) noexcept {
    payload made(type);
    made.own_ = std::move(bytes);
    made.owns_ = true;
    return made;
  }
  /// `bytes` are part of the message.
  static payload view_of(std::string_view bytes, std::string_view type) noexcept {
    payload made(type);
    made.view_ = bytes;
    return made;
  }

  std::string_view bytes() const noexcept { return owns_ ? std::string_view(own_) : view_; }
  std::string_view type() const noexcept { return type_; }

  /// Names the kind of the message: the type of the server-sent event, "event" in the JSON of polls. A literal, or part
  /// of the message. Throws std::invalid_argument where it has a CR or LF, which end the line that it is sent in.
  ///
  ///     ap::payload::of(as_json(q), ap::json_type).name("price")
  payload& name(std::string_view of) & {
    if (of.find_first_of("\r\n") != of.npos)
      throw std::invalid_argument("antiphon: the name of a payload is one line: it has a CR or LF");
    name_ = of;
    return *this;
  }
  payload&& name(std::string_view of) && { return std::move(name(of)); }
  template <std::same_as<std::string> String>
  void name(String&&) = delete; // it does not outlive the payload
  /// Empty: none.
  std::string_view name() const noexcept { return name_; }

 private:
  explicit payload(std::string_view type) noexcept : type_(type) {}

  std::string own_;
  std::string_view view_, type_, name_;
  bool owns_ = false;
};

inline constexpr std::string_view text_type = "text/plain; charset=utf-8";
inline constexpr std::string_view bytes_type = "application/octet-stream";
inline constexpr std::string_view json_type = "application/json";

/// The bytes of a message of that type. For types of yours, write one beside the type: it is found by its argument.
///
///     ap::payload to_payload(const quote& q) { return ap::payload::of(as_json(q), ap::json_type); }
inline payload to_payload(const std::string& text) noexcept { return payload::view_of(text, text_type); }
inline payload to_payload(const shared_buffer& bytes) noexcept { return payload::view_of(bytes.view(), bytes_type); }
template <class T>
requires(std::integral<T> || std::floating_point<T>) && (!std::same_as<T, bool>)payload to_payload(const T& number) {
  if constexpr (std::floating_point<T>)
    if (!std::isfinite(number)) return payload::view_of("null", json_type); // JSON has no infinity and no NaN
  char text[64];
  const auto* end = std::to_chars(text, text + sizeof text, number).ptr;
  return payload::of(std::string(text, static_cast<std::size_t>(end - text)), json_type);
}

/// A type whose messages can be sent: it has a to_payload().
template <class T>
concept has_payload = requires(const T& value) {
  { to_payload(value) } -> std::same_as<payload>;
};

/// What a message counts for in limits of bytes; sizeof(T) where there is no overload. Write one beside a type of yours
/// that owns memory.
inline std::size_t weight(const std::string& text) noexcept { return text.size(); }
inline std::size_t weight(const shared_buffer& bytes) noexcept { return bytes.size(); }

} // namespace v0
} // namespace antiphon
