// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/core/detail/branches.hpp>
#include <antiphon/core/error.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace antiphon {
inline namespace v0 {

/// Who won a race, counted from 0, and what it returned: in the alternative `index + 1`, a monostate for void; in the
/// alternative 0, nothing, when it ended by a disconnect.
template <class... T>
struct race_result {
  std::size_t index = 0;
  std::variant<std::monostate, detail::stored<T>...> value;
};

namespace detail {

template <class... T, std::size_t... I>
race_result<T...> race_winner(branches<T...>& all, std::index_sequence<I...>) {
  race_result<T...> result{all.winner(), {}};
  if (all.failure()) {
    try {
      std::rethrow_exception(all.failure());
    } catch (const system_error& e) {
      if (!is_disconnect(e.code())) throw;
    }
    return result;
  }
  ((all.winner() == I ? void(result.value.template emplace<I + 1>(std::move(all.template value<I>()))) : void()), ...);
  return result;
}

template <class... T>
asio::awaitable<race_result<T...>> run_race(std::shared_ptr<branches<T...>> all) {
  const auto over = co_await run_all(std::move(all));
  co_return race_winner(*over, std::index_sequence_for<T...>());
}

template <class... T>
auto make_race(asio::awaitable<T>&&... branch) {
  return run_race(std::make_shared<branches<T...>>(std::move(branch)...));
}

} // namespace detail

/// Runs coroutines side by side until the first ends, in any way; then cancels the others and waits for them.
///
///     auto down = ap::pipe(feed, ws);
///     auto up = ap::pipe(ws, room);
///     co_await ap::race(std::move(down), std::move(up));
///
/// Completes:  with a race_result, when all are over; the branches run one at a time, on a strand over the executor of
///             the calling coroutine unless that is serial.
/// Errors:     rethrows how the winner ended, unless that is a disconnect (`is_disconnect`): that is a normal end. How
///             the others end is not looked at.
/// Cancels:    all types: terminal for every branch, all are awaited.
/// Borrows:    nothing; the branches start when the race is awaited.
template <class... Awaitable>
[[nodiscard]] auto race(Awaitable&&... branch) {
  static_assert(sizeof...(Awaitable) > 0, "race needs at least one coroutine");
  static_assert((awaitable_value<Awaitable> && ...),
                "race takes coroutines that were called: race(f(), g()), each an asio::awaitable<T>");
  static_assert((!std::is_lvalue_reference_v<Awaitable> && ...),
                "race takes its coroutines over: pass a named one with std::move");
  return detail::make_race(std::move(branch)...);
}

} // namespace v0
} // namespace antiphon
