// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/query.hpp>
#include <antiphon/polling/item.hpp>

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace polling {
namespace detail {

/// The JSON form of a poll's answer, read. Sans-I/O.
struct feed_answer {
  cursor at;
  bool other = false;
  std::optional<gap> missed;
  std::vector<std::pair<event_id, http::detail::json_message>> items;

  /// Nothing where it is none, or has more than `most` items.
  static std::optional<feed_answer> parse(std::string_view text, std::size_t most) {
    feed_answer made;
    std::optional<cursor> at;
    http::json_scanner in(text);
    in.object([&](std::string_view name) {
      std::string decoded;
      if (name == "cursor") {
        at = parse_cursor(in.string(decoded));
      } else if (name == "gap") {
        if (!in.null()) made.missed = http::detail::take_gap(in);
      } else if (name == "other_log") {
        made.other = in.boolean();
      } else if (name == "items") {
        in.array([&] {
          auto m = http::detail::take_message(in);
          if (!m.id || made.items.size() == most) return in.fail();
          const auto id = m.id->id;
          if (!at) at = cursor{m.id->log, {}}; // checked below
          if (m.id->log != at->log || (!made.items.empty() && id <= made.items.back().first)) return in.fail();
          made.items.emplace_back(id, std::move(m));
        });
      } else {
        in.skip();
      }
    });
    if (!in.finish() || !at) return std::nullopt;
    made.at = *at;
    for (const auto& [id, m] : made.items)
      if (m.id->log != made.at.log || id > made.at.id) return std::nullopt;
    return made;
  }
};

/// The cursor in the target of a link.
inline std::optional<cursor> cursor_of_link(std::string_view target) {
  const auto question = target.find('?');
  if (question == target.npos) return std::nullopt;
  auto query = target.substr(question + 1);
  const auto after = http::query_value(query.substr(0, query.find('#')), "after");
  return after ? parse_cursor(*after) : std::nullopt;
}

} // namespace detail
} // namespace polling
} // namespace v0
} // namespace antiphon
