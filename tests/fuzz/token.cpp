// SPDX-License-Identifier: BSL-1.0
// What stands inside field values: lists, quoted strings, parameters, weights, media types; and text for JSON.
#include "fuzz.hpp"

#include <antiphon/http/json_escape.hpp>
#include <antiphon/http/media_type.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/http/utf8.hpp>

#include <stdexcept>
#include <string>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

bool inside(std::string_view part, std::string_view text) {
  return part.empty() || (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

void lists(std::string_view text) {
  auto rest = text;
  std::size_t size = 0;
  while (const auto element = http::next_element(rest)) {
    require(!element->empty() && inside(*element, text), "an element is a part");
    require(*element == http::trim_ows(*element), "an element is trimmed");
    size += element->size();
  }
  require(size <= text.size(), "elements do not overlap");
  rest = text;
  while (const auto item = http::next_weighted(rest))
    require(item->weight >= 0 && item->weight <= 1000 && inside(item->value, text), "weights are weights");
}

void quoted(std::string_view text) {
  try {
    const auto quoted = http::quote(text);
    require(http::unquote(quoted) == text, "unquotes to itself");
    require(http::find_unquoted(quoted, ',') == quoted.size(), "what is quoted separates nothing");
    const auto needed = http::quote_if_needed(text);
    require(http::is_token(text) ? needed == text : needed == quoted, "tokens need no quotes");
  } catch (const std::invalid_argument&) {
    require(!http::is_field_value(http::trim_ows(text)), "throws for a reason");
  }
}

void parameters(std::string_view text) {
  http::parameter_reader reader(text);
  http::parameter p;
  while (reader.next(p)) {
    require(http::is_token(p.name) && inside(p.name, text) && inside(p.value, text), "parameters are parts");
    require(p.quoted || !p.has_value || http::is_token(p.value), "a value is a token or quoted");
  }
}

void media(std::string_view text) {
  const auto type = http::media_type::parse(text);
  if (!type) return;
  require(http::is_token(type->type()) && http::is_token(type->subtype()), "types are tokens");
  require(type->matches(*type) || type->type() == "*" || type->subtype() == "*" || !type->parameters().empty(),
          "a type is of its own kind");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(size > 0 ? reinterpret_cast<const char*>(data) : "", size);
  lists(text);
  quoted(text);
  parameters(text);
  media(text);
  std::string escaped;
  http::json_escape(escaped, text);
  require(http::is_utf8(escaped), "JSON is UTF-8");
  for (const char c : escaped) require(static_cast<unsigned char>(c) >= 0x20, "JSON has no control bytes");
  return 0;
}
