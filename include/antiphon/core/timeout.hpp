// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/core/detail/branches.hpp>
#include <antiphon/core/time.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// One coroutine and the time that it has.
template <class T>
class timed_branch final : public branches<T>, public timer_entry {
 public:
  timed_branch(duration length, asio::awaitable<T>&& task) : branches<T>(std::move(task)), length_(length) {}
  ~timed_branch() override { end(); }

  bool timed_out() const noexcept { return timed_out_; }

 private:
  void begin() override {
    time_ = &time_of(this->executor());
    time_->add(*this, later(time_->now(), length_)); // not added: the context goes
  }
  void end() noexcept override {
    if (time_) time_->remove(*this);
  }
  void on_due() noexcept override {
    auto keep = std::static_pointer_cast<timed_branch>(this->weak_from_this().lock());
    if (!keep) return; // being destroyed
    asio::post(this->executor(), [keep = std::move(keep)] {
      if (keep->winner() != branches<T>::none) return;
      keep->timed_out_ = true;
      keep->stop();
    });
  }

  const duration length_;
  time_service* time_ = nullptr;
  bool timed_out_ = false;
};

template <class T>
[[noreturn]] void throw_timed(const timed_branch<T>& b) {
  try {
    std::rethrow_exception(b.failure());
  } catch (const system_error& e) {
    if (b.timed_out() && e.code() == asio::error::operation_aborted)
      throw system_error(error_code(asio::error::timed_out));
    throw;
  }
}

template <class T>
asio::awaitable<T> run_timed(std::shared_ptr<branches<T>> b) {
  const auto over = co_await run_all(std::move(b));
  if (over->failure()) throw_timed(static_cast<const timed_branch<T>&>(*over));
  if constexpr (!std::is_void_v<T>) co_return std::move(over->template value<0>());
}

template <class T>
auto make_timed(duration length, asio::awaitable<T>&& task) {
  return run_timed<T>(std::make_shared<timed_branch<T>>(length, std::move(task)));
}

} // namespace detail

/// Gives a coroutine a limited time: `co_await ap::with_timeout(5s, read_greeting(socket))`.
///
/// Completes:  with what the coroutine returned, when it is over, also if it finished in spite of being cancelled. It
///             runs on a strand over the executor of the calling coroutine unless that is serial.
/// Errors:     throws system_error(asio::error::timed_out) when the time ran out and the coroutine was cancelled for
///             it (terminal); anything else that it throws is rethrown.
/// Cancels:    all types: terminal for the coroutine, which is awaited.
/// Borrows:    nothing; the time runs from when it is awaited, in the virtual time of the context if it has one.
template <class Awaitable>
[[nodiscard]] auto with_timeout(duration length, Awaitable&& task) {
  static_assert(awaitable_value<Awaitable>,
                "with_timeout takes a coroutine that was called: with_timeout(5s, f()), an asio::awaitable<T>");
  static_assert(!std::is_lvalue_reference_v<Awaitable>,
                "with_timeout takes its coroutine over: pass a named one with std::move");
  return detail::make_timed(length, std::move(task));
}

} // namespace v0
} // namespace antiphon
