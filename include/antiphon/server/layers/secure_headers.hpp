// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/server/layer.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// An empty text, or a time of zero, leaves the field out. What is named here is copied.
struct secure_headers_options {
  std::string_view content_type_options = "nosniff";
  std::string_view frame_options = "DENY";
  std::string_view referrer_policy = "strict-origin-when-cross-origin";
  std::string_view content_security_policy = {}; ///< depends on the pages
  duration strict_transport{};                   ///< Strict-Transport-Security, on https only: hard to take back
};
static_assert(std::is_trivially_destructible_v<secure_headers_options>);

/// A layer that sets the fields by which a browser is careful with an answer, where the handler has not set them.
///
/// Thread-safe. Throws std::invalid_argument for a value with control bytes.
///
/// Example: app.use(ap::secure_headers());
class secure_headers {
 public:
  explicit secure_headers(const secure_headers_options& options = {}) {
    add("X-Content-Type-Options", options.content_type_options);
    add("X-Frame-Options", options.frame_options);
    add("Referrer-Policy", options.referrer_policy);
    add("Content-Security-Policy", options.content_security_policy);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(options.strict_transport).count();
    if (seconds > 0) strict_transport_ = "max-age=" + std::to_string(seconds);
  }

  /// Hook of the layer.
  void after(request& req, response& res) const {
    for (const auto& [name, value] : fields_) add_to(res, name, value);
    if (!strict_transport_.empty() && req.scheme() == "https")
      add_to(res, "Strict-Transport-Security", strict_transport_);
  }

 private:
  void add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    response().set(name, value); // throws here, and not with every request
    fields_.emplace_back(name, http::trim_ows(value));
  }
  static void add_to(response& res, std::string_view name, std::string_view value) {
    if (!res.fields().contains(name)) res.add_unchecked(name, value);
  }

  std::vector<std::pair<std::string, std::string>> fields_;
  std::string strict_transport_;
};

} // namespace v0
} // namespace antiphon
