// SPDX-License-Identifier: BSL-1.0
// The limit: a level-triggered epoll loop with one read and one write a request, and no HTTP in it.
// usage: raw_epoll PORT [--close]
#include "common.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  bench::answer answer;
  answer.close = argc > 2 && std::string_view(argv[2]) == "--close";

  const int on = 1;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 4096) != 0) {
    std::perror("bind");
    return 1;
  }

  const int set = epoll_create1(0);
  const auto watch = [set](int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
  };
  watch(listener);

  std::vector<std::uint8_t> matched(1U << 20U);
  static epoll_event events[512];
  static char buffer[65536];
  for (;;) {
    const int ready = epoll_wait(set, events, 512, -1);
    answer.refresh();
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (accepted < 0) continue;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(accepted);
        matched[static_cast<std::size_t>(accepted)] = 0;
        continue;
      }
      const ssize_t got = read(fd, buffer, sizeof buffer);
      if (got <= 0) {
        close(fd);
        continue;
      }
      int requests = bench::count_heads(matched[static_cast<std::size_t>(fd)], buffer, static_cast<std::size_t>(got));
      while (requests > 0) {
        const int batch = requests < bench::max_batch ? requests : bench::max_batch;
        if (write(fd, answer.many.data(), answer.one * static_cast<std::size_t>(batch)) < 0) break;
        requests -= batch;
        if (answer.close) {
          close(fd);
          break;
        }
      }
    }
  }
}
