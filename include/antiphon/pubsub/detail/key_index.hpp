// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// For each key the newest message that has it, the key that was used last at the end. Bounded: the key that was not
/// used for the longest time goes.
class key_index {
 public:
  explicit key_index(std::size_t most) noexcept : most_(most) {}

  /// `id` is the newest of `key`; the one that it supersedes, or 0.
  std::uint64_t publish(std::string key, std::uint64_t id) {
    if (most_ == 0) return 0;
    if (const auto found = keys_.find(key); found != keys_.end()) {
      const auto old = found->second->newest;
      found->second->newest = id;
      order_.splice(order_.end(), order_, found->second);
      return old;
    }
    if (keys_.size() >= most_) {
      forgotten_ = order_.front().newest;
      keys_.erase(order_.front().key);
      order_.pop_front();
    }
    order_.push_back({std::move(key), id});
    keys_.emplace(order_.back().key, std::prev(order_.end()));
    return 0;
  }

  /// How many messages behind `after` were the newest of their key when they were dropped from the history, which
  /// begins with `first`: the others were superseded, and nobody misses them. At the most, where keys were forgotten:
  /// what was theirs is not known any more, up to the newest that was. Where there are no keys, all.
  std::uint64_t missed(std::uint64_t after, std::uint64_t first) const noexcept {
    if (most_ == 0) return first - after - 1;
    std::uint64_t count = 0;
    if (after < forgotten_) count = (std::min)(forgotten_, first - 1) - after;
    for (const auto& k : order_) { // in the order of their newest
      if (k.newest >= first) break;
      count += k.newest > after;
    }
    return count;
  }

 private:
  struct entry {
    std::string key;
    std::uint64_t newest;
  };
  const std::size_t most_;
  std::list<entry> order_;
  std::unordered_map<std::string_view, std::list<entry>::iterator> keys_;
  std::uint64_t forgotten_ = 0;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
