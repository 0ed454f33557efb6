// SPDX-License-Identifier: BSL-1.0
// The status of a job as it is sent.
#pragma once

#include <antiphon/core/payload.hpp>
#include <antiphon/http/base64.hpp>
#include <antiphon/http/date.hpp>
#include <antiphon/http/message_json.hpp>
#include <antiphon/jobs/job_status.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

/// "2026-11-28T21:44:43Z" (RFC 3339).
inline std::string timestamp(std::chrono::system_clock::time_point at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const auto of_day = static_cast<unsigned>(std::chrono::floor<std::chrono::seconds>(at - day).count());
  std::string text("0000-00-00T00:00:00Z");
  const auto put = [&](std::size_t where, unsigned number, int digits) {
    http::detail::put_number(text.data() + where, number, digits);
  };
  put(0, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put(5, static_cast<unsigned>(date.month()), 2);
  put(8, static_cast<unsigned>(date.day()), 2);
  put(11, of_day / 3600, 2);
  put(14, of_day / 60 % 60, 2);
  put(17, of_day % 60, 2);
  return text;
}

/// ,"name":…: JSON as it is, text as a string; the rest in base64, and then "name_base64":true. What is no JSON has
/// "name_type".
inline void append_payload(std::string& out, std::string_view name, const payload& p) {
  const auto type = http::media_type::parse(p.type());
  out.append(",\"").append(name).append("\":");
  if (is_json(type)) {
    out.append(p.bytes());
    return;
  }
  if (is_text(type, p.bytes())) {
    http::detail::append_string(out, p.bytes());
  } else {
    out.push_back('"');
    http::detail::append_base64(out, p.bytes());
    out.append("\",\"").append(name).append("_base64\":true");
  }
  out.append(",\"").append(name).append("_type\":");
  http::detail::append_string(out, p.type());
}

/// {"id","state","created","cancelling","attempt","progress","result","error"}: what there is of them; a job that has
/// succeeded has a result, and one that has failed or was cancelled an error.
inline std::string status_json(const job_status& s, const payload* result) {
  std::string out("{\"id\":\"");
  out.append(to_string(s.id)).append("\",\"state\":\"").append(to_string(s.state));
  out.append("\",\"created\":\"").append(timestamp(s.created)).append("\"");
  if (s.cancelling) out.append(",\"cancelling\":true");
  if (s.attempt > 1) out.append(",\"attempt\":").append(std::to_string(s.attempt));
  if (s.progress) append_payload(out, "progress", payload::view_of(s.progress->bytes.view(), s.progress->type));
  if (s.state == job_state::succeeded && result) append_payload(out, "result", *result);
  if (s.error) out.append(",\"error\":").append(s.error->to_json());
  return out.append("}");
}

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
