// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/server/layer.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

using count = std::atomic<std::uint64_t>;

inline void add(count& c, std::uint64_t n) noexcept { c.fetch_add(n, std::memory_order_relaxed); }

/// What metrics count of one route: as atomics, which some threads count with, or as plain sums.
template <class Number>
struct basic_route_counts {
  /// The methods that have a label of their own. All others are one: labels must not grow with what clients send.
  static constexpr std::array methods{http::method::get, http::method::head,  http::method::post,   http::method::put,
                                      http::method::del, http::method::patch, http::method::options};
  static constexpr std::size_t method_labels = methods.size() + 1;
  static constexpr std::size_t classes = 6; ///< 0: ended without a status; 1xx to 5xx
  /// The upper bounds of the buckets, in microseconds.
  static constexpr std::array<std::int64_t, 16> bounds{100,       250,       500,       1'000,     2'500,   5'000,
                                                       10'000,    25'000,    50'000,    100'000,   250'000, 500'000,
                                                       1'000'000, 2'500'000, 5'000'000, 10'000'000};

  std::array<std::array<Number, classes>, method_labels> exchanges{};
  std::array<Number, bounds.size() + 1> took{}; ///< not cumulative; the last has no bound
  Number took_ns{}, bytes_in{}, bytes_out{}, cut{};

  template <class F, class Other>
  void each_with(const basic_route_counts<Other>& other, F f) {
    for (std::size_t i = 0; i < exchanges.size(); ++i)
      for (std::size_t j = 0; j < classes; ++j) f(exchanges[i][j], other.exchanges[i][j]);
    for (std::size_t i = 0; i < took.size(); ++i) f(took[i], other.took[i]);
    f(took_ns, other.took_ns), f(bytes_in, other.bytes_in), f(bytes_out, other.bytes_out), f(cut, other.cut);
  }
};
using route_sums = basic_route_counts<std::uint64_t>;

/// Of some threads. On cache lines of its own.
struct alignas(64) route_counts : basic_route_counts<count> {
  void tell(const exchange_summary& s) noexcept {
    add(exchanges[label_of(s.method)][class_of(s.status)], 1);
    const auto ns = s.took > duration::zero() ? std::chrono::nanoseconds(s.took).count() : 0;
    std::size_t bucket = 0;
    while (bucket < bounds.size() && ns > bounds[bucket] * 1000) ++bucket;
    add(took[bucket], 1);
    add(took_ns, static_cast<std::uint64_t>(ns));
    add(bytes_in, s.bytes_in);
    add(bytes_out, s.bytes_out);
    if (s.cut) add(cut, 1);
  }

 private:
  static constexpr auto labels = [] {
    std::array<std::uint8_t, http::method_count> made{};
    made.fill(methods.size());
    for (std::size_t i = 0; i < methods.size(); ++i)
      made[static_cast<std::size_t>(methods[i])] = static_cast<std::uint8_t>(i);
    return made;
  }();

  static std::size_t label_of(http::method m) noexcept {
    const auto at = static_cast<std::size_t>(m);
    return at < labels.size() ? labels[at] : methods.size();
  }
  static std::size_t class_of(http::status s) noexcept {
    const auto of = static_cast<std::size_t>(http::code(s)) / 100;
    return of < classes ? of : 0;
  }
};

/// A small number of the thread that calls, which spreads threads over shards.
inline std::size_t thread_number() noexcept {
  static std::atomic<std::size_t> threads{0}; // no state of the library: any two threads may share a number
  static thread_local constinit std::size_t own = 0;
  if (own == 0) [[unlikely]]
    own = threads.fetch_add(1, std::memory_order_relaxed) + 1;
  return own;
}

/// One route: counted in shards, so that threads do not take each other's cache lines. A shard comes with its first
/// use.
class route_series {
 public:
  static constexpr std::size_t shards = 16;

  route_series(std::string_view pattern, std::uint64_t h) : route(pattern), hash(h) {}
  route_series(const route_series&) = delete;
  route_series& operator=(const route_series&) = delete;
  ~route_series() {
    for (auto& s : shards_) delete s.load(std::memory_order_relaxed);
  }

  const std::string route;
  const std::uint64_t hash;

  route_counts& mine() {
    auto& shard = shards_[thread_number() % shards];
    auto* counts = shard.load(std::memory_order_acquire);
    return counts ? *counts : make(shard);
  }
  route_sums sums() const {
    route_sums all;
    for (const auto& s : shards_)
      if (const auto* counts = s.load(std::memory_order_acquire))
        all.each_with(*counts, [](std::uint64_t& sum, const count& c) { sum += c.load(std::memory_order_relaxed); });
    return all;
  }

 private:
  static route_counts& make(std::atomic<route_counts*>& shard) {
    auto made = std::make_unique<route_counts>();
    route_counts* there = nullptr;
    if (!shard.compare_exchange_strong(there, made.get(), std::memory_order_acq_rel)) return *there;
    return *made.release();
  }

  std::array<std::atomic<route_counts*>, shards> shards_{};
};

/// Finds the series of a route by its pattern, without a lock but for the first time. Bounded: routes beyond the limit
/// share one series.
class series_table {
 public:
  explicit series_table(std::size_t most)
      : most_(std::min(most, std::size_t{1} << 20)), mask_(std::bit_ceil(most_ * 2 + 2) - 1),
        slots_(new std::atomic<route_series*>[mask_ + 1]()), other_("(other)", 0) {}
  series_table(const series_table&) = delete;
  series_table& operator=(const series_table&) = delete;

  route_series& of(std::string_view route) {
    const auto h = hash(route);
    auto at = h & mask_;
    for (; auto* s = slots_[at].load(std::memory_order_acquire); at = (at + 1) & mask_)
      if (s->hash == h && s->route == route) return *s;
    return add(route, h);
  }

  /// Of each route that was seen.
  template <class F>
  void each(F f) const {
    const std::lock_guard lock(adding_);
    for (const auto& s : all_) f(*s);
    f(other_);
  }

 private:
  route_series& add(std::string_view route, std::uint64_t h) {
    if (full_.load(std::memory_order_relaxed)) return other_;
    const std::lock_guard lock(adding_);
    auto at = h & mask_;
    for (; auto* s = slots_[at].load(std::memory_order_relaxed); at = (at + 1) & mask_)
      if (s->hash == h && s->route == route) return *s; // another thread was first
    if (all_.size() >= most_) {
      full_.store(true, std::memory_order_relaxed);
      return other_;
    }
    all_.push_back(std::make_unique<route_series>(route, h));
    slots_[at].store(all_.back().get(), std::memory_order_release);
    return *all_.back();
  }

  // Patterns are the program's own, so nobody chooses them to collide.
  static std::uint64_t hash(std::string_view text) noexcept {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
    std::uint64_t h = text.size() * odd, word = 0;
    const auto take = [&](const char* at) {
      std::memcpy(&word, at, sizeof word);
      h = std::rotl(h ^ word, 29) * odd;
    };
    if (text.size() < sizeof word) {
      for (const char c : text) word = word << 8 | static_cast<unsigned char>(c);
      h = (h ^ word) * odd;
    } else {
      for (std::size_t i = 0; i + sizeof word < text.size(); i += sizeof word) take(text.data() + i);
      take(text.data() + text.size() - sizeof word); // again some of the bytes before
    }
    return h ^ h >> 32;
  }

  const std::size_t most_;
  const std::size_t mask_;
  const std::unique_ptr<std::atomic<route_series*>[]> slots_;
  mutable std::mutex adding_;
  std::vector<std::unique_ptr<route_series>> all_;
  route_series other_;
  std::atomic<bool> full_{false};
};

} // namespace detail
} // namespace v0
} // namespace antiphon
