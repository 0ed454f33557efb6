// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/message.hpp>

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace antiphon {
inline namespace v0 {

/// Messages that the log no longer had when the reader asked for them.
struct gap {
  event_id after;  ///< the last one that was seen
  event_id before; ///< the oldest one that is kept
  /// How many were missed: exactly where all messages of a log in memory are read, at the most where some are picked
  /// out; unknown where the log cannot say.
  std::optional<std::uint64_t> at_most;

  friend bool operator==(const gap&, const gap&) = default;
};

/// The cursor was another log's (this program was started anew, as a rule), or no place in this one: what was known
/// is void. The reader goes on at the oldest message that is kept.
struct other_log {
  friend bool operator==(const other_log&, const other_log&) = default;
};

/// What a reader does that has fallen behind what is kept.
struct on_gap {
  struct fail_type {};
  struct skip_type {};
  struct report_type {};
  /// The next read ends with error::gap or error::other_log, once; the reader stands at the oldest message kept.
  static constexpr fail_type fail{};
  /// It goes on at the oldest message kept, and counts.
  static constexpr skip_type skip{};
  /// It is given the gap in place of a message: reading yields delivery<T>.
  static constexpr report_type report{};
};

/// What was read where gaps are reported: a message, a gap, or other_log. Only visit() tells which.
///
///     d.visit([](const ap::message<std::string>& m) { show(*m); },
///             [](const ap::gap& g) { show_missed(g); },
///             [](ap::other_log) { forget_all(); });
template <class T>
class [[nodiscard]] delivery {
  template <class... Arms>
  struct all_of : Arms... {
    using Arms::operator()...;
  };

 public:
  delivery() = default; ///< none: what comes with an error
  delivery(message<T> m) noexcept : what_(std::move(m)) {}
  delivery(const gap& g) noexcept : what_(g) {}
  delivery(other_log o) noexcept : what_(o) {}

  template <class... Arms>
  decltype(auto) visit(Arms&&... arms) const {
    using visitor = all_of<std::decay_t<Arms>...>;
    static_assert(std::is_invocable_v<visitor&, const message<T>&>,
                  "antiphon: delivery::visit() has no arm for messages: add [](const antiphon::message<T>&) { … }");
    static_assert(std::is_invocable_v<visitor&, const gap&>,
                  "antiphon: delivery::visit() has no arm for gaps, by which messages would be lost without a word: "
                  "add [](const antiphon::gap&) { … }");
    static_assert(std::is_invocable_v<visitor&, const other_log&>,
                  "antiphon: delivery::visit() has no arm for another log: add [](antiphon::other_log) { … }");
    return std::visit(visitor{std::forward<Arms>(arms)...}, what_);
  }

 private:
  std::variant<message<T>, gap, other_log> what_;
};

} // namespace v0
} // namespace antiphon
