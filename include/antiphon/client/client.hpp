// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/detail/client_state.hpp>
#include <antiphon/client/detail/initiate_call.hpp>
#include <antiphon/client/options.hpp>
#include <antiphon/client/request.hpp>
#include <antiphon/client/response.hpp>
#include <antiphon/core/concepts.hpp>

#include <concepts>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// Sends requests over HTTP/1.1, and keeps connections for the next ones. A handle: a copy is the same client, and the
/// last one that goes cancels what still runs.
///
///     ap::client client(io);
///     auto res = co_await client.get("http://localhost:8080/news");
///     if (res.status() == ap::status::ok) use(res.body());
///
/// All limits and time-outs are in client_options. Redirects are followed. A request is repeated once, silently, where
/// a connection that was kept had ended before a byte of the answer came, and only if it may be: see
/// client_request::idempotent() and repeatable(). Connections are made by a connector: TCP and Unix sockets, or another
/// one, for TLS or in memory. A connection that waits for its next request is outstanding work of the context, for
/// client_options::idle_expiry or until close_idle().
///
/// Thread safety: all members once it is in use; use() before that. The context's executor is taken as it is, as one
/// thread runs it; any other executor but a strand gets a strand.
class client {
 public:
  using executor_type = asio::any_io_executor;

  explicit client(asio::any_io_executor executor, client_options options = {})
      : owner_(std::make_shared<const owner>(one_at_a_time(std::move(executor)), options)) {}
  template <has_executor Context>
  requires(!executor<Context> && !std::same_as<Context, client>) explicit client(Context& context,
                                                                                 client_options options = {})
      : client(asio::any_io_executor(context.get_executor()), options) {}

  /// Where connections, hooks and streamed bodies run.
  executor_type get_executor() const { return state().executor; }

  /// Adds a layer: the first is the outermost. Before the first call; throws std::logic_error later.
  template <class Layer>
  requires(!std::convertible_to<Layer, std::shared_ptr<connector>> &&
           !std::convertible_to<Layer, std::shared_ptr<resolver>>) const client& use(Layer layer) const {
    detail::require_client_layer<Layer>();
    check_unused();
    auto made = std::make_unique<detail::client_layer_of<Layer>>(std::move(layer));
    auto& to = state();
    to.waits = to.waits || made->waits;
    to.has_hooks = to.has_hooks || made->has_before || made->has_after;
    to.has_phases = to.has_phases || made->has_phase;
    to.layers.push_back(std::move(made));
    return *this;
  }
  /// Makes the connections from now on. Likewise.
  const client& use(std::shared_ptr<connector> links) const { return check_unused(), state().links = links, *this; }
  /// Resolves names from now on: a client of its own makes a system_resolver. Likewise.
  const client& use(std::shared_ptr<resolver> names) const { return check_unused(), state().names = names, *this; }

  /// Completes:  with the answer, whatever its status, when all of it is there; a streamed one with its head.
  /// Errors:     system_error: client_error, http::error for what is no answer, Asio's codes (connection_refused, ...).
  /// Cancels:    all types; the connection is closed, and the server may have seen the request.
  /// Example:    examples/client.cpp
  [[nodiscard]] asio::awaitable<client_response> send(client_request req) const { return run(owner_, std::move(req)); }
  [[nodiscard]] asio::awaitable<client_response> get(std::string url) const {
    return run(owner_, client_request(http::method::get, std::move(url)));
  }
  [[nodiscard]] asio::awaitable<client_response> head(std::string url) const {
    return run(owner_, client_request(http::method::head, std::move(url)));
  }
  /// DELETE.
  [[nodiscard]] asio::awaitable<client_response> del(std::string url) const {
    return run(owner_, client_request(http::method::del, std::move(url)));
  }
  [[nodiscard]] asio::awaitable<client_response> post(std::string url, std::string body,
                                                      std::string_view content_type) const {
    return run(owner_, client_request(http::method::post, std::move(url)).body(std::move(body), content_type));
  }
  [[nodiscard]] asio::awaitable<client_response> put(std::string url, std::string body,
                                                     std::string_view content_type) const {
    return run(owner_, client_request(http::method::put, std::move(url)).body(std::move(body), content_type));
  }
  /// Asks for another protocol ("websocket"). Where the answer has switched(), its stream() is the connection; a server
  /// that does not want to gives an ordinary answer.
  [[nodiscard]] asio::awaitable<client_response> upgrade(client_request req, std::string_view protocol) const {
    return run(owner_, std::move(req).upgrade(protocol));
  }

  /// send() with a completion token.
  ///
  /// Completes:  void(error_code, client_response), on the associated executor, never inside the call.
  /// Errors, cancels: as send().
  template <asio::completion_token_for<void(error_code, client_response)> Token>
  auto async_send(client_request req, Token&& token) const {
    return asio::async_initiate<Token, void(error_code, client_response)>(
        detail::initiate_call(), token, detail::counted_ptr<detail::client_state>(owner_->state), std::move(req));
  }

  /// What there is at the moment. On the client's executor.
  detail::client_figures figures() const noexcept { return state().figures(); }
  /// Closes the connections that wait for a request. Any thread.
  void close_idle() const {
    asio::dispatch(get_executor(), [at = owner_->state] { at->enter([&] { at->close_idle(); }, true); });
  }

 private:
  struct owner {
    owner(asio::any_io_executor ex, const client_options& options);
    ~owner() { state->close_all(); }
    owner(const owner&) = delete;
    owner& operator=(const owner&) = delete;
    const detail::counted_ptr<detail::client_state> state;
  };

  static asio::awaitable<client_response> run(std::shared_ptr<const owner> self, client_request req);
  static asio::any_io_executor one_at_a_time(asio::any_io_executor ex) {
    if (detail::targets<asio::io_context::executor_type>(ex) ||
        detail::targets<asio::strand<asio::any_io_executor>>(ex))
      return ex;
    return asio::make_strand(ex);
  }
  detail::client_state& state() const noexcept { return *owner_->state; }
  void check_unused() const {
    if (state().begun) throw std::logic_error("antiphon: client::use() comes before the first call of the client");
  }

  std::shared_ptr<const owner> owner_;
};

} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/client/detail/definitions.hpp>
#endif
