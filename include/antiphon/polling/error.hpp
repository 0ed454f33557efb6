// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <string>
#include <type_traits>

namespace antiphon {
inline namespace v0 {
namespace polling {

/// Why a feed has failed.
enum class error {
  bad_status = 1, ///< an answer that is none of a poll: see feed::status()
  wrong_type,     ///< the answer was not JSON
  bad_answer,     ///< JSON, but not that of a poll
  unavailable,    ///< 408, 425, 429 or 5xx, feed_options::attempts times
  hook_failed,    ///< the hook before a request has thrown something else than a system_error
};

namespace detail {

class error_category_of_polling final : public asio::error_category {
 public:
  const char* name() const noexcept override { return "antiphon.polling"; }
  std::string message(int value) const override {
    switch (static_cast<error>(value)) {
    case error::bad_status: return "the poll was refused: feed::status() says how";
    case error::wrong_type: return "the answer of the poll is not JSON: is it the right URL?";
    case error::bad_answer:
      return "the answer of the poll is not {\"cursor\",\"gap\",\"other_log\",\"items\"}, or has more items than "
             "feed_options::max_items";
    case error::unavailable: return "the server cannot answer polls at the moment: feed::status() says why";
    case error::hook_failed: return "the hook before a poll has thrown an exception of its own";
    }
    return "unknown error of antiphon's polls";
  }
};

} // namespace detail

inline const asio::error_category& error_category() noexcept {
  static const detail::error_category_of_polling category;
  return category;
}

inline error_code make_error_code(error e) noexcept { return error_code(static_cast<int>(e), error_category()); }

} // namespace polling
} // namespace v0
} // namespace antiphon

template <>
struct std::is_error_code_enum<antiphon::polling::error> : std::true_type {};
