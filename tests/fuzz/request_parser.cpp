// SPDX-License-Identifier: BSL-1.0
// Requests: any split of the input gives the same requests and the same error; what is taken obeys the strict policy;
// one parser for all messages decides as a new one for each would.
#include "fuzz.hpp"
#include "strict_head.hpp"

#include <antiphon/http/request_reader.hpp>

#include <string>
#include <vector>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

struct outcome {
  std::vector<std::string> heads;
  std::vector<std::string> bodies;
  int error = 0;
  bool ended = false;
  friend bool operator==(const outcome&, const outcome&) = default;
};

void check_head(std::string_view text, const http::request_head& head) {
  const auto strict = antiphon::fuzz::read_strictly(text, true);
  require(strict.wrong == nullptr, strict.wrong);
  require(strict.names.size() == head.count, "all fields are there");
  const char* base = text.data();
  for (std::size_t i = 0; i < head.count; ++i) {
    const auto& field = head.fields[i];
    require(antiphon::fuzz::lower_case(std::string(head.name(base, field))) == strict.names[i], "names are right");
    require(head.value(base, field) == strict.values[i], "values are right");
  }
  const auto target = head.raw_target(base);
  require(strict.first_line == std::string(http::to_string(head.verb)) + " " + std::string(target) + " HTTP/1." +
                                   std::to_string(head.version_minor),
          "the request line is its parts");
  require(head.chunked == (strict.count("transfer-encoding") == 1), "chunked is right");
  require(head.has_length == (strict.count("content-length") == 1), "has_length is right");
  if (head.form == http::target_form::origin) {
    require(target.substr(0, head.path_ref.size) == head.path(base), "the path begins the target");
    require(head.has_query == (target.find('?') != target.npos), "has_query is right");
    require(head.path(base).size() + head.has_query + head.query(base).size() == target.size(), "path and query");
    require(head.authority(base) == strict.value("host"), "the authority is Host");
  }
  require((target == "*") == (head.form == http::target_form::asterisk), "only an asterisk is an asterisk");
  require((head.verb == http::method::connect) == (head.form == http::target_form::authority), "CONNECT's own form");

  http::request_parser fresh;
  http::request_head again;
  antiphon::error_code ec;
  require(fresh.parse(text, again, ec) == http::parse_result::done, "a new parser takes it too");
  require(again.verb == head.verb && again.size == head.size && again.count == head.count &&
              again.keep_alive == head.keep_alive && again.content_length == head.content_length,
          "a new parser reads the same");
}

/// Takes what the reader has. False after a refusal.
bool drain(http::request_reader& reader, outcome& out) {
  for (;;) {
    antiphon::error_code ec;
    const auto result = reader.parse(ec);
    if (result == http::parse_result::more) return true;
    if (result == http::parse_result::failed) {
      out.error = ec.value();
      return false;
    }
    const std::string_view head(reader.base(), reader.head().size);
    check_head(head, reader.head());
    out.heads.emplace_back(head);
    out.bodies.push_back(reader.body() + "|" + std::string(reader.trailers().wire()));
    reader.next();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  http::body_limits limits;
  limits.size = 4096;
  antiphon::error_code ec;

  outcome whole;
  http::request_reader at_once({}, limits);
  at_once.append(in.text);
  whole.ended = drain(at_once, whole) && at_once.finish(ec);

  outcome split;
  http::request_reader by_pieces({}, limits);
  bool good = true;
  for (antiphon::fuzz::pieces rest(in.text, in.choice); good && !rest.empty();) {
    by_pieces.append(rest.next());
    good = drain(by_pieces, split);
  }
  split.ended = good && by_pieces.finish(ec);
  require(whole == split, "a split changes nothing");
  return 0;
}
