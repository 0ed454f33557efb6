// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/fields.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/server/layer.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// Lists have commas between their elements. What is named here is copied.
struct cors_options {
  /// "https://app.example, https://admin.example:8443": pages of these may read answers; "*": of all, but without
  /// credentials. Must be said.
  std::string_view origins = {};
  std::string_view methods = "GET, HEAD, POST, PUT, PATCH, DELETE"; ///< that they may use
  std::string_view headers = {};               ///< of requests, beyond the simple ones; empty: those that they ask for
  std::string_view expose = {};                ///< headers of answers that scripts may read, beyond the simple ones
  bool credentials = false;                    ///< cookies and the like are sent, and answers to them may be read
  duration max_age = std::chrono::minutes(10); ///< a browser keeps the answer to a preflight; they cap it (2 h)
};
static_assert(std::is_trivially_destructible_v<cors_options>);

/// A layer that lets pages of other origins read answers, and answers preflights, with 204.
///
/// An origin that is not allowed gets the same answers without the fields that allow: its browser keeps them from the
/// page. That is all that this does; it protects users of browsers, and refuses nothing. Put it outside of layers that
/// refuse (auth, limits): preflights bring no credentials, and a refusal must be readable too. Preflights go through
/// the layers of the router that is served and, where it differs, of the route that they ask for.
/// Throws std::invalid_argument for "*" with credentials, and for what is no origin: a slash at its end, a path.
///
/// Source: the Fetch standard, section 3.3. Example: app.use(ap::cors({.origins = "https://app.example"}));
class cors {
 public:
  explicit cors(const cors_options& options)
      : any_(options.origins == "*"), credentials_(options.credentials), methods_(list(options.methods)),
        headers_(list(options.headers)), expose_(list(options.expose)),
        max_age_(std::to_string(std::chrono::floor<std::chrono::seconds>(options.max_age).count())) {
    if (any_ && credentials_) refuse("'*' with credentials would let every page act as its visitor: name the origins");
    if (options.max_age < duration::zero()) refuse("max_age is negative");
    auto rest = any_ ? std::string_view() : options.origins;
    while (const auto origin = http::next_element(rest)) {
      check(*origin);
      origins_.emplace_back(*origin);
    }
    if (!any_ && origins_.empty()) refuse("name the origins that are allowed, or '*'");
  }

  /// Hooks of the layer.
  std::optional<response> before(request& req) const {
    if (req.method() != http::method::options) return std::nullopt;
    if (!req.has_header("Origin") || !req.has_header("Access-Control-Request-Method")) return std::nullopt;
    response res(http::status::no_content);
    res.add("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    if (!allow(req, res)) return res;
    res.add("Access-Control-Allow-Methods", methods_);
    if (const auto asked = headers_.empty() ? asked_headers(req) : headers_; !asked.empty())
      res.add("Access-Control-Allow-Headers", asked);
    res.add("Access-Control-Max-Age", max_age_);
    return res;
  }
  void after(request& req, response& res) const {
    if (!any_ && !res.fields().has_token("Vary", "Origin")) res.add("Vary", "Origin"); // also where no origin was sent
    if (allow(req, res) && !expose_.empty()) res.set("Access-Control-Expose-Headers", expose_);
  }

 private:
  [[noreturn]] static void refuse(const std::string& why) { throw std::invalid_argument("antiphon: cors: " + why); }

  static void check(std::string_view origin) {
    if (origin == "null") return; // of files, and of frames in a sandbox, whosever they are
    const auto at = origin.find("://");
    const auto host = at == origin.npos ? std::string_view() : origin.substr(at + 3);
    const bool lower = std::none_of(origin.begin(), origin.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (at == origin.npos || !http::is_token(origin.substr(0, at)) || host.empty() || !lower ||
        host.find_first_of("/?#@* \t") != host.npos)
      refuse("'" + std::string(origin) +
             "' is no origin: write scheme, host and perhaps port, in lower case and without a path or a slash at the "
             "end, as in 'https://app.example'");
  }
  /// Checked, and written in one way.
  static std::string list(std::string_view tokens) {
    std::string out;
    while (const auto token = http::next_element(tokens)) {
      if (!http::is_token(*token)) refuse("'" + std::string(*token) + "' is no method, and no name of a header");
      out.append(out.empty() ? "" : ", ").append(*token);
    }
    return out;
  }
  /// What a preflight asks for, as far as it has names only.
  static std::string asked_headers(const request& req) {
    auto asked = req.header("Access-Control-Request-Headers");
    std::string out;
    while (const auto name = http::next_element(asked))
      if (http::is_token(*name)) out.append(out.empty() ? "" : ", ").append(*name);
    return out;
  }

  bool allow(const request& req, response& res) const {
    const auto origin = req.header("Origin");
    if (any_) {
      res.set("Access-Control-Allow-Origin", "*");
      return true;
    }
    if (std::find(origins_.begin(), origins_.end(), origin) == origins_.end()) return false;
    res.set("Access-Control-Allow-Origin", origin);
    if (credentials_) res.set("Access-Control-Allow-Credentials", "true");
    return true;
  }

  bool any_, credentials_;
  std::string methods_, headers_, expose_, max_age_;
  std::vector<std::string> origins_;
};

} // namespace v0
} // namespace antiphon
