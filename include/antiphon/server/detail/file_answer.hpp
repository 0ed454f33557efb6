// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/turn.hpp>
#include <antiphon/core/offload.hpp>
#include <antiphon/http/file_body.hpp>
#include <antiphon/server/detail/connection.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Sends parts of files: from the system's cache to the socket where the stream allows that, else by way of a buffer.
/// What is not in memory is read on the body's pool.
class file_answer final : public answer {
 public:
  file_answer(connection& c, response& res, std::unique_ptr<exchange_record> record)
      : c_(c), body_(res.take_file()), record_(std::move(record)) {
    c_.write_head(text_, res.status(), res, connection::length_kind::known, body_->size());
  }

  // answer
  void begin() override { run(); }
  void writable(error_code, std::size_t n) override {
    advance(n);
    run();
  }
  void drain() override {}
  void gone() override {
    if (reading_) cancel_.emit(asio::cancellation_type::terminal);
    end(true);
  }
  bool over() const noexcept override { return ended_ && !reading_; }

 private:
  static constexpr std::size_t buffer_size = 64 * 1024;
  static constexpr std::uint64_t most_sent = 1024 * 1024;     // in one call: nothing is copied
  static constexpr std::uint64_t most_looked_at = 256 * 1024; // likewise, where both ends say what is between: the
                                                              // system reads ahead 128 KiB from where it is asked

  struct read_result {
    std::unique_ptr<char[]> block;
    std::size_t size = 0;
    error_code ec;
  };
  /// What runs on the pool: it has all that it needs, as nobody waits for it where the program ends.
  struct read_task {
    std::shared_ptr<const file> from;
    std::uint64_t offset;
    std::size_t size;
    std::unique_ptr<char[]> block;

    read_result operator()() {
      if (!block) block.reset(new char[buffer_size]);
      read_result out;
      out.size = from->read_at(offset, asio::buffer(block.get(), size), out.ec);
      out.block = std::move(block);
      return out;
    }
  };

  void run() {
    while (!ended_) {
      while (left_ == 0 && data_.empty() && next_piece()) {} // what is between goes out with what follows
      if (left_ == 0 && data_.empty() && text_.empty()) return finish();
      error_code ec;
      std::size_t n = 0;
      bool full = false;
      if (left_ != 0 && data_.empty()) {
        const auto size = static_cast<std::size_t>((std::min)(left_, pooled() ? most_looked_at : most_sent));
        if (!direct_ || (pooled() && !is_in_memory(size))) {
          if (!read()) return;
          continue;
        }
        const std::size_t asked = text_.size() + size;
        n = c_.io_send_file(asio::const_buffer(text_.data(), text_.size()), from_->native_handle(), offset_, size, ec);
        full = n < asked;
        advance_direct(n);
        if (ec == asio::error::operation_not_supported) {
          direct_ = false;
          continue;
        }
      } else {
        n = c_.io_write(buffers(), ec);
        advance(n);
      }
      if (ec && ec != asio::error::would_block && ec != asio::error::try_again) return c_.die(); // also: it has shrunk
      if (ec || full) return c_.wait_write(buffers());
      if (turn_.over(n)) return c_.give_way();
    }
  }

  bool next_piece() {
    if (at_ == body_->pieces().size()) return false;
    const auto& p = body_->pieces()[at_++];
    text_.append(p.before);
    from_ = p.from;
    offset_ = p.offset;
    left_ = p.size;
    return true;
  }
  bool pooled() const noexcept { return static_cast<bool>(body_->pool()); }
  bool is_in_memory(std::size_t size) const noexcept {
    return from_->is_in_memory(offset_) && from_->is_in_memory(offset_ + size - 1);
  }

  /// True: there are bytes. False: they come later, or never.
  bool read() {
    const auto size = static_cast<std::size_t>((std::min)(left_, std::uint64_t{buffer_size}));
    read_task task{from_, offset_, size, std::move(block_)};
    if (!pooled()) return take(task());
    reading_ = true;
    c_.set_deadline(time_point::max());
    async_offload(body_->pool(), std::move(task),
                  asio::bind_executor(c_.executor(), asio::bind_cancellation_slot(
                                                         cancel_.slot(), [self = counted_ptr<connection>(&c_),
                                                                          this](std::exception_ptr e, read_result r) {
                                                           have_read(e, r);
                                                         })));
    return false;
  }
  void have_read(const std::exception_ptr& e, read_result& r) {
    const connection::step guard(c_);
    reading_ = false;
    if (c_.closed()) return; // over() is true now
    if (e) return c_.die();  // no memory, or no pool any more
    if (take(std::move(r))) run();
    if (!c_.closed()) c_.settle();
  }
  bool take(read_result r) {
    block_ = std::move(r.block);
    const auto wanted = (std::min)(left_, std::uint64_t{buffer_size});
    if (r.ec || r.size < wanted) { // it cannot be read, or has shrunk: the client must see that
      c_.die();
      return false;
    }
    data_ = std::string_view(block_.get(), r.size);
    offset_ += r.size;
    left_ -= r.size;
    return true;
  }

  gather buffers() const noexcept {
    const asio::const_buffer data(data_.data(), data_.size());
    if (text_.empty()) return {data, asio::const_buffer()};
    return {asio::const_buffer(text_.data(), text_.size()), data};
  }
  std::size_t advance_text(std::size_t n) noexcept {
    sent_ += n;
    const std::size_t head = (std::min)(n, text_.size());
    text_.consume(head);
    return n - head;
  }
  void advance(std::size_t n) noexcept { data_.remove_prefix(advance_text(n)); }
  void advance_direct(std::size_t n) noexcept {
    n = advance_text(n);
    offset_ += n;
    left_ -= n;
  }

  void finish() {
    end(false);
    c_.answer_over(true);
  }
  void end(bool was_cut) {
    if (std::exchange(ended_, true) || !record_) return;
    record_->summary.cut = was_cut;
    record_->summary.bytes_out = sent_;
    record_->complete(c_.server().time.now());
  }

  connection& c_;
  const std::unique_ptr<http::file_body> body_;
  std::unique_ptr<exchange_record> record_;
  asio::cancellation_signal cancel_;
  byte_buffer text_; // goes before `data_`, or before what comes straight from the file
  std::unique_ptr<char[]> block_;
  std::string_view data_; // of block_
  std::shared_ptr<const file> from_;
  std::uint64_t offset_ = 0, left_ = 0; // of the present piece, what is not in `data_`
  std::size_t at_ = 0;                  // the next piece
  std::uint64_t sent_ = 0;
  write_turn turn_;
  bool direct_ = true;
  bool reading_ = false;
  bool ended_ = false;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
