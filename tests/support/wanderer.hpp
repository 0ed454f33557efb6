// SPDX-License-Identifier: BSL-1.0
// Clients of a log that change between all ways of reading it.
#pragma once

#include "live_server.hpp"

#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/sse.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace threat {

namespace ap = antiphon;
using namespace std::chrono_literals;

using texts = ap::topic<std::string>;

inline ap::router log_app(const texts& news) {
  ap::router app;
  app.get("/news", [=](ap::request& req) { return ap::polling::short_poll(news, req, {.max_items = 7}); });
  app.get("/next", [=](ap::request& req) { return ap::polling::long_poll(news, req, {.hold = 200ms}); });
  app.get("/stream", [=](ap::request& req) { return ap::sse::stream(news, req); });
  return app;
}

inline std::uint64_t number_behind(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  if (at == text.npos) return 0;
  std::uint64_t n = 0;
  const auto* from = text.data() + at + name.size();
  std::from_chars(from, text.data() + text.size(), n);
  return n;
}

/// A client that reads everything, by whatever way and from whichever server it happens to choose, and is cut now and
/// then.
class wanderer {
 public:
  /// It knows the place before all messages, and so hears of those that are dropped before it comes.
  wanderer(std::vector<std::uint16_t> ports, const texts& news, unsigned seed)
      : ports_(std::move(ports)), random_(seed), cursor_(to_string(ap::cursor{news.head().log, {}})) {}

  /// Until it has seen, or was told that it has missed, `total` messages.
  void read(std::uint64_t total) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (seen.size() + missed < total && std::chrono::steady_clock::now() < end) {
      switch (random_() % 3) {
      case 0: poll("/news"); break;
      case 1: poll("/next"); break;
      default: stream(); break;
      }
    }
  }

  std::vector<std::string> seen;
  std::uint64_t missed = 0;
  bool other_log = false;

 private:
  std::uint16_t port() { return ports_[random_() % ports_.size()]; }
  std::string request(std::string_view path, int minor) const {
    return "GET " + std::string(path) + "?after=" + cursor_ + " HTTP/1." + std::to_string(minor) +
           "\r\nHost: a\r\nConnection: close\r\n\r\n";
  }
  void poll(std::string_view path) {
    raw_client client(port());
    if (!client.send(request(path, 1))) return;
    if (random_() % 4 == 0) return client.reset(); // the answer is lost: it is asked for again
    const auto answer = client.response();
    if (answer.status != 200 || !answer.whole) return;
    missed += number_behind(answer.body, "\"at_most\":");
    other_log |= answer.body.find("\"other_log\":true") != std::string::npos;
    constexpr std::string_view data = "\"data\":\"";
    for (auto at = answer.body.find(data); at != std::string::npos; at = answer.body.find(data, at)) {
      at += data.size();
      seen.push_back(answer.body.substr(at, answer.body.find('"', at) - at));
    }
    cursor_ = answer.body.substr(11, answer.body.find('"', 11) - 11);
  }
  void stream() {
    raw_client client(port());
    if (!client.send(request("/stream", 0)) || !client.read_until("\r\n\r\n")) return; // 1.0: no chunks
    auto& in = client.input();
    in.erase(0, in.find("\r\n\r\n") + 4);
    ap::sse::decoder decoder;
    for (auto left = random_() % 40; left-- > 0;) {
      decoder.feed(std::exchange(in, {}), [&](const ap::sse::event& e) {
        cursor_ = *e.id;
        if (e.type == "message") seen.push_back(e.data);
        if (e.type == "antiphon-gap") missed += number_behind(e.data, "\"at_most\":");
        other_log |= e.type == "antiphon-other-log";
      });
      if (!client.receive(20ms)) break;
    }
    client.reset();
  }

  std::vector<std::uint16_t> ports_;
  std::minstd_rand random_;
  std::string cursor_;
};

} // namespace threat
