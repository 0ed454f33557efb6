// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/detail/client_state.hpp>

#include <atomic>
#include <cassert>
#include <exception>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// The port of an answer whose body is read by the program, or whose protocol is another.
class streamed_body final : public response_port {
 public:
  explicit streamed_body(client_connection& c) noexcept : c_(&c), state_(&c.state()), executor_(c.executor()) {}

  // response_port
  bool read(std::string_view& piece, error_code& ec) override {
    if (!c_) {
      ec = failure_;
      return true;
    }
    const auto keep = c_;
    bool known = false;
    c_->state().enter([&] { known = keep->read_piece(piece, ec); }, true);
    return known;
  }
  const http::fields& trailers() const noexcept override { return trailers_; }
  void drop() noexcept override {
    if (over_.load(std::memory_order_acquire)) return; // and perhaps the context too
    if (state_->here()) return cut();
    // Another thread: the last reference may be given back there as well.
    asio::post(executor_, [self = counted_ptr<streamed_body>(this)] { self->cut(); });
  }

  // waiting_host
  asio::any_io_executor body_executor() const override { return executor_; }
  void body_wait(http::detail::parked_wait& w) noexcept override {
    if (!c_) return w.finish(error_code());
    reader_ = &w;
    c_->state().enter([this] { c_->wait_piece(); }, true);
  }
  void body_cancel(http::detail::parked_wait& w) noexcept override {
    if (reader_ != &w) return;
    reader_ = nullptr;
    w.finish(asio::error::operation_aborted);
  }

  // stream_host
  asio::any_io_executor host_executor() const override { return executor_; }
  void host_transfer(transfer& t) override {
    auto*& slot = t.is_write ? write : read_;
    assert(!slot && "antiphon: one read and one write of a stream may be outstanding");
    slot = &t;
    if (!c_) return done(slot, asio::error::operation_aborted, 0);
    if (t.is_write && given_up) return; // begun when that is over
    c_->state().enter([&] { t.is_write ? c_->try_write() : c_->try_read(); }, true);
  }
  void host_cancel(transfer& t) noexcept override {
    auto*& slot = t.is_write ? write : read_;
    if (slot != &t) return; // over, and on its way
    // What the stream still waits for finds no transfer, and is over; bytes that it takes are of nobody.
    if (t.is_write) given_up = true;
    done(slot, asio::error::operation_aborted, 0);
  }
  void host_shutdown_send() noexcept override {
    if (c_) c_->shutdown_send();
  }
  void host_close() noexcept override { cut(); }

  // For the connection.
  /// No more comes: the end of the body, or what has happened.
  void end(error_code ec, const http::fields* trailers = nullptr) {
    if (trailers) trailers_ = *trailers;
    failure_ = ec;
    forget();
    wake();
    if (!ec) ec = asio::error::operation_aborted;
    if (read_) done(read_, ec, 0);
    if (write) done(write, ec, 0);
  }
  void wake() {
    if (reader_) std::exchange(reader_, nullptr)->finish(error_code());
  }
  bool has_reader() const noexcept { return reader_ || read_; }
  void abandon() noexcept {
    forget();
    // Destroying one may destroy the coroutine that the others belong to.
    if (reader_) std::exchange(reader_, nullptr)->destroy();
    if (read_) std::exchange(read_, nullptr)->destroy();
    if (write) std::exchange(write, nullptr)->destroy();
  }
  static void done(transfer*& slot, error_code ec, std::size_t n) noexcept {
    std::exchange(slot, nullptr)->finish(ec, n);
  }
  transfer*& reading() noexcept { return read_; }

  transfer* write = nullptr;
  bool given_up = false; // a write was cancelled that the stream still waits for

 private:
  void cut() noexcept {
    if (!c_) return;
    const auto c = c_;
    c->state().enter([&] { c->close(); }, true);
  }
  void forget() noexcept {
    over_.store(true, std::memory_order_release);
    c_ = {};
  }

  counted_ptr<client_connection> c_;
  const counted_ptr<client_state> state_; // drop() may not look at the connection
  std::atomic<bool> over_{false};
  const asio::any_io_executor executor_;
  http::detail::parked_wait* reader_ = nullptr;
  transfer* read_ = nullptr;
  error_code failure_;
  http::fields trailers_;
};

/// Runs the coroutine that makes the body of a request.
class request_sender final : public counted, public http::detail::body_host {
 public:
  explicit request_sender(client_call& c)
      : call_(&c), state_(c.state), source_(client_request_access::source(c.req)), writer_(*this) {}

  void start() {
    running_ = true;
    asio::co_spawn(state_->executor, (*source_)(writer_),
                   asio::bind_cancellation_slot(cancel_.slot(), [self = counted_ptr<request_sender>(this)](
                                                                    std::exception_ptr e) { self->ended(e); }));
  }
  bool running() const noexcept { return running_; }
  bool started() const noexcept { return running_ || over_; }
  const error_code& failure() const noexcept { return failure_; }
  /// The connection takes no more: the coroutine is to end.
  void stop() noexcept {
    stopped_ = true;
    if (waiting_) std::exchange(waiting_, nullptr)->finish(asio::error::connection_reset);
    if (running_) cancel_.emit(asio::cancellation_type::terminal);
  }
  void room() {
    if (waiting_) std::exchange(waiting_, nullptr)->finish(error_code());
  }
  /// The call is gone, with its context.
  void abandon() noexcept {
    call_ = nullptr;
    stopped_ = true;
    if (waiting_) std::exchange(waiting_, nullptr)->destroy();
  }

  // body_host
  asio::any_io_executor body_executor() const override { return state_->executor; }
  bool body_write(const http::chunk& piece, error_code& ec) override {
    if (piece.empty()) return true;
    if (!call_ || stopped_ || cut_off_ || !call_->on) {
      ec = asio::error::connection_reset;
      return true;
    }
    bool out = false;
    state_->enter([&] { out = call_->on->send_piece(piece); }, true);
    return out;
  }
  void body_wait(http::detail::parked_wait& w) noexcept override {
    if (stopped_) return w.finish(asio::error::connection_reset);
    waiting_ = &w;
  }
  void body_cancel(http::detail::parked_wait& w) noexcept override {
    if (waiting_ != &w) return;
    waiting_ = nullptr;
    cut_off_ = true;
    w.finish(asio::error::operation_aborted);
  }
  void body_trailers(http::fields all) override { trailers_ = std::move(all); }
  bool body_draining() const noexcept override { return false; }

 private:
  void ended(const std::exception_ptr& e) {
    state_->enter([&] {
      running_ = false;
      over_ = true;
      if (!call_) return;
      if ((e || cut_off_) && !stopped_) {
        failure_ = client_error::body_failed;
        try {
          if (e) std::rethrow_exception(e);
        } catch (const system_error& known) {
          failure_ = known.code();
        } catch (...) {}
      }
      if (!failure_ && !stopped_ && call_->on) call_->on->send_end(trailers_.wire());
      state_->sender_ended(*call_);
    });
  }

  client_call* call_;
  const counted_ptr<client_state> state_;
  const std::shared_ptr<request_source> source_;
  http::body_writer writer_;
  asio::cancellation_signal cancel_;
  http::detail::parked_wait* waiting_ = nullptr;
  http::fields trailers_;
  error_code failure_;
  bool running_ = false, over_ = false, stopped_ = false;
  bool cut_off_ = false; // a write was cancelled: its chunk is half sent, and whatever came behind would stand in it
};

} // namespace detail
} // namespace v0
} // namespace antiphon
