// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/log_base.hpp>
#include <antiphon/core/detail/parked.hpp>
#include <antiphon/core/detail/timer_call.hpp>
#include <antiphon/core/error.hpp>
#include <antiphon/core/time.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What a subscription and its operation share.
template <class T, class Gaps>
class subscribed final : public counted {
 public:
  static constexpr bool reports = std::same_as<Gaps, on_gap::report_type>;
  static constexpr bool skips = std::same_as<Gaps, on_gap::skip_type>;
  using value_type = std::conditional_t<reports, delivery<T>, message<T>>;

  subscribed(counted_ptr<log_base> log, counted_ptr<selection> what, const position& from)
      : reader(std::move(log), std::move(what), from) {}

  /// False: there is nothing to read.
  bool look(value_type& out, error_code& ec) {
    gap missed;
    for (;;) {
      switch (reader.read(1, 0, read_, missed)) {
      case log_reader::result::nothing: return false;
      case log_reader::result::closed: ec = asio::error::eof; return true;
      case log_reader::result::messages:
        out = message<T>(std::move(read_.front()));
        read_.clear();
        return true;
      case log_reader::result::missed:
        if constexpr (reports) {
          out = missed;
          return true;
        } else if constexpr (skips) {
          skipped += missed.at_most.value_or(0);
        } else {
          ec = error::gap;
          return true;
        }
        break;
      case log_reader::result::other:
        if constexpr (reports) {
          out = other_log();
          return true;
        } else if constexpr (!skips) {
          ec = error::other_log;
          return true;
        }
        break;
      }
    }
  }

  log_reader reader;
  std::uint64_t skipped = 0;

 private:
  std::vector<entry_ptr> read_; // its memory is used again
};

/// A coroutine or a callback that waits for one message.
template <class T, class Gaps>
class receive_wait : public parked_base, public waiter {
  using core = subscribed<T, Gaps>;

 public:
  receive_wait(counted_ptr<core> c, asio::any_io_executor executor) noexcept
      : core_(std::move(c)), executor_(std::move(executor)) {}

  /// True: there is a result.
  bool look_or_join() {
    do {
      if (core_->look(value_, ec_)) return true;
    } while (!core_->reader.join(executor_, *this));
    return false;
  }
  void wake() final {
    if (look_or_join()) arrive();
  }
  void discard() noexcept final { destroy(); }
  void cancel() noexcept {
    if (!leave()) return;
    ec_ = asio::error::operation_aborted;
    post();
  }
  std::tuple<error_code, typename core::value_type> result() { return {ec_, std::move(value_)}; }

 protected:
  ~receive_wait() { leave(); }

 private:
  const counted_ptr<core> core_;
  const asio::any_io_executor executor_;
  typename core::value_type value_;
  error_code ec_;
};

template <class T, class Gaps>
struct initiate_receive {
  template <class Handler>
  void operator()(Handler handler, counted_ptr<subscribed<T, Gaps>> core) const {
    static_assert(!std::is_same_v<asio::associated_executor_t<Handler>, asio::system_executor>,
                  "antiphon: async_receive completes on the executor of what waits, and this handler has none: write "
                  "async_receive(asio::bind_executor(executor, token))");
    const asio::any_io_executor executor(asio::get_associated_executor(handler));
    auto* const op = park<receive_wait<T, Gaps>>(std::move(handler), executor, std::move(core), executor);
    if (op->look_or_join()) op->post();
  }
};

/// A coroutine or a callback that waits for several messages. The initiating call may be made on any thread; a timer is
/// started, and a batch that has begun goes on, on the executor only.
template <class T, class Gaps>
class collect_wait : public parked_base, public waiter, public timer_call::target {
  using core = subscribed<T, Gaps>;
  using value_type = typename core::value_type;

 public:
  collect_wait(counted_ptr<core> c, asio::any_io_executor executor, std::size_t most, duration wait)
      : core_(std::move(c)), executor_(std::move(executor)), most_(most), wait_(wait) {}

  /// Within the initiating call. Nothing is touched behind join(): it may have ended elsewhere.
  void start() {
    do {
      if (look()) return post();
      if (!values_.empty()) {
        const auto executor = executor_;
        return asio::post(executor, beginning(this));
      }
    } while (!core_->reader.join(executor_, *this));
  }
  void wake() final {
    do {
      if (look()) return end();
      if (!values_.empty() && !timer_) {
        if (wait_ <= duration::zero()) return end();
        timer_ = counted_ptr<timer_call>(new timer_call(*this, executor_));
        timer_->start(wait_);
      }
    } while (!core_->reader.join(executor_, *this));
  }
  void time_over() noexcept final {
    over_.store(true);
    if (leave()) post();
  }
  void discard() noexcept final { destroy(); }
  void cancel() noexcept {
    if (beginning_) cancelled_ = true;
    if (!leave()) return;
    ec_ = asio::error::operation_aborted;
    post();
  }
  std::tuple<error_code, std::vector<value_type>> result() { return {ec_, std::move(values_)}; }

 protected:
  ~collect_wait() {
    leave();
    if (timer_) timer_->stop();
  }

 private:
  /// Takes a batch that has begun to its executor.
  class beginning {
   public:
    explicit beginning(collect_wait* op) noexcept : op_(op) { op->beginning_ = true; }
    beginning(beginning&& other) noexcept : op_(std::exchange(other.op_, nullptr)) {}
    ~beginning() {
      if (op_) op_->destroy();
    }
    void operator()() { std::exchange(op_, nullptr)->begin(); }

   private:
    collect_wait* op_;
  };
  void begin() {
    beginning_ = false;
    if (!cancelled_) return wake();
    ec_ = asio::error::operation_aborted;
    end();
  }
  void end() {
    if (timer_) timer_->stop();
    arrive();
  }
  /// True: it is over.
  bool look() {
    value_type value;
    while (values_.size() < most_) {
      if (!core_->look(value, ec_)) break;
      if (ec_) return true;
      values_.push_back(std::move(value));
    }
    return values_.size() >= most_ || over_.load();
  }

  const counted_ptr<core> core_;
  const asio::any_io_executor executor_;
  const std::size_t most_;
  const duration wait_;
  std::vector<value_type> values_;
  error_code ec_;
  counted_ptr<timer_call> timer_;
  std::atomic<bool> over_{false};
  bool beginning_ = false, cancelled_ = false;
};

template <class T, class Gaps>
struct initiate_collect {
  template <class Handler>
  void operator()(Handler handler, counted_ptr<subscribed<T, Gaps>> core, std::size_t most, duration wait) const {
    static_assert(!std::is_same_v<asio::associated_executor_t<Handler>, asio::system_executor>,
                  "antiphon: async_collect completes on the executor of what waits, and this handler has none: write "
                  "async_collect(most, wait, asio::bind_executor(executor, token))");
    const asio::any_io_executor executor(asio::get_associated_executor(handler));
    auto* const op = park<collect_wait<T, Gaps>>(std::move(handler), executor, std::move(core), executor, most, wait);
    op->start();
  }
};

} // namespace detail
} // namespace v0
} // namespace antiphon
