// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/delivery.hpp>
#include <antiphon/core/message.hpp>
#include <antiphon/core/payload.hpp>
#include <antiphon/http/json_messages.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace polling {

/// A message of a log in another program, as it was sent. What its publisher had as JSON text that is a string
/// (`"x"`), is that string here: polls do not tell it from text.
struct item {
  enum class form : unsigned char { text, json, bytes };

  std::string data{};
  std::string event{}; ///< the name of its payload; empty: none
  form as = form::text;

  friend bool operator==(const item&, const item&) = default;
};

inline payload to_payload(const item& i) {
  auto made = payload::view_of(i.data, i.as == item::form::json    ? json_type
                                       : i.as == item::form::bytes ? bytes_type
                                                                   : text_type);
  if (i.event.find_first_of("\r\n") == i.event.npos) made.name(std::string_view(i.event));
  return made;
}
inline std::size_t weight(const item& i) noexcept { return i.data.size() + i.event.size(); }

namespace detail {

class received_item final : public v0::detail::log_value<item> {
 public:
  received_item(item i, std::string subject) : log_value(std::move(i)), subject_(std::move(subject)) {}
  std::string_view subject() const noexcept override { return subject_; }

 private:
  const std::string subject_;
};

inline message<item> make_message(const event_id& id, item i, std::string subject) {
  v0::detail::counted_ptr<v0::detail::log_entry> entry(new received_item(std::move(i), std::move(subject)));
  entry->id = id;
  return message<item>(std::move(entry));
}
inline message<item> make_message(const event_id& id, http::detail::json_message&& m) {
  const auto as = m.bytes ? item::form::bytes : m.json ? item::form::json : item::form::text;
  return make_message(id, {std::move(m.data), std::move(m.event), as}, std::move(m.subject));
}

} // namespace detail
} // namespace polling
} // namespace v0
} // namespace antiphon
