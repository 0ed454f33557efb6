// SPDX-License-Identifier: BSL-1.0
// What the page of lanes reads: one topic, published at a rate that the page sets, and a server for each lane. Those
// have a port of their own, so that one lane's connections can be cut as a restart would cut them, and no other's.
#pragma once

#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/ip/tcp.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace playground {

namespace ap = antiphon;
using namespace std::chrono_literals;

/// A message: its number, so that a reader sees what it missed or got twice, and when it was published.
struct tick {
  std::uint64_t n;
  ap::time_point at;
};
/// In milliseconds.
inline std::string as_json(ap::time_point at) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.3f",
                std::chrono::duration<double, std::milli>(at.time_since_epoch()).count());
  return text.data();
}
inline ap::payload to_payload(const tick& m) {
  return ap::payload::of("{\"n\":" + std::to_string(m.n) + ",\"t\":" + as_json(m.at) + "}", ap::json_type);
}

/// A layer: a lane is another origin to the page, which may read its answers all the same, and is told how many bytes
/// its request had.
struct for_the_page {
  void after(ap::request& req, ap::response& res) const {
    std::size_t size = ap::http::to_string(req.method()).size() + req.target().size() + sizeof "  HTTP/1.1\r\n\r\n" - 1;
    req.for_each_header([&](std::string_view name, std::string_view value) { size += name.size() + value.size() + 4; });
    res.set("Access-Control-Allow-Origin", "*").set("Access-Control-Expose-Headers", "*");
    res.set("Request-Bytes", std::to_string(size));
  }
};

/// Must outlive the context that it runs in.
class lanes {
 public:
  static constexpr std::size_t count = 3, history = 250;

  /// `readers`: what each lane serves. A lane's port is one behind `port`, if it is free.
  void start(asio::io_context& io, ap::router readers, std::uint16_t port) {
    for (auto& one : lanes_) {
      one.port = port == 0 ? port : ++port;
      serve(io, readers, one);
    }
    asio::co_spawn(io, publish_on(), asio::detached);
  }

  const ap::topic<tick>& ticks() const noexcept { return ticks_; }

  /// Where the lanes are, and where a reader begins that wants what comes from now on.
  std::string setup() {
    watched_ = ap::clock::now();
    std::string ports;
    for (const auto& one : lanes_) ports += (ports.empty() ? "" : ",") + std::to_string(one.port);
    return "{\"ports\":[" + ports + "],\"cursor\":\"" + to_string(ticks_.head()) + "\",\"n\":" + std::to_string(n_) +
           ",\"kept\":" + std::to_string(history) + ",\"rate\":" + std::to_string(1s / interval_) +
           ",\"t\":" + as_json(ap::clock::now()) + "}";
  }
  /// As a Content-Security-Policy names them.
  std::string origins() const {
    std::string all;
    for (const auto& one : lanes_) all += " http://*:" + std::to_string(one.port);
    return all;
  }
  /// Messages a second: 0.2 to 50.
  void rate(double wanted) {
    interval_ = std::chrono::duration<double>(1 / (wanted > 0.2 ? std::min(wanted, 50.0) : 0.2)); // nor a NaN
    watched_ = ap::clock::now();
  }
  void publish() { ticks_.publish({++n_, ap::clock::now()}); }
  /// Ends a lane's server, as a crash would. It is served again at once: see serve().
  void cut(std::size_t which) {
    if (which < count) lanes_[which].cut.emit(asio::cancellation_type::terminal);
  }

 private:
  struct lane {
    std::uint16_t port = 0;
    asio::cancellation_signal cut;
  };

  void serve(asio::io_context& io, ap::router readers, lane& one) {
    using asio::ip::tcp;
    tcp::acceptor listener(io, tcp::v4());
    listener.set_option(tcp::acceptor::reuse_address(true));
    ap::error_code taken;
    listener.bind({tcp::v4(), one.port}, taken);
    if (taken) listener.bind({tcp::v4(), 0});
    listener.listen();
    one.port = listener.local_endpoint().port();
    ap::async_serve(std::move(listener), readers,
                    asio::bind_cancellation_slot(
                        one.cut.slot(), [this, &io, readers, &one](ap::error_code) { serve(io, readers, one); }));
  }

  /// Publishes at the rate, while somebody looks: streams and held polls are readers, and pages ask for the setup.
  asio::awaitable<void> publish_on() {
    for (auto due = ap::clock::now();;) {
      const auto now = ap::clock::now();
      const auto interval = std::chrono::duration_cast<ap::duration>(interval_);
      due = std::clamp(due, now - interval, now + interval); // the rate may have changed
      if (now >= due) {
        if (ticks_.stats().readers != 0 || now - watched_ < 1min) publish();
        due += interval;
      }
      co_await ap::sleep_for(std::clamp<ap::duration>(due - now, 1ms, 100ms));
    }
  }

  ap::topic<tick> ticks_{{.history = history}};
  std::uint64_t n_ = 0;
  std::chrono::duration<double> interval_ = 500ms;
  ap::time_point watched_{};
  std::array<lane, count> lanes_;
};

} // namespace playground
