// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/testing/memory_stream.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace antiphon_tests {

namespace ap = antiphon;

/// What async_serve accepts from, without a socket: connect() gives the client's end of a new connection. A handle: the
/// copy that a server took and the one that the test kept are the same listener.
template <bool Readiness>
class memory_listener {
 public:
  using executor_type = asio::any_io_executor;
  using stream = ap::testing::basic_memory_stream<Readiness>;
  using client_stream = ap::testing::memory_stream;

  explicit memory_listener(executor_type executor, std::size_t capacity = 64 * 1024)
      : state_(std::make_shared<state>(state{std::move(executor), capacity, {}, {}, {}, {}})) {}

  executor_type get_executor() const { return state_->executor; }

  /// h(error_code, stream). One at a time.
  template <class Handler>
  void async_accept(Handler h) {
    state_->waiting = [h](ap::error_code ec, stream s) { h(ec, std::move(s)); };
    state_->progress();
  }

  /// What waits ends with operation_aborted.
  void close() {
    state_->closed = true;
    state_->queue.clear();
    state_->progress();
  }
  bool is_closed() const { return state_->closed; }

  /// The next accepts fail so.
  void fail_next(ap::error_code ec) {
    state_->failures.push_back(ec);
    state_->progress();
  }
  /// Operations of the servers' ends of later connections fail so.
  void fail(const ap::testing::fail_after& failure) { state_->failure = failure; }

  client_stream connect() {
    auto ends = ap::testing::memory_pair<Readiness, true>(state_->executor, state_->capacity);
    if (state_->failure) ends.first.fail(*state_->failure);
    if (!state_->closed) state_->queue.push_back(std::move(ends.first));
    state_->progress();
    return std::move(ends.second);
  }

 private:
  struct state {
    executor_type executor;
    std::size_t capacity;
    std::function<void(ap::error_code, stream)> waiting;
    std::deque<stream> queue;
    std::deque<ap::error_code> failures;
    std::optional<ap::testing::fail_after> failure;
    bool closed = false;

    void progress() {
      if (!waiting || (!closed && queue.empty() && failures.empty())) return;
      ap::error_code ec;
      if (closed) {
        ec = asio::error::operation_aborted;
      } else if (!failures.empty()) {
        ec = failures.front();
        failures.pop_front();
      }
      auto given = ec ? ap::testing::memory_pair<Readiness, true>(executor).first : std::move(queue.front());
      if (!ec) queue.pop_front();
      asio::post(executor, [h = std::exchange(waiting, nullptr), ec, s = std::move(given)]() mutable {
        h(ec, std::move(s));
      });
    }
  };
  std::shared_ptr<state> state_;
};

} // namespace antiphon_tests
