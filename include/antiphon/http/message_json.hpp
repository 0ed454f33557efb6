// SPDX-License-Identifier: BSL-1.0
// Messages of a log as JSON: the same in polls and in streams.
#pragma once

#include <antiphon/core/payload.hpp>
#include <antiphon/http/base64.hpp>
#include <antiphon/http/json_escape.hpp>
#include <antiphon/http/media_type.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/http/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

inline void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  json_escape(out, text);
  out.push_back('"');
}

/// "name":"text", and a comma; nothing where the text is empty.
inline void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  append_string(out, name);
  out.push_back(':');
  append_string(out, text);
  out.push_back(',');
}

/// "data":…: JSON as it is, text as a string, the rest in base64 and then "base64":true.
inline void append_data_member(std::string& out, const payload& p) {
  const auto type = media_type::parse(p.type());
  out.append("\"data\":");
  if (type && type->is_json()) {
    out.append(p.bytes());
  } else if (type && iequals(type->type(), "text") && is_utf8(p.bytes())) {
    append_string(out, p.bytes());
  } else {
    out.push_back('"');
    append_base64(out, p.bytes());
    out.append("\",\"base64\":true");
  }
}

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
