// SPDX-License-Identifier: BSL-1.0
// Where the readers of a topic_map stand: at a subject or at a pattern.
#pragma once

#include <antiphon/core/detail/log_base.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/pubsub/detail/ring.hpp>
#include <antiphon/pubsub/detail/subject.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// A pattern, or, as the base of a subject_place, a subject. Guarded by the map's lock.
class map_place : public selection {
 public:
  map_place(std::string n, bool p) : selection(std::move(n), {}, false), pattern(p) {}
  bool has(const log_entry&) const override { return true; }
  bool several_subjects() const noexcept override { return pattern; }
  bool takes(std::string_view subject) const noexcept { return matches(name, subject); }

  const bool pattern;
  std::size_t users = 0; ///< map_place_user objects
  const std::shared_ptr<waiter_groups> groups = std::make_shared<waiter_groups>();
};

/// A subject, as long as somebody uses it or a message of it is kept.
class subject_place final : public map_place {
 public:
  /// `lost`: up to there it may have had messages, before it was forgotten.
  subject_place(std::string n, std::uint64_t lost) : map_place(std::move(n), false), dropped_to(lost), dropped(lost) {}

  ring<entry_ptr> kept;
  std::size_t bytes = 0;
  std::uint64_t published = 0;
  std::uint64_t dropped_to; ///< the newest that is not kept any more
  std::uint64_t dropped;    ///< how many, at the most
  time_point used{};
  bool closed = false;
};

/// What handles and readers hold: it keeps the place in the map.
template <class Map>
class map_place_user final : public selection {
 public:
  map_place_user(Map& map, counted_ptr<map_place> place)
      : selection(place->name, place, false), map_(&map), place_(place.get()) {}
  ~map_place_user() override { map_->left(*place_); }
  bool has(const log_entry&) const override { return true; }

 private:
  const counted_ptr<Map> map_;
  map_place* const place_;
};

/// Around what a reader of a pattern reads, until it has come to where the log ended when it began.
class map_beginning final : public selection {
 public:
  map_beginning(const counted_ptr<selection>& what, std::uint64_t e, std::uint64_t d, bool n)
      : selection(what->name, what, what->asks), end(e), drops(d), newest(n) {}
  bool has(const log_entry& m) const override { return within->has(m); }

  const std::uint64_t end;
  const std::uint64_t drops; ///< of the log, until then
  const bool newest;         ///< it wants the newest message of each subject
};

} // namespace detail
} // namespace v0
} // namespace antiphon
