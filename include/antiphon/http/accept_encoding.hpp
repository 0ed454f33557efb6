// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/token.hpp>

#include <optional>
#include <span>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// How much a client wants a content coding ("gzip", "br", "identity"), in thousandths; 0: not at all.
///
/// `accept`: the value of Accept-Encoding, with all its lines joined. A coding that is named has its `q`, others that
/// of `*`, and where there is no `*` they are not wanted; but "identity", which is no coding, is taken last where it is
/// not named and not refused. Source: RFC 9110, section 12.5.3.
constexpr int encoding_weight(std::string_view accept, std::string_view coding) noexcept {
  const auto alias = iequals(coding, "gzip") ? std::string_view("x-gzip") : std::string_view();
  std::optional<int> any;
  while (const auto item = next_weighted(accept)) {
    if (iequals(item->value, coding) || (!alias.empty() && iequals(item->value, alias))) return item->weight;
    if (item->value == "*") any = item->weight;
  }
  if (any) return *any;
  return iequals(coding, "identity") ? 1 : 0;
}

/// The one of `offered` that the client wants most; of several, the first. Nothing where it takes none of them: send
/// the content as it is all the same, or 415 or 406.
///
/// A request without the field takes anything, and wants nothing: ask this only where it is there.
constexpr std::optional<std::string_view> choose_encoding(std::string_view accept,
                                                          std::span<const std::string_view> offered) noexcept {
  std::optional<std::string_view> best;
  int most = 0;
  for (const auto coding : offered) {
    const int weight = encoding_weight(accept, coding);
    if (weight <= most) continue;
    most = weight;
    best = coding;
  }
  return best;
}

} // namespace http
} // namespace v0
} // namespace antiphon
