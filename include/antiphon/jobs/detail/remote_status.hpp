// SPDX-License-Identifier: BSL-1.0
// The status of a job, read back from the JSON that status_json.hpp writes. Sans-I/O.
#pragma once

#include <antiphon/core/payload.hpp>
#include <antiphon/http/base64.hpp>
#include <antiphon/http/json_scan.hpp>
#include <antiphon/http/problem.hpp>
#include <antiphon/jobs/job_event.hpp>
#include <antiphon/jobs/job_status.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

/// What stands under a name, its media type, and whether it is in base64.
struct remote_value {
  std::optional<std::string> raw, type;
  bool base64 = false;

  /// False: it does not fit together.
  bool read(job_event& to) const {
    to.type = type ? *type : std::string(json_type);
    if (!type && !base64) {
      to.bytes = shared_buffer(*raw);
      return true;
    }
    http::json_scanner in(*raw);
    std::string decoded, bytes;
    const std::string text(in.string(decoded));
    if (!in.finish() || (base64 && !http::detail::append_unbase64(bytes, text))) return false;
    to.bytes = shared_buffer(base64 ? std::move(bytes) : text);
    return true;
  }
};

/// What is of another type than it should be is passed over, as RFC 9457 wants it. `code`: where it says no status.
inline http::problem take_problem(http::json_scanner& in, http::status code) {
  std::string type, title, detail, instance;
  std::vector<std::pair<std::string, std::string>> extra;
  in.object([&](std::string_view name) {
    const auto text = [&](std::string& to) {
      std::string decoded;
      if (in.peek() == '"') {
        to = in.string(decoded);
      } else {
        in.skip();
      }
    };
    if (name == "status") {
      const auto number = http::parse_decimal(in.skip());
      if (number && *number >= 100 && *number < 1000) code = static_cast<http::status>(*number);
    } else if (name == "type") {
      text(type);
    } else if (name == "title") {
      text(title);
    } else if (name == "detail") {
      text(detail);
    } else if (name == "instance") {
      text(instance);
    } else {
      std::string key(name);
      const auto json = in.skip();
      if (!in.failed() && extra.size() < 32) extra.emplace_back(std::move(key), json);
    }
  });
  http::problem p(code);
  p.type(std::move(type)).title(std::move(title)).detail(std::move(detail)).instance(std::move(instance));
  for (const auto& [name, json] : extra) p.extra(name, json);
  return p;
}

struct remote_status {
  job_state state = job_state::pending;
  std::optional<job_event> progress, result;
  std::optional<http::problem> error;

  /// Nothing where it is no status of a job.
  static std::optional<remote_status> parse(std::string_view text) {
    remote_status made;
    std::optional<job_state> state;
    remote_value progress, result;
    http::json_scanner in(text);
    in.object([&](std::string_view name) {
      std::string decoded;
      const auto part = [&](std::string_view of, remote_value& to) {
        if (!name.starts_with(of)) return false;
        const auto rest = name.substr(of.size());
        if (rest.empty()) {
          to.raw = std::string(in.skip());
        } else if (rest == "_type") {
          to.type = std::string(in.string(decoded));
        } else if (rest == "_base64") {
          to.base64 = in.boolean();
        } else {
          return false;
        }
        return true;
      };
      if (part("progress", progress) || part("result", result)) return;
      if (name == "state") {
        state = parse_job_state(in.string(decoded));
      } else if (name == "error") {
        if (!in.null()) made.error = take_problem(in, http::status::internal_server_error);
      } else {
        in.skip();
      }
    });
    if (!in.finish() || !state) return std::nullopt;
    made.state = *state;
    if (progress.raw && !progress.read(made.progress.emplace())) return std::nullopt;
    if (result.raw && !result.read(made.result.emplace())) return std::nullopt;
    // Of a job that is over there is one of the two.
    if (is_over(made.state) && (made.state == job_state::succeeded ? !made.result : !made.error)) return std::nullopt;
    return made;
  }
};

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
