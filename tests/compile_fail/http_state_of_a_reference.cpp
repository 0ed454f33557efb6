// SPDX-License-Identifier: BSL-1.0
// expect: the state of a request is asked for by its plain type
#include <antiphon/http/request.hpp>

#include <string>

namespace ap = antiphon;

std::string who(ap::request& req) {
#ifdef RIGHT
  return req.state<std::string>();
#else
  return req.state<const std::string>();
#endif
}
