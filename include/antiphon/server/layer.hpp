// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>
#include <antiphon/server/handler.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// What is known of an exchange when its answer has been handed to the socket, or was cut: what the hook `complete` of
/// a layer is called with, once for every request that has a route, whoever answers it. The hook `after` sees those
/// answers before, but for the 503 in place of a handler that ignores its cancellation: it still uses its request.
struct exchange_summary {
  http::method method{};
  http::status status{};
  bool cut = false;       ///< the connection ended before the answer did
  std::string_view route; ///< the pattern, never the path: labels must not grow with what clients send
  /// As sent. Only where a layer has `static constexpr bool keeps_target = true`, or a `bool keeps_target() const` that
  /// is true at that time.
  std::string_view target;
  std::string_view id;         ///< the note "request-id", likewise
  std::string_view peer;       ///< likewise
  std::uint64_t bytes_in = 0;  ///< head and body
  std::uint64_t bytes_out = 0; ///< head and body
  duration took{};             ///< from the whole head to the end of the answer
};

class next;

namespace detail {

/// A registered layer whose type is forgotten.
class layer {
 public:
  virtual ~layer() = default;
  bool has_before = false, has_received = false, has_after = false, has_complete = false;
  bool keeps_target = false, waits = false;

  virtual std::optional<response> before(request&) { return std::nullopt; }
  virtual std::optional<response> received(request&, std::uint64_t) { return std::nullopt; }
  virtual void after(request&, response&) {}
  virtual void complete(const exchange_summary&) {}
  /// Whether it wants target, id and peer now: asked once an exchange of the layers with keeps_target.
  virtual bool wants_target() const { return keeps_target; }
  virtual asio::awaitable<response> around(request& req, const next& rest) = 0;
};

struct route {
  std::string_view pattern; // owned by the table
  http::method verb{};
  std::shared_ptr<handler> handle;
  std::uint64_t max_body = 0;
  duration timeout{};
  std::vector<layer*> layers; // outermost first
  std::size_t first_waiting = 0;
  bool takes_body = true; // false: answers by the server itself
  bool streamed = false;  // the handler reads the body
  bool waits = false;
  std::vector<layer*> receiving, completing; // of the layers, those with that hook
  std::vector<layer*> keeping;               // those which may want the target

  void resolve() {
    first_waiting = layers.size();
    waits = handle->waits();
    for (std::size_t i = layers.size(); i-- > 0;) {
      if (layers[i]->waits) first_waiting = i, waits = true;
    }
    for (auto* l : layers) {
      if (l->has_received) receiving.push_back(l);
      if (l->has_complete) completing.push_back(l);
      if (l->keeps_target) keeping.push_back(l);
    }
  }
  bool completes() const noexcept { return !completing.empty(); }
  bool wants_target() const {
    for (const auto* l : keeping)
      if (l->wants_target()) return true;
    return false;
  }
  /// Runs the hooks of [from, to) inwards. If one answers, the `after` of those outside it run and true is returned.
  bool before(std::size_t from, std::size_t to, request& req, response& out) const {
    for (std::size_t i = from; i < to; ++i) {
      if (!layers[i]->has_before) continue;
      if (auto answer = layers[i]->before(req)) {
        out.assign(std::move(*answer));
        after(from, i, req, out);
        return true;
      }
    }
    return false;
  }
  /// How many layers of the hooks that run without a coroutine stand outside of one.
  std::size_t outside(const layer* l) const noexcept {
    std::size_t n = 0;
    while (n < first_waiting && layers[n] != l) ++n;
    return n;
  }
  void after(std::size_t from, std::size_t to, request& req, response& out) const {
    for (std::size_t i = to; i-- > from;)
      if (layers[i]->has_after) layers[i]->after(req, out);
  }
};

class next_layer {
 public:
  next_layer(const route& r, std::size_t at) noexcept : route_(&r), at_(at) {}
  asio::awaitable<response> run(request& req) const { return from(*route_, at_, req); }

  static inline asio::awaitable<response> from(const route& r, std::size_t at, request& req);

 private:
  const route* route_;
  std::size_t at_;
};

} // namespace detail

/// The rest of the chain inside a waiting layer: `co_await next(req)` gives the answer of what it wraps. Call it once,
/// or not at all.
class next {
 public:
  explicit next(detail::next_layer rest) noexcept : rest_(rest) {}
  asio::awaitable<response> operator()(request& req) const { return rest_.run(req); }

 private:
  detail::next_layer rest_;
};

namespace detail {

inline asio::awaitable<response> next_layer::from(const route& r, std::size_t at, request& req) {
  std::size_t end = at;
  while (end < r.layers.size() && !r.layers[end]->waits) ++end;
  response out;
  if (r.before(at, end, req, out)) co_return out;
  if (end < r.layers.size()) {
    const next rest(next_layer(r, end + 1)); // lives in here, for a layer that takes a reference to it
    out = co_await r.layers[end]->around(req, rest);
  } else if (r.handle->waits()) {
    out = co_await r.handle->start(req);
  } else {
    r.handle->call(req, out);
  }
  r.after(at, end, req, out);
  co_return out;
}

template <class L>
concept before_hook = requires(L& l, request& req) {
  { l.before(req) } -> std::same_as<std::optional<response>>;
};
template <class L>
concept received_hook = requires(L& l, request& req, std::uint64_t bytes) {
  l.received(req, bytes);
};
template <class L>
concept answering_hook = requires(L& l, request& req, std::uint64_t bytes) {
  { l.received(req, bytes) } -> std::same_as<std::optional<response>>;
};
template <class L>
concept after_hook = requires(L& l, request& req, response& res) {
  l.after(req, res);
};
template <class L>
concept complete_hook = requires(L& l, const exchange_summary& s) {
  l.complete(s);
};
template <class L>
concept hook_object = before_hook<L> || received_hook<L> || after_hook<L> || complete_hook<L>;
template <class L>
concept waiting_layer = std::is_invocable_r_v<asio::awaitable<response>, L&, request&, const next&>;

template <class L>
class layer_of final : public layer {
 public:
  explicit layer_of(L l) : l_(std::move(l)) {
    has_before = before_hook<L>;
    has_received = received_hook<L>;
    has_after = after_hook<L>;
    has_complete = complete_hook<L>;
    waits = waiting_layer<L>;
    if constexpr (asks_for_target) {
      keeps_target = true;
    } else if constexpr (requires { L::keeps_target; }) {
      keeps_target = L::keeps_target;
    }
  }
  std::optional<response> before(request& req) override {
    if constexpr (before_hook<L>) return l_.before(req);
    return std::nullopt;
  }
  std::optional<response> received(request& req, std::uint64_t bytes) override {
    if constexpr (answering_hook<L>) {
      return l_.received(req, bytes);
    } else if constexpr (received_hook<L>) {
      l_.received(req, bytes);
    }
    return std::nullopt;
  }
  void after(request& req, response& res) override {
    if constexpr (after_hook<L>) l_.after(req, res);
  }
  void complete(const exchange_summary& s) override {
    if constexpr (complete_hook<L>) l_.complete(s);
  }
  bool wants_target() const override {
    if constexpr (asks_for_target) {
      return l_.keeps_target();
    } else {
      return keeps_target;
    }
  }
  asio::awaitable<response> around(request& req, const next& rest) override {
    if constexpr (waiting_layer<L>) {
      return l_(req, rest);
    } else {
      return rest(req);
    }
  }

 private:
  static constexpr bool asks_for_target = requires(const L& l) {
    { l.keeps_target() } -> std::same_as<bool>;
  };

  L l_;
};

template <class L>
concept names_before = requires {
  &L::before;
};
template <class L>
concept names_received = requires {
  &L::received;
};
template <class L>
concept names_after = requires {
  &L::after;
};
template <class L>
concept names_complete = requires {
  &L::complete;
};

template <class L>
constexpr void require_layer() {
  // A hook that is nearly right would never be called.
  static_assert(!names_before<L> || before_hook<L>,
                "antiphon: a layer's `before` returns std::optional<antiphon::response> and is called with (request&): "
                "std::nullopt lets the request go on");
  static_assert(
      !names_received<L> || received_hook<L>,
      "antiphon: a layer's `received` is called with (antiphon::request&, std::uint64_t bytes), when the whole "
      "body has come");
  if constexpr (received_hook<L>) {
    using returned = decltype(std::declval<L&>().received(std::declval<request&>(), std::uint64_t()));
    static_assert(std::is_void_v<returned> || answering_hook<L>,
                  "antiphon: a layer's `received` returns nothing, or std::optional<antiphon::response>: std::nullopt "
                  "lets the request go on");
  }
  static_assert(!names_after<L> || after_hook<L>,
                "antiphon: a layer's `after` is called with (antiphon::request&, antiphon::response&)");
  static_assert(!names_complete<L> || complete_hook<L>,
                "antiphon: a layer's `complete` is called with (const antiphon::exchange_summary&)");
  static_assert(hook_object<L> || waiting_layer<L>,
                "antiphon: a layer has hooks, `std::optional<response> before(request&)`, `void after(request&, "
                "response&)`, `void complete(const exchange_summary&)`, or is a coroutine "
                "`asio::awaitable<response>(request&, next)`");
  static_assert(!(hook_object<L> && waiting_layer<L>),
                "antiphon: a layer has hooks or waits, not both: register two layers");
}

} // namespace detail
} // namespace v0
} // namespace antiphon
