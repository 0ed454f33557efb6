// SPDX-License-Identifier: BSL-1.0
// Server-sent events: any split gives the same events, and what was decoded is decoded again from what is encoded.
#include "fuzz.hpp"

#include <antiphon/sse/decoder.hpp>
#include <antiphon/sse/encoder.hpp>

#include <string>
#include <vector>

namespace {

namespace sse = antiphon::sse;
using antiphon::fuzz::require;

struct outcome {
  std::vector<sse::event> events;
  std::string last_id;
  bool good = true;
  friend bool operator==(const outcome&, const outcome&) = default;
};

constexpr sse::decoder_limits limits{64, 128};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  const auto run = [&](auto next_piece) {
    outcome out;
    sse::decoder decoder(limits);
    next_piece([&](std::string_view piece) {
      out.good = decoder.feed(piece, [&](const sse::event& e) { out.events.push_back(e); });
      return out.good;
    });
    out.last_id = decoder.last_event_id();
    return out;
  };
  const auto whole = run([&](auto feed) { feed(in.text); });
  const auto split = run([&](auto feed) {
    for (antiphon::fuzz::pieces pieces(in.text, in.choice); !pieces.empty() && feed(pieces.next());) {}
  });
  require(whole == split, "any split gives the same");

  std::string text;
  for (const auto& e : whole.events) {
    require(e.data.size() < limits.event * 3, "an event is bounded"); // one bad byte becomes three good ones
    sse::append_event(text, e);
  }
  sse::decoder again;
  std::size_t n = 0;
  require(
      again.feed(
          text, [&](const sse::event& e) { require(n < whole.events.size() && e == whole.events[n++], "comes back"); }),
      "what was encoded can be decoded");
  require(n == whole.events.size(), "all come back");
  return 0;
}
