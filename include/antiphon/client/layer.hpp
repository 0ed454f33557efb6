// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/request.hpp>
#include <antiphon/client/response.hpp>
#include <antiphon/core/detail/counted.hpp>

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

/// What a call has come to: the points that on_phase is told of.
enum class client_phase : unsigned char {
  dns,        ///< the name is resolved
  connect,    ///< a new connection is made
  sent,       ///< the request is out
  first_byte, ///< the answer begins
  body,       ///< the head of the answer is there: its body follows
  done,       ///< the call is over, well or badly
};

/// A call so far. Views are valid during the hook.
struct client_progress {
  http::method method{};
  std::string_view url;        ///< in normal form, after redirects; may hold secrets in its query
  std::string_view origin;     ///< "http://host:port": a label
  http::status status{};       ///< 0 before the head
  error_code ec{};             ///< of a call that failed
  duration took{};             ///< since the call began
  std::uint64_t bytes_out = 0; ///< head and body, over all tries
  std::uint64_t bytes_in = 0;
  unsigned redirects = 0; ///< followed
  bool reused = false;    ///< the connection was there before
  bool repeated = false;  ///< the connection that it began on had ended
};

class client_next;

namespace detail {

/// A registered layer whose type is forgotten.
class client_layer {
 public:
  virtual ~client_layer() = default;
  bool has_before = false, has_after = false, has_phase = false, waits = false;

  virtual std::optional<client_response> before(client_request&) { return std::nullopt; }
  virtual void after(client_request&, client_response&) {}
  virtual void on_phase(client_phase, const client_progress&) {}
  virtual asio::awaitable<client_response> around(client_request&, const client_next&) = 0;
};

/// What layers are registered with: a client.
class client_layer_host : public counted {
 public:
  /// Sends a request without layers.
  virtual asio::awaitable<client_response> perform(client_request&) = 0;

  /// Runs the hooks of [from, to) inwards. If one answers, the `after` of those outside it run.
  std::optional<client_response> before(std::size_t from, std::size_t to, client_request& req) const {
    for (std::size_t i = from; i < to; ++i) {
      if (!layers[i]->has_before) continue;
      if (auto answer = layers[i]->before(req)) {
        after(from, i, req, *answer);
        return answer;
      }
    }
    return std::nullopt;
  }
  void after(std::size_t from, std::size_t to, client_request& req, client_response& res) const {
    for (std::size_t i = to; i-- > from;)
      if (layers[i]->has_after) layers[i]->after(req, res);
  }

  std::vector<std::unique_ptr<client_layer>> layers; // outermost first
  bool waits = false, has_hooks = false, has_phases = false;

 protected:
  ~client_layer_host() override = default;
};

class client_next_layer {
 public:
  client_next_layer(counted_ptr<client_layer_host> host, std::size_t at) noexcept : host_(std::move(host)), at_(at) {}
  asio::awaitable<client_response> run(client_request& req) const { return from(host_, at_, &req); }

  static inline asio::awaitable<client_response> from(counted_ptr<client_layer_host> host, std::size_t at,
                                                      client_request* req);

 private:
  counted_ptr<client_layer_host> host_;
  std::size_t at_;
};

} // namespace detail

/// The rest of the chain inside a waiting layer: `co_await next(req)` gives the answer, or throws system_error. It may
/// be called again: see client_request::repeatable() and idempotent().
class client_next {
 public:
  explicit client_next(detail::client_next_layer rest) noexcept : rest_(std::move(rest)) {}
  asio::awaitable<client_response> operator()(client_request& req) const { return rest_.run(req); }

 private:
  detail::client_next_layer rest_;
};

namespace detail {

inline asio::awaitable<client_response> client_next_layer::from(counted_ptr<client_layer_host> host, std::size_t at,
                                                                client_request* req) {
  const auto& layers = host->layers;
  std::size_t end = at;
  while (end < layers.size() && !layers[end]->waits) ++end;
  if (auto answer = host->before(at, end, *req)) co_return std::move(*answer);
  client_response out;
  if (end < layers.size()) {
    const client_next rest(client_next_layer(host, end + 1)); // lives in here, for a layer that takes a reference to it
    out = co_await layers[end]->around(*req, rest);
  } else {
    out = co_await host->perform(*req);
  }
  host->after(at, end, *req, out);
  co_return out;
}

template <class L>
concept client_before_hook = requires(L& l, client_request& req) {
  { l.before(req) } -> std::same_as<std::optional<client_response>>;
};
template <class L>
concept client_after_hook = requires(L& l, client_request& req, client_response& res) {
  l.after(req, res);
};
template <class L>
concept client_phase_hook = requires(L& l, client_phase what, const client_progress& so_far) {
  l.on_phase(what, so_far);
};
template <class L>
concept client_hooks = client_before_hook<L> || client_after_hook<L> || client_phase_hook<L>;
template <class L>
concept client_waiting_layer =
    std::is_invocable_r_v<asio::awaitable<client_response>, L&, client_request&, const client_next&>;

template <class L>
class client_layer_of final : public client_layer {
 public:
  explicit client_layer_of(L l) : l_(std::move(l)) {
    has_before = client_before_hook<L>;
    has_after = client_after_hook<L>;
    has_phase = client_phase_hook<L>;
    waits = client_waiting_layer<L>;
  }
  std::optional<client_response> before(client_request& req) override {
    if constexpr (client_before_hook<L>) return l_.before(req);
    return std::nullopt;
  }
  void after(client_request& req, client_response& res) override {
    if constexpr (client_after_hook<L>) l_.after(req, res);
  }
  void on_phase(client_phase what, const client_progress& so_far) override {
    if constexpr (client_phase_hook<L>) l_.on_phase(what, so_far);
  }
  asio::awaitable<client_response> around(client_request& req, const client_next& rest) override {
    if constexpr (client_waiting_layer<L>) {
      return l_(req, rest);
    } else {
      return rest(req);
    }
  }

 private:
  L l_;
};

template <class L>
constexpr void require_client_layer() {
  static_assert(
      client_hooks<L> || client_waiting_layer<L>,
      "antiphon: a layer of a client has hooks, `std::optional<client_response> before(client_request&)`, "
      "`void after(client_request&, client_response&)`, `void on_phase(client_phase, const "
      "client_progress&)`, or is a coroutine `asio::awaitable<client_response>(client_request&, client_next)`");
  static_assert(!(client_hooks<L> && client_waiting_layer<L>),
                "antiphon: a layer has hooks or waits, not both: register two layers");
}

} // namespace detail
} // namespace v0
} // namespace antiphon
