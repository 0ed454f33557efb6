// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/counted.hpp>
#include <antiphon/core/detail/decl.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/error.hpp>
#include <antiphon/server/detail/answer.hpp>
#include <antiphon/server/detail/server_state.hpp>

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

using http::detail::request_access;

/// One connection of a server: a state machine that reads requests, has them handled and writes the answers in order.
///
/// It has two parts: this object, which is all that a quiet connection keeps, and a `work` of the server's pool while
/// there is something to do. All that is below `public` is called on the connection's executor, except on_deadline.
/// Every entry from outside is a `step`: what ends the connection inside it takes effect when the step ends, so nothing
/// that is in use is destroyed.
class connection : public counted, public wheel_entry {
 public:
  enum class phase : unsigned char {
    idle,      ///< between requests, or a head has come in part
    body,      ///< a body is collected or skipped
    handling,  ///< a coroutine handler runs
    answering, ///< a flow, a body coroutine or an upgrade runs
    lingering, ///< refused: the answer is out, what comes is dropped
    closed
  };

  explicit connection(server_state& server) noexcept : server_(&server) {}

  server_state& server() const noexcept { return *server_; }
  bool closed() const noexcept { return phase_ == phase::closed; }
  phase what() const noexcept { return phase_; }
  bool http_1_0() const noexcept { return http_1_0_; }
  bool head_only() const noexcept { return head_only_; }
  bool draining() const noexcept { return server_->draining.load(std::memory_order_relaxed); }
  asio::any_io_executor executor() const { return server_->serial ? server_->executor : io_executor(); }

  // The stream below.
  virtual std::size_t io_write(const gather&, error_code&) = 0;
  virtual std::size_t io_read(asio::mutable_buffer, error_code&) = 0;
  /// Sends `before`, then bytes of a file: see send_file.hpp.
  virtual std::size_t io_send_file(asio::const_buffer before, int file, std::uint64_t offset, std::size_t size,
                                   error_code&) = 0;
  virtual void io_shutdown_send() noexcept = 0;
  virtual std::string io_peer() const = 0;
  /// The client: the other end, or who a PROXY header says it is.
  std::string peer() const;
  /// Whether the client has gone, where nothing is read that would say so. `fin`: the end of its sending side counts.
  virtual bool io_gone(bool fin) noexcept = 0;

  /// One entry from outside. Keeps the connection alive, and ends it at its end if it was closed inside.
  class step {
   public:
    explicit step(connection& c) noexcept : c_(&c), outer_(!c.stepping_) { c.stepping_ = true; }
    step(const step&) = delete;
    step& operator=(const step&) = delete;
    ~step() {
      if (!outer_) return;
      c_->stepping_ = false;
      c_->tidy();
    }

   private:
    counted_ptr<connection> c_;
    bool outer_;
  };

  // Entries.
  void start();
  void on_readable(error_code ec);
  void on_writable(error_code ec, std::size_t n);
  void look();
  void expired();
  void begin_drain();
  void drain_answer();
  void cut();
  void answer_timer();
  /// The context goes: what is parked here is destroyed, nothing is called.
  void abandon() noexcept;
  /// Answers 503 to whoever is over the limit of connections.
  void refuse_connection();

  /// What runs after the cut: for the log.
  std::string_view running() const noexcept { return work_ && work_->to ? work_->to->pattern : std::string_view(); }
  /// The route of the present request.
  const route* taken() const noexcept { return work_ ? work_->to : nullptr; }
  bool has_running_handler() const noexcept { return handler_running_; }

  // For answers and for the request.
  /// Ends the answer: the next request is read, or the connection closed behind what is still to be written.
  void answer_over(bool keep);
  /// Sends a whole answer in place of the answer in progress.
  void reply(response&& whole, exchange_record* record);
  enum class length_kind : unsigned char { none, known, chunked };
  void write_head(byte_buffer& out, http::status code, const response& res, length_kind how, std::uint64_t length,
                  std::string_view body = {});
  void append_upgrade_head(byte_buffer& out, const response& res, std::string_view protocol);
  bool keep() const noexcept { return keep_ && !draining(); }
  void wait_write(const gather& g) {
    waiting_write_ = true;
    set_deadline(server_->time.now() + server_->options.write_stall);
    io_wait_write(g);
  }
  /// As wait_write() where there is room all the same: the others have their turn first.
  void give_way() {
    waiting_write_ = true;
    set_deadline(server_->time.now() + server_->options.write_stall);
    io_give_way();
  }
  void wait_read() {
    if (waiting_read_) return;
    waiting_read_ = true;
    io_wait_read();
  }
  bool flush();
  /// What is next, after anything that may have changed it.
  void settle();
  /// Asks within a second whether the client is still there: for what runs while nothing is read.
  void watch() noexcept;
  void die() noexcept;
  void report(std::exception_ptr e, std::string_view verb, std::string_view pattern) const noexcept;
  ANTIPHON_FORCE_INLINE work& need_work() {
    if (!work_) {
      server_->take_work().swap(work_);
      work_->owner = this;
      request_access::host(work_->req, work_.get());
    }
    return *work_;
  }
  bool read_body(std::string_view& piece, error_code& ec);
  /// Bytes that came behind an upgrade's request.
  byte_buffer take_input() { return work_ ? std::move(work_->in) : byte_buffer(); }
  void set_deadline(time_point at) { server_->time.set(*this, at); }
  /// This answer is the last. What may still come of its request's body is dropped.
  void close_behind() noexcept {
    closing_ = true;
    linger_ = linger_ || skipping_;
    skipping_ = false;
  }
  bool linger_after_answer() noexcept { return linger_ = true; }
  void close_after_answer() noexcept { keep_ = false; }

  connection* next = nullptr; ///< of the server's list
  connection* previous = nullptr;

 protected:
  ~connection() override = default;
  virtual void io_wait_read() = 0;
  virtual void io_wait_write(const gather&) = 0;
  virtual void io_give_way() = 0;
  virtual void io_close() noexcept = 0;
  virtual asio::any_io_executor io_executor() const = 0;

 private:
  friend struct handler_done;

  void on_deadline() noexcept override;

  // Input.
  void receive(bool looking);
  void input(const char* bytes, std::size_t n);
  void end_of_input(error_code ec);
  void probe();
  void consume_buffered();
  bool take_proxy_header(std::string_view bytes, std::size_t& used);
  std::size_t consume(const char* bytes, std::size_t n);
  void begin_request(work& w, const char* base, std::string_view behind, std::size_t& used);
  void begin_body(work& w, std::string_view behind, std::size_t& used);
  std::size_t feed_body(work& w, std::string_view bytes);
  bool run_before(work& w);
  void skip_body(work& w, std::string_view behind, std::size_t& used);
  bool within_limit(work& w);
  bool body_received(work& w);
  // A body that its handler reads.
  void begin_stream(work& w);
  bool reading() const noexcept { return work_ && work_->stream && !work_->stream->over && phase_ == phase::handling; }
  void wait_body();
  void wake_reader(error_code ec = {});
  void fail_stream(error_code ec);
  void end_stream(work& w);
  void keep_rest(work& w, body_stream& s);
  void leave_stream(work& w);
  friend struct body_stream;
  void own_request(work& w);

  // Handling.
  void dispatch(work& w);
  void dispatch_now(work& w);
  void run_after(work& w);
  void answer_wrong(work& w, const error_code& why);
  void start_handler(work& w);
  void handler_ended(std::exception_ptr e);
  void fail_handler(work& w, std::exception_ptr e);
  void emit(work& w);
  void emit_now(work& w);
  void emit_kept(work& w);
  void emit_whole(work& w, response& res, exchange_record* record);
  void emit_whole_now(work& w, response& res, exchange_record* record);
  void write_head_now(byte_buffer& out, http::status code, const response& res, length_kind how, std::uint64_t length,
                      std::string_view body);
  bool flush_now();
  void finish_exchange(work& w);
  void release_body(work& w) noexcept;
  void refuse(work& w, http::status code, std::string_view why);
  void refuse_full(work& w);
  void fail_request(work& w, http::status code, std::string_view why = {});
  void complete(work& w, http::status code, std::uint64_t bytes_out, bool cut = false);
  std::unique_ptr<exchange_record> record_of(work& w, http::status code);

  void finish_close();
  void tidy();

  counted_ptr<server_state> server_;
  std::unique_ptr<work> work_;
  std::unique_ptr<answer> answer_;
  std::uint32_t served_ = 0;
  phase phase_ = phase::idle;
  bool stepping_ = false;
  bool waiting_read_ = false;
  bool waiting_write_ = false;
  bool looking_ = false;
  bool read_closed_ = false;
  bool keep_ = true;     // the present request lets the connection live
  bool closing_ = false; // nothing more is read: close behind what is to be written
  bool linger_ = false;  // ... and drop what comes for a while
  bool http_1_0_ = false;
  bool head_only_ = false;
  bool partial_head_ = false; // the head's time is running
  bool skipping_ = false;     // the body was not wanted
  bool handler_running_ = false;
  bool starting_ = false;
  bool ended_inline_ = false;
  bool timed_out_ = false;
  bool abandoned_ = false; // 503 is out, the handler still runs
  bool answer_begun_ = false;
  bool removed_ = false;
  bool answered_ = false;     // the keep-alive time is to be set
  bool proxy_wanted_ = false; // a PROXY header comes first
};

} // namespace detail
} // namespace v0
} // namespace antiphon
