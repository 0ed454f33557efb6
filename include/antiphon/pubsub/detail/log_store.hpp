// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/pubsub/detail/key_index.hpp>
#include <antiphon/pubsub/detail/memory_log.hpp>
#include <antiphon/pubsub/detail/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

struct log_limits {
  std::size_t messages;
  std::size_t bytes;
  duration age; ///< zero: any
  std::size_t keys;
};

/// The log of one topic: a ring of messages.
class log_store final : public memory_log {
 public:
  explicit log_store(const log_limits& limits) : limits_(limits), keys_(limits.keys) {}

  /// `key`: of messages that supersede each other.
  event_id publish(const selection*, entry_ptr m, std::optional<std::string> key) override {
    garbage dropped;
    event_id id;
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return {};
      m->id = id = {0, next_++};
      const auto now = m->at = clock::now();
      bytes_ += m->weight;
      kept_.push_back({std::move(m), false});
      if (key)
        if (const auto old = keys_.publish(std::move(*key), id.minor_part); old >= first()) at(old).superseded = true;
      while (!kept_.empty() && (kept_.size() > limits_.messages || bytes_ > limits_.bytes)) drop(dropped);
      expire(dropped, now);
    }
    groups_->notify_all();
    return id;
  }

  void close(const selection*) override {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    groups_->notify_all();
  }

  topic_stats stats(const selection*) const override {
    const std::lock_guard lock(mutex_);
    topic_stats s;
    s.published = next_ - 1;
    s.dropped = first() - 1;
    s.kept = kept_.size();
    s.kept_bytes = bytes_;
    count_readers(s, [](const log_reader&) { return true; });
    return s;
  }

 private:
  struct slot {
    entry_ptr entry;
    bool superseded = false;
  };

  std::uint64_t first() const noexcept { return next_ - kept_.size(); }
  slot& at(std::uint64_t id) noexcept { return kept_[static_cast<std::size_t>(id - first())]; }

  void expire(garbage& dropped) override {
    if (limits_.age != duration::zero()) expire(dropped, clock::now());
  }
  void expire(garbage& dropped, time_point now) {
    if (limits_.age == duration::zero()) return;
    while (!kept_.empty() && now - kept_.front().entry->at >= limits_.age) drop(dropped);
  }
  void drop(garbage& dropped) {
    auto entry = kept_.pop_front().entry;
    bytes_ -= entry->weight;
    dropped.take(std::move(entry));
  }

  waiter_groups& groups(const log_reader&) const noexcept override { return *groups_; }
  std::uint64_t oldest(log_reader&) override { return first() - 1; }
  std::uint64_t latest(log_reader&) override { return kept_.empty() ? next_ - 1 : next_ - 2; }
  std::uint64_t since(log_reader&, time_point when) override {
    return first() - 1 + kept_.upto(when, [](const slot& s) { return s.entry->at + duration(1); });
  }
  void kept(const log_reader&, std::vector<entry_ptr>& out) const override {
    for (std::size_t i = 0; i < kept_.size(); ++i) out.push_back(kept_[i].entry);
  }

  result next(log_reader& r, std::uint64_t& id, std::size_t most, std::size_t bytes, std::vector<entry_ptr>& out,
              gap& missed) override {
    if (id + 1 < first()) {
      const auto count = r.coalesce_ ? keys_.missed(id, first()) : first() - id - 1;
      missed = {{0, id}, {0, first()}, count};
      id = first() - 1;
      if (count != 0) return result::missed;
    }
    if (id + 1 == next_) return closed_ ? result::closed : result::nothing;
    std::size_t sum = 0;
    while (id + 1 != next_ && out.size() < most) {
      const auto& s = at(id + 1);
      if (!out.empty() && sum + s.entry->weight > bytes) break;
      ++id;
      if (r.coalesce_ && s.superseded) continue;
      sum += s.entry->weight;
      out.push_back(s.entry);
    }
    return result::messages;
  }

  std::uint64_t unread(const log_reader& r) const noexcept override { return next_ - 1 - r.at_.minor_part; }
  bool lags(log_reader& r) const noexcept override {
    const std::lock_guard lock(mutex_);
    r.seen_ = groups_->count();
    return first() != 1 && !kept_.empty() && unread(r) * 4 >= kept_.size() * 3;
  }

  const log_limits limits_;
  key_index keys_;
  ring<slot> kept_;
  std::size_t bytes_ = 0;
  const std::shared_ptr<waiter_groups> groups_ = std::make_shared<waiter_groups>();
};

} // namespace detail
} // namespace v0
} // namespace antiphon
