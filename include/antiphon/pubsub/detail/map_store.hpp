// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/error.hpp>
#include <antiphon/pubsub/detail/map_places.hpp>
#include <antiphon/pubsub/detail/memory_log.hpp>
#include <antiphon/pubsub/detail/pattern_tree.hpp>
#include <antiphon/pubsub/detail/ring.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

struct map_limits {
  std::size_t messages, bytes; ///< of a subject
  std::size_t subjects, all_bytes;
  duration age, idle; ///< zero: any
  bool forget_oldest; ///< to make room for a subject
};

/// The log of a topic_map: messages of many subjects in one order, and each subject's own.
///
/// What was dropped leaves its slot behind in the order, so that a reader of a pattern is told of it where it stood;
/// such slots are joined when they are more than the messages, and then nobody knows any more whose they were: readers
/// are told of more than they have missed rather than of less.
class map_store final : public memory_log {
 public:
  explicit map_store(const map_limits& limits) : limits_(limits) {}
  ~map_store() override {
    for (const auto& s : by_use_) s->kept = {}; // messages have their subject, and a subject its messages
  }

  /// A subject, made if it is new. Nothing where `ec`.
  counted_ptr<selection> open(std::string_view name, error_code& ec) {
    garbage dropped;
    ec = {};
    if (!valid_subject(name)) {
      ec = error::bad_subject;
      return {};
    }
    const std::lock_guard lock(mutex_);
    const auto now = clock::now();
    forget_idle(dropped, now);
    auto found = index_.find(name);
    if (found == index_.end()) {
      if (index_.size() >= limits_.subjects && !make_room(dropped)) {
        ec = error::too_many_subjects;
        return {};
      }
      by_use_.push_back(counted_ptr<subject_place>(new subject_place(std::string(name), lost_with_subjects_)));
      found = index_.emplace(by_use_.back()->name, std::prev(by_use_.end())).first;
    }
    return refer(*found->second);
  }

  /// The subjects that match, now and later.
  counted_ptr<selection> match(std::string_view pattern, error_code& ec) {
    ec = {};
    if (!valid_subject(pattern, true)) {
      ec = error::bad_pattern;
      return {};
    }
    const std::lock_guard lock(mutex_);
    auto& place = patterns_[pattern];
    if (!place) place = counted_ptr<map_place>(new map_place(std::string(pattern), true));
    return refer(place);
  }

  /// Nobody has the place any more.
  void left(map_place& place) noexcept {
    garbage dropped;
    const std::lock_guard lock(mutex_);
    if (--place.users != 0) return;
    if (place.pattern) return patterns_.erase(place.name);
    auto& s = static_cast<subject_place&>(place);
    if (s.kept.empty()) {
      forget(s, dropped);
    } else {
      use(s, clock::now());
    }
  }

  event_id publish(const selection* where, entry_ptr m, std::optional<std::string>) override {
    garbage dropped;
    event_id id;
    to_wake wake;
    {
      const std::lock_guard lock(mutex_);
      auto& s = subject(*where);
      if (closed_ || s.closed) return {};
      m->id = id = {0, next_++};
      const auto now = m->at = clock::now();
      use(s, now);
      ++s.published;
      s.bytes += m->weight;
      bytes_ += m->weight + each_message;
      s.kept.push_back(m);
      order_.push_back({id.minor_part, std::move(m), counted_ptr<subject_place>(&s)});
      while (!s.kept.empty() && (s.kept.size() > limits_.messages || s.bytes > limits_.bytes)) drop(s, dropped);
      while (bytes_ > limits_.all_bytes) drop_oldest(dropped);
      expire(dropped, now);
      forget_idle(dropped, now);
      wake.add(s.groups);
      patterns_.for_each_match(s.name, [&](const counted_ptr<map_place>& p) { wake.add(p->groups); });
    }
    return id;
  }

  void close(const selection* where) override {
    to_wake wake;
    const std::lock_guard lock(mutex_);
    if (where) {
      auto& s = subject(*where);
      s.closed = true;
      wake.add(s.groups);
      return;
    }
    closed_ = true;
    for (const auto& s : by_use_) wake.add(s->groups);
    patterns_.for_each([&](const counted_ptr<map_place>& p) { wake.add(p->groups); });
  }

  topic_stats stats(const selection* where) const override {
    const std::lock_guard lock(mutex_);
    topic_stats s;
    if (where) {
      const auto& of = subject(*where);
      s = {of.published, of.published - of.kept.size(), of.kept.size(), of.bytes};
      count_readers(s, [&](const log_reader& r) { return &place_of(r) == &of; });
    } else {
      s.published = next_ - 1;
      s.kept = order_.size() - holes_;
      s.dropped = s.published - s.kept;
      for (const auto& of : by_use_) s.kept_bytes += of->bytes;
      count_readers(s, [](const log_reader&) { return true; });
    }
    return s;
  }
  std::size_t subjects() const {
    const std::lock_guard lock(mutex_);
    return index_.size();
  }

 private:
  /// A message in the order, or, without an entry, what is left of it.
  struct slot {
    std::uint64_t id = 0;
    entry_ptr entry;
    counted_ptr<subject_place> of; // none: of several subjects
    std::uint64_t dropped_at = 0;  // as the log's drops count
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

  /// Groups that are rung when the lock is given back.
  class to_wake {
   public:
    to_wake() = default;
    to_wake(const to_wake&) = delete;
    to_wake& operator=(const to_wake&) = delete;
    ~to_wake() {
      if (one_) one_->notify_all();
      for (const auto& g : more_) g->notify_all();
    }
    void add(const std::shared_ptr<waiter_groups>& g) {
      if (!one_) {
        one_ = g;
      } else {
        more_.push_back(g);
      }
    }

   private:
    std::shared_ptr<waiter_groups> one_;
    std::vector<std::shared_ptr<waiter_groups>> more_;
  };

  static constexpr std::size_t each_message = 192; // what a message costs besides its weight
  static constexpr std::size_t most_holes = 1024;  // and twice as many as there are messages

  static const map_place& place_of(const selection& what) noexcept {
    return static_cast<const map_place&>(what.innermost());
  }
  static const map_place& place_of(const log_reader& r) noexcept { return place_of(*r.what_); }
  static subject_place& subject(const selection& what) noexcept {
    return const_cast<subject_place&>(static_cast<const subject_place&>(what.innermost()));
  }

  counted_ptr<selection> refer(counted_ptr<map_place> place) {
    ++place->users;
    return counted_ptr<selection>(new map_place_user<map_store>(*this, std::move(place)));
  }

  // --- What is kept
  // ---------------------------------------------------------------------------------------------------

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
    if (holes_ > 2 * (order_.size() - holes_) + most_holes) join_holes();
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

  void expire(garbage& dropped) override {
    if (limits_.age != duration::zero()) expire(dropped, clock::now());
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
  bool make_room(garbage& dropped) {
    if (!limits_.forget_oldest) return false;
    for (const auto& s : by_use_) {
      if (s->users != 0) continue;
      forget(*s, dropped);
      return true;
    }
    return false;
  }

  // --- Reading
  // --------------------------------------------------------------------------------------------------------

  /// How many slots stand up to the id.
  std::size_t upto(std::uint64_t id) const noexcept {
    return order_.upto(id, [](const slot& s) { return s.id; });
  }
  static std::size_t upto(const subject_place& s, std::uint64_t id) noexcept {
    return s.kept.upto(id, [](const entry_ptr& m) { return m->id.minor_part; });
  }
  waiter_groups& groups(const log_reader& r) const noexcept override { return *place_of(r).groups; }

  std::uint64_t oldest(log_reader& r) override { return begin(r, false); }
  std::uint64_t latest(log_reader& r) override { return begin(r, true); }
  std::uint64_t begin(log_reader& r, bool newest) {
    if (!place_of(r).pattern) {
      const auto& s = subject(*r.what_);
      return s.kept.empty() ? next_ - 1 : (newest ? s.kept.back() : s.kept.front())->id.minor_part - 1;
    }
    if (order_.empty()) return next_ - 1;
    mark(r, newest);
    return order_.front().id - 1;
  }
  std::uint64_t since(log_reader& r, time_point when) override {
    if (!place_of(r).pattern) {
      const auto& kept = subject(*r.what_).kept;
      const auto older = kept.upto(when, [](const entry_ptr& m) { return m->at + duration(1); });
      return older == kept.size() ? next_ - 1 : kept[older]->id.minor_part - 1;
    }
    auto first = next_;
    for (auto i = order_.size(); i-- > 0;) {
      if (!order_[i].entry) continue;
      if (order_[i].entry->at < when) break;
      first = order_[i].id;
    }
    mark(r, false);
    return first - 1;
  }
  /// What was dropped before it begins, it does not miss.
  void mark(log_reader& r, bool newest) {
    r.what_ = counted_ptr<selection>(new map_beginning(r.what_, next_ - 1, drops_, newest));
    r.begins_ = true;
  }

  void kept(const log_reader& r, std::vector<entry_ptr>& out) const override {
    if (place_of(r).pattern) return; // there is nothing
    const auto& s = subject(*r.what_);
    for (std::size_t i = 0; i < s.kept.size(); ++i) out.push_back(s.kept[i]);
  }

  result next(log_reader& r, std::uint64_t& id, std::size_t most, std::size_t bytes, std::vector<entry_ptr>& out,
              gap& missed) override {
    return place_of(r).pattern ? next_of_pattern(r, id, most, bytes, out, missed)
                               : next_of_subject(r, id, most, bytes, out, missed);
  }

  result next_of_subject(const log_reader& r, std::uint64_t& id, std::size_t most, std::size_t bytes,
                         std::vector<entry_ptr>& out, gap& missed) const {
    const auto& s = subject(*r.what_);
    if (id < s.dropped_to) {
      // A newer message of the subject supersedes: only where there is none, something is missed.
      const auto count = r.coalesce_ ? std::uint64_t{s.kept.empty()} : (std::min)(s.dropped, s.dropped_to - id);
      missed = {{0, id}, {0, s.kept.empty() ? s.dropped_to + 1 : s.kept.front()->id.minor_part}, count};
      id = s.dropped_to;
      if (count != 0) return result::missed;
    }
    auto i = upto(s, id);
    if (i == s.kept.size()) {
      id = next_ - 1;
      return closed_ || s.closed ? result::closed : result::nothing;
    }
    if (r.coalesce_) i = s.kept.size() - 1;
    for (std::size_t sum = 0; i < s.kept.size() && out.size() < most; ++i) {
      const auto& m = s.kept[i];
      if (!out.empty() && sum + m->weight > bytes) break;
      sum += m->weight;
      id = m->id.minor_part;
      out.push_back(m);
    }
    return result::messages;
  }

  result next_of_pattern(log_reader& r, std::uint64_t& id, std::size_t most, std::size_t bytes,
                         std::vector<entry_ptr>& out, gap& missed) {
    std::uint64_t drops = 0; // those before it began are not missed
    std::uint64_t newest = 0;
    if (r.begins_) {
      const auto& b = static_cast<const map_beginning&>(*r.what_);
      drops = b.drops;
      if (b.newest) newest = b.end;
      if (id >= b.end) {
        r.what_ = b.within;
        r.begins_ = false;
      }
    }
    const auto& pattern = place_of(r);
    const auto is_missed = [&](const slot& hole, std::uint64_t from) {
      if ((r.coalesce_ ? hole.newest : hole.count) == 0 || hole.dropped_at <= drops) return false;
      return hole.of ? pattern.takes(hole.of->name) : has_lost(pattern, from);
    };
    const std::uint64_t from = id;
    std::uint64_t lost = 0;
    if (id < lost_.id) {
      if (is_missed(lost_, id)) lost = lost_.id - id;
      id = lost_.id;
    }
    std::size_t sum = 0, looked = 0;
    auto i = upto(id);
    for (; i < order_.size() && out.size() < most && looked != most_looked_at; ++i, ++looked) {
      const auto& s = order_[i];
      if (!s.entry) {
        if (is_missed(s, id)) {
          if (!out.empty()) return result::messages; // told in its place
          lost += (std::min)(std::uint64_t{r.coalesce_ ? s.newest : s.count}, s.id - id);
        }
      } else if (pattern.takes(s.of->name) && !((r.coalesce_ || s.id <= newest) && s.of->kept.back() != s.entry)) {
        if (lost != 0 || (!out.empty() && sum + s.entry->weight > bytes)) break;
        sum += s.entry->weight;
        out.push_back(s.entry);
      }
      id = s.id;
    }
    if (lost != 0) {
      missed = {{0, from}, {0, id + 1}, lost};
      return result::missed;
    }
    if (!out.empty() || i != order_.size()) return result::messages;
    id = next_ - 1;
    return closed_ ? result::closed : result::nothing;
  }
  /// Whether a subject of the pattern has lost messages behind the id; what is forgotten counts for all.
  bool has_lost(const map_place& pattern, std::uint64_t id) const noexcept {
    return id < lost_with_subjects_ || std::any_of(by_use_.begin(), by_use_.end(), [&](const auto& s) {
             return id < s->dropped_to && pattern.takes(s->name);
           });
  }
  static constexpr std::size_t most_looked_at = 1024; // with one lock

  std::uint64_t unread(const log_reader& r) const noexcept override {
    const auto id = r.at_.minor_part;
    if (place_of(r).pattern) return next_ - 1 - id;
    const auto& s = subject(*r.what_);
    return s.kept.size() - upto(s, id) + (id < s.dropped_to ? (std::min)(s.dropped, s.dropped_to - id) : 0);
  }
  bool lags(log_reader& r) const noexcept override {
    const std::lock_guard lock(mutex_);
    r.seen_ = groups(r).count();
    const auto id = r.at_.minor_part;
    if (place_of(r).pattern) return lost_.id != 0 && (order_.size() - upto(id)) * 4 >= order_.size() * 3;
    const auto& s = subject(*r.what_);
    return s.dropped != 0 && !s.kept.empty() && (s.kept.size() - upto(s, id)) * 4 >= s.kept.size() * 3;
  }

  const map_limits limits_;
  std::list<counted_ptr<subject_place>> by_use_; // the one that was used last at the end
  std::unordered_map<std::string_view, std::list<counted_ptr<subject_place>>::iterator> index_;
  pattern_tree<counted_ptr<map_place>> patterns_;
  ring<slot> order_; // begins with a message
  std::size_t holes_ = 0;
  slot lost_; // what stood before
  std::uint64_t drops_ = 0;
  std::uint64_t lost_with_subjects_ = 0; // up to there messages were dropped of subjects that are forgotten
  std::size_t bytes_ = 0;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
