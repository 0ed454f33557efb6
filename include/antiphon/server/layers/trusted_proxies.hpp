// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/address.hpp>
#include <antiphon/http/error.hpp>
#include <antiphon/http/forwarded.hpp>
#include <antiphon/http/host.hpp>
#include <antiphon/http/joined_lines.hpp>
#include <antiphon/server/layer.hpp>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// In which fields proxies name the client.
enum class forwarded_by : unsigned char {
  x_forwarded, ///< X-Forwarded-For, X-Forwarded-Proto: nginx, HAProxy, clouds
  rfc_7239,    ///< Forwarded
};

struct trusted_proxies_options {
  /// The others are never read: a proxy passes on what a client has put into those that it does not write itself.
  forwarded_by read = forwarded_by::x_forwarded;
  /// Takes X-Forwarded-Host too: only where the proxy sets or removes it. nginx passes a client's on unless it is told.
  bool host = false;
};
static_assert(std::is_trivially_destructible_v<trusted_proxies_options>);

/// A layer behind reverse proxies: request::peer(), scheme() and authority() are then those of the client, as the
/// proxies tell them.
///
/// Only the named peers are believed: addresses ("127.0.0.1"), networks ("10.0.0.0/8", "2001:db8::/32"), and "unix:"
/// for all who come over a Unix socket. The list of hops is read from the nearest on, and ends at the first that is not
/// named: that is the client. So what a client puts into these fields itself is not read, unless it is named. peer()
/// has no port where the proxy tells none; it is "unknown" or "_name" where a proxy says just that. A field that a
/// named proxy has sent malformed is answered with 400.
///
/// Put it outside of all layers that ask who the client is. The proxy must set or remove X-Forwarded-Proto.
/// Thread-safe. Throws std::invalid_argument, with a sentence, for a text that is no address and no network.
///
/// Source: RFC 7239. Example: app.use(ap::trusted_proxies({"127.0.0.1", "unix:"}));
class trusted_proxies {
 public:
  explicit trusted_proxies(std::initializer_list<std::string_view> peers, trusted_proxies_options options = {})
      : options_(options) {
    for (const auto p : peers) trust(p);
  }
  explicit trusted_proxies(const std::vector<std::string>& peers, trusted_proxies_options options = {})
      : options_(options) {
    for (const auto& p : peers) trust(p);
  }

  std::optional<response> before(request& req) const {
    const std::string direct = req.peer();
    if (!trusts(direct)) return std::nullopt;
    http::detail::told_client client;
    client.peer = direct;
    const bool good = options_.read == forwarded_by::rfc_7239 ? read_forwarded(req, client) : read_lists(req, client);
    if (!good)
      return response(http::status::bad_request, http::make_error_code(http::error::bad_forwarded).message() + "\n",
                      response::plain_text);
    http::detail::request_access::told(req, std::move(client));
    return std::nullopt;
  }

 private:
  void trust(std::string_view text) {
    if (text == http::unix_peer) {
      unix_sockets_ = true;
      return;
    }
    const auto made = http::network::parse(text);
    if (!made)
      throw std::invalid_argument("antiphon: trusted_proxies: '" + std::string(text) +
                                  "' is no address, no network such as \"10.0.0.0/8\" (without bits behind its "
                                  "prefix), and not \"unix:\"");
    networks_.push_back(*made);
  }
  bool trusts(const asio::ip::address& a) const {
    for (const auto& n : networks_)
      if (n.contains(a)) return true;
    return false;
  }
  bool trusts(std::string_view peer) const {
    if (peer == http::unix_peer) return unix_sockets_;
    const auto node = http::parse_node(peer);
    return node && trusts(node->address);
  }

  /// One hop further to the client. False: the hop before was it, or this one is.
  bool step(std::string_view hop, std::string& peer, std::size_t& steps) const {
    if (const auto node = http::parse_node(hop)) {
      ++steps;
      peer = http::peer_text(node->address, node->port);
      return trusts(node->address);
    }
    const bool hidden = hop.size() > 1 && hop.front() == '_' && http::is_token(hop);
    const bool local = hop == http::unix_peer;
    if (!hidden && !local && !http::iequals(hop, "unknown")) return false; // nobody can say what this is
    ++steps;
    peer = hidden || local ? hop : std::string_view("unknown");
    return local && unix_sockets_;
  }

  /// All lines of that field, as one list.
  static std::string lines(const request& req, std::string_view name) {
    return http::joined_lines(req, name).value_or(std::string());
  }
  /// Of a list to which every proxy adds one, what was said at that step from the right; of a shorter one the first.
  static std::string_view at_step(std::string_view list, std::size_t steps) {
    std::string_view said;
    for (std::size_t i = 0; i < (steps == 0 ? 1 : steps); ++i) {
      const auto element = http::last_element(list);
      if (!element) break;
      said = *element;
    }
    return said;
  }
  static void take_scheme(std::string_view proto, http::detail::told_client& client) {
    if (http::iequals(proto, "https") || http::iequals(proto, "wss")) client.secure = true;
    if (http::iequals(proto, "http") || http::iequals(proto, "ws")) client.secure = false;
  }
  static bool take_host(std::string_view host, http::detail::told_client& client) {
    if (host.empty()) return true;
    client.host = host;
    return http::valid_host(host);
  }

  bool read_lists(const request& req, http::detail::told_client& client) const {
    const std::string hops = lines(req, "X-Forwarded-For");
    std::size_t steps = 0;
    std::string_view rest = hops;
    while (const auto hop = http::last_element(rest))
      if (!step(*hop, client.peer, steps)) break;
    const std::string protos = lines(req, "X-Forwarded-Proto");
    take_scheme(at_step(protos, steps), client);
    if (!options_.host) return true;
    const std::string hosts = lines(req, "X-Forwarded-Host");
    return take_host(at_step(hosts, steps), client);
  }

  bool read_forwarded(const request& req, http::detail::told_client& client) const {
    const auto elements = http::parse_forwarded(lines(req, "Forwarded"));
    if (!elements) return false;
    std::size_t steps = 0;
    for (std::size_t i = elements->size(); i-- > 0;) {
      const auto& e = (*elements)[i]; // of a proxy that is trusted: what is left of it may not be
      take_scheme(e.proto, client);
      if (!take_host(e.host, client)) return false;
      if (!step(e.client, client.peer, steps)) break;
    }
    return true;
  }

  trusted_proxies_options options_;
  std::vector<http::network> networks_;
  bool unix_sockets_ = false;
};

} // namespace v0
} // namespace antiphon
