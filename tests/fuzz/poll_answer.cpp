// SPDX-License-Identifier: BSL-1.0
// JSON: what is skipped whole is read in parts as well; an answer of a poll that is taken is in order and of one log.
#include "fuzz.hpp"

#include <antiphon/http/link.hpp>
#include <antiphon/http/utf8.hpp>
#include <antiphon/polling/detail/feed_answer.hpp>

#include <string>

namespace {

using antiphon::fuzz::require;
using antiphon::http::json_scanner;

void walk(json_scanner& in, int& values) {
  ++values;
  std::string decoded;
  switch (in.peek()) {
  case '{': return in.object([&](std::string_view) { walk(in, values); });
  case '[': return in.array([&] { walk(in, values); });
  case '"': {
    require(antiphon::http::is_utf8(in.string(decoded)), "strings are UTF-8");
    return;
  }
  default: in.skip();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  json_scanner whole(in.text), parts(in.text);
  whole.skip();
  int values = 0;
  walk(parts, values);
  require(whole.finish() == parts.finish(), "skipping looks at all");
  require(static_cast<std::size_t>(values) <= in.text.size() + 1, "values are bounded");

  const auto answer = antiphon::polling::detail::feed_answer::parse(in.text, 8);
  if (!answer) return 0;
  require(whole.finish(), "an answer is JSON");
  require(answer->items.size() <= 8, "items are bounded");
  const antiphon::event_id* last = nullptr;
  for (const auto& [id, m] : answer->items) {
    require(m.id && m.id->log == answer->at.log && id <= answer->at.id, "of one log");
    require(!last || *last < id, "in order");
    require(m.data.size() <= in.text.size() * 3, "bounded");
    last = &id;
  }
  static_cast<void>(antiphon::http::find_link(in.text, "next"));
  antiphon::polling::detail::cursor_of_link(in.text);
  return 0;
}
