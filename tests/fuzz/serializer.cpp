// SPDX-License-Identifier: BSL-1.0
// Whatever a program passes on from its users: the serializer throws, or writes exactly one message with exactly these
// parts.
#include "fuzz.hpp"

#include <antiphon/http/request_reader.hpp>
#include <antiphon/http/response_reader.hpp>
#include <antiphon/http/serializer.hpp>

#include <stdexcept>
#include <string>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

std::string_view take(std::string_view& text) {
  const auto part = text.substr(0, text.find('|'));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

void response(std::string_view reason, std::string_view name, std::string_view value, http::framing body) {
  std::string out;
  http::fields lines;
  try {
    lines.add(name, value);
    http::append_response_head(out, http::status::ok, lines, body, reason);
  } catch (const std::invalid_argument&) {
    require(out.empty(), "what throws writes nothing");
    return;
  }
  if (body.is_chunked()) out += "0\r\n\r\n";
  http::response_reader reader;
  antiphon::error_code ec;
  reader.append(out);
  const auto result = reader.parse(ec);
  require(result != http::parse_result::failed, "what is written can be read");
  require(reader.has_head() && reader.head().count == 1 + (body.has_length() || body.is_chunked()),
          "no field is added");
  require(reader.head().reason(reader.base()) == (reason.empty() ? "OK" : reason), "the reason is the reason");
  require(reader.get(name) == http::trim_ows(value), "the value is the value");
  require(reader.rest().empty(), "nothing follows");
}

void request(std::string_view verb, std::string_view target, std::string_view name, std::string_view value) {
  std::string out;
  http::fields lines{{"Host", "h"}};
  try {
    lines.add(name, value);
    http::append_request_head(out, verb, target, lines, http::framing::none());
  } catch (const std::invalid_argument&) {
    require(out.empty(), "what throws writes nothing");
    return;
  }
  std::size_t line_ends = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] != '\n' && out[i] != '\r') continue;
    line_ends += out[i] == '\n';
    require(out[i] == '\n' ? i > 0 && out[i - 1] == '\r' : i + 1 < out.size() && out[i + 1] == '\n',
            "lines end in CRLF");
  }
  require(line_ends == 4, "one request line, two fields, one empty line");
  http::request_reader reader; // it is stricter about targets, hosts and methods, which are the program's choice
  antiphon::error_code ec;
  reader.append(out);
  if (reader.parse(ec) == http::parse_result::failed) return;
  require(reader.head().raw_target(reader.base()) == target, "the target is the target");
  require(reader.rest().empty(), "nothing follows");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  auto text = in.text;
  const auto a = take(text);
  const auto b = take(text);
  const auto c = take(text);
  const auto d = take(text);
  response(a, b, c,
           in.choice % 3 == 0   ? http::framing::none()
           : in.choice % 3 == 1 ? http::framing::length(0)
                                : http::framing::chunked());
  request(a, b, c, d);
  return 0;
}
