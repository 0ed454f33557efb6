// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

template <class T>
struct awaited {
  using type = T;
  static constexpr bool waits = false;
};
template <class T>
struct awaited<asio::awaitable<T>> {
  using type = T;
  static constexpr bool waits = true;
};

template <class F>
concept callable_handler = std::is_invocable_v<F&, request&> || std::is_invocable_v<F&>;

template <class F>
struct handler_traits {
  static constexpr bool takes_request = std::is_invocable_v<F&, request&>;
  static decltype(auto) call(F& f, request& req) {
    if constexpr (takes_request) {
      return f(req);
    } else {
      return f();
    }
  }
  using returned = decltype(call(std::declval<F&>(), std::declval<request&>()));
  using answer = awaited<std::remove_cvref_t<returned>>;
};

/// A registered handler whose type is forgotten: either synchronous (call) or a coroutine (start).
class handler {
 public:
  explicit handler(bool waits) noexcept : waits_(waits) {}
  virtual ~handler() = default;
  bool waits() const noexcept { return waits_; }
  virtual void call(request&, response& out) = 0;
  virtual asio::awaitable<response> start(request&) = 0;

 private:
  bool waits_;
};

template <class F>
class handler_of final : public handler {
  using traits = handler_traits<F>;
  static constexpr bool waits = traits::answer::waits;

 public:
  explicit handler_of(F f) : handler(waits), f_(std::move(f)) {}

  void call(request& req, response& out) override {
    using returned = typename traits::returned;
    if constexpr (waits) {
      static_cast<void>(req), static_cast<void>(out);
    } else if constexpr (std::is_same_v<returned, std::string>) {
      out.assign_text(traits::call(f_, req));
    } else if constexpr (std::is_same_v<returned, std::string_view> || std::is_same_v<returned, const char*>) {
      out.assign_text(std::string_view(traits::call(f_, req)));
    } else {
      out.assign(response(traits::call(f_, req)));
    }
  }
  asio::awaitable<response> start(request& req) override {
    if constexpr (std::is_same_v<typename traits::returned, asio::awaitable<response>>) {
      return traits::call(f_, req);
    } else {
      return converted(req);
    }
  }

 private:
  asio::awaitable<response> converted(request& req) {
    if constexpr (waits) {
      auto returned = co_await traits::call(f_, req);
      co_return response(std::move(returned));
    } else {
      co_return response(traits::call(f_, req));
    }
  }

  F f_;
};

/// The first lines that a user reads when what he registers is no handler.
template <class F>
constexpr void require_handler() {
  static_assert(callable_handler<F>,
                "antiphon: a handler is called with (antiphon::request&) or with nothing: take the "
                "request by reference, it is not copied");
  if constexpr (callable_handler<F>) {
    using result = typename handler_traits<F>::answer::type;
    static_assert(!std::is_void_v<result>,
                  "antiphon: a handler returns its answer: return antiphon::status::no_content "
                  "(or co_return it) where there is nothing to say");
    if constexpr (!std::is_void_v<result>)
      static_assert(response_like<result>,
                    "antiphon: a handler returns (or awaits) a response, a status, a text, or a type for which "
                    "antiphon::response_from<T> is specialised; numbers are no answer: use std::to_string");
  }
}

} // namespace detail
} // namespace v0
} // namespace antiphon
