// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// A queue in one block of memory that doubles when it is full: what stands at an index is found at once.
template <class T>
class ring {
 public:
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// The front is 0.
  T& operator[](std::size_t i) noexcept { return block_[(first_ + i) & (block_.size() - 1)]; }
  const T& operator[](std::size_t i) const noexcept { return block_[(first_ + i) & (block_.size() - 1)]; }
  T& front() noexcept { return (*this)[0]; }
  const T& front() const noexcept { return (*this)[0]; }
  T& back() noexcept { return (*this)[size_ - 1]; }
  const T& back() const noexcept { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == block_.size()) grow();
    block_[(first_ + size_++) & (block_.size() - 1)] = std::move(value);
  }
  T pop_front() noexcept {
    T value = std::exchange(front(), T());
    first_ = (first_ + 1) & (block_.size() - 1);
    if (--size_ == 0) first_ = 0;
    return value;
  }
  /// Of elements in rising order: how many are not behind `place`; `f` gives an element's.
  template <class Place, class F>
  std::size_t upto(const Place& place, F f) const noexcept {
    std::size_t low = 0, high = size_;
    while (low < high) {
      const auto middle = low + (high - low) / 2;
      if (place < f((*this)[middle])) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

 private:
  void grow() {
    std::vector<T> larger(block_.empty() ? 4 : block_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    block_.swap(larger);
    first_ = 0;
  }

  std::vector<T> block_; // its size is a power of two
  std::size_t first_ = 0, size_ = 0;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
