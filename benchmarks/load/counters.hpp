// SPDX-License-Identifier: BSL-1.0
// Reads what count.c writes.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace bench {

/// In the order of the enum in count.c.
constexpr std::array<std::string_view, 20> counter_names{
    "read",        "readv",     "recv",    "recvfrom",        "recvmsg",     "write",    "writev",
    "send",        "sendto",    "sendmsg", "accept",          "accept4",     "shutdown", "epoll_wait",
    "epoll_pwait", "epoll_ctl", "poll",    "timerfd_settime", "allocations", "frees"};

/// The counters of a process that runs under count.c.
class counters {
 public:
  using snapshot = std::array<std::uint64_t, 2 * counter_names.size()>;

  /// An empty name: no counters; every snapshot is zero.
  explicit counters(const std::string& file) {
    if (file.empty()) return;
    const int fd = open(file.c_str(), O_RDONLY);
    if (fd < 0) return;
    void* page = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED) page_ = static_cast<const std::uint64_t*>(page);
  }

  snapshot read() const {
    snapshot now{};
    for (std::size_t i = 0; page_ != nullptr && i < now.size(); ++i)
      now[i] = __atomic_load_n(page_ + i, __ATOMIC_RELAXED);
    return now;
  }

  explicit operator bool() const { return page_ != nullptr; }

  /// As JSON: {"recv":[calls,failed],...}, without those that were never made.
  static std::string difference(const snapshot& before, const snapshot& after) {
    std::string json = "{";
    for (std::size_t i = 0; i < counter_names.size(); ++i) {
      const auto calls = after[2 * i] - before[2 * i];
      if (calls == 0) continue;
      if (json.size() > 1) json += ',';
      json.append("\"").append(counter_names[i]).append("\":[").append(std::to_string(calls)).append(",");
      json.append(std::to_string(after[2 * i + 1] - before[2 * i + 1])).append("]");
    }
    return json + "}";
  }

 private:
  const std::uint64_t* page_ = nullptr;
};

} // namespace bench
