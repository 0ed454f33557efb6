// SPDX-License-Identifier: BSL-1.0
// The limit for uploads: a blocking loop of 64 KiB reads that drops a body of known length, and no HTTP in it.
// usage: raw_upload PORT
#include <arpa/inet.h>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  const int on = 1;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 64) != 0) {
    std::perror("bind");
    return 1;
  }
  static char buffer[65536];
  for (;;) {
    const int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) continue;
    std::string head;
    for (;;) {
      const ssize_t got = read(fd, buffer, sizeof buffer);
      if (got <= 0) break;
      head.append(buffer, static_cast<std::size_t>(got));
      const auto end = head.find("\r\n\r\n");
      if (end == head.npos) continue;
      const auto length = head.find("Content-Length: ");
      std::uint64_t left = std::strtoull(head.c_str() + length + 16, nullptr, 10) - (head.size() - end - 4);
      while (left != 0) {
        const ssize_t more = read(fd, buffer, sizeof buffer);
        if (more <= 0) break;
        left -= static_cast<std::uint64_t>(more);
      }
      head.clear();
      static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
      if (left != 0 || write(fd, answer, sizeof answer - 1) < 0) break;
    }
    close(fd);
  }
}
