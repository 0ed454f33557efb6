// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/turn.hpp>
#include <antiphon/http/chunk.hpp>
#include <antiphon/server/detail/connection.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Writes an answer in pieces straight to the socket: a head or an end, and the one piece that there was no room for.
class piece_writer {
 public:
  explicit piece_writer(connection& c) noexcept : c_(c) {}

  /// What goes before the next piece: the head, or the last chunk.
  byte_buffer& text() {
    if (!text_) text_ = std::make_unique<byte_buffer>();
    return *text_;
  }
  connection& owner() const noexcept { return c_; }
  bool blocked() const noexcept { return blocked_; }
  /// It is the turn of others, and not the socket that has no room.
  bool gives_way() const noexcept { return gives_way_; }
  std::uint64_t sent() const noexcept { return sent_; }

  /// False: the socket is full, it is the turn of others, or the connection has died.
  bool write(const http::chunk& piece) {
    piece_ = piece;
    left_ = bytes().size();
    return push();
  }
  /// The end of the body. Once.
  void end(std::string_view trailers = {}) {
    if (!c_.http_1_0() && !c_.head_only()) text().append("0\r\n").append(trailers).append("\r\n");
  }
  bool push() {
    while (text_ || left_ != 0) {
      if (blocked_ || c_.closed()) return false;
      error_code ec;
      const std::size_t n = c_.io_write(buffers(), ec);
      advance(n);
      if (!ec) {
        if (!turn_.over(n)) continue;
        blocked_ = gives_way_ = true;
        c_.give_way();
        return false;
      }
      if (ec != asio::error::would_block && ec != asio::error::try_again) {
        c_.die();
        return false;
      }
      blocked_ = true;
      c_.wait_write(buffers());
      return false;
    }
    return true;
  }
  /// The stream has room again, and has taken `n` bytes. True when all is out.
  bool writable(std::size_t n) {
    blocked_ = gives_way_ = false;
    advance(n);
    if (!push()) return false;
    c_.set_deadline(time_point::max());
    return true;
  }

 private:
  std::string_view bytes() const noexcept { return c_.http_1_0() ? piece_.data() : piece_.framed(); }
  gather buffers() const noexcept {
    const auto all = bytes();
    const asio::const_buffer rest(all.data() + (all.size() - left_), left_);
    if (!text_) return {rest, asio::const_buffer()};
    return {asio::const_buffer(text_->data(), text_->size()), rest};
  }
  void advance(std::size_t n) noexcept {
    sent_ += n;
    if (text_) {
      const std::size_t head = n < text_->size() ? n : text_->size();
      text_->consume(head);
      n -= head;
      if (text_->empty()) text_.reset();
    }
    left_ -= n;
    if (left_ == 0) piece_ = http::chunk();
  }

  connection& c_;
  std::unique_ptr<byte_buffer> text_; // a quiet stream has none
  http::chunk piece_;
  std::size_t left_ = 0; // of the piece
  std::uint64_t sent_ = 0;
  write_turn turn_;
  bool blocked_ = false;
  bool gives_way_ = false;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
