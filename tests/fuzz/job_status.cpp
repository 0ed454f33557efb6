// SPDX-License-Identifier: BSL-1.0
// The status of a job that a server tells: what is taken has what its state promises, and reads the same when it is
// written once more.
#include "fuzz.hpp"

#include <antiphon/jobs/detail/remote_status.hpp>
#include <antiphon/jobs/detail/status_json.hpp>

#include <optional>
#include <string>

namespace {

using antiphon::fuzz::require;
using antiphon::jobs::detail::remote_status;

/// Whether it can be written: what is said to be JSON is taken as it is.
bool writes(const std::optional<antiphon::job_event>& e) {
  if (!e || !antiphon::jobs::detail::is_json(antiphon::http::media_type::parse(e->type))) return true;
  antiphon::http::json_scanner in(e->bytes.view());
  in.skip();
  return in.finish();
}
bool same(const std::optional<antiphon::job_event>& a, const std::optional<antiphon::job_event>& b) {
  return a.has_value() == b.has_value() && (!a || a->bytes.view() == b->bytes.view());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  const auto status = remote_status::parse(in.text);
  if (!status) return 0;
  antiphon::http::json_scanner json(in.text);
  json.skip();
  require(json.finish(), "a status is JSON");
  if (is_over(status->state))
    require(status->state == antiphon::job_state::succeeded ? status->result.has_value() : status->error.has_value(),
            "a job that is over has a result or an error");
  for (const auto* part : {&status->progress, &status->result})
    require(!*part || (*part)->bytes.size() <= in.text.size() * 3, "bounded");

  antiphon::job_status s;
  s.state = status->state;
  s.progress = status->progress;
  s.error = status->error;
  std::optional<antiphon::payload> result;
  if (status->result) result = antiphon::payload::view_of(status->result->bytes.view(), status->result->type);
  if (s.error) require(s.error->to_json().size() <= in.text.size() * 8 + 4096, "bounded");
  if (!writes(status->progress) || !writes(status->result)) return 0;
  if (in.text.find_first_of("\\\x7f") != in.text.npos) return 0; // what was escaped may take more room than names have
  const auto again = remote_status::parse(antiphon::jobs::detail::status_json(s, result ? &*result : nullptr));
  require(again.has_value() && again->state == status->state, "what was written is read");
  require(same(again->progress, status->progress), "the same progress");
  if (s.state == antiphon::job_state::succeeded) require(same(again->result, status->result), "the same result");
  if (s.error) require(again->error && again->error->to_json() == s.error->to_json(), "the same problem");
  return 0;
}
