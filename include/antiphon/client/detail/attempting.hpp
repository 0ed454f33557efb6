// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/client.hpp>
#include <antiphon/client/detail/callback.hpp>
#include <antiphon/core/detail/pulled.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Is asked before each attempt to reach a server, and may change the request.
class attempt_hook {
 public:
  using done = callback<void(std::exception_ptr)>;
  virtual ~attempt_hook() = default;
  /// False: `then` is called later.
  virtual bool run(client_request& req, const asio::any_io_executor& executor, done then) = 0;
};
template <class F>
class attempt_hook_of final : public attempt_hook {
 public:
  explicit attempt_hook_of(F f) : f_(std::move(f)) {}
  bool run(client_request& req, const asio::any_io_executor& executor, done then) override {
    if constexpr (std::is_same_v<std::invoke_result_t<F&, client_request&>, asio::awaitable<void>>) {
      asio::co_spawn(executor, f_(req), [then = std::move(then)](std::exception_ptr e) { then(std::move(e)); });
      return false;
    } else {
      f_(req);
      return true;
    }
  }

 private:
  F f_;
};
template <class F>
std::unique_ptr<attempt_hook> make_attempt_hook(F f) {
  using result = std::invoke_result_t<F&, client_request&>;
  static_assert(std::is_same_v<result, void> || std::is_same_v<result, asio::awaitable<void>>,
                "antiphon: before_attempt() takes void(antiphon::client_request&), or a coroutine of that form");
  return std::make_unique<attempt_hook_of<F>>(std::move(f));
}

/// A source that sends a request again and again, when a hook has had it.
template <class T>
class attempting : public pulled<T> {
 public:
  void before_attempt(std::unique_ptr<attempt_hook> h) noexcept { hook_ = std::move(h); }

 protected:
  /// Throws std::invalid_argument, with `why`, for a request that can be sent only once.
  attempting(client c, client_request req, const char* why)
      : pulled<T>(c.get_executor()), base_(std::move(req)), client_(std::move(c)) {
    if (!base_.repeatable()) throw std::invalid_argument(why);
  }

  /// The hook lets it be sent: the last moment before it is.
  virtual void calling() = 0;
  virtual void answered(error_code ec, client_response res) = 0;
  /// A system_error of the hook's: of whoever gives credentials, perhaps.
  virtual void attempt_failed(error_code ec) = 0;
  /// Anything else that it has thrown.
  virtual void hook_failed() = 0;

  void attempt(client_request req) {
    attempt_ = std::make_unique<client_request>(std::move(req));
    const auto turn = ++turn_;
    if (!hook_) return call();
    counted_ptr<attempting> self(this);
    try {
      auto then = [self, turn](std::exception_ptr e) {
        if (turn == self->turn_) self->hooked(std::move(e));
      };
      if (!hook_->run(*attempt_, this->executor(), std::move(then))) return;
    } catch (...) {
      return hooked(std::current_exception());
    }
    call();
  }
  /// What is under way is of the past.
  void give_up() noexcept {
    ++turn_;
    cancel_.emit(asio::cancellation_type::terminal);
  }

  const client_request base_;
  std::uint32_t turn_ = 0; // of what is under way: what arrives with another number is of the past

 private:
  void hooked(std::exception_ptr failure) {
    if (!failure) return call();
    try {
      std::rethrow_exception(failure);
    } catch (const system_error& e) {
      attempt_failed(e.code());
    } catch (...) {
      hook_failed();
    }
  }
  void call() {
    calling();
    auto req = std::move(*attempt_);
    attempt_.reset();
    client_.async_send(std::move(req),
                       asio::bind_cancellation_slot(cancel_.slot(), [self = counted_ptr<attempting>(this),
                                                                     turn = turn_](error_code ec, client_response res) {
                         if (turn == self->turn_) self->answered(ec, std::move(res));
                       }));
  }

  const client client_;
  std::unique_ptr<attempt_hook> hook_;
  std::unique_ptr<client_request> attempt_;
  asio::cancellation_signal cancel_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
