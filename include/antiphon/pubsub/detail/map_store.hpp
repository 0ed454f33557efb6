// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/error.hpp>
#include <antiphon/pubsub/detail/few.hpp>
#include <antiphon/pubsub/detail/map_history.hpp>
#include <antiphon/pubsub/detail/memory_log.hpp>
#include <antiphon/pubsub/detail/pattern_tree.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// The log of a topic_map.
class map_store final : public memory_log {
 public:
  explicit map_store(const map_limits& limits) : kept_(limits) {}

  /// A subject, made if it is new. Nothing where `ec`.
  counted_ptr<selection> at_subject(std::string_view name, error_code& ec) {
    garbage dropped;
    ec = {};
    if (!valid_subject(name)) {
      ec = error::bad_subject;
      return {};
    }
    const std::lock_guard lock(mutex_);
    kept_.forget_idle(dropped, clock::now());
    const auto place = kept_.open(name, dropped);
    if (place) return refer(place);
    ec = error::too_many_subjects;
    return {};
  }

  /// The subjects that match, now and later. Nothing where `ec`.
  counted_ptr<selection> at_pattern(std::string_view pattern, error_code& ec) {
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
    kept_.left(static_cast<subject_place&>(place), dropped);
  }

  event_id publish(const selection* where, entry_ptr m, std::optional<std::string>) override {
    garbage dropped;
    to_wake wake;
    const std::lock_guard lock(mutex_);
    auto& s = subject(*where);
    if (closed_ || s.closed) return {};
    const event_id id{0, next_++};
    m->id = id;
    m->at = clock::now();
    kept_.append(s, std::move(m), dropped);
    wake.add(s.groups);
    patterns_.for_each_match(s.name, [&](const counted_ptr<map_place>& p) { wake.add(p->groups); });
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
    for (const auto& s : kept_.subjects()) wake.add(s->groups);
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
      s.kept = kept_.messages();
      s.dropped = s.published - s.kept;
      for (const auto& of : kept_.subjects()) s.kept_bytes += of->bytes;
      count_readers(s, [](const log_reader&) { return true; });
    }
    return s;
  }
  std::size_t subjects() const {
    const std::lock_guard lock(mutex_);
    return kept_.subjects().size();
  }

 private:
  /// Groups that are rung when the lock is given back.
  class to_wake {
   public:
    to_wake() = default;
    to_wake(const to_wake&) = delete;
    to_wake& operator=(const to_wake&) = delete;
    ~to_wake() {
      groups_.for_each([](const auto& g) { g->notify_all(); });
    }
    void add(const std::shared_ptr<waiter_groups>& g) { groups_.take(g); }

   private:
    few<std::shared_ptr<waiter_groups>> groups_;
  };

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

  static std::size_t upto(const subject_place& s, std::uint64_t id) noexcept {
    return s.kept.upto(id, [](const entry_ptr& m) { return m->id.minor_part; });
  }
  void expire(garbage& dropped) override { kept_.expire(dropped); }
  waiter_groups& groups(const log_reader& r) const noexcept override { return *place_of(r).groups; }

  std::uint64_t oldest(log_reader& r) override { return begin(r, false); }
  std::uint64_t latest(log_reader& r) override { return begin(r, true); }
  std::uint64_t begin(log_reader& r, bool newest) {
    if (!place_of(r).pattern) {
      const auto& s = subject(*r.what_);
      return s.kept.empty() ? next_ - 1 : (newest ? s.kept.back() : s.kept.front())->id.minor_part - 1;
    }
    if (kept_.order().empty()) return next_ - 1;
    mark(r, newest);
    return kept_.order().front().id - 1;
  }
  std::uint64_t since(log_reader& r, time_point when) override {
    if (!place_of(r).pattern) {
      const auto& kept = subject(*r.what_).kept;
      const auto older = kept.upto(when, [](const entry_ptr& m) { return m->at + duration(1); });
      return older == kept.size() ? next_ - 1 : kept[older]->id.minor_part - 1;
    }
    auto first = next_;
    const auto& order = kept_.order();
    for (auto i = order.size(); i-- > 0;) {
      if (!order[i].entry) continue;
      if (order[i].entry->at < when) break;
      first = order[i].id;
    }
    mark(r, false);
    return first - 1;
  }
  /// What was dropped before it begins, it does not miss.
  void mark(log_reader& r, bool newest) {
    r.what_ = counted_ptr<selection>(new map_beginning(r.what_, next_ - 1, kept_.drops(), newest));
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
    const auto is_missed = [&](const map_history::slot& hole, std::uint64_t from) {
      if ((r.coalesce_ ? hole.newest : hole.count) == 0 || hole.dropped_at <= drops) return false;
      return hole.of ? pattern.takes(hole.of->name) : kept_.has_lost(pattern, from);
    };
    const std::uint64_t from = id;
    std::uint64_t lost = 0;
    if (const auto& before = kept_.lost(); id < before.id) {
      if (is_missed(before, id)) lost = before.id - id;
      id = before.id;
    }
    const auto& order = kept_.order();
    std::size_t sum = 0, looked = 0;
    auto i = kept_.upto(id);
    for (; i < order.size() && out.size() < most && looked != most_looked_at; ++i, ++looked) {
      const auto& s = order[i];
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
    if (!out.empty() || i != order.size()) return result::messages;
    id = next_ - 1;
    return closed_ ? result::closed : result::nothing;
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
    if (place_of(r).pattern) {
      const auto slots = kept_.order().size();
      return kept_.lost().id != 0 && slots != 0 && (slots - kept_.upto(id)) * 4 >= slots * 3;
    }
    const auto& s = subject(*r.what_);
    return s.dropped != 0 && !s.kept.empty() && (s.kept.size() - upto(s, id)) * 4 >= s.kept.size() * 3;
  }

  map_history kept_;
  pattern_tree<counted_ptr<map_place>> patterns_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
