// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/detail/serial.hpp>

#include <gtest/gtest.h>

namespace {

using antiphon::detail::promise_one_thread;
using antiphon::detail::serial_executor;
using antiphon::detail::targets;

TEST(serial_executor, a_strand_is_serial_already) {
  asio::io_context io;
  asio::thread_pool pool(1);
  const asio::any_io_executor plain = io.get_executor();
  for (const asio::any_io_executor& ex :
       {asio::any_io_executor(asio::make_strand(io)), asio::any_io_executor(asio::make_strand(pool)),
        asio::any_io_executor(asio::make_strand(plain))})
    EXPECT_EQ(serial_executor(ex), ex);
}

TEST(serial_executor, anything_else_gets_a_strand) {
  asio::io_context io;
  asio::thread_pool pool(1);
  for (const asio::any_io_executor& ex :
       {asio::any_io_executor(io.get_executor()), asio::any_io_executor(pool.get_executor())}) {
    const auto serial = serial_executor(ex);
    EXPECT_NE(serial, ex);
    EXPECT_EQ(&antiphon::detail::context_of(serial), &antiphon::detail::context_of(ex));
  }
}

TEST(serial_executor, a_context_with_one_thread_needs_none) {
  asio::io_context io, other;
  promise_one_thread(io);
  EXPECT_EQ(serial_executor(io.get_executor()), asio::any_io_executor(io.get_executor()));
  EXPECT_NE(serial_executor(other.get_executor()), asio::any_io_executor(other.get_executor()));
}

} // namespace
