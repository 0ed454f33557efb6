// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/cursor.hpp>

#include <chrono>

namespace antiphon {
inline namespace v0 {

/// Where the reading of a log begins.
///
///     news.subscribe(ap::position::oldest);
///     news.subscribe(ap::position::after(last_seen));
class position {
 public:
  enum class kind : unsigned char { now, oldest, latest, after, since };

  static const position now;    ///< what comes from now on
  static const position oldest; ///< all that is kept
  static const position latest; ///< the newest that is kept, then what comes
  /// What came after `c`. If that is not kept any more, the reader is told how much it missed.
  static constexpr position after(const cursor& c) noexcept { return position(kind::after, c, {}); }
  /// What was published at that time or later, as far as it is kept.
  static constexpr position since(std::chrono::system_clock::time_point at) noexcept {
    return position(kind::since, {}, at);
  }

  constexpr kind what() const noexcept { return kind_; }
  constexpr const cursor& last_seen() const noexcept { return cursor_; }                  ///< of after()
  constexpr std::chrono::system_clock::time_point time() const noexcept { return time_; } ///< of since()

 private:
  constexpr position(kind k, const cursor& c, std::chrono::system_clock::time_point t) noexcept
      : kind_(k), cursor_(c), time_(t) {}

  kind kind_;
  cursor cursor_;
  std::chrono::system_clock::time_point time_;
};

inline constexpr position position::now{position::kind::now, {}, {}};
inline constexpr position position::oldest{position::kind::oldest, {}, {}};
inline constexpr position position::latest{position::kind::latest, {}, {}};

} // namespace v0
} // namespace antiphon
