// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/limits.hpp>
#include <antiphon/http/method.hpp>
#include <antiphon/http/status.hpp>
#include <antiphon/http/target.hpp>
#include <antiphon/http/token.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// A piece of text in the block that a head was parsed from: offset and size. Heads hold no pointers, so that a block
/// may move: every accessor takes the block's present beginning, `base`.
struct text_ref {
  std::uint32_t at = 0;
  std::uint32_t size = 0;

  std::string_view in(const char* base) const noexcept { return {base + at, size}; }
};

/// A field of a head: offsets and sizes of its name and of its value, which is trimmed.
struct field_ref {
  std::uint32_t name;
  std::uint32_t name_size;
  std::uint32_t value;
  std::uint32_t value_size;
};

/// The fields of a parsed head. Plain data, made to be used again and again: only the first `count` are valid.
struct head_fields {
  std::uint16_t count = 0;
  std::array<field_ref, head_limits::max_fields> fields;

  static std::string_view name(const char* base, const field_ref& f) noexcept { return {base + f.name, f.name_size}; }
  static std::string_view value(const char* base, const field_ref& f) noexcept {
    return {base + f.value, f.value_size};
  }
  /// The first field of that name from index `from` on, or nullptr. Names compare without regard to case.
  const field_ref* find(const char* base, std::string_view wanted, std::size_t from = 0) const noexcept {
    for (std::size_t i = from; i < count; ++i)
      if (fields[i].name_size == wanted.size() && iequals(name(base, fields[i]), wanted)) return &fields[i];
    return nullptr;
  }
};

/// What a head says about the bytes after it, once it has been found to say only one thing.
struct head_framing {
  std::uint64_t content_length = 0; ///< 0 where there is none
  bool has_length = false;          ///< there was a Content-Length
  bool chunked = false;
  bool keep_alive = false; ///< by version and Connection
  bool upgrade = false;    ///< Upgrade, and Connection names it, in HTTP/1.1; of a response: another protocol follows
};

/// The first line of a request.
struct request_line {
  text_ref method_ref, target_ref;
  text_ref path_ref;  ///< "/" for a URI without a path, "*" for the asterisk form, empty for CONNECT
  text_ref query_ref; ///< without the question mark
  text_ref authority_ref;
  target_form form = target_form::origin;
  bool has_query = false;
  bool plain_path = false; ///< nothing in the path is encoded, and there is no dot in it
  std::uint8_t version_minor = 1;
};

/// The head of a request: its facts, and where its texts stand.
struct request_head : request_line, head_framing, head_fields {
  method verb = method::get;
  bool expect_continue = false; ///< the client waits for 100 before it sends the body
  bool bad_expect = false;      ///< an expectation that is not known: 417
  std::uint32_t size = 0;       ///< bytes of the head, with the empty line and with what was skipped before it

  std::string_view raw_target(const char* base) const noexcept { return target_ref.in(base); }
  std::string_view path(const char* base) const noexcept { return path_ref.in(base); }
  std::string_view query(const char* base) const noexcept { return query_ref.in(base); }
  /// The authority of an absolute target, of CONNECT's, else Host; empty where HTTP/1.0 sent none.
  std::string_view authority(const char* base) const noexcept { return authority_ref.in(base); }
};

/// The first line of a response.
struct status_line {
  http::status status{};
  std::uint8_t version_minor = 1;
  text_ref reason_ref;
};

/// How the body of a message ends.
enum class body_kind : unsigned char { none, length, chunked, until_close };

/// The head of a response: its facts, and where its texts stand.
struct response_head : status_line, head_framing, head_fields {
  body_kind body = body_kind::none;
  std::uint32_t size = 0; ///< bytes of the head, with the empty line

  /// 1xx but 101: another head follows.
  bool interim() const noexcept { return is_informational(status) && status != http::status::switching_protocols; }
  std::string_view reason(const char* base) const noexcept { return reason_ref.in(base); }
};

/// How the body of a request ends.
inline body_kind body_of(const request_head& head) noexcept {
  if (head.chunked) return body_kind::chunked;
  return head.content_length > 0 ? body_kind::length : body_kind::none;
}
/// How the body of a response ends.
inline body_kind body_of(const response_head& head) noexcept { return head.body; }

} // namespace http
} // namespace v0
} // namespace antiphon
