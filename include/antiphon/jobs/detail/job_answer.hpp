// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random.hpp>
#include <antiphon/http/problem.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/jobs/detail/job_table.hpp>
#include <antiphon/jobs/detail/status_json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

inline std::string whole_seconds(duration d) {
  return std::to_string((std::max)(std::chrono::ceil<std::chrono::seconds>(d).count(), std::chrono::seconds::rep{1}));
}

inline http::response come_back_later(std::string why) {
  http::response res(http::problem(http::status::service_unavailable, std::move(why)));
  // At random, so that those who were told the same do not come back at once.
  res.add("Retry-After", whole_seconds(v0::detail::between(std::chrono::seconds(1), std::chrono::seconds(5))));
  return res;
}

inline std::string tag_of(std::uint32_t version) { return '"' + std::to_string(version) + '"'; }

/// How the status of a job is answered.
struct job_answer {
  std::string place;      ///< the path of the store's routes
  bool submitted = false; ///< to the request that the job came with

  std::string url(const job_record& r) const { return place + '/' + to_string(r.id); }

  /// `seen`: the version that the client knows. `waited`: seconds that it was let wait; zero: none.
  http::response make(job_record& r, std::uint32_t seen, std::uint32_t waited) const {
    const auto version = r.version.load(std::memory_order_acquire); // before the status, which may be newer
    const job_status s = r.table->status(r);
    const bool over = is_over(s.state);
    http::response res(http::status::not_modified);
    if (submitted || seen != version) {
      std::optional<payload> result;
      if (s.state == job_state::succeeded) result = r.result();
      res = http::json(status_json(s, result ? &*result : nullptr));
      if (submitted && !over) res.status(http::status::accepted);
    }
    const auto at = url(r);
    res.set("Cache-Control", "no-store").set("Vary", "Prefer");
    res.add("Link", '<' + at + "/events>; rel=\"monitor\"; type=\"text/event-stream\"");
    if (submitted) {
      res.set("Location", at);
      if (over) res.set("Content-Location", at);
    } else {
      res.set("ETag", tag_of(version));
    }
    if (!over) res.set("Retry-After", whole_seconds(r.table->options.pace));
    if (waited != 0) res.set("Preference-Applied", "wait=" + std::to_string(waited));
    return res;
  }
};

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
