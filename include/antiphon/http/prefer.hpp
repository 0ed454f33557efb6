// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/request.hpp>
#include <antiphon/http/token.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// What `Prefer: wait=N` asks for, in seconds: the first one counts; more than 1,000,000,000 is as much.
///
/// Source: RFC 7240, sections 2 and 4.3.
inline std::optional<std::uint32_t> preferred_wait(const request& req) {
  constexpr std::uint32_t most = 1'000'000'000;
  std::optional<std::uint32_t> wait;
  req.for_each_header([&](std::string_view name, std::string_view value) {
    if (wait || !iequals(name, "Prefer")) return;
    while (const auto element = next_element(value)) {
      const auto preference = trim_ows(element->substr(0, element->find(';')));
      const auto equals = preference.find('=');
      if (equals == preference.npos || !iequals(trim_ows(preference.substr(0, equals)), "wait")) continue;
      const auto text = trim_ows(preference.substr(equals + 1));
      if (const auto number = parse_decimal(text)) {
        wait = static_cast<std::uint32_t>((std::min)(*number, std::uint64_t{most}));
      } else if (!text.empty() && text.find_first_not_of("0123456789") == text.npos) {
        wait = most;
      }
      return;
    }
  });
  return wait;
}

} // namespace http
} // namespace v0
} // namespace antiphon
