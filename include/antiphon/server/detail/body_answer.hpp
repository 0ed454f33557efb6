// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/body_writer.hpp>
#include <antiphon/server/detail/piece_writer.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Runs a body coroutine on a connection.
class body_answer final : public answer, public http::detail::body_host {
 public:
  body_answer(connection& c, response& res, std::unique_ptr<exchange_record> record)
      : c_(c), to_(c.taken()), source_(res.take_source()), record_(std::move(record)), writer_(*this), out_(c) {
    c_.write_head(out_.text(), res.status(), res, connection::length_kind::chunked, 0);
  }

  // answer
  void begin() override {
    running_ = true;
    asio::co_spawn(c_.executor(), run(this),
                   asio::bind_cancellation_slot(cancel_.slot(), [self = counted_ptr<connection>(&c_),
                                                                 this](std::exception_ptr e) { ended(std::move(e)); }));
  }
  void writable(error_code, std::size_t n) override {
    if (!out_.writable(n)) return;
    if (!next_.empty() && !out_.write(std::exchange(next_, {}))) return;
    if (waiting_) std::exchange(waiting_, nullptr)->finish(error_code());
    if (!running_) finish();
  }
  void drain() override { // body_writer::draining() says so as well
    if (running_ && writer_.watcher()) writer_.watcher()->body_drains();
  }
  void gone() override {
    if (waiting_) std::exchange(waiting_, nullptr)->finish(asio::error::connection_reset);
    if (running_) {
      cancel_.emit(asio::cancellation_type::terminal);
    } else {
      complete(true);
    }
  }
  bool over() const noexcept override { return !running_ && completed_; }
  void abandon() noexcept override {
    if (waiting_) std::exchange(waiting_, nullptr)->destroy();
  }

  // body_host
  asio::any_io_executor body_executor() const override { return c_.executor(); }
  bool body_write(const http::chunk& piece, error_code& ec) override {
    const connection::step guard(c_);
    if (c_.closed()) {
      ec = asio::error::connection_reset;
      return true;
    }
    if (piece.empty()) return true;
    if (out_.blocked()) { // by what was offered
      next_ = piece;
      return false;
    }
    if (out_.write(piece)) return true;
    if (!c_.closed()) return false;
    ec = asio::error::connection_reset;
    return true;
  }
  void body_wait(http::detail::parked_wait& w) noexcept override {
    if (c_.closed()) return w.finish(asio::error::connection_reset);
    waiting_ = &w;
  }
  void body_cancel(http::detail::parked_wait& w) noexcept override {
    if (waiting_ != &w) return; // over, and on its way
    waiting_ = nullptr;
    w.finish(asio::error::operation_aborted);
    const connection::step guard(c_);
    c_.die();
  }
  void body_trailers(http::fields all) override { trailers_ = std::move(all); }
  bool body_draining() const noexcept override { return c_.draining(); }
  bool body_takes_offers() const noexcept override {
    return running_ && !c_.closed() && !c_.head_only() && !out_.blocked();
  }
  void body_offer(const http::chunk& piece) override {
    const connection::step guard(c_);
    if (body_takes_offers()) out_.write(piece);
  }
  void body_stop() noexcept override { cancel_.emit(asio::cancellation_type::terminal); }

 private:
  static asio::awaitable<void> run(body_answer* self) { co_await self->source_->run(self->writer_); }

  void ended(std::exception_ptr e) {
    const connection::step guard(c_);
    running_ = false;
    source_.reset();
    const bool failed = static_cast<bool>(e);
    if (e && !(c_.closed() && is_normal_end(e)))
      c_.report(std::move(e), "a body of", to_ ? to_->pattern : std::string_view());
    if (c_.closed()) return complete(true);
    if (failed) {
      complete(true);
      return c_.die(); // the client must see that the body is cut short
    }
    finish();
    if (!c_.closed()) c_.settle();
  }

  void finish() {
    if (out_.blocked() && !last_sent_) return; // what was offered goes first: writable() comes back here
    if (!std::exchange(last_sent_, true)) out_.end(trailers_.wire());
    if (!out_.push()) {
      if (c_.closed()) complete(true);
      return; // writable() comes back here
    }
    complete(false);
    c_.answer_over(!c_.http_1_0());
  }

  void complete(bool cut) {
    if (std::exchange(completed_, true) || !record_) return;
    record_->summary.cut = cut;
    record_->summary.bytes_out = out_.sent();
    record_->complete(c_.server().time.now());
  }

  connection& c_;
  const route* const to_;
  std::unique_ptr<http::detail::body_source> source_;
  std::unique_ptr<exchange_record> record_;
  http::body_writer writer_;
  asio::cancellation_signal cancel_;
  http::detail::parked_wait* waiting_ = nullptr;
  piece_writer out_;
  http::chunk next_; // waits for what was offered
  http::fields trailers_;
  bool running_ = false, last_sent_ = false, completed_ = false;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
