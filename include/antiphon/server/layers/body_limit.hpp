// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/head.hpp>
#include <antiphon/server/detail/lower_body_limit.hpp>
#include <antiphon/server/layer.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace antiphon {
inline namespace v0 {

/// A layer that lowers the limit of bodies for all that is inside it; it never raises that of a route. A longer body is
/// answered with 413: by its Content-Length before a byte of it is asked for, a chunked one when it has grown too long.
///
/// Thread-safe. Costs a request without a body next to nothing, one with a body an allocation.
///
/// Example: comments.use(ap::body_limit(16 * 1024));
class body_limit {
 public:
  explicit body_limit(std::uint64_t bytes) noexcept : bytes_(bytes) {}

  /// Hook of the layer.
  std::optional<response> before(request& req) const {
    const auto& head = http::detail::request_access::head(req);
    const auto kind = http::body_of(head);
    if (kind == http::body_kind::none) return std::nullopt;
    // Inside a layer that waits the body is here already.
    if (head.content_length > bytes_ || req.body().size() > bytes_)
      return response(
          http::problem(http::status::content_too_large, "a body may have " + std::to_string(bytes_) + " bytes here"));
    if (kind == http::body_kind::length) return std::nullopt;
    auto* outer = req.find_state<detail::lower_body_limit>();
    if (!outer) outer = &req.set_state(detail::lower_body_limit());
    outer->bytes = std::min(outer->bytes, bytes_);
    return std::nullopt;
  }

 private:
  std::uint64_t bytes_;
};

} // namespace v0
} // namespace antiphon
