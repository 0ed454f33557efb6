// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/detail/branches.hpp>
#include <antiphon/core/detail/parked.hpp>
#include <antiphon/core/detail/parking.hpp>

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

class offload_base;

/// Who waits for an offloaded function. The context that it waits on may end before the function does.
class offload_wait : public parked_base, public parking::item {
 public:
  offload_wait(parking& home, std::shared_ptr<offload_base> task) noexcept : home_(home), task_(std::move(task)) {}
  inline void cancel();

 protected:
  ~offload_wait() = default;
  const std::shared_ptr<offload_base>& task() const noexcept { return task_; }

 private:
  friend class offload_base;
  inline void abandon() noexcept final;

  parking& home_;
  const std::shared_ptr<offload_base> task_;
};

/// A function on its way to a pool and through it. Three may want it at once: the pool, who cancels, and the end of the
/// context that waits; the lock says who was first.
class offload_base {
 public:
  offload_base(const offload_base&) = delete;
  offload_base& operator=(const offload_base&) = delete;

  /// False: the context goes.
  bool wait(offload_wait& w) noexcept {
    if (!w.home_.add(w)) return false;
    wait_ = &w;
    return true;
  }
  void run() {
    {
      const std::lock_guard lock(mutex_);
      if (begun_) return;
      begun_ = true;
    }
    try {
      call();
    } catch (...) {
      failure_ = std::current_exception();
    }
    drop();
    const std::lock_guard lock(mutex_);
    complete();
  }
  /// Cancelled, or the pool is gone.
  void abort() {
    std::unique_lock lock(mutex_);
    if (begun_) return;
    begun_ = true;
    failure_ = std::make_exception_ptr(system_error(error_code(asio::error::operation_aborted)));
    complete();
    lock.unlock();
    drop();
  }
  void forget() noexcept {
    std::unique_lock lock(mutex_);
    wait_ = nullptr;
    if (std::exchange(begun_, true)) return;
    lock.unlock();
    drop();
  }

 protected:
  offload_base() = default;
  ~offload_base() = default;
  std::exception_ptr failure_;

 private:
  virtual void call() = 0;
  virtual void drop() noexcept = 0;
  void complete() {
    if (auto* w = std::exchange(wait_, nullptr)) w->home_.complete(*w, *w);
  }

  std::mutex mutex_;
  offload_wait* wait_ = nullptr;
  bool begun_ = false; // or never will
};

inline void offload_wait::cancel() {
  const auto task = task_;
  task->abort();
}
inline void offload_wait::abandon() noexcept {
  const auto task = task_;
  task->forget();
  destroy();
}

/// What comes of one, whatever the function is: who waits need not know its type.
template <class R>
class offload_result : public offload_base {
 public:
  using result_type = R;

  std::exception_ptr failure() const noexcept { return failure_; }
  std::optional<stored<R>>& value() noexcept { return value_; }

 protected:
  ~offload_result() = default;
  std::optional<stored<R>> value_;
};

template <class F>
class offload_task final : public offload_result<std::invoke_result_t<F&>> {
 public:
  explicit offload_task(F&& f) : f_(std::move(f)) {}
  explicit offload_task(const F& f) : f_(f) {}

 private:
  void call() override {
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
      (*f_)();
      this->value_.emplace();
    } else {
      this->value_.emplace((*f_)());
    }
  }
  void drop() noexcept override { f_.reset(); }

  std::optional<F> f_;
};

template <class R>
struct offload_signature {
  using type = void(std::exception_ptr, R);
};
template <>
struct offload_signature<void> {
  using type = void(std::exception_ptr);
};

/// `Boxed`: completes with an optional, for results that cannot be made from nothing.
template <class R, bool Boxed>
class offload_wait_for : public offload_wait {
 public:
  using offload_wait::offload_wait;

  auto result() const {
    auto& done = static_cast<offload_result<R>&>(*task());
    if constexpr (Boxed) {
      return std::tuple(done.failure(), std::move(done.value()));
    } else if constexpr (std::is_void_v<R>) {
      return std::tuple(done.failure());
    } else {
      return std::tuple<std::exception_ptr, R>(done.failure(), done.value() ? std::move(*done.value()) : R());
    }
  }

 protected:
  ~offload_wait_for() = default;
};

template <bool Boxed>
struct initiate_offload {
  template <class Handler, class Executor, class R>
  void operator()(Handler handler, const Executor& pool, std::shared_ptr<offload_result<R>> task) const {
    auto& home = parking_of(asio::get_associated_executor(handler, pool));
    auto* const op = park<offload_wait_for<R, Boxed>>(std::move(handler), pool, home, task);
    if (!task->wait(*op)) return op->destroy();
    asio::post(pool, job(std::move(task)));
  }

 private:
  class job {
   public:
    explicit job(std::shared_ptr<offload_base> task) noexcept : task_(std::move(task)) {}
    job(job&&) noexcept = default;
    ~job() {
      if (task_) task_->abort(); // the pool was destroyed first
    }
    void operator()() { std::exchange(task_, nullptr)->run(); }

   private:
    std::shared_ptr<offload_base> task_;
  };
};

} // namespace detail
} // namespace v0
} // namespace antiphon
