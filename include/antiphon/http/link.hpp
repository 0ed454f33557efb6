// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/media_type.hpp>
#include <antiphon/http/token.hpp>

#include <algorithm>
#include <optional>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

namespace detail {

/// A list with spaces between.
inline bool has_relation(std::string_view list, std::string_view rel) {
  while (!list.empty()) {
    const auto one = list.substr(0, list.find(' '));
    if (iequals(one, rel)) return true;
    list.remove_prefix((std::min)(one.size() + 1, list.size()));
  }
  return false;
}

} // namespace detail

/// The target of `Link: <…>; rel="next"`, for `rel` as "next": a reference, to be resolved. Nothing where there is
/// none.
///
/// Source: RFC 8288, section 3.
inline std::optional<std::string_view> find_link(std::string_view links, std::string_view rel) {
  while (true) { // there may be commas in a target
    const auto begin = links.find('<');
    const auto end = links.find('>', begin);
    if (begin == links.npos || end == links.npos) return std::nullopt;
    const auto target = links.substr(begin + 1, end - begin - 1);
    links.remove_prefix(end + 1);
    const auto parameters = links.substr(0, find_unquoted(links, ','));
    links.remove_prefix(parameters.size());
    parameter p;
    parameter_reader reader(parameters);
    while (reader.next(p)) {
      if (!iequals(p.name, "rel")) continue;
      if (detail::has_relation(p.text(), rel)) return target;
      break; // the first one counts
    }
  }
}

} // namespace http
} // namespace v0
} // namespace antiphon
