// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

template <class Signature>
class callback;

/// A function whose type is forgotten; it is moved, and called as often as needed.
template <class R, class... Args>
class callback<R(Args...)> {
 public:
  callback() = default;
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, callback>) &&
      std::is_invocable_r_v<R, std::decay_t<F>&, Args...> callback(F&& f)
      : held_(std::make_unique<holder<std::decay_t<F>>>(std::forward<F>(f))) {}

  explicit operator bool() const noexcept { return held_ != nullptr; }
  R operator()(Args... args) const { return held_->call(std::forward<Args>(args)...); }

 private:
  struct base {
    virtual ~base() = default;
    virtual R call(Args...) = 0;
  };
  template <class F>
  struct holder final : base {
    template <class G>
    explicit holder(G&& g) : f(std::forward<G>(g)) {}
    R call(Args... args) override { return static_cast<R>(f(std::forward<Args>(args)...)); }
    F f;
  };
  std::unique_ptr<base> held_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
