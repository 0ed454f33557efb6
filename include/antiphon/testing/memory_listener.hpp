// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/testing/memory_stream.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace testing {

/// What async_serve accepts from in a test: connect() gives the client's end of a new connection, without a socket.
///
///     ap::testing::memory_listener listener(io.get_executor());
///     ap::async_serve(listener, app, token);
///     ap::testing::memory_stream client = listener.connect();
///
/// A handle: the copy that the server took and the one that the test keeps are the same listener. `Readiness` is that
/// of the server's ends. Thread safety: none, use it where its executor runs.
template <bool Readiness>
class basic_memory_listener {
 public:
  using executor_type = asio::any_io_executor;
  using stream = basic_memory_stream<Readiness>;

  /// `capacity`: bytes on the way in each direction of a connection.
  explicit basic_memory_listener(executor_type executor, std::size_t capacity = 64 * 1024)
      : state_(std::make_shared<state>(std::move(executor), capacity)) {}

  executor_type get_executor() const { return state_->executor; }

  /// The client's end of a new connection. A closed listener gives one whose other end is closed.
  memory_stream connect() {
    auto ends = memory_pair<Readiness, true>(state_->executor, state_->capacity);
    if (state_->failure) ends.first.fail(*state_->failure);
    if (!state_->closed) state_->queue.push_back(std::move(ends.first));
    state_->progress();
    return std::move(ends.second);
  }

  /// Calls h(error_code, stream), never inside the call. One at a time.
  template <class Handler>
  void async_accept(Handler h) {
    state_->waiting = std::make_unique<accept_of<Handler>>(std::move(h));
    state_->progress();
  }
  /// Ends what waits with operation_aborted.
  void close() {
    state_->closed = true;
    state_->queue.clear();
    state_->progress();
  }
  bool is_closed() const { return state_->closed; }

  /// One accept fails so.
  void fail_next(error_code ec) {
    state_->failures.push_back(ec);
    state_->progress();
  }
  /// Counts the operations of the server's ends of later connections, and fails them from a step on.
  void fail(const fail_after& failure) { state_->failure = failure; }

 private:
  struct accept {
    virtual ~accept() = default;
    virtual void complete(error_code, stream) = 0;
  };
  template <class Handler>
  struct accept_of final : accept {
    explicit accept_of(Handler handler) : h(std::move(handler)) {}
    void complete(error_code ec, stream s) override { h(ec, std::move(s)); }
    Handler h;
  };

  struct state {
    state(executor_type ex, std::size_t n) : executor(std::move(ex)), capacity(n) {}

    void progress() {
      if (!waiting || (!closed && queue.empty() && failures.empty())) return;
      error_code ec;
      if (closed) {
        ec = asio::error::operation_aborted;
      } else if (!failures.empty()) {
        ec = failures.front();
        failures.pop_front();
      }
      auto given = ec ? memory_pair<Readiness, true>(executor).first : std::move(queue.front());
      if (!ec) queue.pop_front();
      asio::post(executor,
                 [h = std::move(waiting), ec, s = std::move(given)]() mutable { h->complete(ec, std::move(s)); });
    }

    const executor_type executor;
    const std::size_t capacity;
    std::unique_ptr<accept> waiting;
    std::deque<stream> queue;
    std::deque<error_code> failures;
    std::optional<fail_after> failure;
    bool closed = false;
  };
  std::shared_ptr<state> state_;
};

/// A listener whose connections can say when they are ready, as sockets can.
using memory_listener = basic_memory_listener<true>;
/// A listener whose connections have asynchronous reads and writes only.
using plain_memory_listener = basic_memory_listener<false>;

} // namespace testing
} // namespace v0
} // namespace antiphon
