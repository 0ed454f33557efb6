// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/cursor.hpp>
#include <antiphon/core/detail/log_base.hpp>

#include <concepts>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// A log, or a part of one, as faces see it: whatever type its messages have, they read bytes. A handle.
class log_view {
 public:
  explicit log_view(detail::counted_ptr<detail::log_base> log, detail::counted_ptr<detail::selection> what = {})
      : log_(std::move(log)), what_(std::move(what)) {}

  cursor head() const { return {log_->tag, log_->head()}; }

  // For faces.
  const detail::counted_ptr<detail::log_base>& log() const noexcept { return log_; }
  const detail::counted_ptr<detail::selection>& what() const noexcept { return what_; }

 private:
  detail::counted_ptr<detail::log_base> log_;
  detail::counted_ptr<detail::selection> what_;
};

/// What can be read by cursor, by many at once and from any place: a topic, a part of one, the subjects of a map that a
/// pattern names.
template <class L>
concept log = requires(const L& l) {
  typename L::value_type;
  { l.head() } -> std::same_as<cursor>;
  { l.view() } -> std::same_as<log_view>;
};

} // namespace v0
} // namespace antiphon
