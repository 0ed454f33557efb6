// SPDX-License-Identifier: BSL-1.0
// A client under test, and servers that a test plays by hand: in memory, in virtual time, in one thread.
#pragma once

#include <antiphon/client.hpp>
#include <antiphon/testing.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace client_tests {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::client_error;
using ap::client_request;
using ap::method;

/// The server's end of a connection.
class peer {
 public:
  peer(ap::testing::memory_stream s, ap::testing::virtual_time& t) : end_(std::move(s)), time_(&t) {}

  /// What has come and was not taken yet.
  const std::string& now() {
    std::array<char, 4096> room;
    time_->settle();
    while (true) {
      ap::error_code ec;
      const auto n = end_.read_some(asio::buffer(room), ec);
      if (n == 0) {
        ended_ = ec && ec != asio::error::would_block;
        return in_;
      }
      in_.append(room.data(), n);
      time_->settle();
    }
  }
  std::string take() {
    now();
    return std::exchange(in_, {});
  }
  /// Sends all of it, as the client takes it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      ap::error_code ec;
      const auto n = end_.write_some(asio::buffer(bytes), ec);
      bytes.remove_prefix(n);
      time_->settle();
      if (n == 0) return false;
    }
    time_->settle();
    return true;
  }
  void answer(std::string_view body, std::string_view more = {}) {
    take();
    send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) + "\r\n" +
         std::string(body));
  }
  void close() {
    end_.close();
    time_->settle();
  }
  void reset() {
    end_.cut_after(0);
    time_->settle();
  }
  void finish() {
    ap::error_code ec;
    end_.shutdown(asio::socket_base::shutdown_send, ec);
    time_->settle();
  }
  /// The client has closed.
  bool ended() {
    now();
    return ended_;
  }
  ap::testing::memory_stream& stream() { return end_; }

 private:
  ap::testing::memory_stream end_;
  ap::testing::virtual_time* time_;
  std::string in_;
  bool ended_ = false;
};

/// How a call ended, if it has.
struct outcome {
  bool done = false;
  ap::error_code ec;
  ap::client_response res;
  asio::cancellation_signal cancel;
};
using call = std::shared_ptr<outcome>;

class world {
 public:
  asio::io_context io{1};
  ap::testing::virtual_time time{io};
  ap::client_options options;
  std::vector<std::unique_ptr<peer>> peers;
  std::optional<ap::error_code> refuse;           ///< connections fail so
  std::optional<ap::testing::fail_after> failure; ///< of the client's ends
  std::size_t capacity = 64 * 1024, read_size = 0;
  bool plain = false;                                                                   ///< streams without readiness
  std::function<std::shared_ptr<ap::connector>(std::shared_ptr<ap::connector>)> around; ///< what connects by them
  std::vector<std::string> targets;
  std::optional<ap::client> made;

  const ap::client& client() {
    if (made) return *made;
    made.emplace(io, options);
    auto links = plain ? ap::make_connector([this](const ap::connect_target& to) { return connect<false>(to); })
                       : ap::make_connector([this](const ap::connect_target& to) { return connect<true>(to); });
    made->use(around ? around(std::move(links)) : std::move(links));
    return *made;
  }
  call send(client_request req) {
    auto to = std::make_shared<outcome>();
    client().async_send(std::move(req),
                        asio::bind_cancellation_slot(to->cancel.slot(), [to](ap::error_code ec, ap::client_response r) {
                          EXPECT_FALSE(to->done);
                          to->done = true;
                          to->ec = ec;
                          to->res = std::move(r);
                        }));
    EXPECT_FALSE(to->done) << "completed inside the initiating call";
    time.settle();
    return to;
  }
  call get(std::string url = "http://h/") { return send(client_request(method::get, std::move(url))); }
  void advance(ap::duration d) { time.advance(d); }
  peer& at(std::size_t i) {
    if (i >= peers.size()) throw std::out_of_range("no such connection was made");
    return *peers[i];
  }
  /// Nothing stays.
  ~world() {
    made.reset();
    time.settle();
    for (auto& p : peers) p->close();
  }

 private:
  template <bool Readiness>
  ap::testing::basic_memory_stream<Readiness> connect(const ap::connect_target& to) {
    targets.push_back(to.unix_socket.empty() ? std::string(to.host) + ":" + std::to_string(to.port)
                                             : std::string(to.unix_socket));
    if (refuse) throw ap::system_error(*refuse);
    auto ends = ap::testing::memory_pair<Readiness, true>(io.get_executor(), capacity);
    if (failure) ends.first.fail(*failure);
    ends.first.read_size(read_size);
    peers.push_back(std::make_unique<peer>(std::move(ends.second), time));
    return std::move(ends.first);
  }
};

} // namespace client_tests
