// SPDX-License-Identifier: BSL-1.0
// expect: bearer_auth is given a function \(std::string_view token\) that returns a std::optional
#include <antiphon/server/layers/bearer_auth.hpp>

#include <string>

namespace ap = antiphon;

#ifdef RIGHT
auto layer() {
  return ap::bearer_auth("realm", [](std::string_view) { return std::optional<std::string>(); });
}
#else
auto layer() {
  return ap::bearer_auth("realm", [](std::string_view) { return std::string(); });
}
#endif
