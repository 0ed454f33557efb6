// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/log_base.hpp>
#include <antiphon/core/detail/random.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/pubsub/detail/key_index.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// What a topic has done until now, and how its readers stand.
struct topic_stats {
  std::uint64_t published = 0;
  std::uint64_t dropped = 0; ///< from the history, to keep its limits
  std::size_t kept = 0;      ///< messages in the history
  std::size_t kept_bytes = 0;
  std::size_t readers = 0;       ///< subscriptions, and streams and polls of clients
  std::uint64_t slowest_lag = 0; ///< messages that the reader who is farthest behind has not read
};

namespace detail {

struct log_limits {
  std::size_t messages;
  std::size_t bytes;
  duration age; ///< zero: any
  std::size_t keys;
};

/// A log in memory: a ring of messages, the readers, and what was encoded last.
///
/// One lock. Under it only a few words are moved: messages are made, encoded, selected and destroyed without it.
class log_store final : public log_base {
 public:
  explicit log_store(const log_limits& limits)
      : log_base(random_tag()), limits_(limits), keys_(limits.keys), ring_(16) {}

  /// Where the message now stands; {0, 0} if the log is closed. `key`: of messages that supersede each other.
  event_id publish(entry_ptr m, std::optional<std::string> key = std::nullopt) {
    garbage dropped;
    event_id id;
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return {};
      if (next_ - first_ == ring_.size()) grow();
      m->id = id = {0, next_};
      const auto now = m->at = clock::now();
      bytes_ += m->weight;
      at(next_++) = {std::move(m), false};
      if (key)
        if (const auto old = keys_.publish(std::move(*key), id.minor_part); old >= first_) at(old).superseded = true;
      while (first_ != next_ && (next_ - first_ > limits_.messages || bytes_ > limits_.bytes)) drop(dropped);
      expire(dropped, now);
    }
    groups_->notify_all();
    return id;
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    groups_->notify_all();
  }

  event_id head() const override {
    const std::lock_guard lock(mutex_);
    return {0, next_ - 1};
  }

  topic_stats stats() const {
    const std::lock_guard lock(mutex_);
    topic_stats s;
    s.published = next_ - 1;
    s.dropped = first_ - 1;
    s.kept = static_cast<std::size_t>(next_ - first_);
    s.kept_bytes = bytes_;
    for (const auto* r = readers_; r; r = r->next_) {
      ++s.readers;
      s.slowest_lag = (std::max)(s.slowest_lag, next_ - 1 - r->at_.minor_part);
    }
    return s;
  }

 private:
  struct slot {
    entry_ptr entry;
    bool superseded = false;
  };
  /// What is dropped under the lock and destroyed without it. One message, as a rule: no allocation.
  struct garbage {
    entry_ptr one;
    std::vector<entry_ptr> more;
    void take(entry_ptr p) {
      if (!one) {
        one = std::move(p);
      } else {
        more.push_back(std::move(p));
      }
    }
  };
  /// An encoded run: what stands behind `from`, up to `to`.
  struct run {
    const format* how = nullptr;
    counted_ptr<selection> what;
    bool coalesce = false;
    std::uint64_t from = 0, to = 0;
    counted_ptr<encoded> bytes;
  };

  static std::uint64_t random_tag() {
    std::random_device source;
    return random_word(source);
  }

  slot& at(std::uint64_t id) noexcept { return ring_[id & (ring_.size() - 1)]; }
  void grow() {
    std::vector<slot> larger(ring_.size() * 2);
    for (auto id = first_; id != next_; ++id) larger[id & (larger.size() - 1)] = std::move(at(id));
    ring_.swap(larger);
  }
  void expire(garbage& dropped) {
    if (limits_.age != duration::zero()) expire(dropped, clock::now());
  }
  void expire(garbage& dropped, time_point now) {
    if (limits_.age == duration::zero()) return;
    while (first_ != next_ && now - at(first_).entry->at >= limits_.age) drop(dropped);
  }
  void drop(garbage& dropped) {
    auto& entry = at(first_++).entry;
    bytes_ -= entry->weight;
    dropped.take(std::exchange(entry, {}));
  }

  void open(log_reader& r, const position& from) override {
    garbage dropped;
    std::vector<entry_ptr> kept; // for a selection, which is asked without the lock
    {
      const std::lock_guard lock(mutex_);
      expire(dropped);
      r.at_.minor_part = begin(r, from);
      r.next_ = readers_;
      r.link_ = &readers_;
      if (readers_) readers_->link_ = &r.next_;
      readers_ = &r;
      if (from.what() == position::kind::latest && r.what_) {
        for (auto id = first_; id != next_; ++id) kept.push_back(at(id).entry);
        r.at_.minor_part = next_ - 1;
      }
    }
    for (auto m = kept.rbegin(); m != kept.rend(); ++m) {
      if (!r.what_->has(**m)) continue;
      const std::lock_guard lock(mutex_);
      r.at_.minor_part = (*m)->id.minor_part - 1;
      break;
    }
  }

  std::uint64_t begin(log_reader& r, const position& from) {
    switch (from.what()) {
    case position::kind::now: return next_ - 1;
    case position::kind::oldest: return first_ - 1;
    case position::kind::latest: return first_ == next_ ? next_ - 1 : next_ - 2;
    case position::kind::after: {
      const auto& seen = from.last_seen();
      // A place that is not reached yet was given by an earlier life of this log, or made up.
      if (seen.log == tag && seen.id.major_part == 0 && seen.id.minor_part < next_) return seen.id.minor_part;
      r.other_ = true;
      return first_ - 1;
    }
    case position::kind::since: break;
    }
    const auto ago = std::chrono::system_clock::now() - from.time();
    const auto when = clock::now() - std::chrono::duration_cast<duration>(ago);
    std::uint64_t low = first_, high = next_;
    while (low < high) {
      const auto middle = low + (high - low) / 2;
      if (at(middle).entry->at < when) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }
  void leave(log_reader& r) noexcept override {
    std::array<run, runs> unused; // encoded for readers that are no more
    const std::lock_guard lock(mutex_);
    *r.link_ = r.next_;
    if (r.next_) r.next_->link_ = r.link_;
    if (!readers_) unused.swap(runs_);
  }

  /// What there is to say before messages. With the lock.
  std::optional<result> before_messages(log_reader& r, gap& missed, garbage& dropped) {
    r.seen_ = groups_->count();
    expire(dropped);
    if (r.other_) {
      r.other_ = false;
      return result::other;
    }
    auto& seen = r.at_.minor_part;
    if (seen + 1 < first_) {
      const auto count = r.coalesce_ ? keys_.missed(seen, first_) : first_ - seen - 1;
      missed = {r.at_, {0, first_}, count};
      seen = first_ - 1;
      if (count != 0) return result::missed;
    }
    if (seen + 1 == next_) return closed_ ? result::closed : result::nothing;
    return std::nullopt;
  }

  /// Takes messages from behind `id` until there are `most` or `bytes`; `id` is then the last that was looked at. With
  /// the lock.
  void collect(const log_reader& r, std::uint64_t& id, std::size_t most, std::size_t bytes,
               std::vector<entry_ptr>& out) {
    std::size_t sum = 0;
    while (id + 1 != next_ && out.size() < most) {
      const auto& s = at(id + 1);
      if (!out.empty() && sum + s.entry->weight > bytes) break;
      ++id;
      if (r.coalesce_ && s.superseded) continue;
      sum += s.entry->weight;
      out.push_back(s.entry);
    }
  }

  result read(log_reader& r, std::size_t most, std::size_t bytes, std::vector<entry_ptr>& out, gap& missed) override {
    garbage dropped;
    for (;;) {
      out.clear();
      std::unique_lock lock(mutex_);
      if (const auto other = before_messages(r, missed, dropped)) return *other;
      auto id = r.at_.minor_part;
      collect(r, id, r.what_ ? (std::max)(most, std::size_t{64}) : most, bytes, out);
      if (r.what_) {
        lock.unlock();
        select(*r.what_, most, out, id);
        lock.lock();
      }
      r.at_.minor_part = id;
      if (!out.empty()) return result::messages;
    }
  }
  /// Leaves the messages that are selected, `most` of them; `id` is then the last that was looked at.
  static void select(const selection& what, std::size_t most, std::vector<entry_ptr>& out, std::uint64_t& id) {
    std::size_t n = 0;
    for (auto& m : out) {
      if (!what.has(*m)) continue;
      if (n == most) {
        id = m->id.minor_part - 1;
        break;
      }
      if (&out[n] != &m) out[n] = std::move(m);
      ++n;
    }
    out.resize(n);
  }

  static bool same(const counted_ptr<selection>& a, const counted_ptr<selection>& b) noexcept {
    return a == b || (a && b && a->name == b->name);
  }

  result read(log_reader& r, const format& f, std::size_t bytes, counted_ptr<encoded>& out, gap& missed) override {
    std::uint64_t from;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& c : runs_) { // first: it may hold what the history has dropped
        if (c.from != r.at_.minor_part || c.how != &f || c.coalesce != r.coalesce_ || !same(c.what, r.what_) ||
            r.other_ || (c.coalesce && c.to + 1 != next_))
          continue;
        r.seen_ = groups_->count();
        r.at_.minor_part = c.to;
        out = c.bytes;
        return result::messages;
      }
      from = r.at_.minor_part;
    }
    std::vector<entry_ptr> messages;
    const auto found = read(r, most_in_a_run, bytes, messages, missed);
    if (found != result::messages) return found;
    out = f.encode(tag, messages);
    run made{&f, r.what_, r.coalesce_, from, r.at_.minor_part, out};
    const std::lock_guard lock(mutex_);
    std::swap(runs_[turn_++ % runs], made);
    return result::messages;
  }

  bool join(log_reader& r, const asio::any_io_executor& executor, waiter& w) override {
    return groups_->join(executor, w, &r.seen_);
  }

  std::uint64_t lag(const log_reader& r) const noexcept override {
    const std::lock_guard lock(mutex_);
    return next_ - 1 - r.at_.minor_part;
  }
  bool lags(log_reader& r) const noexcept override {
    const std::lock_guard lock(mutex_);
    r.seen_ = groups_->count();
    return first_ != 1 && (next_ - 1 - r.at_.minor_part) * 4 >= (next_ - first_) * 3 && next_ != first_;
  }

  static constexpr std::size_t runs = 8; // readers stand at few places: where they were woken, and where they caught up
  static constexpr std::size_t most_in_a_run = 1024;

  const log_limits limits_;
  mutable std::mutex mutex_;
  key_index keys_;
  std::vector<slot> ring_;             // its size is a power of two
  std::uint64_t first_ = 1, next_ = 1; // ids of the oldest that is kept, and of the next
  std::size_t bytes_ = 0;
  bool closed_ = false;
  log_reader* readers_ = nullptr;
  std::array<run, runs> runs_;
  std::size_t turn_ = 0;
  const std::shared_ptr<waiter_groups> groups_ = std::make_shared<waiter_groups>();
};

} // namespace detail
} // namespace v0
} // namespace antiphon
