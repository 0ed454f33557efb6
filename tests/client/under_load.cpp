// SPDX-License-Identifier: BSL-1.0
// A pool under a thousand calls at the same time: nobody is lost, nobody hangs, nobody gets another one's answer.
#include "client/harness.hpp"
#include "support/raw_client.hpp"

#include <antiphon/client/layers/retry.hpp>
#include <antiphon/server.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <thread>

namespace client_tests {
namespace {

/// What became of calls, and what a server saw of them.
struct tally {
  std::size_t good = 0, full = 0, late = 0, aborted = 0, other = 0;
  std::vector<std::string> served; ///< the ids, in the order in which they ended well

  std::size_t all() const { return good + full + late + aborted + other; }
  void count(const ap::error_code& ec) {
    ++(!ec                                    ? good
       : ec == client_error::pool_full        ? full
       : ec == client_error::pool_timeout     ? late
       : ec == asio::error::operation_aborted ? aborted
                                              : other);
  }
};

/// One call in three has a body, which comes back.
client_request request_of(const std::string& origin, const std::string& id) {
  client_request req(method::get, "http://" + origin + "/" + id);
  if (id.back() % 3 == 0) req.method(method::post).body("body of " + id, "text/plain");
  return req;
}
std::string answer_of(std::string_view id, std::string_view body) {
  return std::string(id) + (body.empty() ? "" : ": " + std::string(body));
}

/// Makes `calls` calls after one another. `again`: one that finds the pool full comes back a little later.
asio::awaitable<void> caller(ap::client c, std::string origin, std::string name, int calls, bool again, tally& to) {
  for (int i = 0; i < calls;) {
    const auto id = name + "-" + std::to_string(i);
    auto req = request_of(origin, id);
    const auto expected = answer_of(id, req.body());
    const auto [ec, res] = co_await c.async_send(std::move(req), ap::detail::tuple_awaitable);
    to.count(ec);
    if (!ec) {
      EXPECT_EQ(res.body(), expected) << "another call's answer";
      to.served.push_back(name);
    }
    if (again && ec == client_error::pool_full) {
      co_await ap::sleep_for(250ms);
    } else {
      ++i;
    }
  }
}

/// Servers in memory, one an origin, that take `work` for a request.
class under_load : public ::testing::Test {
 protected:
  struct place {
    explicit place(asio::io_context& io) : listener(io.get_executor()) {}
    ap::testing::memory_listener listener;
    asio::cancellation_signal stop;
    std::size_t running = 0, most = 0, connections = 0;
    std::vector<std::string> order; ///< of the calls, as they came
    ap::router app;
  };

  under_load() {
    client.use(ap::make_connector([this](const ap::connect_target& to) {
      auto& p = at(std::string(to.host));
      ++p.connections;
      return p.listener.connect();
    }));
  }
  ~under_load() override {
    client.close_idle();
    for (auto& [name, p] : places) p->stop.emit(asio::cancellation_type::terminal);
    time.advance(1s);
    const auto left = client.figures();
    EXPECT_EQ(left.calls + left.waiting + left.connections + left.idle + left.origins, 0u);
    for (auto& [name, p] : places) EXPECT_EQ(p->running, 0u);
  }
  place& at(const std::string& name) {
    auto& p = places[name];
    if (p) return *p;
    p = std::make_unique<place>(io);
    const auto handle = [this, of = p.get()](ap::request& req) -> asio::awaitable<ap::response> {
      const std::string id(req.param("id"));
      auto answer = answer_of(id, req.body());
      of->order.push_back(id.substr(0, id.find('-')));
      of->most = std::max(of->most, ++of->running);
      struct leave {
        place& at;
        ~leave() { --at.running; }
      } const end{*of};
      co_await ap::sleep_for(work);
      co_return answer;
    };
    p->app.get("/{id}", handle).post("/{id}", handle);
    ap::async_serve(p->listener, p->app, asio::bind_cancellation_slot(p->stop.slot(), [](ap::error_code) {}));
    return *p;
  }
  void spawn(int first, int last, int calls = 1, bool again = false, const std::string& origin = "h") {
    for (int i = first; i < last; ++i) {
      ++spawned;
      asio::co_spawn(io, caller(client, origin, std::to_string(i), calls, again, got), [this](std::exception_ptr e) {
        EXPECT_FALSE(e);
        ++ended;
      });
    }
  }
  static std::vector<std::string> numbers(int first, int last) {
    std::vector<std::string> all;
    for (; first < last; ++first) all.push_back(std::to_string(first));
    return all;
  }
  /// The first sixteen run at the same time, and the server takes them as it likes.
  static std::vector<std::string> in_order(std::vector<std::string> all) {
    std::sort(all.begin(), all.begin() + 16, [](const auto& a, const auto& b) { return std::stoi(a) < std::stoi(b); });
    return all;
  }

  asio::io_context io{1};
  ap::testing::virtual_time time{io};
  ap::client client{io};
  ap::duration work = 100ms;
  std::map<std::string, std::unique_ptr<place>> places;
  tally got;
  std::size_t spawned = 0, ended = 0;
};

TEST_F(under_load, sixteen_run_and_256_wait_and_who_comes_then_is_told_at_once) {
  spawn(0, 1000);
  time.settle();
  EXPECT_EQ(got.full, 1000u - 16 - 256);
  EXPECT_EQ(ended, got.full);
  EXPECT_EQ(client.figures().calls, 272u);
  EXPECT_EQ(client.figures().waiting, 256u);
  EXPECT_EQ(client.figures().connections, 16u);
  time.advance(5s);
  EXPECT_EQ(got.good, 272u);
  EXPECT_EQ(got.all(), 1000u);
  EXPECT_EQ(in_order(at("h").order), numbers(0, 272)) << "in the order in which they came";
  EXPECT_EQ(in_order(got.served), numbers(0, 272));
  EXPECT_EQ(at("h").most, 16u);
  EXPECT_EQ(at("h").connections, 16u);
  EXPECT_EQ(client.figures().calls, 0u);
  EXPECT_EQ(client.figures().idle, 16u);
}

TEST_F(under_load, who_waited_too_long_came_last) {
  work = 1s;
  spawn(0, 272);
  time.advance(4900ms);
  EXPECT_EQ(got.good, 4u * 16);
  EXPECT_EQ(got.all(), got.good);
  time.advance(200ms);
  const auto begun = static_cast<int>(at("h").order.size());
  EXPECT_GE(begun, 5 * 16);
  EXPECT_LE(begun, 6 * 16); // at five seconds both may be: a connection, or the end of the wait
  EXPECT_EQ(in_order(at("h").order), numbers(0, begun));
  EXPECT_EQ(got.late, 272u - static_cast<std::size_t>(begun));
  EXPECT_EQ(client.figures().waiting, 0u);
  time.advance(2s);
  EXPECT_EQ(in_order(got.served), numbers(0, begun));
  EXPECT_EQ(got.all(), 272u);
}

TEST_F(under_load, a_thousand_callers_that_come_back_are_all_served) {
  work = 10ms;
  spawn(0, 1000, 4, true);
  time.advance(1min);
  EXPECT_EQ(ended, 1000u);
  EXPECT_EQ(got.good, 4000u);
  EXPECT_GT(got.full, 700u);
  EXPECT_EQ(got.good + got.full, got.all());
  EXPECT_EQ(at("h").order.size(), 4000u) << "none was sent twice";
  EXPECT_EQ(at("h").connections, 16u);
  EXPECT_EQ(at("h").most, 16u);
}

TEST_F(under_load, each_origin_has_its_own) {
  for (int i = 0; i < 8; ++i) spawn(0, 125, 4, false, "h" + std::to_string(i));
  time.advance(1min);
  EXPECT_EQ(ended, 1000u);
  EXPECT_EQ(got.good, 4000u);
  EXPECT_EQ(got.all(), 4000u);
  for (const auto& [name, p] : places) {
    EXPECT_EQ(p->connections, 16u) << name;
    EXPECT_EQ(p->most, 16u) << name;
    EXPECT_EQ(p->order.size(), 500u) << name;
  }
}

TEST_F(under_load, an_origin_that_is_silent_holds_up_no_other) {
  work = 24h;
  spawn(0, 272, 1, false, "silent");
  time.settle();
  work = 10ms;
  spawn(0, 272, 1, false, "quick");
  time.advance(1s);
  EXPECT_EQ(got.good, 272u);
  EXPECT_EQ(got.all(), 272u);
  time.advance(5s);
  EXPECT_EQ(got.late, 256u);
  time.advance(1min);
  EXPECT_EQ(got.other, 16u); // first_byte_timeout
  EXPECT_EQ(ended, spawned);
}

TEST_F(under_load, those_who_give_up_leave_the_others_in_their_order) {
  std::deque<asio::cancellation_signal> signals(272);
  std::vector<std::string> served;
  std::size_t aborted = 0;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    const auto name = std::to_string(i);
    client.async_send(
        client_request(method::get, "http://h/" + name),
        asio::bind_cancellation_slot(signals[i].slot(), [&, name](ap::error_code ec, ap::client_response r) {
          if (ec) {
            EXPECT_EQ(ec, asio::error::operation_aborted);
            ++aborted;
          } else {
            EXPECT_EQ(r.body(), name);
            served.push_back(name);
          }
        }));
  }
  time.settle();
  // The first of the queue, the last, and every other one between; and some that run, whose places go to who waits.
  std::vector<std::string> expected = numbers(3, 16);
  for (const std::size_t i : {0u, 1u, 2u}) signals[i].emit(asio::cancellation_type::terminal);
  for (std::size_t i = 16; i < 272; ++i) {
    if (i % 2 == 1 && i != 271) {
      expected.push_back(std::to_string(i));
    } else {
      signals[i].emit(asio::cancellation_type::terminal);
    }
  }
  time.settle();
  EXPECT_EQ(aborted, 3u + 129);
  EXPECT_EQ(client.figures().calls, 140u);
  EXPECT_EQ(client.figures().connections, 16u);
  time.advance(5s);
  EXPECT_EQ(served, expected);
}

TEST_F(under_load, layers_that_wait_lose_nobody) {
  struct pausing {
    asio::awaitable<ap::client_response> operator()(client_request& req, ap::client_next next) {
      co_await ap::sleep_for(10ms);
      auto res = co_await next(req);
      co_await ap::sleep_for(10ms);
      co_return res;
    }
  };
  client.use(ap::retry()).use(pausing());
  work = 100ms;
  spawn(0, 1000, 1); // exceptions through that many frames take their time under a sanitizer: one call each
  time.advance(1min);
  EXPECT_EQ(ended, 1000u);
  EXPECT_EQ(got.good, 272u);
  EXPECT_EQ(got.full, 728u);
  EXPECT_EQ(at("h").order.size(), 272u);
}

TEST_F(under_load, a_client_that_goes_ends_all_of_them) {
  work = 24h;
  std::size_t aborted = 0;
  {
    ap::client own(io);
    own.use(ap::make_connector([this](const ap::connect_target&) {
      ++at("h").connections;
      return at("h").listener.connect();
    }));
    for (int i = 0; i < 272; ++i)
      own.async_send(client_request(method::get, "http://h/x"),
                     [&](ap::error_code ec, ap::client_response) { aborted += ec == asio::error::operation_aborted; });
    time.settle();
    EXPECT_EQ(own.figures().waiting, 256u);
  }
  time.settle();
  EXPECT_EQ(aborted, 272u);
  EXPECT_EQ(at("h").connections, 16u) << "none was begun for those who waited";
}

// A connection that had ended is no reason to go to the end of the queue: whose it was came before all of that.
TEST(under_load_by_hand, a_repetition_keeps_its_place) {
  world w;
  w.options.connections = 2;
  w.options.waiting = 2;
  w.get();
  w.get();
  w.at(0).answer("");
  w.at(1).answer("");
  const auto a = w.get("http://h/a"), b = w.get("http://h/b"), c = w.get("http://h/c"), d = w.get("http://h/d");
  EXPECT_EQ(w.get()->ec, client_error::pool_full);
  EXPECT_TRUE(w.at(1).take().starts_with("GET /a ")); // the one used last
  EXPECT_TRUE(w.at(0).take().starts_with("GET /b "));
  w.at(1).close();
  w.at(0).close();
  ASSERT_EQ(w.peers.size(), 4u);
  EXPECT_EQ(w.client().figures().connections, 2u);
  EXPECT_EQ(w.client().figures().waiting, 2u);
  EXPECT_TRUE(w.at(2).now().starts_with("GET /a "));
  EXPECT_TRUE(w.at(3).now().starts_with("GET /b "));
  w.at(2).answer("a");
  w.at(3).answer("b");
  w.at(2).answer("c");
  w.at(3).answer("d");
  EXPECT_EQ(w.peers.size(), 4u);
  EXPECT_EQ(a->res.body() + b->res.body() + c->res.body() + d->res.body(), "abcd");
}

/// Over real sockets, the server in a thread of its own.
TEST(under_load_over_tcp, a_thousand_callers_are_all_served) {
  asio::io_context served(1);
  asio::ip::tcp::acceptor acceptor(served, {asio::ip::address_v4::loopback(), 0});
  const auto origin = "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  ap::router app;
  std::multiset<std::string> ids; // the server's thread only, until it has ended
  std::size_t running = 0, most = 0;
  const auto handle = [&](ap::request& req) -> asio::awaitable<ap::response> {
    const std::string id(req.param("id"));
    auto answer = answer_of(id, req.body());
    ids.insert(id);
    most = std::max(most, ++running);
    co_await asio::post(asio::use_awaitable);
    --running;
    co_return answer;
  };
  app.get("/{id}", handle).post("/{id}", handle);
  asio::cancellation_signal stop;
  ap::async_serve(std::move(acceptor), app, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
  std::thread server([&] { served.run(); });

  asio::io_context io(1);
  ap::client client(io, {.waiting = 900, .wait = 1h}); // how fast it goes is not the question here
  tally got;
  std::size_t ended = 0, connections = 0;
  for (int i = 0; i < 1000; ++i)
    asio::co_spawn(io, caller(client, origin, std::to_string(i), 3, true, got), [&](std::exception_ptr e) {
      EXPECT_FALSE(e);
      ++ended;
      connections = std::max(connections, client.figures().connections);
      if (ended == 1000) client.close_idle();
    });
  io.run(); // returns when nothing is left of it
  EXPECT_EQ(ended, 1000u);
  EXPECT_EQ(got.good, 3000u);
  EXPECT_GT(got.full, 0u);
  EXPECT_EQ(got.good + got.full, got.all());
  EXPECT_EQ(connections, 16u);
  const auto left = client.figures();
  EXPECT_EQ(left.calls + left.waiting + left.connections + left.idle + left.origins, 0u);
  asio::post(served, [&] { stop.emit(asio::cancellation_type::terminal); });
  server.join();
  EXPECT_EQ(ids.size(), 3000u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 3000u) << "none was sent twice";
  EXPECT_LE(most, 16u);
}

} // namespace
} // namespace client_tests
