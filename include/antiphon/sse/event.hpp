// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>

#include <optional>
#include <string>

namespace antiphon {
inline namespace v0 {
namespace sse {

/// A server-sent event (WHATWG HTML, section 9.2).
struct event {
  std::string data{};              ///< may have lines
  std::string type{};              ///< empty: "message"
  std::optional<std::string> id{}; ///< from here on, what a client says when it comes back; empty: it says nothing
  std::optional<duration> retry{}; ///< how long a client waits before it comes back; whole milliseconds

  friend bool operator==(const event&, const event&) = default;
};

} // namespace sse
} // namespace v0
} // namespace antiphon
