// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random_id.hpp>
#include <antiphon/http/chars.hpp>
#include <antiphon/server/layer.hpp>

#include <optional>
#include <string_view>
#include <type_traits>

namespace antiphon {
inline namespace v0 {

struct request_id_options {
  /// Takes the client's id where it is well-formed: only behind a proxy of yours that sets or removes the field, as
  /// others would choose the ids in your log.
  bool trust_client = false;
  std::string_view field =
      "X-Request-Id"; ///< of request and response; empty: neither read nor sent. Must outlive the layer
};
static_assert(std::is_trivially_destructible_v<request_id_options>);

/// A layer that gives every request an id: 32 hexadecimal digits that nobody can guess, or the client's own.
///
/// Handlers and other layers find it as the note "request-id", the client in the field X-Request-Id. A client's id is
/// taken if it has 1 to 128 letters, digits and "-_.~+/=:"; otherwise one is made. Where two of these layers stand
/// around a route, the outer one's id holds. Put it outside of what should see the id. Thread-safe; takes no lock, and
/// asks the system for randomness once a thread. A process that forks does so before it serves: the child would repeat
/// the ids of its parent.
/// Throws std::invalid_argument for a field that is none, or that the server writes itself.
///
/// Example: app.use(ap::request_id({.trust_client = true}));
class request_id {
 public:
  static constexpr std::string_view note = "request-id";
  static constexpr std::size_t max_size = 128;

  explicit request_id(request_id_options options = {}) : options_(options) {
    if (!options_.field.empty()) response().set(options_.field, "0"); // throws here, and not with every request
  }

  std::optional<response> before(request& req) const {
    give(req);
    return std::nullopt;
  }
  void after(request& req, response& res) const {
    if (req.notes().empty()) give(req); // an answer of the server's own, before any layer was asked
    if (options_.field.empty()) return;
    const auto id = req.notes().get(note);
    if (!id) return;
    if (res.fields().empty() || !res.fields().contains(options_.field)) {
      res.add_unchecked(options_.field, *id); // the field was checked by the constructor
    } else {
      res.set(options_.field, *id);
    }
  }

  /// Whether an id of a client's may be taken over.
  static bool well_formed(std::string_view id) noexcept {
    if (id.empty() || id.size() > max_size) return false;
    for (const char c : id)
      if (!http::detail::is_a(c, http::detail::unreserved_class) && c != '+' && c != '/' && c != '=' && c != ':')
        return false;
    return true;
  }

 private:
  void give(request& req) const {
    if (!req.notes().empty() && req.notes().contains(note)) return;
    if (options_.trust_client && !options_.field.empty()) {
      const auto sent = req.header(options_.field);
      if (well_formed(sent)) return req.notes().add_unchecked(note, sent);
    }
    req.notes().add_unchecked(note, detail::random_id());
  }

  request_id_options options_;
};

} // namespace v0
} // namespace antiphon
