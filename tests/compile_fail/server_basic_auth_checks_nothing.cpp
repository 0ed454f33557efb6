// SPDX-License-Identifier: BSL-1.0
// expect: basic_auth is given a function \(std::string_view name, std::string_view password\)
#include <antiphon/server/layers/basic_auth.hpp>

namespace ap = antiphon;

#ifdef RIGHT
auto layer() {
  return ap::basic_auth("realm", [](std::string_view, std::string_view) { return false; });
}
#else
auto layer() {
  return ap::basic_auth("realm", [](std::string_view) { return false; });
}
#endif
