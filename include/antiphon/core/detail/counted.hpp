// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Base of objects that count their references themselves: one word instead of a control block.
class counted {
 public:
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;

  void retain() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  counted() = default;
  virtual ~counted() = default;

 private:
  mutable std::atomic<std::uint32_t> references_{0};
};

/// Owns one reference to a `counted` object. A copy is one more reference.
template <class T>
class counted_ptr {
 public:
  counted_ptr() = default;
  explicit counted_ptr(T* object) noexcept : object_(object) {
    if (object_) object_->retain();
  }
  counted_ptr(const counted_ptr& other) noexcept : counted_ptr(other.object_) {}
  counted_ptr(counted_ptr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
  requires std::convertible_to<U*, T*> counted_ptr(const counted_ptr<U>& other)
  noexcept : counted_ptr(other.get()) {}
  counted_ptr& operator=(counted_ptr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~counted_ptr() {
    if (object_) object_->release();
  }

  T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const counted_ptr&, const counted_ptr&) = default;

 private:
  T* object_ = nullptr;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
