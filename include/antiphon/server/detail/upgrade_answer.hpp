// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/any_stream.hpp>
#include <antiphon/server/detail/connection.hpp>

#include <cassert>
#include <exception>
#include <memory>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Runs an upgrade on a connection: the coroutine owns the bytes from here on.
class upgrade_answer final : public answer, public stream_host {
 public:
  upgrade_answer(connection& c, work& w, std::unique_ptr<exchange_record> record)
      : c_(c), to_(c.taken()), upgraded_(w.res.take_upgrade()), record_(std::move(record)) {
    c_.append_upgrade_head(w.out.text(), w.res, upgraded_->protocol);
  }

  // answer
  void begin() override {
    early_ = c_.take_input();
    running_ = begun_ = true;
    asio::co_spawn(c_.executor(), run(this),
                   asio::bind_cancellation_slot(cancel_.slot(), [self = counted_ptr<connection>(&c_),
                                                                 this](std::exception_ptr e) { ended(std::move(e)); }));
  }
  void writable(error_code, std::size_t n) override {
    c_.set_deadline(time_point::max());
    out_ += n;
    const bool mine = !std::exchange(given_up_, false);
    if (!write_) return;
    if (n != 0 && mine) return done(write_, error_code(), n);
    try_write();
  }
  void readable() override {
    if (read_) try_read();
  }
  void drain() override {
    draining_ = true;
    if (read_ && !std::exchange(drain_told_, true)) done(read_, error::draining, 0);
  }
  void gone() override {
    if (read_) done(read_, asio::error::operation_aborted, 0);
    if (write_) done(write_, asio::error::operation_aborted, 0);
    if (running_) cancel_.emit(asio::cancellation_type::terminal);
  }
  bool over() const noexcept override { return !running_; }
  void abandon() noexcept override {
    // Destroying one may destroy the coroutine that the other belongs to.
    if (read_) std::exchange(read_, nullptr)->destroy();
    if (write_) std::exchange(write_, nullptr)->destroy();
  }
  bool takes_input() const noexcept override { return begun_; }

  // stream_host
  asio::any_io_executor host_executor() const override { return c_.executor(); }
  void host_transfer(transfer& t) override {
    const connection::step guard(c_);
    auto*& slot = t.is_write ? write_ : read_;
    assert(!slot && "antiphon: one read and one write of a stream may be outstanding");
    slot = &t;
    if (c_.closed()) return done(slot, asio::error::operation_aborted, 0);
    if (t.is_write && given_up_) return; // begun when that is over
    t.is_write ? try_write() : try_read();
  }
  void host_cancel(transfer& t) noexcept override {
    auto*& slot = t.is_write ? write_ : read_;
    if (slot != &t) return; // over, and on its way
    // What the stream still waits for finds no transfer, and is over; bytes that it takes are of nobody.
    if (t.is_write) given_up_ = true;
    done(slot, asio::error::operation_aborted, 0);
  }
  void host_shutdown_send() noexcept override {
    if (!c_.closed()) c_.io_shutdown_send();
  }
  void host_close() noexcept override {
    const connection::step guard(c_);
    c_.die();
  }

 private:
  static asio::awaitable<void> run(upgrade_answer* self) { co_await self->upgraded_->run(any_stream(*self)); }

  static void done(transfer*& slot, error_code ec, std::size_t n) noexcept {
    std::exchange(slot, nullptr)->finish(ec, n);
  }

  void try_read() {
    if (draining_ && !std::exchange(drain_told_, true)) return done(read_, error::draining, 0);
    if (read_->to.size() == 0) return done(read_, error_code(), 0);
    if (!early_.empty()) {
      const std::size_t n = asio::buffer_copy(read_->to, asio::buffer(early_.data(), early_.size()));
      early_.consume(n);
      early_.shrink(0);
      return done(read_, error_code(), n);
    }
    error_code ec;
    const std::size_t n = c_.io_read(read_->to, ec);
    in_ += n;
    if (n != 0) return done(read_, error_code(), n);
    if (ec == asio::error::would_block || ec == asio::error::try_again || !ec) return c_.wait_read();
    done(read_, ec, 0);
  }
  void try_write() {
    if (write_->from.size() == 0) return done(write_, error_code(), 0);
    error_code ec;
    const gather g{write_->from, asio::const_buffer()};
    const std::size_t n = c_.io_write(g, ec);
    out_ += n;
    if (n != 0) return done(write_, error_code(), n);
    if (ec == asio::error::would_block || ec == asio::error::try_again) return c_.wait_write(g);
    done(write_, ec, 0);
  }

  void ended(std::exception_ptr e) {
    const connection::step guard(c_);
    running_ = false;
    if (e && !is_normal_end(e)) c_.report(std::move(e), "an upgrade of", to_ ? to_->pattern : std::string_view());
    upgraded_.reset();
    if (record_) {
      record_->summary.cut = c_.closed();
      record_->summary.bytes_in += in_;
      record_->summary.bytes_out = out_;
      record_->complete(c_.server().time.now());
    }
    if (c_.closed()) return;
    c_.linger_after_answer(); // so that what was written last arrives
    c_.answer_over(false);
    c_.settle();
  }

  connection& c_;
  const route* const to_;
  std::unique_ptr<http::detail::upgraded> upgraded_;
  std::unique_ptr<exchange_record> record_;
  asio::cancellation_signal cancel_;
  byte_buffer early_;
  transfer* read_ = nullptr;
  transfer* write_ = nullptr;
  std::uint64_t in_ = 0, out_ = 0;
  bool running_ = false, begun_ = false, draining_ = false, drain_told_ = false;
  bool given_up_ = false; // a write was cancelled that the stream still waits for
};

} // namespace detail
} // namespace v0
} // namespace antiphon
