// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <string>
#include <type_traits>

namespace antiphon {
inline namespace v0 {

/// What Asio has no code for. Time-outs, cancellations and disconnects are Asio's own codes.
enum class error {
  draining = 1,           ///< the server begins to stop: finish, say goodbye, return
  handlers_still_running, ///< the server has stopped, but handlers that ignore cancellation have not
  gap,                    ///< messages were dropped from the log before they were read
  other_log,              ///< the cursor is another log's, or no place in this one
  closed,                 ///< the log takes no more messages
  bad_subject,            ///< the name of a subject is none
  bad_pattern,            ///< the pattern of subjects is none
  too_many_subjects,      ///< the map has as many as it may
};

namespace detail {

class error_category_of_core final : public asio::error_category {
 public:
  const char* name() const noexcept override { return "antiphon"; }
  std::string message(int value) const override {
    switch (static_cast<error>(value)) {
    case error::draining: return "the server is stopping: finish what you do and return";
    case error::handlers_still_running:
      return "the server has stopped, but some handlers ignore their cancellation: see the log for their routes";
    case error::gap: return "the reader was too slow: the log has dropped messages that it had not read";
    case error::other_log: return "the cursor belongs to another log: what it stood for is not known here";
    case error::bad_subject:
      return "a subject is tokens with dots between them, at most 256 bytes, without wildcards, spaces and control "
             "characters: orders.eu.created";
    case error::bad_pattern:
      return "a pattern is a subject in which * may stand for a token and > at the end for all that follow: orders.*.>";
    case error::too_many_subjects: return "the map has as many subjects as it may: try again later";
    case error::closed: return "the log is closed: nothing can be published any more";
    }
    return "unknown error of antiphon's core";
  }
};

} // namespace detail

inline const asio::error_category& error_category() noexcept {
  static const detail::error_category_of_core category;
  return category;
}

inline error_code make_error_code(error e) noexcept { return error_code(static_cast<int>(e), error_category()); }

/// The other end has gone, in one of the ways in which it may: for a stream that is the normal end.
inline bool is_disconnect(const error_code& ec) noexcept {
  return ec == asio::error::eof || ec == asio::error::connection_reset || ec == asio::error::connection_aborted ||
         ec == asio::error::broken_pipe;
}

} // namespace v0
} // namespace antiphon

template <>
struct std::is_error_code_enum<antiphon::error> : std::true_type {};
