// SPDX-License-Identifier: BSL-1.0
// Messages and gaps of a log, read back from the JSON that message_json.hpp and resume.hpp write.
#pragma once

#include <antiphon/core/cursor.hpp>
#include <antiphon/core/delivery.hpp>
#include <antiphon/http/json_scan.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

/// {"after":"…","before":"…","at_most":N}. Of one log, and in order, or the scanner fails.
inline gap take_gap(json_scanner& in) {
  std::optional<cursor> after, before;
  gap found;
  in.object([&](std::string_view name) {
    std::string decoded;
    if (name == "after") {
      after = parse_cursor(in.string(decoded));
    } else if (name == "before") {
      before = parse_cursor(in.string(decoded));
    } else if (name == "at_most") {
      if (!in.null()) found.at_most = in.number();
    } else {
      in.skip();
    }
  });
  if (!after || !before || after->log != before->log) {
    in.fail();
    return found;
  }
  found.after = after->id;
  found.before = before->id;
  return found;
}

/// A message as it stands in JSON.
struct json_message {
  std::optional<cursor> id;
  std::string subject, event, data;
  bool has_data = false;
  bool json = false;  ///< the data is JSON, as it stood there
  bool bytes = false; ///< the data was base64
};

/// {"id":…,"subject":…,"event":…,"data":…,"base64":…}; all but the data may be missing.
inline json_message take_message(json_scanner& in) {
  json_message m;
  bool base64 = false;
  in.object([&](std::string_view name) {
    std::string decoded;
    if (name == "id") {
      m.id = parse_cursor(in.string(decoded));
      if (!m.id) in.fail();
    } else if (name == "subject") {
      m.subject = in.string(decoded);
    } else if (name == "event") {
      m.event = in.string(decoded);
    } else if (name == "base64") {
      base64 = in.boolean();
    } else if (name == "data") {
      m.has_data = true;
      m.json = in.peek() != '"';
      m.data = m.json ? in.skip() : in.string(decoded);
    } else {
      in.skip();
    }
  });
  if (base64) {
    std::string raw;
    if (m.json || !append_unbase64(raw, m.data)) in.fail();
    m.data = std::move(raw);
    m.bytes = true;
  }
  if (!m.has_data) in.fail();
  return m;
}

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
