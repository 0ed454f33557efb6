// SPDX-License-Identifier: BSL-1.0
// Responses: any split of the input gives the same responses and the same error; what is taken obeys the strict policy.
#include "fuzz.hpp"
#include "strict_head.hpp"

#include <antiphon/http/response_reader.hpp>

#include <string>
#include <vector>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

struct outcome {
  std::vector<std::string> messages;
  int error = 0;
  bool ended = false;
  friend bool operator==(const outcome&, const outcome&) = default;
};

void check_head(std::string_view text, const http::response_head& head, http::method asked) {
  const auto strict = antiphon::fuzz::read_strictly(text, false);
  require(strict.wrong == nullptr, strict.wrong);
  require(strict.names.size() == head.count, "all fields are there");
  const char* base = text.data();
  for (std::size_t i = 0; i < head.count; ++i)
    require(head.value(base, head.fields[i]) == strict.values[i], "values are right");
  require(strict.first_line == "HTTP/1." + std::to_string(head.version_minor) + " " +
                                   std::to_string(http::code(head.status)) + " " + std::string(head.reason(base)),
          "the status line is its parts");
  const bool bodiless = asked == http::method::head || http::bodiless(head.status);
  require(!bodiless || head.body == http::body_kind::none, "no body where there is none");
  require(head.body != http::body_kind::until_close || !head.keep_alive, "an end that closes");
}

void take(http::response_reader& reader, http::method asked, outcome& out) {
  const std::string_view head(reader.base(), reader.head().size);
  check_head(head, reader.head(), asked);
  out.messages.push_back(std::string(head) + reader.body() + "|" + std::string(reader.trailers().wire()));
  reader.next();
}

/// Takes what the reader has. False after a refusal.
bool drain(http::response_reader& reader, http::method asked, outcome& out) {
  for (;;) {
    antiphon::error_code ec;
    const auto result = reader.parse(ec);
    if (result == http::parse_result::more) return true;
    if (result == http::parse_result::failed) {
      out.error = ec.value();
      return false;
    }
    take(reader, asked, out);
  }
}

void end(http::response_reader& reader, http::method asked, outcome& out) {
  antiphon::error_code ec;
  out.ended = reader.finish(ec);
  if (out.ended && reader.done()) take(reader, asked, out);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  const auto asked = in.choice % 8 == 0   ? http::method::head
                     : in.choice % 8 == 1 ? http::method::connect
                                          : http::method::get;
  http::body_limits limits;
  limits.size = 4096;

  outcome whole;
  http::response_reader at_once(asked, http::response_head_limits(), limits);
  at_once.append(in.text);
  if (drain(at_once, asked, whole)) end(at_once, asked, whole);

  outcome split;
  http::response_reader by_pieces(asked, http::response_head_limits(), limits);
  bool good = true;
  for (antiphon::fuzz::pieces rest(in.text, in.choice); good && !rest.empty();) {
    by_pieces.append(rest.next());
    good = drain(by_pieces, asked, split);
  }
  if (good) end(by_pieces, asked, split);
  require(whole == split, "a split changes nothing");
  return 0;
}
