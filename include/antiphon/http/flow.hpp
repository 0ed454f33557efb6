// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/notifier.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/chunk.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/status.hpp>

namespace antiphon {
inline namespace v0 {
namespace http {

class response;

/// What a flow sees of the answer that it writes. Valid inside flow::run only.
class exchange {
 public:
  /// Begins an answer whose length is not known: the head is sent by the end of this run() at the latest.
  virtual void start(status code, std::string_view content_type, const fields& extra = {}) = 0;
  /// Sends a piece after start(). Always takes it; false: write no more until event::drained. The socket is full, or so
  /// much was written that others have their turn.
  virtual bool write(const chunk& piece) = 0;
  /// Answers whole, where start() was not called; run() must then return step::end. Throws std::invalid_argument for a
  /// response that is not of bytes.
  virtual void reply(response whole) = 0;
  /// Asks for event::timer after `after`; a later call replaces an earlier one. Zero or less: at once, not inside.
  virtual void timer(duration after) = 0;
  virtual void cancel_timer() noexcept = 0;
  /// The time that timers go by.
  virtual time_point now() const noexcept = 0;
  /// Where the flow runs: join notifiers with it.
  virtual asio::any_io_executor executor() const = 0;
  /// The coming of the end: the server drains. True from event::drain on.
  virtual bool draining() const noexcept = 0;

 protected:
  ~exchange() = default;
};

/// An answer in progress without a coroutine: the session runs it at its start, when it is woken, when its timer is
/// due, when the socket has drained, and once when the server begins to stop.
///
/// run() never waits and never throws across a wake: an exception ends the connection and reaches on_error. All calls
/// come on the connection's executor. The flow is destroyed when it has ended, and when the client has gone: its
/// destructor is how it hears of that. A flow that waits on a notifier joins it with itself as the waiter.
class flow : public waiter {
 public:
  enum class event : unsigned char { start, wake, timer, drained, drain };
  enum class step : unsigned char {
    wait,
    end,
    cut, ///< the connection is to end so that the client sees that the answer is not whole
  };

  virtual ~flow() = default;
  virtual step run(exchange& to, event what) = 0;

  /// It was woken while there is no room to write, and waits no longer: it may join again to be woken once more before
  /// event::drained, which comes in any case. False: the connection is cut.
  virtual bool keeps_up(exchange&) { return true; }

  /// Called by a notifier's pass; forwards to run(event::wake).
  void wake() noexcept final {
    if (host_) host_->flow_woken();
  }
  void discard() noexcept final {}

  /// Private to sessions.
  struct host {
    virtual void flow_woken() noexcept = 0;

   protected:
    ~host() = default;
  };
  void attach(host* h) noexcept { host_ = h; }

 private:
  host* host_ = nullptr;
};

} // namespace http
} // namespace v0
} // namespace antiphon
