// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>
#include <antiphon/pubsub/detail/few.hpp>
#include <antiphon/pubsub/detail/map_places.hpp>
#include <antiphon/pubsub/detail/ring.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

struct map_limits {
  std::size_t messages, bytes; ///< of a subject
  std::size_t subjects, all_bytes;
  duration age, idle; ///< zero: any
  bool forget_oldest; ///< to make room for a subject
};

/// What a topic_map keeps: messages of many subjects in one order, and each subject's own. Guarded by the map's lock.
///
/// What was dropped leaves its slot behind in the order, so that a reader of a pattern is told of it where it stood;
/// such slots are joined when they are more than the messages, and then nobody knows any more whose they were: readers
/// are told of more than they have missed rather than of less.
class map_history {
 public:
  /// A message in the order, or, without an entry, what is left of it.
  struct slot {
    std::uint64_t id = 0;
    entry_ptr entry;
    counted_ptr<subject_place> of; // none: of several subjects
    std::uint64_t dropped_at = 0;  // as drops() counts
    std::uint64_t count = 1;       // of messages that are joined here
    std::uint64_t newest = 0;      // how many of them were the newest of their subjects

    /// Takes what stands behind it.
    void join(const slot& behind) {
      of = id == 0 || of == behind.of ? behind.of : counted_ptr<subject_place>();
      count = id == 0 ? behind.count : count + behind.count;
      newest += behind.newest;
      id = behind.id;
      dropped_at = (std::max)(dropped_at, behind.dropped_at);
    }
  };

  explicit map_history(const map_limits& limits) : limits_(limits) {}
  map_history(const map_history&) = delete;
  map_history& operator=(const map_history&) = delete;
  ~map_history() {
    for (const auto& s : by_use_) s->kept = {}; // messages have their subject, and a subject its messages
  }

  /// Null: there are as many as there may be.
  counted_ptr<subject_place> open(std::string_view name, garbage& dropped) {
    auto found = index_.find(name);
    if (found == index_.end()) {
      if (index_.size() >= limits_.subjects && !make_room(dropped)) return {};
      by_use_.push_back(counted_ptr<subject_place>(new subject_place(std::string(name), lost_with_subjects_)));
      found = index_.emplace(by_use_.back()->name, std::prev(by_use_.end())).first;
    }
    return *found->second;
  }
  /// Nobody has the subject any more.
  void left(subject_place& s, garbage& dropped) {
    if (s.kept.empty()) {
      forget(s, dropped);
    } else {
      use(s, clock::now());
    }
  }

  void append(subject_place& s, entry_ptr m, garbage& dropped) {
    const auto now = m->at;
    use(s, now);
    ++s.published;
    s.bytes += m->weight;
    bytes_ += m->weight + each_message;
    s.kept.push_back(m);
    const auto id = m->id.minor_part;
    order_.push_back({id, std::move(m), counted_ptr<subject_place>(&s)});
    while (!s.kept.empty() && (s.kept.size() > limits_.messages || s.bytes > limits_.bytes)) drop(s, dropped);
    while (bytes_ > limits_.all_bytes) drop_oldest(dropped);
    expire(dropped, now);
    forget_idle(dropped, now);
  }
  void expire(garbage& dropped) {
    if (limits_.age != duration::zero()) expire(dropped, clock::now());
  }
  void forget_idle(garbage& dropped, time_point now) {
    if (limits_.idle == duration::zero()) return;
    for (int n = 0; n < 4 && !by_use_.empty(); ++n) { // more than can come: none is left for long
      auto& s = *by_use_.front();
      if (now - s.used < limits_.idle) return;
      if (s.users == 0) {
        forget(s, dropped);
      } else {
        use(s, now);
      }
    }
  }

  const std::list<counted_ptr<subject_place>>& subjects() const noexcept { return by_use_; }
  /// Begins with a message.
  const ring<slot>& order() const noexcept { return order_; }
  /// How many slots stand up to the id.
  std::size_t upto(std::uint64_t id) const noexcept {
    return order_.upto(id, [](const slot& s) { return s.id; });
  }
  std::size_t messages() const noexcept { return order_.size() - holes_; }
  /// What stood before the order.
  const slot& lost() const noexcept { return lost_; }
  std::uint64_t drops() const noexcept { return drops_; }
  /// Whether a subject of the pattern has lost messages behind the id; what is forgotten counts for all.
  bool has_lost(const map_place& pattern, std::uint64_t id) const noexcept {
    return id < lost_with_subjects_ || std::any_of(by_use_.begin(), by_use_.end(), [&](const auto& s) {
             return id < s->dropped_to && pattern.takes(s->name);
           });
  }

 private:
  static constexpr std::size_t each_message = 192; // what a message costs besides its weight
  static constexpr std::size_t most_holes = 1024;  // and twice as many as there are messages

  void use(subject_place& s, time_point now) {
    s.used = now;
    by_use_.splice(by_use_.end(), by_use_, index_.find(s.name)->second);
  }
  /// The oldest message of the subject.
  void drop(subject_place& s, garbage& dropped) {
    entry_ptr entry = s.kept.pop_front();
    s.bytes -= entry->weight;
    bytes_ -= entry->weight + each_message;
    s.dropped_to = entry->id.minor_part;
    ++s.dropped;
    auto& hole = order_[upto(s.dropped_to) - 1];
    hole.entry = {};
    hole.dropped_at = ++drops_;
    hole.newest = s.kept.empty();
    ++holes_;
    dropped.take(std::move(entry));
    for (; !order_.empty() && !order_.front().entry; --holes_) lost_.join(order_.pop_front());
    if (holes_ > 2 * messages() + most_holes) join_holes();
  }
  void drop_oldest(garbage& dropped) {
    const auto s = order_.front().of;
    drop(*s, dropped);
    if (s->kept.empty() && s->users == 0) forget(*s, dropped);
  }
  void join_holes() {
    ring<slot> joined;
    for (holes_ = 0; !order_.empty();) {
      auto s = order_.pop_front();
      if (!s.entry && !joined.empty() && !joined.back().entry) {
        joined.back().join(s);
        continue;
      }
      holes_ += !s.entry;
      joined.push_back(std::move(s));
    }
    order_ = std::move(joined);
  }
  void expire(garbage& dropped, time_point now) {
    if (limits_.age == duration::zero()) return;
    while (!order_.empty() && now - order_.front().entry->at >= limits_.age) drop_oldest(dropped);
  }

  /// Nobody reads it nor has a handle to it.
  void forget(subject_place& s, garbage& dropped) {
    while (!s.kept.empty()) drop(s, dropped);
    // Whoever comes back with a cursor from before may have missed something.
    lost_with_subjects_ = (std::max)(lost_with_subjects_, s.dropped_to);
    const auto found = index_.find(s.name);
    const auto place = found->second;
    index_.erase(found); // its key is the subject's
    by_use_.erase(place);
  }
  bool make_room(garbage& dropped) {
    if (!limits_.forget_oldest) return false;
    for (const auto& s : by_use_) {
      if (s->users != 0) continue;
      forget(*s, dropped);
      return true;
    }
    return false;
  }

  const map_limits limits_;
  std::list<counted_ptr<subject_place>> by_use_; // the one that was used last at the end
  std::unordered_map<std::string_view, std::list<counted_ptr<subject_place>>::iterator> index_;
  ring<slot> order_;
  std::size_t holes_ = 0;
  slot lost_;
  std::uint64_t drops_ = 0;
  std::uint64_t lost_with_subjects_ = 0; // up to there messages were dropped of subjects that are forgotten
  std::size_t bytes_ = 0;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
