// SPDX-License-Identifier: BSL-1.0
// Cursors: what is taken is exactly what would be printed.
#include "fuzz.hpp"

#include <antiphon/core/cursor.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  if (const auto c = antiphon::parse_cursor(in.text))
    antiphon::fuzz::require(to_string(*c) == in.text, "a cursor has one text");
  if (const auto id = antiphon::parse_event_id(in.text))
    antiphon::fuzz::require(to_string(*id) == in.text, "an id has one text");
  return 0;
}
