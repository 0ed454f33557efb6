// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <string>
#include <type_traits>

namespace antiphon {
inline namespace v0 {
namespace sse {

/// Why an event_source has ended for good.
enum class error {
  no_content = 1, ///< 204: the server has nothing more, and nobody is to come back
  bad_status,     ///< the answer was no 200: see event_source::status()
  wrong_type,     ///< the answer was no text/event-stream
  too_large,      ///< a line or an event was over its limit
  hook_failed,    ///< the hook before an attempt has thrown something else than a system_error
  compressed,     ///< the answer is compressed, which nobody undoes
};

namespace detail {

class error_category_of_sse final : public asio::error_category {
 public:
  const char* name() const noexcept override { return "antiphon.sse"; }
  std::string message(int value) const override {
    switch (static_cast<error>(value)) {
    case error::no_content: return "the server has no more events: it answered 204, which means not to come back";
    case error::bad_status: return "the server did not answer 200: event_source::status() says what";
    case error::wrong_type: return "the answer is no text/event-stream: is it the right URL?";
    case error::too_large:
      return "a line or an event is larger than event_source_options::line or ::event: raise them if that is wanted";
    case error::hook_failed: return "the hook before an attempt has thrown an exception of its own";
    case error::compressed:
      return "the stream is compressed (Content-Encoding), and nobody undoes that: ask with Accept-Encoding: identity";
    }
    return "unknown error of antiphon's event streams";
  }
};

} // namespace detail

inline const asio::error_category& error_category() noexcept {
  static const detail::error_category_of_sse category;
  return category;
}

inline error_code make_error_code(error e) noexcept { return error_code(static_cast<int>(e), error_category()); }

} // namespace sse
} // namespace v0
} // namespace antiphon

template <>
struct std::is_error_code_enum<antiphon::sse::error> : std::true_type {};
