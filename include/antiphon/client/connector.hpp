// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/detail/callback.hpp>
#include <antiphon/client/detail/client_stream.hpp>
#include <antiphon/client/resolver.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// Where a connection is to lead.
struct connect_target {
  std::string_view scheme; ///< "http" or "https"
  std::string_view host;
  std::uint16_t port = 0;
  std::string_view unix_socket;  ///< a path; empty: host and port
  resolver::addresses addresses; ///< of the host that the connector resolves()
};

/// How a client makes its connections: over TCP and Unix sockets by default, in memory in a test, through a proxy, over
/// TLS. One may stand on another: it asks that one what it resolves(), connects by it, and wraps its stream.
class connector {
 public:
  /// A stream, by make_client_stream().
  using result = detail::callback<void(error_code, std::unique_ptr<detail::client_stream>)>;

  virtual ~connector() = default;

  /// Whether it can connect to `scheme`.
  virtual bool takes(std::string_view scheme) const { return scheme == "http"; }
  /// The host whose addresses it wants, to reach `host`: that itself, or a proxy's; empty for none. A view of `host`,
  /// or of what the connector keeps.
  virtual std::string_view resolves([[maybe_unused]] std::string_view host) const { return {}; }
  /// Connects, and calls `done` once, on `executor`, never inside the call. What it returns stands for the attempt:
  /// when that is destroyed, the attempt is given up, and `done` is not called any more.
  virtual std::shared_ptr<void> connect(const connect_target& to, const asio::any_io_executor& executor,
                                        result done) = 0;
};

/// The stream of a connector, its type forgotten: a socket, or any asynchronous stream of Asio's kind.
template <byte_stream Stream>
std::unique_ptr<detail::client_stream> make_client_stream(Stream stream) {
  return std::make_unique<detail::client_stream_of<Stream>>(std::move(stream));
}

namespace detail {

template <class F>
class function_connector final : public connector {
 public:
  explicit function_connector(F f) : f_(std::move(f)) {}
  bool takes(std::string_view) const override { return true; }
  std::shared_ptr<void> connect(const connect_target& to, const asio::any_io_executor& executor, result done) override {
    auto attempt = std::make_shared<state>();
    attempt->done = std::move(done);
    try {
      attempt->stream = make_client_stream(f_(to));
    } catch (const system_error& e) {
      attempt->ec = e.code();
    }
    asio::post(executor, [weak = std::weak_ptr<state>(attempt)] {
      if (const auto at = weak.lock()) at->done(at->ec, std::move(at->stream));
    });
    return attempt;
  }

 private:
  struct state {
    result done;
    error_code ec;
    std::unique_ptr<client_stream> stream;
  };
  F f_;
};

} // namespace detail

/// A connector of a function `Stream(const connect_target&)`, which throws system_error where it cannot:
///
///     client.use(ap::make_connector([=](const ap::connect_target&) { return listener.connect(); }));
template <class F>
std::shared_ptr<connector> make_connector(F f) {
  return std::make_shared<detail::function_connector<F>>(std::move(f));
}

} // namespace v0
} // namespace antiphon
