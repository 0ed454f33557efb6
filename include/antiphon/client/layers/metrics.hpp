// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/layer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// A layer of a client that counts calls, by origin and by what became of them. A handle: the copy that the client has
/// and the one that the program asks count together. Origins beyond `origins` are one: "other".
///
///     ap::client_metrics metrics;
///     client.use(metrics);
///     app.get("/metrics", [=](ap::request&) { return metrics.text(); });
///
/// Thread safety: all members.
class client_metrics {
 public:
  explicit client_metrics(std::size_t origins = 64) : state_(std::make_shared<state>(origins)) {}

  void on_phase(client_phase what, const client_progress& so_far) const {
    if (what != client_phase::done) return;
    const std::lock_guard lock(state_->mutex);
    auto found = state_->series.find(so_far.origin);
    if (found == state_->series.end()) {
      const bool full = state_->series.size() >= state_->most;
      found = state_->series.try_emplace(std::string(full ? std::string_view("other") : so_far.origin)).first;
    }
    auto& s = found->second;
    const auto kind = static_cast<std::size_t>(http::code(so_far.status) / 100);
    ++s.outcomes[so_far.ec || kind > 5 ? 0 : kind];
    s.took += so_far.took;
    s.bytes_out += so_far.bytes_out;
    s.bytes_in += so_far.bytes_in;
    s.reused += so_far.reused;
    s.repeated += so_far.repeated;
    s.redirects += so_far.redirects;
  }

  /// In the text format of Prometheus.
  std::string text() const {
    const std::lock_guard lock(state_->mutex);
    std::string out = "# TYPE http_client_calls_total counter\n";
    for (const auto& [origin, s] : state_->series)
      for (std::size_t i = 0; i < s.outcomes.size(); ++i)
        if (s.outcomes[i] != 0)
          line(out, "http_client_calls_total", origin, i == 0 ? std::string("error") : std::to_string(i) + "xx",
               s.outcomes[i]);
    const auto each = [&](std::string_view name, auto member) {
      out.append("# TYPE ").append(name).append(" counter\n");
      for (const auto& [origin, s] : state_->series) line(out, name, origin, {}, s.*member);
    };
    out += "# TYPE http_client_call_duration_seconds summary\n";
    for (const auto& [origin, s] : state_->series) {
      std::uint64_t all = 0;
      for (const auto n : s.outcomes) all += n;
      out.append("http_client_call_duration_seconds_sum{origin=\"").append(origin).append("\"} ");
      out.append(std::to_string(std::chrono::duration<double>(s.took).count())).append("\n");
      line(out, "http_client_call_duration_seconds_count", origin, {}, all);
    }
    each("http_client_sent_bytes_total", &series::bytes_out);
    each("http_client_received_bytes_total", &series::bytes_in);
    each("http_client_connections_reused_total", &series::reused);
    each("http_client_repeated_total", &series::repeated);
    each("http_client_redirects_total", &series::redirects);
    return out;
  }

 private:
  struct series {
    std::array<std::uint64_t, 6> outcomes{}; // by the first digit of the status; 0: an error
    duration took{};
    std::uint64_t bytes_out = 0, bytes_in = 0, reused = 0, repeated = 0, redirects = 0;
  };
  struct state {
    explicit state(std::size_t n) : most(n) {}
    const std::size_t most;
    std::mutex mutex;
    std::map<std::string, struct series, std::less<>> series;
  };
  static void line(std::string& out, std::string_view name, std::string_view origin, std::string_view outcome,
                   std::uint64_t n) {
    out.append(name).append("{origin=\"").append(origin).append("\"");
    if (!outcome.empty()) out.append(",outcome=\"").append(outcome).append("\"");
    out.append("} ").append(std::to_string(n)).append("\n");
  }

  std::shared_ptr<state> state_;
};

} // namespace v0
} // namespace antiphon
