// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random_id.hpp>
#include <antiphon/core/time.hpp>

#include <algorithm>
#include <cstddef>
#include <list>
#include <mutex>
#include <unordered_map>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Token buckets, one a key, as many as there may be. A bucket is the time at which it will be full again: one that is
/// full is as good as none, so those go first, and then those that were not used for longest.
///
/// Thread safety: all members.
class rate_table {
 public:
  /// A token comes every `interval`; `most` of them, as time, fill a bucket.
  rate_table(duration interval, duration most, std::size_t max_keys) noexcept
      : interval_(interval), most_(most), max_keys_(max_keys) {}

  /// Takes a token of the key's bucket. Zero: there was one; else it takes so long until there is.
  duration take(const wide& key, time_point now) {
    const std::lock_guard lock(mutex_);
    auto found = by_key_.find(key);
    if (found != by_key_.end()) {
      by_use_.splice(by_use_.begin(), by_use_, found->second);
    } else {
      while (!by_use_.empty() && (by_key_.size() >= max_keys_ || by_use_.back().full <= now)) {
        by_key_.erase(by_use_.back().key);
        by_use_.pop_back();
      }
      by_use_.push_front({key, now});
      try {
        found = by_key_.emplace(key, by_use_.begin()).first;
      } catch (...) {
        by_use_.pop_front();
        throw;
      }
    }
    auto& full = found->second->full;
    const auto next = (std::max)(full, now) + interval_;
    if (next - now > most_) return next - now - most_;
    full = next;
    return duration::zero();
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return by_key_.size();
  }

 private:
  struct bucket {
    wide key;
    time_point full;
  };
  struct first_word {
    std::size_t operator()(const wide& key) const noexcept { return static_cast<std::size_t>(key.first); }
  };

  const duration interval_, most_;
  const std::size_t max_keys_;
  mutable std::mutex mutex_;
  std::list<bucket> by_use_; // the latest first
  std::unordered_map<wide, std::list<bucket>::iterator, first_word> by_key_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
