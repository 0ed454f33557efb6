// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random.hpp>
#include <antiphon/core/detail/random_id.hpp>
#include <antiphon/server/session.hpp>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

struct session_store_options {
  std::size_t max_sessions = 10'000;          ///< beyond: the one that was unused longest goes
  std::size_t max_bytes = 4096;               ///< of the names and values of one: session::set() throws
  duration idle = std::chrono::minutes(30);   ///< unused for so long, it is over
  duration absolute = std::chrono::hours(24); ///< and after so long in any case, renew() apart
};
static_assert(std::is_trivially_destructible_v<session_store_options>);

/// Sessions in the memory of this process: a cookie holds 128 random bits and nothing else, a session can be ended
/// here, and all are gone when the process ends. A handle: a copy is the same store. Thread-safe.
///
/// The id comes from the system's source of randomness, is never one that a client chose, and changes with renew().
class session_store {
 public:
  explicit session_store(session_store_options options = {}) : state_(std::make_shared<state>(options)) {}

  /// How many there are, those included that are over and were not asked for since.
  std::size_t size() const { return state_->size(); }
  /// Ends all of them.
  void clear() const { state_->clear(); }

  /// For the layer `sessions`.
  std::shared_ptr<detail::session_backend> backend() const noexcept { return state_; }

 private:
  using entry = detail::session_record::entry;
  struct kept {
    std::string id;
    std::vector<entry> entries;
    time_point began, used;
  };

  class state final : public detail::session_backend {
   public:
    explicit state(const session_store_options& o) noexcept : options_(o) {}

    void load(detail::session_record& to, std::string_view value, const where& at) override {
      const std::lock_guard lock(mutex_);
      const auto found = find(value, at.now);
      if (found == none_) return;
      found->used = at.now;
      list_.splice(list_.begin(), list_, found);
      to.entries = found->entries;
      to.id = found->id;
      to.known = true;
    }
    bool fits(const detail::session_record& r, const where&) const override {
      return size_of(r.entries) <= options_.max_bytes;
    }
    std::optional<std::string> save(detail::session_record& r, const where& at) override {
      std::string id;
      if (r.renewed || !r.known) id = new_id();
      const std::lock_guard lock(mutex_);
      auto to = none_;
      if (r.known) {
        to = find(r.id, at.now);
        // Another request has ended it or given it another id, and its cookie is the one that holds.
        if (to == none_) return std::nullopt;
        merge(r, *to);
        if (id.empty()) return std::nullopt;
        index_.erase(to->id);
      } else {
        make_room(at.now);
        list_.push_front({{}, r.entries, at.now, at.now});
        to = list_.begin();
        for (auto& e : to->entries) e.changed = false;
      }
      to->id = id;
      to->began = to->used = at.now;
      index_.emplace(to->id, to);
      r.id = id;
      r.known = true;
      return id;
    }
    void remove(const detail::session_record& r) noexcept override {
      const std::lock_guard lock(mutex_);
      if (const auto at = index_.find(r.id); at != index_.end()) drop(at->second);
    }
    std::size_t size() const {
      const std::lock_guard lock(mutex_);
      return list_.size();
    }
    void clear() {
      const std::lock_guard lock(mutex_);
      index_.clear();
      list_.clear();
    }

   private:
    using place = std::list<kept>::iterator;

    place find(std::string_view id, time_point now) {
      const auto at = index_.find(id);
      if (at == index_.end()) return none_;
      const auto found = at->second;
      if (!over(*found, now)) return found;
      drop(found);
      return none_;
    }
    bool over(const kept& k, time_point now) const noexcept {
      return now - k.used >= options_.idle || now - k.began >= options_.absolute;
    }
    void drop(place at) noexcept {
      index_.erase(at->id);
      list_.erase(at);
    }
    /// The end of the list was unused longest.
    void make_room(time_point now) {
      while (!list_.empty() && (list_.size() >= options_.max_sessions || over(list_.back(), now)))
        drop(std::prev(list_.end()));
    }
    /// Puts in what this request has changed, so that what another one has changed meanwhile stays.
    void merge(const detail::session_record& r, kept& to) const {
      const auto named = [](std::string_view name) { return [name](const entry& e) { return e.name == name; }; };
      auto entries = to.entries;
      for (const auto& name : r.erased) std::erase_if(entries, named(name));
      for (const auto& e : r.entries) {
        if (!e.changed) continue;
        std::erase_if(entries, named(e.name));
        entries.push_back({e.name, e.value});
      }
      to.entries = size_of(entries) <= options_.max_bytes ? std::move(entries) : r.entries;
      for (auto& e : to.entries) e.changed = false;
    }
    static std::size_t size_of(const std::vector<entry>& entries) noexcept {
      std::size_t size = 0;
      for (const auto& e : entries) size += e.name.size() + e.value.size();
      return size;
    }
    static std::string new_id() {
      std::random_device source;
      const auto first = detail::random_word(source);
      return std::string(std::string_view(detail::hex_id({first, detail::random_word(source)})));
    }

    const session_store_options options_;
    mutable std::mutex mutex_;
    std::list<kept> list_; // the one used last is first
    std::unordered_map<std::string_view, place> index_;
    const place none_ = list_.end();
  };

  std::shared_ptr<state> state_;
};

} // namespace v0
} // namespace antiphon
