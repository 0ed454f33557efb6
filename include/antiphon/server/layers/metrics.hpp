// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/server/layers/detail/metrics_text.hpp>
#include <antiphon/server/layers/detail/route_series.hpp>
#include <antiphon/server/router.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

struct metrics_options {
  std::size_t max_routes = 1'000; ///< with labels of their own; those beyond share the label "(other)"
};
static_assert(std::is_trivially_destructible_v<metrics_options>);

/// A layer that counts exchanges, and the page that tells Prometheus. A handle: a copy counts into the same numbers.
///
///   antiphon_http_requests_total{method,route,status}          exchanges that ended; status is "2xx" or the like, or
///                                                              "none" where they were cut before there was one
///   antiphon_http_request_duration_seconds{route}              histogram, from the whole head to the end of the answer
///                                                              (of streams too), up to 0.0001 0.00025 0.0005 0.001
///                                                              0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10
///   antiphon_http_request_bytes_total{route}                   bytes that came, heads and bodies
///   antiphon_http_response_bytes_total{route}                  bytes that went
///   antiphon_http_exchanges_cut_total{route}                   the connection ended before the answer did
///   antiphon_http_refused_total                                messages that were no requests
///   antiphon_connections{state}                                now: "quiet" (idle, or a request comes in), "handling"
///   (a
///                                                              waiting handler runs), "answering" (a stream)
///
/// The last two need the router. `route` is the pattern, never the path, and "(none)" where no route was found; methods
/// other than the seven usual ones are "other": labels do not grow with what clients send. Failures are the status 5xx.
///
/// Thread-safe; counts without a lock and, after the first exchange of a route on a thread, without allocating. A route
/// costs 600 bytes for each of the first 16 threads that serve it.
///
/// Example:
///   ap::metrics m;
///   app.use(m);
///   app.get("/metrics", m.handler(app));
class metrics {
 public:
  explicit metrics(metrics_options options = {}) : table_(std::make_shared<detail::series_table>(options.max_routes)) {}

  /// The page: text format 0.0.4. `app` is the router whose connections it tells; it may be served elsewhere.
  auto handler(const router& app) const {
    return [m = *this, connections = app.shared_counts()] { return answer(m.text(connections.get())); };
  }
  /// Without the connections.
  auto handler() const {
    return [m = *this] { return answer(m.text()); };
  }

  /// What the page says.
  std::string text(const connection_counts* connections = nullptr) const {
    return detail::metrics_text(*table_, connections);
  }

  /// Hook of the layer. Where there is no memory for the first exchange of a route, that one is not counted.
  void complete(const exchange_summary& s) const noexcept {
    try {
      table_->of(s.route).mine().tell(s);
    } catch (const std::bad_alloc&) {}
  }

 private:
  static response answer(std::string page) {
    return response(http::status::ok, std::move(page), "text/plain; version=0.0.4; charset=utf-8");
  }

  std::shared_ptr<detail::series_table> table_;
};

} // namespace v0
} // namespace antiphon
