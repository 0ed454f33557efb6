// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/detail/parked.hpp>
#include <antiphon/core/detail/serial.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace antiphon {
inline namespace v0 {
namespace detail {

template <class T>
using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// A coroutine that waits for its branches. It belongs to them.
template <class Branches>
class branches_wait : public parked_base {
 public:
  explicit branches_wait(std::weak_ptr<Branches> branches) noexcept : branches_(std::move(branches)) {}
  void cancel() {
    if (auto branches = branches_.lock()) branches->cancel();
  }
  void over(std::shared_ptr<Branches> branches) {
    over_ = std::move(branches);
    this->post();
  }
  std::tuple<std::shared_ptr<Branches>> result() { return {std::move(over_)}; }

 protected:
  ~branches_wait() = default;

 private:
  const std::weak_ptr<Branches> branches_;
  std::shared_ptr<Branches> over_;
};

/// Coroutines that run side by side until all are over. The first to end, in any way, wins, and the others are
/// cancelled.
///
/// All of it happens on one serial executor: on others a signal that is emitted meets a coroutine that runs. It is
/// owned by the frames and handlers of its branches, and owns the coroutine that waits for them: so the end of the
/// context, which destroys what the branches wait for, unwinds it all.
template <class... T>
class branches : public std::enable_shared_from_this<branches<T...>> {
 public:
  static constexpr std::size_t none = sizeof...(T);
  using self = branches;

  explicit branches(asio::awaitable<T>&&... branch) : tasks_(std::move(branch)...) {}
  branches(const branches&) = delete;
  branches& operator=(const branches&) = delete;
  virtual ~branches() {
    if (wait_) wait_->destroy();
  }

  /// Cancels all, from anywhere.
  void cancel() {
    asio::dispatch(*executor_, [keep = this->shared_from_this()] { keep->stop(); });
  }

  std::size_t winner() const noexcept { return winner_; }
  std::exception_ptr failure() const noexcept { return failure_; }
  template <std::size_t I>
  auto& value() noexcept {
    return *std::get<I>(values_);
  }

 protected:
  const asio::any_io_executor& executor() const noexcept { return *executor_; }
  void stop() {
    stopped_ = true;
    for (auto& b : states_)
      if (b.runs) b.signal.emit(asio::cancellation_type::terminal);
  }
  /// On the executor, before the first branch starts and when all are over.
  virtual void begin() {}
  virtual void end() noexcept {}

 private:
  friend struct initiate_branches;

  struct state {
    asio::cancellation_signal signal;
    bool runs = false;
  };

  void start() {
    running_ = sizeof...(T);
    begin();
    start_each(std::index_sequence_for<T...>());
  }
  template <std::size_t... I>
  void start_each(std::index_sequence<I...>) {
    (start_one<I>(), ...);
  }
  template <std::size_t I>
  void start_one() {
    auto& task = std::get<I>(tasks_);
    if (stopped_) { // one that was started before has ended already
      task.reset();
      return leave();
    }
    states_[I].runs = true;
    auto body = run<I>(this->shared_from_this(), std::move(*task));
    task.reset();
    asio::co_spawn(
        *executor_, std::move(body),
        asio::bind_cancellation_slot(states_[I].signal.slot(), [keep = this->shared_from_this()](std::exception_ptr e) {
          keep->states_[I].runs = false;
          keep->states_[I].signal.slot().clear();
          if (keep->winner_ == none) {
            keep->winner_ = I;
            keep->failure_ = std::move(e);
            keep->stop();
          }
          keep->leave();
        }));
  }
  // Stores its result itself: co_spawn wants results that can be made from nothing.
  template <std::size_t I, class U>
  static asio::awaitable<void> run(std::shared_ptr<branches> keep, asio::awaitable<U> task) {
    if constexpr (std::is_void_v<U>) {
      co_await std::move(task);
      std::get<I>(keep->values_).emplace();
    } else {
      U value = co_await std::move(task);
      std::get<I>(keep->values_).emplace(std::move(value));
    }
  }
  void leave() {
    if (--running_ != 0) return;
    end();
    std::exchange(wait_, nullptr)->over(this->shared_from_this());
  }

  std::optional<asio::any_io_executor> executor_;
  std::tuple<std::optional<asio::awaitable<T>>...> tasks_;
  std::tuple<std::optional<stored<T>>...> values_;
  std::array<state, sizeof...(T)> states_;
  branches_wait<branches>* wait_ = nullptr;
  std::size_t running_ = 0;
  std::size_t winner_ = none;
  std::exception_ptr failure_;
  bool stopped_ = false;
};

struct initiate_branches {
  template <class Handler, class Branches>
  void operator()(Handler handler, std::shared_ptr<Branches> all) const {
    const asio::any_io_executor executor(asio::get_associated_executor(handler));
    all->executor_ = serial_executor(executor);
    all->wait_ = park<branches_wait<Branches>>(std::move(handler), executor, std::weak_ptr<Branches>(all));
    auto& serial = *all->executor_;
    asio::dispatch(serial, [all = std::move(all)] { all->start(); });
  }
};

/// Runs them; done when all are over. Who awaits this must not hold them meanwhile: they own him.
template <class Branches>
asio::awaitable<std::shared_ptr<Branches>> run_all(std::shared_ptr<Branches> all) {
  return asio::async_initiate<const asio::use_awaitable_t<>&, void(std::shared_ptr<Branches>)>(
      initiate_branches(), asio::use_awaitable, std::move(all));
}

} // namespace detail
} // namespace v0
} // namespace antiphon
