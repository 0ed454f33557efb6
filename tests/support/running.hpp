// SPDX-License-Identifier: BSL-1.0
// A server that ap::run serves in a thread of the test.
#pragma once

#include "raw_client.hpp"

#include <antiphon/server.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <pthread.h>
#include <signal.h>
#include <string>
#include <thread>

namespace threat {

/// A port that was free a moment ago.
inline std::uint16_t free_port() {
  asio::io_context io;
  return asio::ip::tcp::acceptor(io, {asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
}

/// antiphon::run in a thread of its own.
class running {
 public:
  ~running() {
    if (!thread_.joinable()) return;
    stop_context();
    thread_.join();
  }

  /// False: it cannot listen there.
  bool start(antiphon::run_options options) {
    if (thread_.joinable()) thread_.join();
    code.reset();
    over = false;
    thread_ = std::thread([this, options] {
      try {
        code = antiphon::run(io, app, options);
      } catch (const std::exception& e) {
        thrown = e.what();
      }
      over = true;
    });
    return eventually([&] {
             if (over) return true;
             auto probe = options.path.empty() ? raw_client(options.port) : raw_client(std::string(options.path));
             return probe.connected();
           }) &&
           !over;
  }
  /// On a port: another program may be faster than we are.
  void start_on_a_port(antiphon::run_options options) {
    options.address = "127.0.0.1";
    for (int i = 0; i < 20; ++i) {
      options.port = port = free_port();
      if (start(options)) return;
    }
    FAIL() << "no port";
  }
  /// To the thread of run: ThreadSanitizer does not know that Asio's handler may run on any.
  void signal() { ::pthread_kill(thread_.native_handle(), SIGTERM); }
  void stop_context() {
    asio::post(io, [this] { io.stop(); });
  }
  bool ends() {
    if (!eventually([&] { return over.load(); })) return false;
    thread_.join();
    return true;
  }

  asio::io_context io{1};
  antiphon::router app;
  std::uint16_t port = 0;
  std::optional<int> code;
  std::string thrown;
  std::atomic<bool> over{false};

 private:
  std::thread thread_;
};

} // namespace threat
