// SPDX-License-Identifier: BSL-1.0
// What every mode of the load client needs: its arguments, blocking connections, and a look at the server's process.
#pragma once
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace bench {

[[noreturn]] inline void die(const std::string& what) {
  std::printf("{\"error\":\"%s (%s)\"}\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

/// `--name value` pairs.
class arguments {
 public:
  arguments(int argc, char** argv) {
    for (int i = 2; i + 1 < argc; i += 2) values_[argv[i] + 2] = argv[i + 1];
  }
  std::string text(const char* name, const char* otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  double number(const char* name, double otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : std::atof(found->second.c_str());
  }
  int integer(const char* name, int otherwise) const { return static_cast<int>(number(name, otherwise)); }

 private:
  std::map<std::string, std::string> values_;
};

/// Monotonic, in nanoseconds.
inline std::uint64_t now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
}

inline void rest(double seconds) { usleep(static_cast<useconds_t>(seconds * 1e6)); }

/// User and system time of all threads of a process, in nanoseconds (finer than the ticks of getrusage).
inline std::uint64_t cpu_of(int pid) {
  std::uint64_t sum = 0;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  DIR* directory = opendir(tasks.c_str());
  if (directory == nullptr) return 0;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    if (std::FILE* file = std::fopen((tasks + "/" + entry->d_name + "/schedstat").c_str(), "r")) {
      unsigned long long on_cpu = 0;
      if (std::fscanf(file, "%llu", &on_cpu) == 1) sum += on_cpu;
      std::fclose(file);
    }
  }
  closedir(directory);
  return sum;
}

/// Memory of a process, in KiB: what is resident, or another line of its status (VmHWM: the most that was).
inline long memory_of(int pid, const char* line_name = "VmRSS") {
  long kib = 0;
  if (std::FILE* file = std::fopen(("/proc/" + std::to_string(pid) + "/status").c_str(), "r")) {
    char line[256];
    const std::size_t length = std::strlen(line_name);
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::strncmp(line, line_name, length) != 0 || line[length] != ':') continue;
      kib = std::atol(line + length + 1);
      break;
    }
    std::fclose(file);
  }
  return kib;
}

inline void allow_descriptors(int count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto wanted = static_cast<rlim_t>(count + 200);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  if (limit.rlim_max < wanted) limit.rlim_max = wanted;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) die("too few file descriptors are allowed: ulimit -n");
}

/// A blocking connection to 127.0.0.1. The client's own address rotates through 127.0.0.1 to 127.0.0.32, so that a run
/// of many short connections does not use up the ports of one address. `segment`: the largest that it takes; else that
/// of the loopback interface, 64 KiB.
inline int dial(int port, int segment = 0) {
  static std::uint32_t turn = 0;
  const int on = 1;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + turn++ % 32U);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) die("bind");
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(static_cast<std::uint16_t>(port));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (segment != 0) setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) die("connect");
  return fd;
}

inline void give_up_after(int fd, int seconds) {
  const timeval limit{seconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

/// False when the server has hung up. Requests are small: a partial write is an error.
inline bool put(int fd, std::string_view text) {
  const ssize_t sent = write(fd, text.data(), text.size());
  if (sent == static_cast<ssize_t>(text.size())) return true;
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
  die("write");
}

/// Reads one answer that has a Content-Length, head and body.
inline std::string read_answer(int fd) {
  std::string text;
  std::size_t size = 0;
  char buffer[16384];
  while (size == 0 || text.size() < size) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got <= 0) die("no whole answer, only " + std::to_string(text.size()) + " bytes");
    text.append(buffer, static_cast<std::size_t>(got));
    const auto head = text.find("\r\n\r\n");
    if (size != 0 || head == text.npos) continue;
    std::string lower = text.substr(0, head);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower.compare(9, 1, "2") != 0) die("the server answers " + lower.substr(0, lower.find('\r')));
    const auto length = lower.find("content-length:");
    if (length == lower.npos) die("an answer without Content-Length");
    size = head + 4 + static_cast<std::size_t>(std::atol(lower.c_str() + length + 15));
  }
  return text;
}

/// The fixed length of the answers, learnt from the first.
inline std::size_t same_length(std::size_t known, std::size_t one) {
  if (known != 0 && known != one) die("answers differ in length");
  return one;
}

/// Latencies, kept in units of 100 ns.
class latencies {
 public:
  latencies() { samples_.reserve(8U << 20U); }
  void add(std::uint64_t nanoseconds) { samples_.push_back(static_cast<std::uint32_t>(nanoseconds / 100)); }
  void clear() { samples_.clear(); }
  double milliseconds_at(double quantile) {
    if (samples_.empty()) return 0;
    const auto at = samples_.begin() + static_cast<std::ptrdiff_t>(quantile * static_cast<double>(samples_.size() - 1));
    std::nth_element(samples_.begin(), at, samples_.end());
    return static_cast<double>(*at) / 1e4;
  }

 private:
  std::vector<std::uint32_t> samples_;
};

} // namespace bench
