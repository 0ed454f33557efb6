// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/byte_buffer.hpp>
#include <antiphon/core/shared_buffer.hpp>
#include <antiphon/core/stream.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What is still to be written: text (heads and small bodies, joined), then at most one large body, which is not
/// copied.
class outbox {
 public:
  /// Bodies up to here are joined to the head: one copy is cheaper than a gathering write.
  static constexpr std::size_t small_body = 8 * 1024;

  byte_buffer& text() noexcept { return text_; }
  /// False while a large body waits: nothing may be added behind it.
  bool open() const noexcept { return rest_.empty(); }
  bool empty() const noexcept { return text_.empty() && rest_.empty(); }
  std::size_t size() const noexcept { return text_.size() + rest_.size(); }

  void body(std::string&& bytes) {
    if (bytes.size() <= small_body) {
      text_.append(bytes);
      return;
    }
    owned_ = std::move(bytes);
    rest_ = owned_;
  }
  void body(shared_buffer bytes) {
    if (bytes.size() <= small_body) {
      text_.append(bytes.view());
      return;
    }
    shared_ = std::move(bytes);
    rest_ = shared_.view();
  }

  gather buffers() const noexcept {
    if (text_.empty()) return {asio::const_buffer(rest_.data(), rest_.size()), asio::const_buffer()};
    return {asio::const_buffer(text_.data(), text_.size()), asio::const_buffer(rest_.data(), rest_.size())};
  }
  void advance(std::size_t n) noexcept {
    const std::size_t head = n < text_.size() ? n : text_.size();
    text_.consume(head);
    rest_.remove_prefix(n - head);
    if (rest_.empty() && (!owned_.empty() || !shared_.empty())) owned_ = {}, shared_ = {};
  }
  void clear() noexcept {
    text_.clear();
    rest_ = {};
    owned_ = {};
    shared_ = {};
  }

 private:
  byte_buffer text_;
  std::string_view rest_;
  std::string owned_;
  shared_buffer shared_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
