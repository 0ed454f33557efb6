// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/detail/client_call.hpp>
#include <antiphon/client/detail/client_stream.hpp>
#include <antiphon/core/detail/byte_buffer.hpp>
#include <antiphon/core/detail/decl.hpp>
#include <antiphon/core/detail/turn.hpp>
#include <antiphon/http/body_decoder.hpp>
#include <antiphon/http/chunk.hpp>
#include <antiphon/http/response_parser.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

class streamed_body;

/// One connection of a client: it sends a request, reads the answer, and is given back. A state machine, used on the
/// client's executor (except on_deadline), which every entry from outside is wrapped for by client_state::enter().
class client_connection final : public stream_user, public wheel_entry {
 public:
  enum class phase : unsigned char {
    idle,
    head,      ///< a request is being sent, or its answer awaited; interim answers too
    body,      ///< a body is collected
    streaming, ///< a body is read by the program
    upgraded,  ///< the bytes belong to another protocol
    closed
  };

  client_connection(counted_ptr<client_layer_host> host, client_state& s, origin& o,
                    std::unique_ptr<client_stream> stream, time_point now);
  ~client_connection() override;

  // Entries from outside.
  void on_readable(error_code ec) override;
  void on_writable(error_code ec, std::size_t n) override;
  void expired();

  bool open(error_code& ec) {
    io_->open(ec);
    return !ec;
  }
  /// Sends the call's request. The connection is idle.
  void start(client_call& c);
  bool idle() const noexcept { return phase_ == phase::idle; }
  /// Whether nothing has come since it is idle: neither bytes nor its end, which the loop may not have seen yet.
  bool quiet() { return io_->quiet(); }
  /// In the pool from now on.
  void rest(time_point expiry);
  void close() noexcept;
  /// The context goes.
  void abandon() noexcept;
  /// The call ends before its answer.
  void leave() noexcept {
    call_ = nullptr;
    close();
  }
  bool closed() const noexcept { return phase_ == phase::closed; }
  time_point born() const noexcept { return born_; }
  origin& home() const noexcept { return *home_; }

  // For request_sender: true when all of it is out; false: it is told by room().
  bool send_piece(const http::chunk& piece);
  void send_end(std::string_view trailers);

  // For streamed_body.
  bool read_piece(std::string_view& piece, error_code& ec);
  void wait_piece();
  void try_read();
  void try_write();
  void shutdown_send() noexcept { io_->shutdown_send(); }
  asio::any_io_executor executor() const;
  client_state& state() const noexcept { return *state_; }

  client_connection* next = nullptr; ///< of the client's list
  client_connection* previous = nullptr;

 private:
  void on_deadline() noexcept override;

  void due(duration length, client_error why);
  void wait_read();
  void write_head(client_call& c);
  bool push();
  void request_sent();
  void receive();
  void input(const char* bytes, std::size_t n);
  bool take_interim(client_call& c, std::string_view block);
  bool begin_answer(client_call& c, std::string_view block, std::string_view rest, bool joined);
  bool begin_stream(client_call& c, std::string_view rest, bool joined, bool switched);
  void message_done(bool clean);
  void end_of_input(error_code ec);
  void end_stream(error_code ec);
  void advance(std::size_t n) noexcept;
  void stop_sending();
  void fail(error_code ec);

  const counted_ptr<client_layer_host> owner_; // keeps `state_`
  client_state* const state_;
  origin* home_;
  std::unique_ptr<client_stream> io_;
  const time_point born_;
  time_point due_at_ = time_point::max(), total_at_ = time_point::max();
  duration idle_time_{};
  client_call* call_ = nullptr;
  counted_ptr<streamed_body> port_;
  byte_buffer out_; // the head of the request
  http::chunk piece_;
  shared_buffer content_;
  std::string_view unsent_; // of the content, or of the piece
  write_turn turn_;
  byte_buffer in_;
  std::size_t given_ = 0; // bytes of in_ that the program was given last
  http::response_parser parser_;
  http::body_decoder body_;
  http::response_head head_;
  client_error due_{};
  phase phase_ = phase::idle;
  bool reused_ = false;
  bool answered_ = false; // a byte of the answer has come
  bool waiting_read_ = false, waiting_write_ = false;
  bool sent_ = false, broken_ = false; // the request is out; nothing more can be written
  bool discards_ = false;              // the body is a redirect's
  bool ended_ = true;                  // nothing more of the request will be added
};

} // namespace detail
} // namespace v0
} // namespace antiphon
