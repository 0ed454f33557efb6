// SPDX-License-Identifier: BSL-1.0
#include <antiphon/server/detail/send_file.hpp>

#include <gtest/gtest.h>

#if defined(ANTIPHON_HAS_SENDFILE)

#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <netinet/in.h>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace {

volatile std::sig_atomic_t signals = 0;

class send_file : public testing::Test {
 protected:
  void SetUp() override {
    signals = 0;
    before_ = std::signal(SIGPIPE, [](int) { signals = signals + 1; });
    file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(::ftruncate(::fileno(file), size), 0);

    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), length), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &length), 0);
    client = ::socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&at), length), 0);
    server = ::accept(listener, nullptr, nullptr);
    ASSERT_GE(server, 0);
    ::close(listener);
  }
  void TearDown() override {
    ::close(server);
    std::fclose(file);
    std::signal(SIGPIPE, before_);
  }
  std::size_t send() { return antiphon::detail::send_file(server, {}, ::fileno(file), 0, size, ec); }
  bool is_pending() const {
    sigset_t pending;
    return ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
  }

  static constexpr std::size_t size = 64u << 20; // more than sockets hold
  std::FILE* file = nullptr;
  int client = -1, server = -1;
  antiphon::error_code ec;

 private:
  void (*before_)(int) = nullptr;
};

TEST_F(send_file, to_a_client_that_goes_in_the_middle_of_it_raises_no_signal) {
  std::thread goes([this] {
    ::shutdown(client, SHUT_WR); // what the reset then says is EPIPE
    pollfd readable{client, POLLIN, 0};
    ::poll(&readable, 1, -1);
    ::close(client); // with what it has not read
  });
  const auto sent = send(); // the socket blocks: one call, which the client's going ends
  goes.join();
  EXPECT_GT(sent, 0U);
  EXPECT_LT(sent, size);
  EXPECT_EQ(signals, 0);
  EXPECT_FALSE(is_pending());
}

TEST_F(send_file, to_a_client_that_has_gone_raises_no_signal) {
  ASSERT_EQ(::shutdown(server, SHUT_WR), 0);
  EXPECT_EQ(send(), 0U);
  EXPECT_EQ(ec, asio::error::broken_pipe);
  EXPECT_EQ(signals, 0);
  EXPECT_FALSE(is_pending());
  ::close(client);
}

TEST_F(send_file, leaves_a_signal_that_was_there_before) {
  sigset_t pipe, before;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &pipe, &before), 0);
  ::pthread_kill(::pthread_self(), SIGPIPE);
  ASSERT_EQ(::shutdown(server, SHUT_WR), 0);
  EXPECT_EQ(send(), 0U);
  EXPECT_TRUE(is_pending());
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
  EXPECT_EQ(signals, 1);
  ::close(client);
}

} // namespace

#endif
