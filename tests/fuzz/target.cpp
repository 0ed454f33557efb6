// SPDX-License-Identifier: BSL-1.0
// Request targets, hosts, escapes and queries: the parts are parts of the text and make it up again; what is encoded
// decodes to itself.
#include "fuzz.hpp"

#include <antiphon/http/percent.hpp>
#include <antiphon/http/query.hpp>
#include <antiphon/http/target.hpp>

#include <string>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

/// Whether a text that is not encoded has a segment of one or two dots.
bool has_dots(std::string_view text) {
  while (true) {
    const auto segment = text.substr(0, text.find_first_of("/\\"));
    if (segment == "." || segment == "..") return true;
    if (segment.size() == text.size()) return false;
    text.remove_prefix(segment.size() + 1);
  }
}

void target(std::string_view text, http::method verb) {
  const auto parsed = http::parse_target(text, verb);
  if (!parsed) return;
  require(printable(text), "visible ASCII only");
  std::string again;
  if (parsed->form == http::target_form::absolute) again.append(parsed->scheme).append("://").append(parsed->authority);
  if (parsed->form == http::target_form::authority) again.append(parsed->authority);
  again.append(parsed->path);
  if (parsed->has_query) again.append("?").append(parsed->query);
  require(again == text, "the parts make up the text");
  if (!parsed->authority.empty()) require(http::valid_host(parsed->authority), "an authority is a host");
  const auto decoded = http::percent_decode(parsed->path);
  require(decoded.has_value(), "a path can be decoded");
  require(has_dots(*decoded) == http::has_dot_segment(parsed->path), "dots are found as they are after decoding, once");
}

void escapes(std::string_view text) {
  for (const auto set :
       {http::encode_set::component, http::encode_set::segment, http::encode_set::path, http::encode_set::query}) {
    const auto encoded = http::percent_encode(text, set);
    require(printable(encoded), "what is encoded is visible");
    require(http::percent_decode(encoded) == text, "decodes to itself");
  }
  require(http::form_decode(http::percent_encode(text, http::encode_set::form)) == text, "forms decode to themselves");
  const auto decoded = http::percent_decode(text);
  if (decoded) require(decoded->size() <= text.size(), "decoding makes nothing longer");
}

void query(std::string_view text) {
  if (!http::within_parameter_limit(text)) return;
  const auto params = http::query_params::parse(text);
  std::string again;
  for (const auto& [name, value] : params) http::append_parameter(again, name, value);
  const auto second = http::query_params::parse(again);
  require(params.size() == second.size(), "as many parameters");
  auto other = second.begin();
  for (const auto& p : params) {
    require(p == *other, "the same parameters");
    ++other;
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  const auto verb = in.choice % 3 == 0   ? http::method::options
                    : in.choice % 3 == 1 ? http::method::connect
                                         : http::method::get;
  target(in.text, verb);
  escapes(in.text);
  query(in.text);
  const auto host = http::parse_host(in.text);
  if (host) {
    std::string again(host->host);
    const auto digits = in.text.substr(host->host.size());
    require(digits.empty() == !host->port, "a port or none");
    require(again + std::string(digits) == in.text, "a host begins its text");
    require(!host->host.empty() && printable(host->host), "a host is visible");
  }
  return 0;
}
