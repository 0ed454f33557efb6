// SPDX-License-Identifier: BSL-1.0
// The second reference: the work of raw_epoll over Asio's public interface, async_wait with non-blocking reads and
// writes, callbacks, no locks (ASIO_CONCURRENCY_HINT_UNSAFE).
// usage: raw_asio_wait PORT [--close]
#include "common.hpp"

#include <asio.hpp>

#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace {

using tcp = asio::ip::tcp;
using stream = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;
using acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

bench::answer answer;
char scratch[65536];

/// Owns itself and dies with its connection.
class session {
 public:
  explicit session(stream socket) : socket_(std::move(socket)) {}

  void wait() {
    socket_.async_wait(stream::wait_read, [this](asio::error_code ec) {
      if (ec) return die();
      const std::size_t got = socket_.read_some(asio::buffer(scratch), ec);
      if (ec == asio::error::would_block) return wait();
      if (ec) return die();
      reply(bench::count_heads(matched_, scratch, got));
    });
  }

 private:
  void die() { delete this; }

  void reply(int requests) {
    if (requests == 0) return wait();
    if (requests > bench::max_batch) requests = bench::max_batch;
    answer.refresh();
    const std::size_t size = answer.one * static_cast<std::size_t>(requests);
    asio::error_code ec;
    const std::size_t sent = socket_.write_some(asio::buffer(answer.many.data(), size), ec);
    if (ec && ec != asio::error::would_block) return die();
    if (sent == size) return next();
    asio::async_write(socket_, asio::buffer(answer.many.data() + sent, size - sent),
                      [this](asio::error_code failed, std::size_t) { failed ? die() : next(); });
  }

  void next() {
    if (!answer.close) return wait();
    asio::error_code ignored;
    socket_.shutdown(stream::shutdown_send, ignored);
    die();
  }

  stream socket_;
  std::uint8_t matched_ = 0;
};

void accept_next(acceptor& listener) {
  listener.async_accept([&listener](asio::error_code ec, stream socket) {
    if (!ec) {
      socket.set_option(tcp::no_delay(true), ec);
      socket.non_blocking(true, ec);
      (new session(std::move(socket)))->wait();
    }
    accept_next(listener);
  });
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  answer.close = argc > 2 && std::string_view(argv[2]) == "--close";
  asio::io_context io(ASIO_CONCURRENCY_HINT_UNSAFE);
  const tcp::endpoint here(asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[1])));
  acceptor listener(io.get_executor());
  listener.open(here.protocol());
  listener.set_option(tcp::acceptor::reuse_address(true));
  listener.bind(here);
  listener.listen(4096);
  accept_next(listener);
  io.run();
}
