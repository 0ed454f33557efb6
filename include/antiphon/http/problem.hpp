// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/error.hpp>
#include <antiphon/http/json_escape.hpp>
#include <antiphon/http/status.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Problem details: what went wrong, in a form that programs and people read (RFC 9457).
///
/// `problem(status::not_found).detail("there is no job 7").extra("job", "7")`. Text is UTF-8; what is not becomes
/// U+FFFD.
class problem {
 public:
  static constexpr std::string_view content_type = "application/problem+json";

  explicit problem(http::status code) : status_(code) {}
  problem(http::status code, std::string detail) : status_(code), detail_(std::move(detail)) {}
  /// What answers a request with this error: its status, and its sentence. 500, and not a word more, for an error that
  /// is not the client's.
  explicit problem(const error_code& ec) : status_(status_of(ec)) {
    if (ec.category() == error_category()) detail_ = ec.message();
  }

  /// A URI that names the kind of problem; left out, it is "about:blank": nothing beyond the status.
  problem& type(std::string uri) & { return put(type_, uri); }
  problem&& type(std::string uri) && { return std::move(put(type_, uri)); }
  /// The kind in a few words, always the same for a type; left out, the reason of the status.
  problem& title(std::string text) & { return put(title_, text); }
  problem&& title(std::string text) && { return std::move(put(title_, text)); }
  /// What was wrong this time, and what to do about it.
  problem& detail(std::string text) & { return put(detail_, text); }
  problem&& detail(std::string text) && { return std::move(put(detail_, text)); }
  /// A URI that names this one occurrence.
  problem& instance(std::string uri) & { return put(instance_, uri); }
  problem&& instance(std::string uri) && { return std::move(put(instance_, uri)); }

  /// One more member; `json` is taken as it is, so quote text by `json_quote`.
  /// Throws std::invalid_argument for an empty value and for a name that the standard already uses.
  problem& extra(std::string_view name, std::string_view json) & {
    if (json.empty()) throw std::invalid_argument("a member of problem details needs a JSON value");
    for (const std::string_view taken : {"type", "title", "status", "detail", "instance"})
      if (name == taken)
        throw std::invalid_argument("\"" + std::string(name) + "\" is a member of all problem details: use its setter");
    (extra_ += ',').append(json_quote(name)).append(":").append(json);
    return *this;
  }
  problem&& extra(std::string_view name, std::string_view json) && { return std::move(extra(name, json)); }

  http::status status() const noexcept { return status_; }

  std::string to_json() const {
    std::string out = "{";
    if (!type_.empty()) member(out, "type", type_).append(",");
    const auto words = title_.empty() ? reason(status_) : std::string_view(title_);
    if (!words.empty()) member(out, "title", words).append(",");
    out.append("\"status\":").append(std::to_string(code(status_)));
    if (!detail_.empty()) member(out += ',', "detail", detail_);
    if (!instance_.empty()) member(out += ',', "instance", instance_);
    return out.append(extra_).append("}");
  }

 private:
  problem& put(std::string& member, std::string& text) {
    member = std::move(text);
    return *this;
  }
  static std::string& member(std::string& out, std::string_view name, std::string_view text) {
    out.append("\"").append(name).append("\":\"");
    json_escape(out, text);
    return out += '"';
  }

  http::status status_;
  std::string type_, title_, detail_, instance_, extra_;
};

} // namespace http
} // namespace v0
} // namespace antiphon
