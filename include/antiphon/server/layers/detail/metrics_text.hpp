// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/utf8.hpp>
#include <antiphon/server/layers/detail/route_series.hpp>
#include <antiphon/server/router.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// A label's value as Prometheus wants it: UTF-8, with '\', '"' and the line feed escaped.
inline std::string label_value(std::string_view raw) {
  std::string out;
  while (!raw.empty()) {
    const auto piece = http::next_utf8(raw);
    const char c = raw.front();
    if (!piece.valid) {
      out += "\xef\xbf\xbd"; // U+FFFD
    } else if (c == '\\' || c == '"') {
      (out += '\\') += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += raw.substr(0, piece.size);
    }
    raw.remove_prefix(piece.size);
  }
  return out;
}

/// Writes the text format of Prometheus, version 0.0.4.
class metrics_writer {
 public:
  /// What the samples that follow belong to.
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    append("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
  }
  /// `labels` is empty, or 'a="b",c="d"' with escaped values.
  void sample(std::string_view suffix, std::string_view labels, std::string_view value) {
    append(name_, suffix, labels.empty() ? "" : "{", labels, labels.empty() ? "" : "}", " ", value, "\n");
  }
  void sample(std::string_view suffix, std::string_view labels, std::uint64_t value) {
    char digits[20];
    const auto* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    sample(suffix, labels, std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }
  std::string take() { return std::move(out_); }

 private:
  template <class... Text>
  void append(const Text&... text) {
    (out_.append(text), ...);
  }

  std::string out_;
  std::string_view name_;
};

/// Seconds, exactly: "12.000000345" of nanoseconds, "0.0025" of microseconds.
inline std::string decimal_seconds(std::uint64_t n, std::uint64_t a_second) {
  std::string out = std::to_string(n / a_second);
  const std::uint64_t rest = n % a_second;
  if (rest == 0) return out;
  std::string digits = std::to_string(a_second + rest); // "1" and the digits after the point
  digits.erase(digits.find_last_not_of('0') + 1);
  return out.append(".").append(digits, 1);
}

inline std::string metrics_text(const series_table& table, const connection_counts* connections) {
  struct row {
    std::string route; // route="…"
    route_sums sums;
    std::uint64_t total = 0;
  };
  std::vector<row> rows;
  table.each([&](const route_series& s) {
    row r;
    r.route = "route=\"" + label_value(s.route.empty() ? std::string_view("(none)") : s.route) + "\"";
    r.sums = s.sums();
    for (const auto n : r.sums.took) r.total += n;
    if (r.total != 0) rows.push_back(std::move(r));
  });
  std::sort(rows.begin(), rows.end(), [](const row& a, const row& b) { return a.route < b.route; });

  metrics_writer out;
  static constexpr std::array<std::string_view, route_sums::classes> classes{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  out.family("antiphon_http_requests_total", "counter", "Exchanges that ended.");
  for (const auto& r : rows)
    for (std::size_t m = 0; m < route_sums::method_labels; ++m)
      for (std::size_t c = 0; c < classes.size(); ++c) {
        if (r.sums.exchanges[m][c] == 0) continue;
        const auto method = m < route_sums::methods.size() ? http::to_string(route_sums::methods[m]) : "other";
        std::string labels = "method=\"";
        labels.append(method).append("\",").append(r.route).append(",status=\"").append(classes[c]).append("\"");
        out.sample("", labels, r.sums.exchanges[m][c]);
      }
  out.family("antiphon_http_request_duration_seconds", "histogram", "From the whole head to the end of the answer.");
  for (const auto& r : rows) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < r.sums.took.size(); ++i) {
      below += r.sums.took[i];
      const bool last = i == route_sums::bounds.size();
      const auto bound = last ? "+Inf" : decimal_seconds(static_cast<std::uint64_t>(route_sums::bounds[i]), 1'000'000);
      out.sample("_bucket", r.route + ",le=\"" + bound + "\"", below);
    }
    out.sample("_sum", r.route, decimal_seconds(r.sums.took_ns, 1'000'000'000));
    out.sample("_count", r.route, below);
  }
  const auto by_route = [&](std::string_view name, std::string_view help, std::uint64_t route_sums::*what) {
    out.family(name, "counter", help);
    for (const auto& r : rows) out.sample("", r.route, r.sums.*what);
  };
  by_route("antiphon_http_request_bytes_total", "Bytes that came, heads and bodies.", &route_sums::bytes_in);
  by_route("antiphon_http_response_bytes_total", "Bytes that went, heads and bodies.", &route_sums::bytes_out);
  by_route("antiphon_http_exchanges_cut_total", "Exchanges whose connection ended before the answer did.",
           &route_sums::cut);

  if (connections) {
    out.family("antiphon_http_refused_total", "counter", "Messages that were no requests.");
    out.sample("", "", connections->refused.load(std::memory_order_relaxed));
    const std::size_t handling = connections->handling.load(std::memory_order_relaxed);
    const std::size_t answering = connections->answering.load(std::memory_order_relaxed);
    const std::size_t open = connections->open.load(std::memory_order_relaxed);
    const std::size_t busy = std::min(open, handling + answering); // they are not read at one moment
    out.family("antiphon_connections", "gauge", "Connections that are open, by what they do.");
    out.sample("", "state=\"quiet\"", open - busy);
    out.sample("", "state=\"handling\"", handling);
    out.sample("", "state=\"answering\"", answering);
  }
  return out.take();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
