// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/percent.hpp>
#include <antiphon/http/query.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/polling/detail/form.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace polling {

/// How messages stand in an answer.
enum class form : unsigned char {
  json, ///< {"cursor","gap","other_log","items":[{"id","data"}]}: all that there are, up to the limits
  raw,  ///< one message as it is, with its media type; 204 where there is none
};

namespace detail {

/// What a poll has found, besides messages.
struct found {
  std::vector<entry_ptr> items;
  std::optional<gap> missed;
  bool other = false;
  bool anything() const noexcept { return !items.empty() || missed || other; }
  /// One gap may follow another before there is a message: publishers do not wait.
  void miss(const gap& g) {
    if (!missed) {
      missed = g;
      return;
    }
    missed->before = g.before;
    if (missed->at_most && g.at_most) {
      *missed->at_most += *g.at_most;
    } else {
      missed->at_most.reset();
    }
  }
};

/// `f`: what was found before.
inline found look(log_reader& reader, std::size_t most, std::size_t bytes, found f = {}) {
  gap missed;
  for (;;) {
    switch (reader.read(most, bytes, f.items, missed)) {
    case log_reader::result::messages:
    case log_reader::result::nothing:
    case log_reader::result::closed: return f;
    case log_reader::result::missed: f.miss(missed); break;
    case log_reader::result::other: f.other = true; break;
    }
  }
}

/// What is kept of a request's query for the link to the next poll: all but the cursor. As it was sent, but for what
/// may stand in a request and not in a URI: that would end the link.
inline std::string rest_of_query(std::string_view query) {
  std::string rest;
  while (!query.empty()) {
    const auto part = query.substr(0, query.find('&'));
    query.remove_prefix(part.size() < query.size() ? part.size() + 1 : part.size());
    if (part.empty() || http::form_decode(part.substr(0, part.find('='))) == "after") continue;
    for (const char c : part) {
      if (c == '%') {
        rest.push_back(c);
      } else {
        http::percent_encode(rest, std::string_view(&c, 1), http::encode_set::query);
      }
    }
    rest.push_back('&');
  }
  return rest;
}

/// The cursor in a tag of ours, given by what stands between its quotes.
inline std::optional<cursor> cursor_in(std::string_view opaque) noexcept {
  return parse_cursor(opaque.substr(0, opaque.find(';')));
}

/// What the answer of a poll needs to know of its request.
struct asked {
  asked(const http::request& req, form f, const position& from) : as(f), resumes(from.what() == position::kind::after) {
    if (auto rest = detail::rest_of_query(req.query()); !rest.empty())
      query = std::make_unique<std::string>(std::move(rest));
  }
  std::string_view rest_of_query() const noexcept { return query ? std::string_view(*query) : std::string_view(); }

  const form as;
  const bool resumes;
  std::unique_ptr<std::string> query; ///< none, as a rule
};

inline void add_common(http::response& res, const asked& a, const cursor& at, const found& f) {
  res.add("Cache-Control", "no-store").add("Link", link_to(at, a.rest_of_query()));
  if (a.resumes || f.missed || f.other)
    res.add(http::resume_field, http::detail::resume_value(f.missed ? &*f.missed : nullptr, f.other));
}

inline http::response reply(const asked& a, const log_reader& reader, const found& f) {
  if (a.as == form::json) {
    http::response res(
        http::status::ok,
        json_body(reader.at(), json_items(reader.at().log, f.items), f.missed ? &*f.missed : nullptr, f.other),
        json_type);
    add_common(res, a, reader.at(), f);
    return res;
  }
  if (f.items.empty()) {
    http::response res(http::status::no_content);
    add_common(res, a, reader.at(), f);
    return res;
  }
  const payload p = f.items.front()->bytes();
  http::response res(http::status::ok, std::string(p.bytes()), std::string_view());
  res.set("Content-Type", p.type());
  add_common(res, a, reader.at(), f);
  return res;
}

} // namespace detail
} // namespace polling
} // namespace v0
} // namespace antiphon
