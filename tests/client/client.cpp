// SPDX-License-Identifier: BSL-1.0
// Calls, connections and the pool, over memory streams and in virtual time.
#include "client/harness.hpp"

#include <asio/use_future.hpp>

#include <future>
#include <stdexcept>
#include <thread>

namespace client_tests {
namespace {

class calls : public ::testing::TestWithParam<bool> {
 protected:
  calls() { w.plain = GetParam(); }
  world w;
};
INSTANTIATE_TEST_SUITE_P(over, calls, ::testing::Bool(),
                         [](const auto& at) { return at.param ? "plain" : "readiness"; });

TEST_P(calls, get) {
  const auto c = w.get("http://Example.org:81/a?b=c");
  ASSERT_EQ(w.peers.size(), 1u);
  EXPECT_EQ(w.targets[0], "example.org:81");
  EXPECT_EQ(w.at(0).take(), "GET /a?b=c HTTP/1.1\r\nHost: example.org:81\r\nUser-Agent: antiphon\r\n\r\n");
  w.at(0).send("HTTP/1.1 404 Not Found\r\nX-A:  b \r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_TRUE(c->done);
  EXPECT_FALSE(c->ec) << c->ec.message();
  EXPECT_EQ(c->res.status(), ap::status::not_found);
  EXPECT_EQ(c->res.header("x-a"), "b");
  EXPECT_EQ(c->res.body(), "hello");
  EXPECT_EQ(c->res.url(), "http://example.org:81/a?b=c");
  EXPECT_EQ(w.client().figures().idle, 1u);
}

TEST_P(calls, byte_by_byte) {
  const auto c = w.get();
  for (const char b : std::string("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n"))
    ASSERT_TRUE(w.at(0).send({&b, 1}));
  ASSERT_TRUE(c->done);
  EXPECT_FALSE(c->ec) << c->ec.message();
  EXPECT_EQ(c->res.body(), "abcde");
  EXPECT_EQ(c->res.trailers().get("x-sum"), "5");
  EXPECT_EQ(w.client().figures().idle, 1u);
}

TEST_P(calls, bodies_are_sent) {
  const auto c = w.send(client_request(method::post, "http://h/x").body("a=1", "text/plain").header("X-Y", "z"));
  EXPECT_EQ(w.at(0).take(), "POST /x HTTP/1.1\r\nHost: h\r\nUser-Agent: antiphon\r\nContent-Type: text/plain\r\nX-Y: "
                            "z\r\nContent-Length: 3\r\n\r\na=1");
  w.at(0).answer("ok");
  EXPECT_EQ(c->res.body(), "ok");
  w.send(client_request(method::put, "http://h/"));
  EXPECT_TRUE(w.at(0).take().ends_with("\r\nContent-Length: 0\r\n\r\n"));
}

TEST_P(calls, a_large_body_waits_for_the_server) {
  w.capacity = 1000;
  const std::string large(100'000, 'x');
  const auto c = w.send(client_request(method::post, "http://h/").body(large, ""));
  const auto got = w.at(0).take();
  EXPECT_EQ(got.size() - got.find("\r\n\r\n") - 4, large.size());
  w.at(0).answer(large);
  ASSERT_TRUE(c->done);
  EXPECT_EQ(c->res.body(), large);
}

TEST_P(calls, connections_are_used_again) {
  for (int i = 0; i < 5; ++i) {
    const auto c = w.get();
    w.at(0).answer("x");
    ASSERT_TRUE(c->done && !c->ec);
  }
  EXPECT_EQ(w.peers.size(), 1u);
  const auto other = w.get("http://h:81/"); // another origin
  EXPECT_EQ(w.peers.size(), 2u);
  w.at(1).answer("x", "Connection: close\r\n");
  EXPECT_TRUE(other->done);
  EXPECT_TRUE(w.at(1).ended());
  EXPECT_EQ(w.client().figures().connections, 1u);
  EXPECT_EQ(w.client().figures().origins, 1u);
}

TEST_P(calls, a_connection_that_ended_is_not_used_again) {
  w.get();
  w.at(0).answer("x");
  w.at(0).close(); // the client sees it at once
  EXPECT_EQ(w.client().figures().connections, 0u);
  const auto c = w.get();
  ASSERT_EQ(w.peers.size(), 2u);
  w.at(1).answer("y");
  EXPECT_EQ(c->res.body(), "y");
  // Nor one that says something unasked.
  w.at(1).send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(w.at(1).ended());
  EXPECT_EQ(w.client().figures().connections, 0u);
}

TEST_P(calls, until_close) {
  const auto c = w.get();
  w.at(0).send("HTTP/1.1 200 OK\r\n\r\nabc");
  EXPECT_FALSE(c->done);
  w.at(0).close();
  ASSERT_TRUE(c->done && !c->ec);
  EXPECT_EQ(c->res.body(), "abc");
}

TEST_P(calls, without_a_body) {
  const auto h = w.send(client_request(method::head, "http://h/"));
  w.at(0).send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
  EXPECT_TRUE(h->done && !h->ec);
  const auto n = w.get();
  w.at(0).send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(n->done && !n->ec);
  EXPECT_EQ(w.peers.size(), 1u);
}

TEST_P(calls, failures_of_the_server) {
  struct row {
    const char* bytes;
    ap::error_code ec;
  };
  const row rows[] = {
      {"", client_error::closed_early},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", ap::http::error::incomplete_message},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", ap::http::error::incomplete_message},
      {"HTTP/1.1 200 OK\r\nConte", ap::http::error::incomplete_message},
      {"SSH-2.0-x\r\n", ap::http::error::bad_status_line},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
       ap::http::error::unexpected_switch},
  };
  for (const auto& [bytes, ec] : rows) {
    const auto before = w.peers.size();
    const auto c = w.get();
    w.at(before).send(bytes);
    w.at(before).close();
    ASSERT_TRUE(c->done) << bytes;
    EXPECT_EQ(c->ec, ec) << bytes << ": " << c->ec.message();
    EXPECT_EQ(w.client().figures().connections, 0u);
  }
  const auto reset = w.get();
  w.peers.back()->reset();
  EXPECT_EQ(reset->ec, asio::error::connection_reset);
}

TEST_P(calls, bytes_behind_an_answer_end_the_connection) {
  const auto c = w.get();
  w.at(0).send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  ASSERT_TRUE(c->done && !c->ec);
  EXPECT_EQ(c->res.body(), "ok");
  EXPECT_TRUE(w.at(0).ended());
}

TEST_P(calls, an_answer_before_the_request_is_out) {
  w.capacity = 1000;
  auto c = w.send(client_request(method::post, "http://h/").body(std::string(100'000, 'x'), ""));
  w.at(0).send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(c->done && !c->ec);
  EXPECT_EQ(c->res.status(), ap::status::content_too_large);
  EXPECT_TRUE(w.at(0).ended());
}

TEST_P(calls, every_step_may_fail) {
  const auto failures = ap::testing::for_each_failure([](const ap::testing::fail_after& failure) {
    world one;
    one.plain = GetParam();
    one.failure = failure;
    one.capacity = 64;
    const auto c = one.send(client_request(method::post, "http://h/").body(std::string(200, 'b'), ""));
    if (!one.peers.empty()) one.at(0).answer(std::string(300, 'x'));
    const auto again = one.get();
    if (!one.peers.empty()) one.peers.back()->answer("y");
    one.advance(10min);
    ASSERT_TRUE(c->done);
    ASSERT_TRUE(again->done);
    if (!failure.failed()) {
      EXPECT_FALSE(c->ec);
      EXPECT_FALSE(again->ec);
    }
    EXPECT_EQ(one.client().figures().calls, 0u);
    EXPECT_EQ(one.client().figures().connections, 0u);
    EXPECT_EQ(one.client().figures().origins, 0u);
  });
  EXPECT_GT(failures, 5u);
}

TEST_P(calls, may_be_cancelled_anywhere) {
  for (int step = 0; step < 5; ++step) {
    world one;
    one.plain = GetParam();
    one.options.connections = 1;
    const auto first = step == 0 ? one.get() : call();
    const auto c = one.get(); // step 0: in the queue
    if (step >= 2) one.at(0).take();
    if (step >= 3) one.at(0).send("HTTP/1.1 200 OK\r\nContent-Len");
    if (step >= 4) one.at(0).send("gth: 5\r\n\r\nab");
    c->cancel.emit(asio::cancellation_type::terminal);
    one.time.settle();
    ASSERT_TRUE(c->done);
    EXPECT_EQ(c->ec, asio::error::operation_aborted);
    if (first) {
      EXPECT_FALSE(first->done);
      one.at(0).answer("x");
      EXPECT_TRUE(first->done && !first->ec);
    } else {
      EXPECT_TRUE(one.at(0).ended());
      EXPECT_EQ(one.client().figures().origins, 0u);
    }
  }
}

class client_in_memory : public ::testing::Test {
 protected:
  world w;
};

TEST_F(client_in_memory, refuses_what_it_cannot_send) {
  EXPECT_EQ(w.get("ftp://h/")->ec, client_error::bad_url);
  EXPECT_EQ(w.get("/x")->ec, client_error::bad_url);
  EXPECT_EQ(w.get("http://h/\r\nX: y")->ec, client_error::bad_url);
  for (const auto name : {"Host", "content-length", "Transfer-Encoding", "Connection", "Upgrade"})
    EXPECT_EQ(w.send(client_request(method::get, "http://h/").header(name, "1"))->ec, client_error::bad_request);
  EXPECT_EQ(w.send(client_request(method::connect, "http://h/"))->ec, client_error::bad_request);
  EXPECT_THROW(client_request().header("X", "a\r\nb: c"), std::invalid_argument);
  EXPECT_THROW(client_request().header("X:", "a"), std::invalid_argument);
  EXPECT_THROW(client_request().idempotency_key("a\nb"), std::invalid_argument);
  EXPECT_THROW(client_request().upgrade("a\r\nb"), std::invalid_argument);
  EXPECT_THROW(client_request().body("x", "a\r\nb"), std::invalid_argument);
  EXPECT_EQ(w.peers.size(), 0u);
  w.made.reset();
  w.made.emplace(w.io); // the connector of TCP
  const auto tls = w.get("https://h/");
  EXPECT_EQ(tls->ec, client_error::tls_missing);
  EXPECT_NE(tls->ec.message().find("antiphon::tls"), std::string::npos);
}

TEST_F(client_in_memory, connections_and_those_who_wait_are_limited) {
  w.options.connections = 2;
  w.options.waiting = 3;
  std::vector<call> all;
  for (int i = 0; i < 6; ++i) all.push_back(w.get("http://h/" + std::to_string(i)));
  EXPECT_EQ(w.peers.size(), 2u);
  EXPECT_EQ(w.client().figures().waiting, 3u);
  EXPECT_EQ(all[5]->ec, client_error::pool_full);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(w.get()->ec, client_error::pool_full);
  const auto other = w.get("http://other/"); // has its own
  EXPECT_EQ(w.peers.size(), 3u);
  // In the order in which they came.
  EXPECT_TRUE(w.at(1).now().starts_with("GET /1 "));
  w.at(1).answer("b");
  EXPECT_TRUE(all[1]->done);
  EXPECT_TRUE(w.at(1).now().starts_with("GET /2 "));
  // One that is closed makes room as well.
  w.at(0).take();
  w.at(0).send("HTTP/1.1 200 OK\r\n\r\n");
  w.at(0).close();
  EXPECT_TRUE(all[0]->done);
  ASSERT_EQ(w.peers.size(), 4u);
  EXPECT_TRUE(w.at(3).now().starts_with("GET /3 "));
  w.advance(4900ms);
  EXPECT_FALSE(all[4]->done);
  w.advance(200ms);
  EXPECT_EQ(all[4]->ec, client_error::pool_timeout);
}

TEST_F(client_in_memory, the_connection_used_last_is_used_next) {
  const auto a = w.get(), b = w.get();
  w.at(0).answer("a");
  w.at(1).answer("b");
  w.get();
  EXPECT_TRUE(w.at(0).now().empty());
  EXPECT_FALSE(w.at(1).now().empty());
}

TEST_F(client_in_memory, idle_connections_expire) {
  w.get();
  w.at(0).answer("x");
  w.advance(29s);
  EXPECT_FALSE(w.at(0).ended());
  w.advance(2s);
  EXPECT_TRUE(w.at(0).ended());
  EXPECT_EQ(w.client().figures().origins, 0u);
}

TEST_F(client_in_memory, connections_have_a_maximum_age) {
  const auto used_for = [](ap::duration age) {
    world one;
    one.options.max_age = age;
    for (int i = 0; i < 40; ++i) {
      one.get();
      one.peers.back()->answer("x");
      one.advance(10s);
    }
    return one.peers.size();
  };
  EXPECT_EQ(used_for(5min), 2u);
  EXPECT_EQ(used_for(30s), 14u); // closed when it is idle, three times later
  EXPECT_EQ(used_for(ap::duration::zero()), 1u);
}

TEST_F(client_in_memory, idle_connections_are_limited) {
  w.options.idle_connections = 2;
  for (int i = 0; i < 5; ++i) w.get("http://h" + std::to_string(i));
  for (std::size_t i = 0; i < 5; ++i) w.at(i).answer("x");
  EXPECT_EQ(w.client().figures().idle, 2u);
  EXPECT_EQ(w.client().figures().connections, 2u);
  w.client().close_idle();
  w.time.settle();
  EXPECT_EQ(w.client().figures().connections, 0u);
}

TEST_F(client_in_memory, time_outs) {
  struct row {
    int step;
    ap::duration after;
    client_error why;
  };
  for (const auto& [step, after, why] :
       {row{0, 60s, client_error::first_byte_timeout}, row{1, 30s, client_error::idle_timeout}, // in a head
        row{2, 30s, client_error::idle_timeout},                                                // in a body
        row{3, 60s, client_error::first_byte_timeout}, // behind an interim answer
        row{4, 7s, client_error::total_timeout}, row{5, 2s, client_error::first_byte_timeout},
        row{6, 3s, client_error::idle_timeout}, row{7, 30s, client_error::send_timeout}}) {
    world one;
    if (step == 7) one.capacity = 100;
    client_request req(method::post, "http://h/");
    req.body(std::string(1000, 'x'), "");
    if (step == 4) req.total(7s);
    if (step == 5) req.first_byte(2s);
    if (step == 6) req.idle(3s);
    const auto c = one.send(std::move(req));
    if (step != 7) one.at(0).take();
    if (step == 1) one.at(0).send("HTTP/1.1 200 OK\r\n");
    if (step == 2 || step == 6) one.at(0).send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na");
    if (step == 3) one.at(0).send("HTTP/1.1 103 Early Hints\r\n\r\n");
    one.advance(after - 100ms);
    EXPECT_FALSE(c->done) << step;
    one.advance(300ms);
    ASSERT_TRUE(c->done) << step;
    EXPECT_EQ(c->ec, why) << step << ": " << c->ec.message();
    EXPECT_EQ(one.client().figures().connections, 0u);
  }
}

TEST_F(client_in_memory, a_drip_is_only_stopped_by_the_total_time) {
  const auto c = w.send(client_request(method::get, "http://h/").total(10min));
  w.at(0).send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  for (int i = 0; i < 29; ++i) {
    w.advance(20s);
    EXPECT_FALSE(c->done);
    w.at(0).send("x");
  }
  w.advance(21s);
  EXPECT_EQ(c->ec, client_error::total_timeout);
}

TEST_F(client_in_memory, connecting_may_fail_or_take_too_long) {
  w.refuse = asio::error::connection_refused;
  const auto c = w.get();
  EXPECT_EQ(c->ec, asio::error::connection_refused);
  EXPECT_EQ(w.client().figures().origins, 0u);
  struct never final : ap::connector {
    std::shared_ptr<void> connect(const ap::connect_target&, const asio::any_io_executor&, result) override {
      return std::make_shared<int>(0);
    }
  };
  w.made.reset();
  w.made.emplace(w.io);
  w.made->use(std::make_shared<never>());
  const auto d = w.get();
  w.advance(4900ms);
  EXPECT_FALSE(d->done);
  w.advance(200ms);
  EXPECT_EQ(d->ec, client_error::connect_timeout);
}

TEST_F(client_in_memory, limits_of_answers) {
  w.options.max_body = 100;
  w.options.response_head = 1000;
  w.options.interim = 3;
  const auto answered = [&](const std::string& bytes) {
    const auto c = w.get();
    w.peers.back()->take();
    w.peers.back()->send(bytes);
    EXPECT_TRUE(c->done);
    return c->ec;
  };
  const auto body = [&](std::size_t n) {
    return answered("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(n) + "\r\n\r\n" + std::string(n, 'x'));
  };
  EXPECT_EQ(body(100), ap::error_code());
  EXPECT_EQ(body(101), ap::http::error::body_too_large);
  EXPECT_EQ(body(10'000), ap::http::error::body_too_large);
  const auto chunk = [&](std::size_t n) {
    return answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                    std::string(ap::http::chunk(std::string(n, 'x')).framed()) + "0\r\n\r\n");
  };
  EXPECT_EQ(chunk(100), ap::error_code());
  EXPECT_EQ(chunk(101), ap::http::error::body_too_large);
  EXPECT_EQ(chunk(10'000), ap::http::error::body_too_large);
  const auto head = [&](std::size_t n) {
    const std::string fixed = "Content-Length: 0\r\nX: \r\n\r\n";
    return answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + std::string(n - fixed.size(), 'x') + "\r\n\r\n");
  };
  EXPECT_EQ(head(1000), ap::error_code());
  EXPECT_EQ(head(1001), ap::http::error::head_too_large);
  EXPECT_EQ(head(50'000), ap::http::error::head_too_large);
  w.made.reset();
  w.options.response_head = 64 * 1024;
  EXPECT_EQ(head(64 * 1024), ap::error_code()) << "one field may be all of it";
  EXPECT_EQ(head(64 * 1024 + 1), ap::http::error::head_too_large);
  const auto interim = [&](int n) {
    std::string all;
    for (int i = 0; i < n; ++i) all += "HTTP/1.1 103 Early Hints\r\n\r\n";
    return answered(all + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  };
  EXPECT_EQ(interim(3), ap::error_code());
  EXPECT_EQ(interim(4), ap::http::error::too_many_interim_responses);
  EXPECT_EQ(interim(300), ap::http::error::too_many_interim_responses);
}

TEST_F(client_in_memory, the_last_handle_that_goes_cancels_what_runs) {
  w.options.connections = 1;
  const auto running = w.get(), waiting = w.get();
  const auto idle = w.get("http://idle/");
  w.at(1).answer("x");
  w.client();
  ap::client copy(*w.made); // of one that is not const: the same client
  EXPECT_EQ(copy.figures().calls, 2u);
  w.made.reset();
  w.time.settle();
  EXPECT_FALSE(running->done);
  asio::post(w.io, [gone = std::move(copy)] {});
  w.time.settle();
  EXPECT_EQ(running->ec, asio::error::operation_aborted);
  EXPECT_EQ(waiting->ec, asio::error::operation_aborted);
  EXPECT_TRUE(w.at(0).ended());
  EXPECT_TRUE(w.at(1).ended());
}

TEST_F(client_in_memory, a_context_may_go_first) {
  auto io = std::make_unique<asio::io_context>(1);
  std::optional<ap::testing::memory_stream> far_end, idle_end;
  ap::client c(*io);
  int made = 0;
  c.use(ap::make_connector([&](const ap::connect_target&) {
    auto ends = ap::testing::memory_pair(io->get_executor());
    (++made == 1 ? idle_end : far_end).emplace(std::move(ends.second));
    return std::move(ends.first);
  }));
  const auto keep = std::make_shared<int>(0);
  const auto never = [keep, c](ap::error_code, ap::client_response) { ADD_FAILURE(); };
  int answered = 0;
  c.async_send(client_request(method::get, "http://idle/"),
               [&](ap::error_code ec, ap::client_response) { answered += !ec; });
  io->poll();
  ap::error_code ec;
  idle_end->write_some(asio::buffer(std::string("HTTP/1.1 204 No Content\r\n\r\n")), ec);
  io->poll();
  EXPECT_EQ(answered, 1);
  c.async_send(client_request(method::get, "http://h/"), never);
  io->poll();
  c.async_send(client_request(method::get, "http://h/"), never); // has not begun
  far_end.reset();
  idle_end.reset();
  io.reset();
  EXPECT_EQ(keep.use_count(), 2);
}

TEST_F(client_in_memory, completes_for_every_token) {
  std::string log;
  asio::co_spawn(
      w.io,
      [](world& at, std::string& to) -> asio::awaitable<void> {
        const auto res = co_await at.client().get("http://h/a");
        to += res.body();
        try {
          co_await at.client().get("nonsense");
        } catch (const ap::system_error& e) {
          to += e.code() == client_error::bad_url ? "!" : "?";
        }
        const auto put = co_await at.client().send(client_request(method::put, "http://h/b").body("x", "text/plain"));
        to += put.body();
      }(w, log),
      [](std::exception_ptr e) { EXPECT_FALSE(e); });
  w.time.settle();
  w.at(0).answer("one");
  w.at(0).answer("two");
  EXPECT_EQ(log, "one!two");
  auto later = w.client().async_send(client_request(method::get, "http://h/"), asio::use_future);
  w.time.settle();
  w.at(0).answer("three");
  EXPECT_EQ(later.get().body(), "three");
}

TEST_F(client_in_memory, completes_on_the_associated_executor) {
  asio::thread_pool other(1);
  std::promise<std::thread::id> where;
  auto made = where.get_future();
  w.client().async_send(client_request(method::get, "http://h/"),
                        asio::bind_executor(other, [&](ap::error_code, ap::client_response) {
                          where.set_value(std::this_thread::get_id());
                        }));
  w.time.settle();
  w.at(0).answer("x");
  EXPECT_NE(made.get(), std::this_thread::get_id());
  other.join();
}

} // namespace
} // namespace client_tests
