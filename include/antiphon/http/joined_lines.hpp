// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/request.hpp>
#include <antiphon/http/token.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// All lines of a field of that name as one list; nothing where there is none.
///
/// Source: RFC 9110, section 5.3.
inline std::optional<std::string> joined_lines(const request& req, std::string_view name) {
  std::optional<std::string> all;
  req.for_each_header([&](std::string_view key, std::string_view value) {
    if (!iequals(key, name)) return;
    if (all) {
      all->append(", ").append(value);
    } else {
      all.emplace(value);
    }
  });
  return all;
}

} // namespace http
} // namespace v0
} // namespace antiphon
