// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/byte_buffer.hpp>
#include <antiphon/core/detail/turn.hpp>
#include <antiphon/http/body_decoder.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/request_parser.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/server/detail/outbox.hpp>
#include <antiphon/server/layer.hpp>
#include <antiphon/server/options.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace antiphon {
inline namespace v0 {
namespace detail {

class connection;

/// Room to read into. Taken for the length of one step, or while a handler looks at a piece of a body.
struct scratch {
  static constexpr std::size_t size = 64 * 1024;
  char bytes[size];
};

/// A body that its handler reads as it comes.
struct body_stream final : http::detail::waiting_host {
  explicit body_stream(connection& c) noexcept : owner(c) {}

  connection& owner;
  std::unique_ptr<scratch> room; ///< bytes that came, [at, end); none while the handler waits
  std::size_t at = 0, end = 0;
  http::detail::parked_wait* reader = nullptr;
  time_point since{}, due{}; ///< of the wait for the client
  duration waited{};         ///< for the client, by earlier waits
  read_turn turn;            ///< a fast client must not keep the others waiting
  error_code failed;
  bool over = false;  ///< the handler has seen its end
  bool asked = false; ///< 100 Continue is out, or was not wanted
  bool yields = false;

  asio::any_io_executor body_executor() const override;
  void body_wait(http::detail::parked_wait& w) noexcept override;
  void body_cancel(http::detail::parked_wait& w) noexcept override {
    if (reader != &w) return; // over, and on its way
    reader = nullptr;
    w.finish(asio::error::operation_aborted);
  }
};

/// What a connection needs while it has something to do, and gives back to a pool when it has not: that is why a quiet
/// connection is small.
struct work final : http::detail::request_host, http::detail::body_host {
  explicit work(const serve_options& options) : parser(options.head) {}

  connection* owner = nullptr;
  byte_buffer in;    ///< bytes that came and were not consumed
  byte_buffer block; ///< the head of the present request, where its handler waits
  outbox out;
  http::request_parser parser;
  http::body_decoder body;
  request req;
  response res;
  const route* to = nullptr;
  time_point began{};         ///< when the head was whole
  time_point due{};           ///< when its handler must be over
  std::uint64_t bytes_in = 0; ///< of the present request
  std::uint64_t reserved = 0; ///< of the server's budget for collected bodies
  std::size_t answered = 0;   ///< since the last write
  asio::cancellation_signal cancel;
  http::detail::parked_wait* interim = nullptr; ///< an interim response that waits to be written
  write_turn turn;                              ///< of interim responses
  std::unique_ptr<body_stream> stream;          ///< of the present request, if its handler reads the body
  time_point now{};                             ///< when these bytes came

  /// Before it goes back to the pool: the next connection must not be asked what this one was, and large buffers are
  /// not kept.
  void rest() noexcept {
    parser.reset();
    http::detail::request_access::state(req).clear();
    if (in.capacity() == 0 && block.capacity() <= most_block && out.text().capacity() <= most_text) [[likely]]
      return;
    in.clear();
    in.shrink(0);
    block.clear();
    block.shrink(most_block);
    out.text().shrink(most_text);
  }
  static constexpr std::size_t most_block = 4096, most_text = 64 * 1024;

  asio::any_io_executor request_executor() const override;
  std::string request_peer() const override;
  bool request_secure() const noexcept override;
  asio::awaitable<void> request_interim(http::status, http::fields) override;
  time_point request_now() const noexcept override;
  bool request_read(std::string_view& piece, error_code& ec) override;
  http::detail::waiting_host& request_reading() noexcept override { return *stream; }
  const http::fields& request_trailers() const noexcept override { return body.trailers(); }

  // An interim response is written as a body is.
  asio::any_io_executor body_executor() const override { return request_executor(); }
  bool body_write(const http::chunk&, error_code&) override { return true; }
  void body_wait(http::detail::parked_wait& w) noexcept override;
  void body_cancel(http::detail::parked_wait& w) noexcept override {
    if (interim != &w) return; // over, and on its way
    interim = nullptr;         // it is in the output, and goes out all the same
    w.finish(asio::error::operation_aborted);
  }
  bool body_draining() const noexcept override { return false; }
};

/// What the hooks `complete` are told of an answer that outlives its request.
struct exchange_record {
  const route* to = nullptr;
  exchange_summary summary;
  std::string target, id, peer;
  time_point began{};
  http::detail::typed_state state; ///< of the request: it lasts as long as the answer

  void complete(time_point now) {
    summary.took = now - began;
    summary.target = target;
    summary.id = id;
    summary.peer = peer;
    for (auto* l : to->completing) l->complete(summary);
  }
};

} // namespace detail
} // namespace v0
} // namespace antiphon
