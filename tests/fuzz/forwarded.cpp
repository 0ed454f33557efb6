// SPDX-License-Identifier: BSL-1.0
// What a client puts in front never changes what its proxy has appended: it is read so, or the whole list is malformed.
#include "fuzz.hpp"

#include <antiphon/http/address.hpp>
#include <antiphon/http/forwarded.hpp>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  constexpr std::string_view appended[] = {"for=192.0.2.1", "for=\"[2001:db8::1]:80\"",
                                           "host=\"\";for=\"192.0.2.1:5\""};
  const auto& own = appended[in.choice % 3];
  const auto alone = http::parse_forwarded(own);
  require(alone && alone->size() == 1, "a proxy's element is read");
  for (const auto* between : {",", ", "}) {
    const auto all = http::parse_forwarded(std::string(in.text) + between + std::string(own));
    if (!all) continue;
    require(!all->empty() && all->back().client == alone->front().client && all->back().host == alone->front().host,
            "a client does not change what its proxy has appended");
    require(http::parse_forwarded(in.text).has_value(), "a part of what is right is right");
  }
  std::string_view list = in.text;
  while (const auto element = http::last_element(list)) {
    require(!element->empty() && element->find(',') == element->npos, "an element is one");
    if (const auto node = http::parse_node(*element)) {
      const auto text = http::peer_text(node->address, node->port);
      const auto again = http::parse_node(text);
      require(again && again->address == node->address && again->port == node->port, "an address reads back");
      require(http::parse_address(http::peer_address(text)) == node->address, "a peer has its address");
    }
  }
  return 0;
}
