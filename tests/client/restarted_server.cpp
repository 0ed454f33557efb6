// SPDX-License-Identifier: BSL-1.0
// A server that ends and comes back under a client's load, on the same port: what was acknowledged has been done, what
// may not be repeated is done once at most, and what may be gets through.
#include "support/raw_client.hpp"
#include "support/reserved_port.hpp"

#include <antiphon/client.hpp>
#include <antiphon/client/layers/retry.hpp>
#include <antiphon/server.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::client_error;
using ap::client_request;
using ap::method;

/// What outlives the servers: how often each request was run. Thread safety: all members.
class ledger {
 public:
  void run(const std::string& id) {
    const std::lock_guard lock(mutex_);
    ++runs_[id];
  }
  int runs(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto at = runs_.find(id);
    return at == runs_.end() ? 0 : at->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> runs_;
};

enum class ending { killed, cut, drained };
constexpr ending endings[] = {ending::killed, ending::cut, ending::drained};

/// One life of the server, in a thread of its own.
class incarnation {
 public:
  incarnation(std::uint16_t port, ledger& book) {
    ap::router app;
    const auto handle = [&book](ap::request& req) -> asio::awaitable<ap::response> {
      std::string id(req.param("id"));
      // One that may be repeated says so by its key: the server would know the second time by it.
      if (req.method() == method::post && id.starts_with("keyed") && req.header("Idempotency-Key") != id)
        co_return ap::status::bad_request;
      book.run(id);
      co_await ap::sleep_for(1ms); // it may end between the deed and the answer
      co_return id;
    };
    app.get("/{id}", handle).post("/{id}", handle).put("/{id}", handle);
    asio::ip::tcp::acceptor acceptor(*io_, {asio::ip::address_v4::loopback(), port});
    ap::async_serve(std::move(acceptor), app, ap::serve_options{.drain = 5s},
                    asio::bind_cancellation_slot(stop_.slot(), [](ap::error_code) {}));
    thread_ = std::thread([this] { io_->run(); });
  }
  incarnation(const incarnation&) = delete;
  incarnation& operator=(const incarnation&) = delete;
  ~incarnation() { end(ending::killed); }

  void end(ending how) {
    if (!thread_.joinable()) return;
    if (how == ending::killed) { // what is left is closed by the context's end, as by the end of a process
      io_->stop();
    } else {
      asio::post(*io_, [this, how] {
        stop_.emit(how == ending::cut ? asio::cancellation_type::terminal : asio::cancellation_type::partial);
      });
    }
    thread_.join();
    io_.reset();
  }

 private:
  std::unique_ptr<asio::io_context> io_ = std::make_unique<asio::io_context>(1);
  asio::cancellation_signal stop_;
  std::thread thread_;
};

enum class kind { get, put, keyed, post }; // the last may not be repeated
client_request request_of(kind what, std::uint16_t port, const std::string& id) {
  client_request req(what == kind::get   ? method::get
                     : what == kind::put ? method::put
                                         : method::post,
                     "http://127.0.0.1:" + std::to_string(port) + "/" + id);
  if (what != kind::get) req.body("body of " + id, "text/plain");
  if (what == kind::keyed) req.idempotency_key(id);
  return req;
}

/// How a call ended.
struct outcome {
  kind what;
  std::string id;
  ap::error_code ec;
  ap::status status;
  std::string body;
  bool acknowledged() const { return !ec && status == ap::status::ok; }
};

struct repetitions {
  std::atomic<int>* count;
  void on_phase(ap::client_phase what, const ap::client_progress& so_far) const {
    if (what == ap::client_phase::done) *count += so_far.repeated;
  }
};

/// Callers that go on until they are told to stop, in a thread of their own.
class load {
 public:
  load(std::uint16_t port, const ap::client& c, asio::io_context& io) : port_(port), client_(c) {
    for (int i = 0; i < callers; ++i)
      asio::co_spawn(io, caller(i), [this](std::exception_ptr e) {
        EXPECT_FALSE(e);
        if (++ended_ == callers) client_.close_idle();
      });
    thread_ = std::thread([&io] { io.run(); });
  }
  ~load() { stop(); }

  std::atomic<int> good{0}, refused{0};
  /// All that was called.
  const std::vector<outcome>& stop() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
    return outcomes_;
  }

 private:
  static constexpr int callers = 40;

  asio::awaitable<void> caller(int number) {
    constexpr const char* names[] = {"get", "put", "keyed", "post"};
    for (int i = 0; !stopped_; ++i) {
      const auto what = static_cast<kind>((number + i) % 4);
      const auto id =
          names[static_cast<int>(what)] + std::string("-") + std::to_string(number) + "-" + std::to_string(i);
      auto req = request_of(what, port_, id);
      auto [ec, res] = co_await client_.async_send(std::move(req), ap::detail::tuple_awaitable);
      outcomes_.push_back({what, id, ec, res.status(), res.take_body()});
      good += outcomes_.back().acknowledged();
      if (!ec) continue;
      refused += ec == asio::error::connection_refused;
      co_await ap::sleep_for(5ms); // as who has got an error does
    }
  }

  const std::uint16_t port_;
  const ap::client client_;
  std::atomic<bool> stopped_{false};
  int ended_ = 0;
  std::vector<outcome> outcomes_; // of its thread
  std::thread thread_;
};

class restarted_server : public ::testing::Test {
 protected:
  void start() { server = std::make_unique<incarnation>(port.number(), book); }
  /// Ends the server when it is at work, three times in each way, and begins it anew when that was noticed.
  void restart_under(load& calls) {
    for (int round = 0; round < 9; ++round) {
      const int good = calls.good + 100;
      ASSERT_TRUE(threat::eventually([&] { return calls.good >= good; })) << "they get through again";
      server->end(endings[round % 3]);
      noticed(calls);
      start();
    }
    const int good = calls.good + 100;
    ASSERT_TRUE(threat::eventually([&] { return calls.good >= good; }));
  }
  virtual void noticed(load& calls) {
    const int refused = calls.refused + 1;
    ASSERT_TRUE(threat::eventually([&] { return calls.refused >= refused; }));
  }

  threat::reserved_port port;
  ledger book;
  std::unique_ptr<incarnation> server;
  asio::io_context io{1};
  std::atomic<int> repeated{0};
};

TEST_F(restarted_server, loses_nothing_that_was_acknowledged_and_runs_nothing_twice_that_may_not_be) {
  start();
  ap::client client(io);
  client.use(repetitions{&repeated});
  load calls(port.number(), client, io);
  restart_under(calls);
  std::map<std::string, int> errors;
  int twice = 0;
  for (const auto& one : calls.stop()) {
    const int runs = book.runs(one.id);
    if (one.acknowledged()) {
      EXPECT_EQ(one.body, one.id) << "another call's answer";
      EXPECT_GE(runs, 1) << one.id << " was acknowledged and is lost";
    } else {
      EXPECT_TRUE(one.ec) << one.id << ": " << ap::http::code(one.status);
      ++errors[one.ec.message()];
    }
    EXPECT_LE(runs, one.what == kind::post ? 1 : 2) << one.id;
    twice += runs == 2;
  }
  // A connection that was kept and ended under a request is what the one silent repetition is for.
  EXPECT_GT(repeated, 0);
  EXPECT_LE(twice, repeated);
  for (const auto& [what, n] : errors) {
    const std::set<std::string> known{ap::error_code(asio::error::connection_refused).message(),
                                      ap::error_code(asio::error::connection_reset).message(),
                                      ap::error_code(asio::error::broken_pipe).message(),
                                      make_error_code(client_error::closed_early).message(),
                                      make_error_code(ap::http::error::incomplete_message).message()};
    EXPECT_TRUE(known.contains(what)) << n << " times: " << what;
  }
  const auto left = client.figures();
  EXPECT_EQ(left.calls + left.waiting + left.connections + left.origins, 0u);
}

class restarted_server_and_retry : public restarted_server {
 protected:
  struct refusals {
    std::atomic<int>* count;
    void on_phase(ap::client_phase what, const ap::client_progress& so_far) const {
      if (what == ap::client_phase::done) *count += so_far.ec == asio::error::connection_refused;
    }
  };
  void noticed(load&) override { // the layer outside does not tell
    const int seen = refused + 1;
    ASSERT_TRUE(threat::eventually([&] { return refused >= seen; }));
  }
  std::atomic<int> refused{0};
};

TEST_F(restarted_server_and_retry, all_gets_through_that_may_be_repeated) {
  start();
  ap::client client(io);
  client.use(ap::retry({.attempts = 1'000'000, .first = 1ms, .most = 20ms, .budget = 10'000'000}));
  client.use(refusals{&refused});
  load calls(port.number(), client, io);
  restart_under(calls);
  for (const auto& one : calls.stop()) {
    const int runs = book.runs(one.id);
    if (one.what != kind::post) {
      EXPECT_TRUE(one.acknowledged()) << one.id << ": " << one.ec.message();
    } else {
      EXPECT_LE(runs, 1) << one.id;
      EXPECT_NE(one.ec, asio::error::connection_refused) << "it was not sent: it may be sent again";
    }
    if (!one.acknowledged()) continue;
    EXPECT_EQ(one.body, one.id) << "another call's answer";
    EXPECT_GE(runs, 1) << one.id << " was acknowledged and is lost";
  }
}

/// The client does not look while the server is replaced: all that it has kept is of the past when it is used.
class stale_connections : public restarted_server, public ::testing::WithParamInterface<ending> {
 protected:
  stale_connections() {
    start();
    client.use(repetitions{&repeated});
    for (std::size_t i = 0; i < 16; ++i) send(kind::get, "first" + std::to_string(i));
    run();
    EXPECT_EQ(client.figures().idle, 16u);
    for (const auto& one : outcomes) EXPECT_TRUE(one.acknowledged()) << one.ec.message();
    outcomes.clear();
    server->end(GetParam());
    start();
  }
  void send(kind what, const std::string& id) {
    ++open;
    client.async_send(request_of(what, port.number(), id),
                      [this, what, id](ap::error_code ec, ap::client_response res) {
                        --open;
                        outcomes.push_back({what, id, ec, res.status(), res.take_body()});
                      });
  }
  void run() {
    const auto last = std::chrono::steady_clock::now() + threat::patience;
    io.restart();
    while (open != 0 && std::chrono::steady_clock::now() < last) io.run_one_for(1s);
    EXPECT_EQ(open, 0);
  }
  ap::client client{io};
  int open = 0;
  std::vector<outcome> outcomes;
};
INSTANTIATE_TEST_SUITE_P(ended, stale_connections, ::testing::ValuesIn(endings), [](const auto& at) {
  return at.param == ending::killed ? "killed" : at.param == ending::cut ? "cut" : "drained";
});

TEST_P(stale_connections, are_replaced_without_a_word) { // the client looks at each before it is used: a POST too
  for (int i = 0; i < 200; ++i)
    send(static_cast<kind>(i % 4), "after" + std::to_string(i)); // most wait behind the first
  run();
  EXPECT_EQ(repeated, 0);
  for (const auto& one : outcomes) {
    EXPECT_TRUE(one.acknowledged()) << one.id << ": " << one.ec.message();
    EXPECT_EQ(one.body, one.id);
    EXPECT_EQ(book.runs(one.id), 1) << "the one that had gone has run nothing";
  }
  EXPECT_EQ(client.figures().connections, 16u);
}

} // namespace
