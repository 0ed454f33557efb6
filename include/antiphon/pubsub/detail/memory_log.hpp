// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/log_base.hpp>
#include <antiphon/core/detail/random.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/pubsub/detail/few.hpp>

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

/// What logs in memory have in common: one lock, the readers, and what was encoded last. Ids are numbers that count up.
///
/// Under the lock only a few words are moved: messages are made, encoded, selected and destroyed without it.
class memory_log : public log_base {
 public:
  /// Where the message now stands; {0, 0} if it is closed. `where`: in which part of the log; none is all of it.
  virtual event_id publish(const selection* where, entry_ptr m, std::optional<std::string> key) = 0;
  virtual void close(const selection* where) = 0;
  virtual topic_stats stats(const selection* where) const = 0;

  event_id head() const final {
    const std::lock_guard lock(mutex_);
    return {0, next_ - 1};
  }

 protected:
  memory_log() : log_base(random_tag()) {}

  // All of these with the lock.
  virtual void expire(garbage& dropped) = 0;
  virtual waiter_groups& groups(const log_reader& r) const noexcept = 0;
  /// Places to begin at: they stand before the first message that is read.
  virtual std::uint64_t oldest(log_reader& r) = 0;
  virtual std::uint64_t latest(log_reader& r) = 0;
  virtual std::uint64_t since(log_reader& r, time_point at) = 0;
  /// All that is kept, for a reader that looks for the newest of a choice.
  virtual void kept(const log_reader& r, std::vector<entry_ptr>& out) const = 0;
  /// Takes messages from behind `id` until there are `most` or `bytes`; `id` is then the last that was looked at. There
  /// may be none, although there are more.
  virtual result next(log_reader& r, std::uint64_t& id, std::size_t most, std::size_t bytes,
                      std::vector<entry_ptr>& out, gap& missed) = 0;

  /// Readers and how far behind the slowest is, of those for whom `f(reader)`.
  template <class F>
  void count_readers(topic_stats& s, F f) const {
    for (const auto* r = readers_; r; r = r->next_) {
      if (!f(*r)) continue;
      ++s.readers;
      s.slowest_lag = (std::max)(s.slowest_lag, unread(*r));
    }
  }
  /// How many messages the reader has not scanned.
  virtual std::uint64_t unread(const log_reader& r) const noexcept = 0;

  mutable std::mutex mutex_;
  std::uint64_t next_ = 1; // id
  bool closed_ = false;

 private:
  /// An encoded run: what stands behind `from`, from the message `first` on and up to `to`.
  struct run {
    const format* how = nullptr;
    std::string what;
    bool all = false, coalesce = false;
    std::uint64_t from = 0, first = 0, to = 0;
    std::size_t count = 0, weight = 0; // of the messages
    counted_ptr<encoded> bytes;
  };

  static std::uint64_t random_tag() {
    std::random_device source;
    return random_word(source);
  }

  void open(log_reader& r, const position& from) final {
    garbage dropped;
    std::vector<entry_ptr> all; // for a choice, which is asked without the lock
    {
      const std::lock_guard lock(mutex_);
      expire(dropped);
      r.at_.minor_part = begin(r, from);
      r.next_ = readers_;
      r.link_ = &readers_;
      if (readers_) readers_->link_ = &r.next_;
      readers_ = &r;
      if (from.what() == position::kind::latest && r.what_ && r.what_->asks && !r.begins_) {
        kept(r, all);
        r.at_.minor_part = next_ - 1;
      }
    }
    for (auto m = all.rbegin(); m != all.rend(); ++m) {
      if (!r.what_->has(**m)) continue;
      const std::lock_guard lock(mutex_);
      r.at_.minor_part = (*m)->id.minor_part - 1;
      break;
    }
  }

  std::uint64_t begin(log_reader& r, const position& from) {
    switch (from.what()) {
    case position::kind::now: return next_ - 1;
    case position::kind::oldest: return oldest(r);
    case position::kind::latest: return latest(r);
    case position::kind::after: {
      const auto& seen = from.last_seen();
      // A place that is not reached yet was given by an earlier life of this log, or made up.
      if (seen.log == tag && seen.id.major_part == 0 && seen.id.minor_part < next_) return seen.id.minor_part;
      r.other_ = true;
      return oldest(r);
    }
    case position::kind::since: break;
    }
    // This clock first: who is held up in between rather gets too much than too little.
    const auto now = clock::now();
    const auto ago =
        std::chrono::system_clock::now() - (std::max)(from.time(), std::chrono::system_clock::time_point());
    return since(r, now - std::chrono::duration_cast<duration>(ago));
  }

  void leave(log_reader& r) noexcept final {
    std::array<run, runs> unused; // encoded for readers that are no more
    const std::lock_guard lock(mutex_);
    *r.link_ = r.next_;
    if (r.next_) r.next_->link_ = r.link_;
    if (!readers_) unused.swap(runs_);
  }

  result read(log_reader& r, std::size_t most, std::size_t bytes, std::vector<entry_ptr>& out, gap& missed) final {
    garbage dropped;
    for (;;) {
      out.clear();
      std::unique_lock lock(mutex_);
      r.seen_ = groups(r).count();
      expire(dropped);
      if (r.other_) {
        r.other_ = false;
        return result::other;
      }
      auto id = r.at_.minor_part;
      const bool asks = r.what_ && r.what_->asks;
      const auto found = next(r, id, asks ? (std::max)(most, std::size_t{64}) : most, bytes, out, missed);
      if (found == result::messages && asks) {
        lock.unlock();
        select(*r.what_, most, out, id);
        lock.lock();
      }
      r.at_.minor_part = id;
      if (found != result::messages || !out.empty()) return found;
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

  result read(log_reader& r, const format& f, std::size_t most, std::size_t bytes, counted_ptr<encoded>& out,
              gap& missed) final {
    std::uint64_t from;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& c : runs_) { // first: it may hold what the history has dropped
        // Readers that have looked at different places before the first message of the run are given the same.
        if (r.at_.minor_part < c.from || r.at_.minor_part >= c.first || c.how != &f || c.coalesce != r.coalesce_ ||
            c.all == static_cast<bool>(r.what_) || (r.what_ && c.what != r.what_->name) || r.other_ || r.begins_ ||
            (c.coalesce && c.to + 1 != next_) || c.count > most || (c.weight > bytes && c.count > 1))
          continue;
        r.seen_ = groups(r).count();
        r.at_.minor_part = c.to;
        out = c.bytes;
        return result::messages;
      }
      from = r.at_.minor_part;
    }
    const bool begins = r.begins_;
    std::vector<entry_ptr> messages;
    const auto found = read(r, most, bytes, messages, missed);
    if (found != result::messages) return found;
    out = f.encode(tag, messages);
    if (begins) return found; // others may have missed something in between
    run made{&f, {}, !r.what_, r.coalesce_, from, messages.front()->id.minor_part, r.at_.minor_part, messages.size(),
             0,  out};
    for (const auto& m : messages) made.weight += m->weight;
    if (r.what_) made.what = r.what_->name;
    const std::lock_guard lock(mutex_);
    std::swap(runs_[turn_++ % runs], made);
    return result::messages;
  }

  bool join(log_reader& r, const asio::any_io_executor& executor, waiter& w) final {
    return groups(r).join(executor, w, &r.seen_);
  }
  std::uint64_t lag(const log_reader& r) const noexcept final {
    const std::lock_guard lock(mutex_);
    return unread(r);
  }

  static constexpr std::size_t runs = 8; // readers stand at few places: where they were woken, and where they caught up

  log_reader* readers_ = nullptr;
  std::array<run, runs> runs_;
  std::size_t turn_ = 0;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
