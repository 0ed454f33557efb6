// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/layer.hpp>
#include <antiphon/core/detail/random_id.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {

/// A layer of a client that sends `traceparent`: a new span of the trace that the request names there already, copied
/// from the request that a gateway serves for instance, or of a new trace.
///
///     client.use(ap::client_tracing());
///
/// Source: W3C Trace Context, section 3.2.
class client_tracing {
 public:
  /// `sampled`: of new traces.
  explicit client_tracing(bool sampled = true) noexcept : sampled_(sampled) {}

  std::optional<client_response> before(client_request& req) const {
    const std::string_view parent = req.header("traceparent");
    std::string line = "00-";
    std::string_view flags = sampled_ ? "01" : "00";
    std::string kept;
    if (valid(parent)) {
      line += parent.substr(3, 32);
      kept = parent.substr(53, 2);
      flags = kept;
    } else {
      line += detail::random_id();
    }
    const detail::hex_id span = detail::random_id();
    line.append("-").append(std::string_view(span).substr(0, 16)).append("-").append(flags);
    req.header("traceparent", line);
    return std::nullopt;
  }

  /// Whether it is a traceparent of version 00.
  static bool valid(std::string_view text) noexcept {
    if (text.size() != 55 || text.substr(0, 3) != "00-" || text[35] != '-' || text[52] != '-') return false;
    bool trace = false, span = false;
    for (std::size_t i = 3; i < 55; ++i) {
      const char c = text[i];
      if (i == 35 || i == 52) continue;
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
      if (i < 35) trace = trace || c != '0';
      if (i > 35 && i < 52) span = span || c != '0';
    }
    return trace && span;
  }

 private:
  bool sampled_;
};

} // namespace v0
} // namespace antiphon
