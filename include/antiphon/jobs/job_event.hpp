// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/payload.hpp>
#include <antiphon/core/shared_buffer.hpp>
#include <antiphon/http/base64.hpp>
#include <antiphon/http/media_type.hpp>
#include <antiphon/http/utf8.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

inline bool is_json(const std::optional<http::media_type>& type) { return type && type->is_json(); }
inline bool is_text(const std::optional<http::media_type>& type, std::string_view bytes) {
  return type && http::iequals(type->type(), "text") && http::is_utf8(bytes);
}

} // namespace detail
} // namespace jobs

/// A message of the log of a job: what the work has reported, or its status after a change. The last message is the
/// status that is final.
struct job_event {
  enum class kind : unsigned char { progress, state };
  kind what = kind::progress;
  std::string type{}; ///< the media type of the bytes
  shared_buffer bytes{};
};
/// JSON and text as they are; other progress in base64, as "progress-base64": an event of a stream is a text, of which
/// each end of a line becomes LF, so a text with CR goes this way as well.
inline payload to_payload(const job_event& e) {
  if (e.what == job_event::kind::state) return payload::view_of(e.bytes.view(), e.type).name("state");
  const auto type = http::media_type::parse(e.type);
  if (jobs::detail::is_json(type) ||
      (jobs::detail::is_text(type, e.bytes.view()) && e.bytes.view().find('\r') == std::string_view::npos))
    return payload::view_of(e.bytes.view(), e.type).name("progress");
  return payload::of(http::base64_encode(e.bytes.view()), e.type).name("progress-base64");
}
/// A status weighs nothing, so that the last one is kept, however large the result is.
inline std::size_t weight(const job_event& e) noexcept {
  return e.what == job_event::kind::state ? 0 : sizeof e + e.bytes.size();
}

} // namespace v0
} // namespace antiphon
