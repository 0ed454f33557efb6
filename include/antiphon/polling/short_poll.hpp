// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/log.hpp>
#include <antiphon/core/position.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/etag.hpp>
#include <antiphon/polling/detail/reply.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace polling {

struct short_poll_options {
  form as = form::json;
  std::size_t max_items = 100;                  ///< messages in an answer
  std::size_t max_bytes = std::size_t{1} << 20; ///< of messages in an answer; one is sent in any case
  duration pace = {};                           ///< Retry-After, in whole seconds; zero: not said
  position from = position::oldest;             ///< where a client begins that names no cursor
};
static_assert(std::is_trivially_destructible_v<short_poll_options>);

/// Answers at once with what a log has behind the client's cursor, which is `?after=CURSOR` or the field Last-Event-ID;
/// the cursor to ask with next is in the body (JSON), and in the field Link (rel="next").
///
/// Missed messages and another log's cursor are told: in the body and by Antiphon-Resume. Where a client that sends
/// If-None-Match has missed nothing new, it is 304, with the next cursor in Link.
///
/// Source: RFC 9110, section 13.1.2 (If-None-Match), RFC 8288 (Link). Example: examples/news.cpp
template <log Log>
http::response short_poll(const Log& from, const http::request& req, const short_poll_options& options = {}) {
  static_assert(has_payload<typename Log::value_type>,
                "antiphon: short_poll() sends messages as bytes: write `antiphon::payload to_payload(const T&)` beside "
                "the type of the messages");
  const auto view = from.view();
  const auto where = http::resume_position(req, view, options.from);
  v0::detail::log_reader reader(view.log(), view.what(), where);
  const auto began = reader.at();
  const auto found = detail::look(reader, options.as == form::raw ? 1 : options.max_items, options.max_bytes);
  const detail::asked asked(req, options.as, where);

  // The tag names the last message that the client has seen, whatever else was published since.
  auto tag = detail::tag_of(found.items.empty() ? reader.at() : cursor{view.log()->tag, found.items.back()->id},
                            view.what().get());
  bool same = false, any = false;
  req.for_each_header([&](std::string_view name, std::string_view value) {
    if (!http::iequals(name, "If-None-Match")) return;
    any |= http::trim_ows(value) == "*";
    while (const auto known = http::next_entity_tag(value)) {
      if (same) continue;
      std::string theirs = tag;
      if (const auto seen = detail::cursor_in(known->opaque());
          seen && found.items.empty() && seen->log == view.log()->tag && seen->id <= reader.at().id)
        theirs = detail::tag_of(*seen, view.what().get());
      same = known->equivalent(*http::entity_tag::parse(theirs));
      if (same) tag = std::move(theirs);
    }
  });

  http::response res(http::status::not_modified);
  if ((same || any) && !found.missed && !found.other) {
    // Of what "*" keeps from a client, nothing is passed over.
    detail::add_common(res, asked, same ? reader.at() : began, found);
  } else {
    res = detail::reply(asked, reader, found);
  }
  res.add("ETag", tag);
  if (options.pace > duration::zero())
    res.add("Retry-After", std::to_string(std::chrono::ceil<std::chrono::seconds>(options.pace).count()));
  return res;
}

} // namespace polling
} // namespace v0
} // namespace antiphon
