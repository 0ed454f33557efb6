// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/counted.hpp>
#include <antiphon/core/detail/parked.hpp>
#include <antiphon/core/detail/parking.hpp>
#include <antiphon/core/time.hpp>

#include <cassert>
#include <cstdint>
#include <tuple>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// A source that fetches what it yields from somewhere else, and only while somebody waits for it: a state machine,
/// with no coroutine. Used on its executor.
template <class T>
class pulled : public counted, public parking::item {
 public:
  /// What waits for the next value.
  class receive_op : public parked_base {
   public:
    explicit receive_op(counted_ptr<pulled> from) noexcept : from_(std::move(from)) {}
    std::tuple<error_code, T> result() { return {ec, std::move(value)}; }
    void cancel() noexcept { from_->cancel(*this); }

    error_code ec;
    T value{};

   protected:
    ~receive_op() = default;

   private:
    const counted_ptr<pulled> from_;
  };

  const asio::any_io_executor& executor() const noexcept { return executor_; }
  /// Whether a receive waits for a value that nothing has been found for yet.
  bool waiting() const noexcept { return op_ != nullptr; }
  bool ended() const noexcept { return ended_; }

  void receive(receive_op& op) {
    if (gone_) return op.destroy();
    assert(!op_ && "antiphon: one async_receive of a source at a time");
    op_ = &op;
    go_on();
  }
  /// Nothing more is fetched, nor given; what waits is aborted.
  void close() noexcept {
    if (gone_ || closed_) return;
    closed_ = true;
    if (!ended_) return end(asio::error::operation_aborted);
    why_ = asio::error::operation_aborted;
  }

 protected:
  explicit pulled(asio::any_io_executor executor)
      : executor_(std::move(executor)), time_(time_of(executor_)), parking_(parking_of(executor_)) {
    if (!parking_.add(*this)) gone_ = true;
  }
  ~pulled() override {
    if (!gone_) parking_.remove(*this);
  }

  /// Takes what is there. False: nothing.
  virtual bool next(T& value) = 0;
  /// Somebody waits, and nothing is there: see that something comes, and call go_on() then.
  virtual void want() = 0;
  /// The time of sleep() is over.
  virtual void on_timer() = 0;
  /// Gives up all that is under way.
  virtual void drop() noexcept = 0;

  /// Gives what waits what there is.
  void go_on() {
    if (!op_) return;
    if (!closed_ && next(op_->value)) return complete({});
    if (ended_) return complete(why_);
    want();
  }
  /// For good, behind what is there still.
  void end(error_code why) noexcept {
    if (ended_) return;
    ended_ = true;
    why_ = why;
    wake_early();
    drop();
    if (op_) go_on();
  }
  void sleep(duration length) {
    const auto turn = ++turn_;
    async_sleep_for(
        executor_, length,
        asio::bind_cancellation_slot(alarm_.slot(), [self = counted_ptr<pulled>(this), turn](error_code ec) {
          if (!ec && turn == self->turn_ && !self->ended_) self->on_timer();
        }));
  }
  void wake_early() noexcept {
    ++turn_;
    alarm_.emit(asio::cancellation_type::terminal);
  }
  time_point now() const noexcept { return time_.now(); }

 private:
  void complete(error_code ec) noexcept {
    auto* const op = std::exchange(op_, nullptr);
    op->ec = ec;
    op->post();
  }
  void cancel(receive_op& op) noexcept {
    if (op_ == &op) complete(asio::error::operation_aborted);
  }
  void abandon() noexcept override {
    const counted_ptr<pulled> keep(this);
    gone_ = ended_ = true;
    ++turn_;
    drop();
    if (op_) std::exchange(op_, nullptr)->destroy();
  }

  const asio::any_io_executor executor_;
  time_service& time_;
  parking& parking_;
  receive_op* op_ = nullptr;
  asio::cancellation_signal alarm_;
  std::uint32_t turn_ = 0;
  bool ended_ = false, closed_ = false, gone_ = false;
  error_code why_;
};

template <class T>
struct initiate_pull {
  template <class Handler>
  void operator()(Handler handler, const counted_ptr<pulled<T>>& from) const {
    const counted_ptr<pulled<T>> keep(from);
    keep->receive(*park<typename pulled<T>::receive_op>(std::move(handler), keep->executor(), keep));
  }
};

/// What the handles of a source share: when the last one goes, nothing more is fetched.
template <class State>
class pulled_owner {
 public:
  explicit pulled_owner(State* state) noexcept : state_(state) {}
  pulled_owner(const pulled_owner&) = delete;
  pulled_owner& operator=(const pulled_owner&) = delete;
  ~pulled_owner() { state_->close(); }
  State* operator->() const noexcept { return state_.get(); }
  const counted_ptr<State>& get() const noexcept { return state_; }

 private:
  const counted_ptr<State> state_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
