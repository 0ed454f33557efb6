// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/detail/parked.hpp>

#include <mutex>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Where what waits in lists of ours is registered with the context that it waits on. Frames own what they wait for and
/// what they wait for holds their handlers: at the end of the context, this is what breaks the ring.
///
/// Thread safety: all members. Whoever takes an item out owns it from then: exactly one of those who try does.
class parking final : public asio::execution_context::service {
 public:
  class item {
   public:
    item(const item&) = delete;
    item& operator=(const item&) = delete;

   protected:
    item() = default;
    ~item() = default;
    /// The context goes: the item is out, and is destroyed without calling anything. No lock is held.
    virtual void abandon() noexcept = 0;

   private:
    friend class parking;
    item* next_ = nullptr;
    item** link_ = nullptr;
  };

  static inline asio::execution_context::id id;

  explicit parking(asio::execution_context& context) : service(context) {}

  /// False: the context goes, and the item is not in.
  bool add(item& i) noexcept {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    i.next_ = first_;
    i.link_ = &first_;
    if (first_) first_->link_ = &i.next_;
    first_ = &i;
    return true;
  }
  /// True: it was in, and the caller owns it now.
  bool remove(item& i) noexcept {
    const std::lock_guard lock(mutex_);
    return take(i);
  }
  /// Takes the item out and posts the operation that it is, as one step: another thread may be destroying the context
  /// that it is posted to. The caller's own lock, which abandon() takes, keeps the context alive during the call.
  bool complete(item& i, parked_base& op) {
    const std::lock_guard lock(mutex_);
    if (!take(i)) return false;
    op.post();
    return true;
  }

 private:
  bool take(item& i) noexcept {
    if (!i.link_) return false;
    *i.link_ = i.next_;
    if (i.next_) i.next_->link_ = i.link_;
    i.link_ = nullptr;
    return true;
  }

  void shutdown() override {
    std::unique_lock lock(mutex_);
    closed_ = true;
    while (item* const i = first_) { // abandoning one may take out others
      take(*i);
      lock.unlock();
      i->abandon();
      lock.lock();
    }
  }

  std::mutex mutex_;
  item* first_ = nullptr;
  bool closed_ = false;
};

template <class Executor>
parking& parking_of(const Executor& executor) {
  return asio::use_service<parking>(context_of(executor));
}

} // namespace detail
} // namespace v0
} // namespace antiphon
