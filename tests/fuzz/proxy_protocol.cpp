// SPDX-License-Identifier: BSL-1.0
// However a PROXY header is split, it says the same at the same byte; what it says can be read back.
#include "fuzz.hpp"

#include <antiphon/http/proxy_protocol.hpp>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  const std::size_t limit = 16 + in.choice;
  http::proxy_header whole;
  antiphon::error_code why;
  const auto last = http::parse_proxy_header(in.text, whole, why, limit);
  require((last == http::parse_result::failed) == static_cast<bool>(why), "an error goes with a failure");
  bool decided = false;
  for (std::size_t n = 0; n <= in.text.size() && n <= 600; ++n) {
    http::proxy_header part;
    antiphon::error_code ec;
    const auto now = http::parse_proxy_header(in.text.substr(0, n), part, ec, limit);
    if (now == http::parse_result::more) {
      require(!decided, "what is decided stays");
      continue;
    }
    decided = true;
    require(now == last && ec == why, "every split gives the same result");
    if (now != http::parse_result::done) continue;
    require(part.size == whole.size && part.size <= n && part.peer == whole.peer, "every split reads the same");
    require(part.size <= std::max(limit, http::max_proxy_v1), "a header is no longer than its limit");
    if (part.peer.empty() || part.peer == http::unix_peer) continue;
    const auto node = http::parse_node(part.peer);
    require(node && node->port && http::peer_text(node->address, node->port) == part.peer, "a peer reads back");
  }
  if (in.text.size() <= 600) require(decided == (last != http::parse_result::more), "the last split is the whole");
  return 0;
}
