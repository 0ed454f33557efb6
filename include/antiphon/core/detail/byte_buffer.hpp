// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/decl.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Copies text to `to`, which has room for it; where it ended. Neither may be null.
ANTIPHON_FORCE_INLINE char* put(char* to, std::string_view text) noexcept {
  const char* const from = text.data();
  const std::size_t n = text.size();
  if (n - 8 <= 24) { // most are short: two copies of a fixed size that overlap spare a call
    if (n > 16) {
      std::memcpy(to, from, 16);
      std::memcpy(to + n - 16, from + n - 16, 16);
    } else {
      std::memcpy(to, from, 8);
      std::memcpy(to + n - 8, from + n - 8, 8);
    }
  } else {
    std::memcpy(to, from, n);
  }
  return to + n;
}

/// A number in decimal digits, at most 20. Small ones, as the lengths of most bodies are, spare a call.
ANTIPHON_FORCE_INLINE char* put_number(char* to, std::uint64_t n) noexcept {
  if (n >= 1000) return std::to_chars(to, to + 20, n).ptr;
  const auto few = static_cast<unsigned>(n);
  if (few >= 100) *to++ = static_cast<char>('0' + few / 100);
  if (few >= 10) *to++ = static_cast<char>('0' + few / 10 % 10);
  *to++ = static_cast<char>('0' + few % 10);
  return to;
}

/// Bytes that grow at the end and are taken from the front. New room is never filled with zeros.
class byte_buffer {
 public:
  byte_buffer() = default;
  byte_buffer(byte_buffer&& other) noexcept { swap(other); }
  byte_buffer& operator=(byte_buffer&& other) noexcept {
    byte_buffer taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~byte_buffer() { std::free(data_); }

  const char* data() const noexcept { return data_ + begin_; }
  std::size_t size() const noexcept { return end_ - begin_; }
  bool empty() const noexcept { return begin_ == end_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::string_view view() const noexcept { return {data_ + begin_, size()}; }

  /// At least `n` bytes to write to; commit() says how many were.
  char* prepare(std::size_t n) {
    if (capacity_ - end_ < n) [[unlikely]]
      make_room(n);
    return data_ + end_;
  }
  void commit(std::size_t n) noexcept { end_ += n; }
  byte_buffer& append(const char* from, std::size_t n) {
    if (n == 0) return *this; // `from` may be null
    std::memcpy(prepare(n), from, n);
    commit(n);
    return *this;
  }
  byte_buffer& append(std::string_view text) { return append(text.data(), text.size()); }
  void push_back(char c) {
    *prepare(1) = c;
    commit(1);
  }
  /// Drops `n` bytes from the at-th on.
  void erase(std::size_t at, std::size_t n) noexcept {
    char* const hole = data_ + begin_ + at;
    std::memmove(hole, hole + n, size() - at - n);
    end_ -= n;
  }
  /// Drops `n` bytes at the front.
  void consume(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() noexcept { begin_ = end_ = 0; }
  /// Gives memory back, if there is more than `most` of it.
  void shrink(std::size_t most) noexcept {
    if (empty() && capacity_ > most) std::free(std::exchange(data_, nullptr)), capacity_ = 0;
  }

 private:
  void swap(byte_buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
  }
  void make_room(std::size_t n) {
    const std::size_t used = size();
    if (begin_ != 0 && capacity_ - used >= n && begin_ >= used) { // half of it is free in front: move down
      std::memcpy(data_, data_ + begin_, used);
    } else {
      std::size_t wanted = capacity_ < 128 ? 256 : 2 * capacity_;
      if (wanted < used + n) wanted = used + n;
      auto* grown = static_cast<char*>(std::malloc(wanted));
      if (!grown) throw std::bad_alloc();
      if (used != 0) std::memcpy(grown, data_ + begin_, used);
      std::free(data_);
      data_ = grown;
      capacity_ = wanted;
    }
    begin_ = 0;
    end_ = used;
  }

  char* data_ = nullptr;
  std::size_t begin_ = 0, end_ = 0, capacity_ = 0;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
