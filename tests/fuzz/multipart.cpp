// SPDX-License-Identifier: BSL-1.0
// Multipart bodies: any split gives the same parts, and what is bounded stays so.
#include "fuzz.hpp"

#include <antiphon/http/multipart.hpp>

#include <string>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;
using http::multipart_event;

constexpr http::multipart_limits limits{.parts = 4, .part_head = 128, .outside = 16};

/// Names, data and ends as text, and what was wrong.
struct outcome {
  std::string seen;
  antiphon::error_code ec;
  friend bool operator==(const outcome&, const outcome&) = default;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  const auto run = [&](auto next_piece) {
    outcome out;
    std::size_t parts = 0, bytes = 0;
    http::multipart_parser parser("xy", limits);
    next_piece([&](std::string_view piece) {
      while (true) {
        switch (parser.next(piece, out.ec)) {
        case multipart_event::more: require(piece.empty(), "all of it is taken"); return true;
        case multipart_event::part: {
          const auto& head = parser.head();
          require(++parts <= limits.parts, "parts are bounded");
          require(head.name().size() <= limits.part_head, "a name is bounded");
          require(head.safe_filename().find_first_of("/\\:\n") == std::string::npos, "a safe name is one component");
          out.seen.append("[").append(head.name()).append("|").append(head.filename().value_or("")).append("]");
          break;
        }
        case multipart_event::data:
          require(!parser.data().empty(), "data is something");
          bytes += parser.data().size();
          out.seen += parser.data();
          break;
        case multipart_event::part_end: out.seen += ';'; break;
        case multipart_event::end:
          require(parser.done(), "the end is the end");
          if (piece.empty()) return true;
          break;
        case multipart_event::failed: require(bool(out.ec), "a failure has a reason"); return false;
        }
      }
    });
    require(bytes <= in.text.size(), "no more comes out than went in");
    if (!out.ec) out.ec = parser.finish();
    return out;
  };
  const auto whole = run([&](auto feed) { feed(in.text); });
  const auto split = run([&](auto feed) {
    for (antiphon::fuzz::pieces pieces(in.text, in.choice); !pieces.empty() && feed(pieces.next());) {}
  });
  require(whole == split, "any split gives the same");

  antiphon::error_code ec;
  const auto boundary = http::multipart_boundary(in.text, ec);
  require(ec ? boundary.empty() : http::is_boundary(boundary), "a boundary is one");
  return 0;
}
