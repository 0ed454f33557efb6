// SPDX-License-Identifier: BSL-1.0
// What a delivery costs inside a program: one message to many who wait.
//
//   deliver [N [ROUNDS]]   nanoseconds a delivery to N (10,000) waiting subscriptions, beside a loop over function
//                          pointers and boost::signals2 if it is installed: medians, as JSON
//   deliver publish M      publishes M messages to a topic without readers, to count allocations (under load/count.c)
#include <antiphon/pubsub.hpp>

#if __has_include(<boost/signals2/signal.hpp>)
#include <boost/signals2/signal.hpp>
#define HAS_SIGNALS2 1
#endif

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

namespace ap = antiphon;
namespace asio = ap::asio;

namespace {

std::uint64_t received = 0;

void receive(std::uint64_t value) { received += value; }

/// A reader without a coroutine: reads, and waits again.
struct reader {
  ap::subscription<std::uint64_t>* from;
  asio::io_context* io;

  void wait() const { from->async_receive(asio::bind_executor(io->get_executor(), *this)); }
  void operator()(ap::error_code ec, const ap::message<std::uint64_t>& m) const {
    if (ec) return;
    receive(*m);
    wait();
  }
};

asio::awaitable<void> read_all(ap::subscription<std::uint64_t>& from) {
  for (;;) {
    const auto m = co_await from.async_receive(asio::use_awaitable);
    receive(*m);
  }
}

/// One way of delivery, with all who wait already there.
struct way {
  virtual ~way() = default;
  virtual void send(std::uint64_t value) = 0;
};

class function_pointers final : public way {
 public:
  explicit function_pointers(std::size_t n) : all_(n, &receive) {}
  void send(std::uint64_t value) override {
    for (auto* const f : all_) f(value);
  }

 private:
  std::vector<void (*)(std::uint64_t)> all_;
};

class subscriptions final : public way {
 public:
  subscriptions(std::size_t n, bool coroutines) {
    for (std::size_t i = 0; i < n; ++i) all_.push_back(topic_.subscribe());
    for (auto& s : all_) {
      if (coroutines) {
        asio::co_spawn(io_, read_all(s), [](std::exception_ptr) {});
      } else {
        reader{&s, &io_}.wait();
      }
    }
    io_.poll();
  }
  void send(std::uint64_t value) override {
    topic_.publish(value);
    io_.restart();
    io_.poll();
  }

 private:
  ap::topic<std::uint64_t> topic_;
  std::vector<ap::subscription<std::uint64_t>> all_; // outlives the waits, which the context ends
  asio::io_context io_{1};
};

#if defined(HAS_SIGNALS2)
class signals2 final : public way {
 public:
  explicit signals2(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) signal_.connect(&receive);
  }
  void send(std::uint64_t value) override { signal_(value); }

 private:
  boost::signals2::signal<void(std::uint64_t)> signal_;
};
#endif

double nanoseconds(way& w, std::size_t n) {
  constexpr int messages = 20;
  received = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < messages; ++i) w.send(1);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  if (received != messages * n) {
    std::printf("{\"error\":\"not all was delivered\"}\n");
    std::exit(1);
  }
  return took.count() / static_cast<double>(received);
}

int publish(long count) {
  const ap::topic<std::uint64_t> unread;
  for (long i = 0; i < count; ++i) unread.publish(1);
  return unread.stats().published == static_cast<std::uint64_t>(count) ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view(argv[1]) == "publish") return publish(std::atol(argv[2]));
  const auto n = static_cast<std::size_t>(argc > 1 ? std::atol(argv[1]) : 10'000);
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 30;
  struct measured {
    const char* name;
    std::unique_ptr<way> what;
    std::vector<double> took;
  };
  std::vector<measured> all;
  all.push_back({"function pointers", std::make_unique<function_pointers>(n), {}});
#if defined(HAS_SIGNALS2)
  all.push_back({"boost::signals2", std::make_unique<signals2>(n), {}});
#endif
  all.push_back({"subscriptions, callbacks", std::make_unique<subscriptions>(n, false), {}});
  all.push_back({"subscriptions, coroutines", std::make_unique<subscriptions>(n, true), {}});
  for (int i = 0; i < rounds; ++i) { // by turns
    for (auto& m : all) m.took.push_back(nanoseconds(*m.what, n));
  }
  const char* before = "{";
  for (auto& m : all) {
    const auto middle = m.took.begin() + rounds / 2;
    std::nth_element(m.took.begin(), middle, m.took.end());
    std::printf("%s\"%s\":%.2f", before, m.name, *middle);
    before = ",";
  }
  std::printf("}\n");
  return 0;
}
