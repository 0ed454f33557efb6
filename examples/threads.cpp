// SPDX-License-Identifier: BSL-1.0
// A server on four threads. Handlers run at the same time: what they share is a topic, an atomic or behind a mutex.
//
//   $ curl -s -d hello localhost:8080/words; curl -s -d world localhost:8080/words; curl -s localhost:8080/words
//   > hello 1\nworld 1\n
//   $ for i in 1 2 3 4 5 6 7 8; do curl -s localhost:8080/slow & done; wait; curl -s localhost:8080/served
//   > 8 slow answers by [1-4] threads
//   $ (sleep 0.5; curl -s -d news localhost:8080/words) & curl -s -N -m 2 localhost:8080/feed
//   > data: news
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace ap = antiphon;

/// What the handlers share: every member function locks.
class statistics {
 public:
  void word(const std::string& w) {
    const std::lock_guard lock(mutex_);
    ++words_[w];
  }
  void slow(std::thread::id by) {
    const std::lock_guard lock(mutex_);
    ++slow_;
    threads_.insert(by);
  }
  std::string words() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [word, count] : words_) text += word + " " + std::to_string(count) + "\n";
    return text;
  }
  std::string served() const {
    const std::lock_guard lock(mutex_);
    return std::to_string(slow_) + " slow answers by " + std::to_string(threads_.size()) + " threads\n";
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> words_;
  std::set<std::thread::id> threads_;
  int slow_ = 0;
};

int main(int argc, char** argv) {
  statistics shared; // outlives the server: run returns when all threads have ended
  asio::io_context io;
  ap::topic<std::string> feed; // publishers and readers may be on any thread

  ap::router app;
  app.post("/words", [feed, &shared](ap::request& req) {
    shared.word(req.take_body());
    feed.publish("news");
    return ap::status::no_content;
  });
  app.get("/words", [&shared] { return shared.words(); });
  app.get("/feed", [feed](ap::request& req) { return ap::sse::stream(feed, req); });
  app.get("/slow", [&shared] { // a handler that computes keeps one thread; the others go on
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    shared.slow(std::this_thread::get_id());
    return "done\n";
  });
  app.get("/served", [&shared] { return shared.served(); });

  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  return ap::run(io, app, {.port = port, .threads = 4});
}
