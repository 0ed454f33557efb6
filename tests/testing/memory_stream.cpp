// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/stream.hpp>
#include <antiphon/testing/memory_stream.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <asio/read.hpp>
#include <asio/write.hpp>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

namespace {

namespace ap = antiphon;
using ap::testing::fail_after;
using ap::testing::for_each_failure;
using ap::testing::memory_pair;
using ap::testing::memory_stream;
using ap::testing::plain_memory_stream;
using wait = asio::socket_base;

static_assert(ap::readiness_stream<memory_stream>);
static_assert(!ap::readiness_stream<plain_memory_stream>);
static_assert(ap::byte_stream<memory_stream> && ap::byte_stream<plain_memory_stream>);
static_assert(!std::is_copy_constructible_v<memory_stream>);

struct outcome {
  ap::error_code ec;
  std::size_t n = 0;
  friend bool operator==(const outcome&, const outcome&) = default;
};

struct memory_test : ::testing::Test {
  asio::io_context io;
  std::array<char, 64> to{};
  ap::error_code ec;

  void settle() {
    do io.restart();
    while (io.poll() != 0);
  }
  std::string_view read(memory_stream& s) {
    const std::size_t n = s.read_some(asio::buffer(to), ec);
    return {to.data(), n};
  }
  std::size_t write(memory_stream& s, std::string_view text) { return s.write_some(asio::buffer(text), ec); }
  template <class Stream>
  std::optional<outcome> async_read(Stream& s) {
    auto result = std::make_shared<std::optional<outcome>>();
    s.async_read_some(asio::buffer(to), [result](ap::error_code e, std::size_t n) { *result = {e, n}; });
    settle();
    return *result;
  }
};

using memory_streams = memory_test;

TEST_F(memory_streams, bytes_go_from_end_to_end_both_ways) {
  auto [a, b] = memory_pair(io.get_executor());
  EXPECT_EQ(write(a, "ping"), 4u);
  EXPECT_EQ(read(b), "ping");
  EXPECT_EQ(write(b, "pong"), 4u);
  EXPECT_EQ(read(a), "pong");
  EXPECT_EQ(read(a), "");
  EXPECT_EQ(ec, asio::error::would_block);
}

TEST_F(memory_streams, gathers_and_scatters) {
  auto [a, b] = memory_pair(io.get_executor());
  const std::array<asio::const_buffer, 4> out{asio::buffer("he", 2), asio::const_buffer(), asio::buffer("llo ", 4),
                                              asio::buffer("you", 3)};
  EXPECT_EQ(a.write_some(out, ec), 9u);
  char first[3], second[20];
  const std::array<asio::mutable_buffer, 2> in{asio::buffer(first), asio::buffer(second)};
  EXPECT_EQ(b.read_some(in, ec), 9u);
  EXPECT_EQ(std::string_view(first, 3), "hel");
  EXPECT_EQ(std::string_view(second, 6), "lo you");
}

TEST_F(memory_streams, as_few_bytes_a_read_and_a_write_as_wanted) {
  auto [a, b] = memory_pair(io.get_executor());
  b.read_size(1);
  write(a, "abcdefghij");
  EXPECT_EQ(read(b), "a");
  EXPECT_EQ(read(b), "b");
  b.read_size(7);
  EXPECT_EQ(read(b), "cdefghi");
  b.read_size(0);
  EXPECT_EQ(read(b), "j");
  a.write_size(3);
  EXPECT_EQ(write(a, "abcdefghij"), 3u);
}

TEST_F(memory_streams, room_is_bounded_and_a_write_waits_for_it) {
  auto [a, b] = memory_pair(io.get_executor(), 8);
  EXPECT_EQ(write(a, "0123456789"), 8u);
  EXPECT_EQ(write(a, "89"), 0u);
  EXPECT_EQ(ec, asio::error::would_block);
  bool writable = false;
  std::optional<outcome> written;
  a.async_wait(wait::wait_write, [&](ap::error_code e) { writable = !e; });
  a.async_write_some(asio::buffer("89", 2), [&](ap::error_code e, std::size_t n) { written = {e, n}; });
  settle();
  EXPECT_FALSE(writable);
  b.read_size(1);
  EXPECT_EQ(read(b), "0");
  settle();
  EXPECT_TRUE(writable);
  EXPECT_EQ(written, (outcome{{}, 1}));
  b.read_size(0);
  EXPECT_EQ(read(b), "12345678");
}

TEST_F(memory_streams, says_when_it_is_ready) {
  auto [a, b] = memory_pair(io.get_executor());
  int readable = 0, writable = 0;
  b.async_wait(wait::wait_read, [&](ap::error_code e) { readable += !e; });
  b.async_wait(wait::wait_read, [&](ap::error_code e) { readable += !e; }); // several may wait
  b.async_wait(wait::wait_write, [&](ap::error_code e) { writable += !e; });
  settle();
  EXPECT_EQ(readable, 0);
  EXPECT_EQ(writable, 1);
  write(a, "x");
  settle();
  EXPECT_EQ(readable, 2);
  b.async_wait(wait::wait_read, [&](ap::error_code e) { readable += !e; });
  settle();
  EXPECT_EQ(readable, 3) << "a level, not an edge";
}

TEST_F(memory_streams, half_close) {
  auto [a, b] = memory_pair(io.get_executor());
  write(a, "last words");
  a.shutdown(wait::shutdown_send, ec);
  EXPECT_FALSE(ec);
  EXPECT_EQ(write(a, "more"), 0u);
  EXPECT_EQ(ec, asio::error::broken_pipe);
  EXPECT_EQ(read(b), "last words");
  EXPECT_EQ(read(b), "");
  EXPECT_EQ(ec, asio::error::eof);
  EXPECT_EQ(write(b, "answer"), 6u);
  EXPECT_EQ(read(a), "answer");
  EXPECT_TRUE(a.is_open());
  b.shutdown(wait::shutdown_receive, ec);
  EXPECT_EQ(read(b), "");
  EXPECT_EQ(ec, asio::error::eof);
}

TEST_F(memory_streams, close_ends_what_waits_here_and_there) {
  auto [a, b] = memory_pair(io.get_executor(), 4);
  write(a, "abcd");
  write(b, "abcd");
  std::optional<outcome> own_write, peer_write;
  std::optional<ap::error_code> own_wait;
  a.async_write_some(asio::buffer("x", 1), [&](ap::error_code e, std::size_t n) { own_write = {e, n}; });
  a.async_wait(wait::wait_write, [&](ap::error_code e) { own_wait = e; });
  b.async_write_some(asio::buffer("x", 1), [&](ap::error_code e, std::size_t n) { peer_write = {e, n}; });
  settle();
  a.close();
  EXPECT_FALSE(own_write) << "posted, as all completions";
  settle();
  EXPECT_EQ(own_write, (outcome{asio::error::operation_aborted, 0}));
  EXPECT_EQ(own_wait, asio::error::operation_aborted);
  EXPECT_EQ(peer_write, (outcome{asio::error::broken_pipe, 0}));
  EXPECT_FALSE(a.is_open());
  EXPECT_EQ(read(b), "abcd") << "what was written before arrives";
  EXPECT_EQ(async_read(b), (outcome{asio::error::eof, 0}));
  EXPECT_EQ(write(a, "x"), 0u);
  EXPECT_EQ(ec, asio::error::bad_descriptor);
  EXPECT_EQ(async_read(a), (outcome{asio::error::bad_descriptor, 0}));
  a.shutdown(wait::shutdown_both, ec);
  EXPECT_EQ(ec, asio::error::bad_descriptor);
}

TEST_F(memory_streams, destroying_an_end_closes_it_and_moving_does_not) {
  auto [a, b] = memory_pair(io.get_executor());
  {
    memory_stream moved = std::move(a);
    EXPECT_EQ(write(moved, "hi"), 2u);
    a = std::move(moved);
    EXPECT_TRUE(a.is_open());
    memory_stream gone = std::move(a);
  }
  EXPECT_EQ(read(b), "hi");
  EXPECT_EQ(read(b), "");
  EXPECT_EQ(ec, asio::error::eof);
}

TEST_F(memory_streams, cancel_ends_all_of_one_end_only) {
  auto [a, b] = memory_pair<true, false>(io.get_executor());
  std::optional<outcome> read_a, read_b;
  std::optional<ap::error_code> wait_a;
  a.async_read_some(asio::buffer(to), [&](ap::error_code e, std::size_t n) { read_a = {e, n}; });
  a.async_wait(wait::wait_read, [&](ap::error_code e) { wait_a = e; });
  b.async_read_some(asio::buffer(to), [&](ap::error_code e, std::size_t n) { read_b = {e, n}; });
  settle();
  a.cancel(ec);
  settle();
  EXPECT_EQ(read_a, (outcome{asio::error::operation_aborted, 0}));
  EXPECT_EQ(wait_a, asio::error::operation_aborted);
  EXPECT_FALSE(read_b);
  write(a, "still open");
  settle();
  EXPECT_EQ(read_b, (outcome{{}, 10}));
}

TEST_F(memory_streams, reads_and_writes_of_nothing_complete) {
  auto [a, b] = memory_pair(io.get_executor());
  std::optional<outcome> done;
  a.async_read_some(asio::mutable_buffer(), [&](ap::error_code e, std::size_t n) { done = {e, n}; });
  EXPECT_FALSE(done);
  settle();
  EXPECT_EQ(done, outcome{});
  EXPECT_EQ(b.write_some(asio::const_buffer(), ec), 0u);
  EXPECT_FALSE(ec);
}

TEST_F(memory_streams, a_cut_comes_after_exactly_so_many_bytes) {
  auto [a, b] = memory_pair(io.get_executor());
  a.cut_after(6);
  EXPECT_EQ(write(a, "abcd"), 4u);
  EXPECT_EQ(write(a, "efgh"), 2u);
  EXPECT_EQ(write(a, "ij"), 0u);
  EXPECT_EQ(ec, asio::error::connection_reset);
  EXPECT_EQ(read(a), "");
  EXPECT_EQ(ec, asio::error::connection_reset);
  EXPECT_EQ(read(b), "abcdef");
  EXPECT_EQ(async_read(b), (outcome{asio::error::connection_reset, 0}));
  EXPECT_EQ(write(b, "x"), 0u);
  EXPECT_EQ(ec, asio::error::connection_reset);

  auto [c, d] = memory_pair(io.get_executor());
  std::optional<ap::error_code> waited, trouble;
  d.async_wait(wait::wait_read, [&](ap::error_code e) { waited = e; });
  d.async_wait(wait::wait_error, [&](ap::error_code e) { trouble = e; });
  c.cut_after(0, asio::error::eof);
  settle();
  EXPECT_EQ(waited, ap::error_code());
  EXPECT_EQ(trouble, ap::error_code());
  EXPECT_EQ(read(d), "");
  EXPECT_EQ(ec, asio::error::eof);
  EXPECT_EQ(write(d, "x"), 0u);
  EXPECT_EQ(ec, asio::error::broken_pipe);
}

TEST_F(memory_streams, operations_fail_from_a_step_on_and_blocked_calls_are_no_steps) {
  auto [a, b] = memory_pair(io.get_executor());
  a.fail(fail_after(2, asio::error::timed_out));
  EXPECT_EQ(read(a), "");
  EXPECT_EQ(ec, asio::error::would_block);
  EXPECT_EQ(write(a, "one"), 3u);
  std::optional<ap::error_code> waited;
  a.async_wait(wait::wait_write, [&](ap::error_code e) { waited = e; });
  settle();
  EXPECT_EQ(waited, ap::error_code());
  EXPECT_EQ(write(a, "three"), 0u);
  EXPECT_EQ(ec, asio::error::timed_out);
  EXPECT_EQ(async_read(a), (outcome{asio::error::timed_out, 0}));
  EXPECT_EQ(write(b, "the other end does not fail"), 27u);
}

// An echo server and a client, on both faces, through every number of bytes a read, failing at every step of either.
template <class Stream>
asio::awaitable<void> echo(Stream s) {
  std::array<char, 5> bytes;
  while (true) {
    const std::size_t n = co_await s.async_read_some(asio::buffer(bytes), asio::use_awaitable);
    co_await asio::async_write(s, asio::buffer(bytes, n), asio::use_awaitable);
  }
}
template <class Stream>
asio::awaitable<void> ask(Stream& s, std::string& answer) {
  const std::string text = "a long question";
  std::string got(text.size(), ' ');
  for (int i = 0; i < 2; ++i) {
    co_await asio::async_write(s, asio::buffer(text), asio::use_awaitable);
    co_await asio::async_read(s, asio::buffer(got), asio::use_awaitable);
    answer += got;
  }
}

template <bool Readiness>
void echo_survives_every_failure(asio::io_context& io) {
  for (const std::size_t size : {0u, 1u, 7u}) {
    for (const bool server_fails : {false, true}) {
      const std::size_t failures = for_each_failure([&](const fail_after& failure) {
        const auto witness = std::make_shared<int>();
        auto [near, far] = memory_pair<Readiness, Readiness>(io.get_executor(), 9);
        auto &client = near, &server = far; // clang 14 cannot capture structured bindings
        client.read_size(size);
        server.read_size(size);
        (server_fails ? server : client).fail(failure);
        bool server_over = false;
        std::optional<bool> well;
        std::string answer;
        asio::co_spawn(io, echo(std::move(server)), [&, witness](std::exception_ptr) { server_over = true; });
        asio::co_spawn(io, ask(client, answer), [&, witness](std::exception_ptr e) {
          well = !e;
          client.close();
        });
        io.restart();
        io.poll();
        ASSERT_TRUE(well) << "it hangs";
        EXPECT_TRUE(server_over);
        EXPECT_EQ(witness.use_count(), 1);
        if (!failure.failed()) {
          EXPECT_TRUE(*well);
          EXPECT_EQ(answer.size(), 30u);
        }
      });
      EXPECT_GT(failures, 4u);
    }
  }
}

TEST_F(memory_streams, an_echo_survives_failure_at_every_step) {
  echo_survives_every_failure<true>(io);
  echo_survives_every_failure<false>(io);
}

TEST_F(memory_streams, ends_on_two_contexts_and_threads) {
  asio::io_context other;
  auto [near, server] = memory_pair<true, false>(io.get_executor(), other.get_executor(), 11);
  auto& client = near; // clang 14 cannot capture structured bindings
  std::string answer;
  std::exception_ptr end;
  asio::co_spawn(other, echo(std::move(server)), [&](std::exception_ptr e) { end = e; });
  asio::co_spawn(io, ask(client, answer), [&](std::exception_ptr e) {
    EXPECT_FALSE(e);
    client.close();
  });
  std::thread second([&] { other.run(); });
  io.run();
  second.join();
  EXPECT_EQ(answer.size(), 30u);
  EXPECT_TRUE(end);
}

TEST_F(memory_streams, a_context_goes_while_the_other_end_is_written_to) {
  for (int i = 0; i < 100; ++i) {
    auto gone = std::make_unique<asio::io_context>();
    auto [a, b] = memory_pair(io.get_executor(), gone->get_executor());
    auto reading = std::make_unique<memory_stream>(std::move(b));
    auto* const reader = reading.get();
    reader->async_read_some(asio::buffer(to), [keep = std::move(reading)](ap::error_code, std::size_t) {});
    std::thread writer([&a = a] {
      ap::error_code failed;
      while (!failed || failed == asio::error::would_block) a.write_some(asio::buffer("some bytes", 10), failed);
    });
    gone.reset(); // the frame that owned the reading end goes with it
    writer.join();
  }
}

} // namespace
