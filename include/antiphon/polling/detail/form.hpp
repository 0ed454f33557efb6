// SPDX-License-Identifier: BSL-1.0
// What polls answer with: JSON with several messages, or one message as it is.
#pragma once

#include <antiphon/core/log.hpp>
#include <antiphon/core/shared_buffer.hpp>
#include <antiphon/http/message_json.hpp>
#include <antiphon/http/resume.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace polling {
namespace detail {

using v0::detail::counted_ptr;
using v0::detail::entry_ptr;
using v0::detail::log_reader;

/// {"id":…,"subject":…,"event":…,"data":…}
inline void append_item(std::string& out, std::uint64_t log, const v0::detail::log_entry& m) {
  out.append("{\"id\":\"");
  http::detail::append_cursor(out, {log, m.id});
  out.append("\",");
  http::detail::append_member(out, "subject", m.subject());
  const payload p = m.bytes();
  http::detail::append_member(out, "event", p.name());
  http::detail::append_data_member(out, p);
  out.push_back('}');
}

/// The body of an answer with messages, and what the head says of it. The same for all who stand at the same place.
class answer final : public v0::detail::encoded {
 public:
  shared_buffer body;
  http::fields fields; ///< of a long poll: Cache-Control, Link, Vary
  cursor last;         ///< message
  std::string tag;     ///< of it, for a reader that gets all messages
};

inline std::string json_body(const cursor& at, std::string_view items, const gap* missed, bool other) {
  std::string out("{\"cursor\":\"");
  http::detail::append_cursor(out, at);
  out.append("\",\"gap\":");
  if (missed) {
    http::detail::append_gap(out, at.log, *missed);
  } else {
    out.append("null");
  }
  out.append(other ? ",\"other_log\":true,\"items\":[" : ",\"other_log\":false,\"items\":[");
  return out.append(items).append("]}");
}

inline std::string json_items(std::uint64_t log, std::span<const entry_ptr> run) {
  std::string items;
  for (const auto& m : run) {
    if (!items.empty()) items.push_back(',');
    append_item(items, log, *m);
  }
  return items;
}

inline std::string link_to(const cursor& at, std::string_view rest_of_query) {
  std::string link("<?");
  link.append(rest_of_query).append("after=");
  http::detail::append_cursor(link, at);
  return link.append(">; rel=\"next\"");
}

/// W/"CURSOR" or W/"CURSOR;HASH": log, last message and choice. Weak, since what an answer means does not change when
/// old messages are dropped.
inline std::string tag_of(const cursor& last, const v0::detail::selection* what) {
  std::string tag("W/\"");
  http::detail::append_cursor(tag, last);
  if (what) {
    std::uint64_t hash = 0xcbf29ce484222325; // FNV-1a
    for (const char c : what->name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    tag.push_back(';');
    http::detail::put_number(tag, hash, 16);
  }
  return tag.append("\"");
}

/// What a reader that waited for messages is answered, where there is nothing else to say.
class json_format final : public v0::detail::format {
 public:
  counted_ptr<v0::detail::encoded> encode(std::uint64_t log, std::span<const entry_ptr> run) const override {
    auto* const made = new answer;
    counted_ptr<v0::detail::encoded> owner(made);
    const cursor last{log, run.back()->id};
    made->body = shared_buffer(json_body(last, json_items(log, run), nullptr, false));
    made->fields = {{"Cache-Control", "no-store"}, {"Link", link_to(last, {})}, {"Vary", "Prefer"}};
    made->last = last;
    made->tag = tag_of(last, nullptr);
    return owner;
  }
};
inline const json_format json;

} // namespace detail
} // namespace polling
} // namespace v0
} // namespace antiphon
