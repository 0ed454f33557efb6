// SPDX-License-Identifier: BSL-1.0
// The limit of fan-out and of long polls: a level-triggered epoll loop that knows no HTTP but what its client sends,
// one request a read. usage: raw_push PORT --each|--batch
//   GET /sub   server-sent events in chunks
//   GET /lp    waits for the next message
//   POST /pub  publishes the body
//   --each     one write a message and subscriber, before the publisher is answered
//   --batch    the messages of one turn of the loop are joined: one write a subscriber and turn
// Nothing is kept: a client that has no room for a message is hung up on, so that no figure can come of it.
#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::string_view published = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

void send(int fd, std::string_view text) {
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) shutdown(fd, SHUT_RDWR);
}

void append_event(std::string& out, std::string_view message) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", message.size() + 8);
  out.append(size).append("data: ").append(message).append("\n\n\r\n");
}

std::string answer_of(std::string_view message) {
  std::string out = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";
  return out.append(std::to_string(message.size())).append("\r\n\r\n").append(message);
}

class channel {
 public:
  void subscribe(int fd) {
    subscribers_.push_back(fd);
    send(fd, stream_head);
  }
  void park(int fd) { parked_.push_back(fd); }
  void leave(int fd) {
    std::erase(subscribers_, fd);
    std::erase(parked_, fd);
  }
  void publish(std::string_view message) {
    append_event(out_, message);
    if (parked_.empty()) return;
    const std::string answer = answer_of(message);
    for (const int fd : parked_) send(fd, answer);
    parked_.clear();
  }
  void deliver() {
    if (out_.empty()) return;
    for (const int fd : subscribers_) send(fd, out_);
    out_.clear();
  }

 private:
  std::vector<int> subscribers_, parked_;
  std::string out_;
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  const bool each = std::string_view(argv[2]) == "--each";

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

  channel all;
  static epoll_event events[512];
  static char buffer[65536];
  for (;;) {
    const int ready = epoll_wait(set, events, 512, -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (accepted < 0) continue;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(accepted);
        continue;
      }
      const ssize_t got = read(fd, buffer, sizeof buffer);
      if (got <= 0) {
        all.leave(fd);
        close(fd);
        continue;
      }
      const std::string_view request(buffer, static_cast<std::size_t>(got));
      if (request.starts_with("GET /sub ")) {
        all.subscribe(fd);
      } else if (request.starts_with("GET /lp ")) {
        all.park(fd);
      } else if (const auto head = request.find("\r\n\r\n"); head != request.npos) {
        all.publish(request.substr(head + 4));
        if (each) all.deliver();
        send(fd, published);
      }
    }
    all.deliver();
  }
}
