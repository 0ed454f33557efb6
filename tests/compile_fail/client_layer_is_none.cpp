// SPDX-License-Identifier: BSL-1.0
// expect: a layer of a client has hooks, .*before.*after.*on_phase.*or is a coroutine
#include <antiphon/client/layer.hpp>

namespace ap = antiphon;

auto layer = [](ap::client_request&) { return true; };
void use() {
#ifdef RIGHT
  struct good {
    void after(ap::client_request&, ap::client_response&) {}
  };
  ap::detail::require_client_layer<good>();
#else
  ap::detail::require_client_layer<decltype(layer)>();
#endif
}
