// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <new>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Memory for one operation of Asio that is begun again and again, and never twice at a time: what does not fit, or
/// comes while it is taken, is of the heap. Not thread-safe.
template <std::size_t Size>
class slot_memory {
 public:
  void* take(std::size_t size) {
    if (size > Size || used_) return ::operator new(size);
    used_ = true;
    return bytes_;
  }
  void give_back(void* p) noexcept {
    if (p != bytes_) return ::operator delete(p);
    used_ = false;
  }

 private:
  alignas(std::max_align_t) std::byte bytes_[Size];
  bool used_ = false;
};

/// The allocator that a handler brings along for it. The handler keeps the memory alive.
template <class T, class Memory>
class slot_allocator {
 public:
  using value_type = T;

  explicit slot_allocator(Memory& from) noexcept : from_(&from) {}
  template <class U>
  slot_allocator(const slot_allocator<U, Memory>& other) noexcept : from_(other.from_) {}

  T* allocate(std::size_t n) { return static_cast<T*>(from_->take(n * sizeof(T))); }
  void deallocate(T* p, std::size_t) noexcept { from_->give_back(p); }
  template <class U>
  bool operator==(const slot_allocator<U, Memory>& other) const noexcept {
    return from_ == other.from_;
  }

 private:
  template <class, class>
  friend class slot_allocator;
  Memory* from_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
