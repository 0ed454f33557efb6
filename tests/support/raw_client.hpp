// SPDX-License-Identifier: BSL-1.0
// A client that can do everything wrong: a blocking socket in the test's thread, with a deadline on every wait.
#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace threat {

/// How long a test waits for what must come. Sanitizers are slow, and so are busy machines.
inline constexpr std::chrono::seconds patience{20};

/// Waits until `done()` is true, and says whether it was in time. For what tells nobody when it changes.
template <class F>
bool eventually(F done, std::chrono::milliseconds deadline = patience) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

/// One response as it came.
struct raw_response {
  int status = 0;
  std::string head; ///< status line and fields, without the empty line
  std::string body; ///< without the chunked coding
  bool whole = false;

  /// The value of the first field of that name; how often it stands there is count().
  std::string field(std::string_view name) const {
    for (const auto& [key, value] : fields())
      if (same(key, name)) return value;
    return {};
  }
  std::size_t count(std::string_view name) const {
    std::size_t n = 0;
    for (const auto& f : fields()) n += same(f.first, name);
    return n;
  }
  std::vector<std::pair<std::string, std::string>> fields() const {
    std::vector<std::pair<std::string, std::string>> out;
    std::size_t at = head.find("\r\n");
    while (at != head.npos) {
      at += 2;
      const auto end = std::min(head.find("\r\n", at), head.size());
      const auto colon = head.find(": ", at);
      if (colon == head.npos || colon > end) {
        out.emplace_back(head.substr(at, end - at), "");
      } else {
        out.emplace_back(head.substr(at, colon - at), head.substr(colon + 2, end - colon - 2));
      }
      at = end == head.size() ? head.npos : end;
    }
    return out;
  }
  static bool same(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
      return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
  }
};

class raw_client {
 public:
  enum class end : unsigned char { open, eof, reset };

  /// Connects to 127.0.0.1. `receive_buffer`: bytes that the kernel takes for us while we do not read; 0: its default.
  /// `segment`: the most that is sent to us at once; the server's kernel measures its own buffer by it, which is some
  /// megabytes otherwise.
  explicit raw_client(std::uint16_t port, int receive_buffer = 0, int segment = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (socket_ < 0) throw std::runtime_error("no socket for the test's client");
    if (receive_buffer != 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (segment != 0) ::setsockopt(socket_, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    const int one = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    if (!connected_) end_ = end::reset;
  }
  /// Connects to a Unix socket.
  explicit raw_client(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    if (socket_ < 0) throw std::runtime_error("no socket for the test's client");
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, sizeof to.sun_path - 1);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    if (!connected_) end_ = end::reset;
  }
  raw_client(raw_client&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), connected_(other.connected_), end_(other.end_),
        in_(std::move(other.in_)) {}
  raw_client& operator=(raw_client&&) = delete;
  ~raw_client() { close(); }

  bool connected() const noexcept { return connected_; }
  int socket() const noexcept { return socket_; }

  /// Sends all of it, in pieces of `piece` bytes. False: the other end has closed, or does not read.
  bool send(std::string_view bytes, std::size_t piece = std::string_view::npos) {
    while (!bytes.empty()) {
      if (!wait(POLLOUT, patience)) return false;
      const auto n = ::send(socket_, bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) continue;
      if (n < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// Sends `bytes` again and again until the other end takes no more for `quiet`, or `most` are sent: how many were.
  std::size_t flood(std::string_view bytes, std::size_t most, std::chrono::milliseconds quiet) {
    std::size_t sent = 0;
    while (sent < most && wait(POLLOUT, quiet)) {
      const auto from = sent % bytes.size();
      const auto n = ::send(socket_, bytes.data() + from, bytes.size() - from, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) continue;
      if (n < 0) break;
      sent += static_cast<std::size_t>(n);
    }
    return sent;
  }
  /// FIN: nothing more will be sent, but we still read.
  void finish_sending() { ::shutdown(socket_, SHUT_WR); }
  /// RST instead of an orderly end.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void close() noexcept {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  /// Reads what is there, waiting at most `most` for it. False: nothing came.
  bool receive(std::chrono::milliseconds most = patience) {
    if (end_ != end::open || !wait(POLLIN, most)) return false;
    char room[65536];
    const auto n = ::recv(socket_, room, sizeof room, MSG_DONTWAIT);
    if (n > 0) {
      in_.append(room, static_cast<std::size_t>(n));
      return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return true;
    end_ = n == 0 ? end::eof : end::reset;
    return false;
  }
  /// Reads until the input has `text`; it stays in the input.
  bool read_until(std::string_view text) {
    return until([&] { return in_.find(text) != in_.npos; });
  }
  /// Reads until the input has that many bytes.
  bool read_bytes(std::size_t n) {
    return until([&] { return in_.size() >= n; });
  }
  /// Reads until the other end has closed, which it must. All that came.
  std::string read_to_end() {
    until([] { return false; });
    return std::exchange(in_, {});
  }
  /// Whether and how the other end has closed.
  end ended() const noexcept { return end_; }
  /// Nothing more comes and the other end closes (in an orderly way or not).
  bool closes() {
    until([this] { return !in_.empty(); });
    return in_.empty() && end_ != end::open;
  }
  /// Nothing comes and nothing is closed for that long.
  bool stays_quiet(std::chrono::milliseconds length) { return in_.empty() && !receive(length) && end_ == end::open; }

  /// What came and was not taken.
  std::string& input() noexcept { return in_; }

  /// Takes one response. `bodiless`: it answers HEAD. status == 0: none came.
  raw_response response(bool bodiless = false) {
    raw_response out;
    if (!read_until("\r\n\r\n")) return out;
    const auto head = in_.find("\r\n\r\n");
    out.head = in_.substr(0, head);
    in_.erase(0, head + 4);
    if (out.head.compare(0, 9, "HTTP/1.1 ") == 0) out.status = std::atoi(out.head.c_str() + 9);
    if (bodiless || out.status / 100 == 1 || out.status == 204 || out.status == 304) {
      out.whole = true;
    } else if (out.count("Transfer-Encoding") != 0) {
      out.whole = chunks(out.body);
    } else if (out.count("Content-Length") != 0) {
      const auto size = static_cast<std::size_t>(std::atoll(out.field("Content-Length").c_str()));
      out.whole = read_bytes(size);
      out.body = in_.substr(0, size);
      in_.erase(0, size);
    } else {
      out.body = read_to_end();
      out.whole = end_ == end::eof;
    }
    return out;
  }
  /// The status of the next response.
  int status() { return response().status; }

 private:
  template <class F>
  bool until(F done) {
    const auto last = std::chrono::steady_clock::now() + patience;
    while (!done()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(last - std::chrono::steady_clock::now());
      if (left.count() <= 0 || !receive(left)) return done();
    }
    return true;
  }
  bool chunks(std::string& body) {
    while (true) {
      if (!read_until("\r\n")) return false;
      const auto line = in_.find("\r\n");
      char* stop = nullptr;
      const auto size = static_cast<std::size_t>(std::strtoull(in_.c_str(), &stop, 16));
      if (stop != in_.c_str() + line || line == 0 || !read_bytes(line + 2 + size + 2)) return false;
      body.append(in_, line + 2, size);
      const bool framed = in_.compare(line + 2 + size, 2, "\r\n") == 0;
      in_.erase(0, line + 2 + size + 2);
      if (!framed) return false;
      if (size == 0) return true; // the server sends no trailers
    }
  }
  bool wait(short what, std::chrono::milliseconds most) const {
    pollfd p{socket_, what, 0};
    return ::poll(&p, 1, static_cast<int>(most.count())) > 0;
  }

  int socket_;
  bool connected_ = false;
  end end_ = end::open;
  std::string in_;
};

/// A GET of `target` with a Host, and with more lines ("Name: value\r\n") where they are given.
inline std::string get(std::string_view target, std::string_view more = {}) {
  return std::string("GET ").append(target).append(" HTTP/1.1\r\nHost: a\r\n").append(more).append("\r\n");
}
/// A POST with a body of known length.
inline std::string post(std::string_view target, std::string_view body, std::string_view more = {}) {
  return std::string("POST ")
      .append(target)
      .append(" HTTP/1.1\r\nHost: a\r\nContent-Length: ")
      .append(std::to_string(body.size()))
      .append("\r\n")
      .append(more)
      .append("\r\n")
      .append(body);
}

} // namespace threat
