// SPDX-License-Identifier: BSL-1.0
// A server on a thread and a context of its own, for tests over real sockets.
#pragma once

#include "raw_client.hpp"

#include <antiphon/server.hpp>

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace threat {

using namespace antiphon;

/// How many of something are alive, and how many there ever were. A handle: what counts in it may outlive it.
class census {
  struct counters {
    std::atomic<int> now{0}, ever{0};
  };

 public:
  /// Stands for one that is alive.
  class one {
   public:
    explicit one(const census& c) : counters_(c.counters_) {
      counters_->now.fetch_add(1);
      counters_->ever.fetch_add(1);
    }
    one(const one& other) : counters_(other.counters_) { counters_->now.fetch_add(1); }
    one(one&& other) noexcept : counters_(std::move(other.counters_)) {}
    one& operator=(const one&) = delete;
    ~one() {
      if (counters_) counters_->now.fetch_sub(1);
    }

   private:
    std::shared_ptr<counters> counters_;
  };

  int now() const noexcept { return counters_->now.load(); }
  int ever() const noexcept { return counters_->ever.load(); }
  bool reaches(int n) const {
    return eventually([&] { return now() >= n; });
  }
  bool empties() const {
    return eventually([&] { return now() == 0; });
  }

 private:
  std::shared_ptr<counters> counters_ = std::make_shared<counters>();
};

/// Serves `app` on 127.0.0.1, on a free port, in a thread (threats/threat_app.cpp). Its destructor cuts what is left
/// and joins.
class live_server {
 public:
  explicit live_server(router app, const serve_options& options = {});
  ~live_server() {
    cut();
    thread_.join();
  }

  std::uint16_t port() const noexcept { return port_; }
  router& app() noexcept { return app_; }
  std::size_t open() const noexcept { return app_.counts().open.load(); }
  raw_client client(int receive_buffer = 0) const { return raw_client(port_, receive_buffer); }

  void drain() { emit(asio::cancellation_type::partial); }
  void cut() { emit(asio::cancellation_type::terminal); }
  bool over() const noexcept { return over_; }
  /// Whether async_serve completes in time; then the result is result().
  bool ends() const {
    return eventually([this] { return over_.load(); });
  }
  error_code result() const { return result_; }
  /// All connections are gone, in time.
  bool empties() const {
    return eventually([this] { return open() == 0; });
  }
  asio::io_context& io() noexcept { return io_; }

 private:
  void emit(asio::cancellation_type type) {
    asio::post(io_, [this, type] {
      if (!over_) signal_.emit(type);
    });
  }

  asio::io_context io_{1};
  router app_;
  asio::cancellation_signal signal_;
  error_code result_;
  std::atomic<bool> over_{false};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

} // namespace threat
