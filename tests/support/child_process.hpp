// SPDX-License-Identifier: BSL-1.0
// A program that a test starts, whose stderr it reads and whose end it judges.
#pragma once

#include "raw_client.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

extern char** environ;

namespace threat {

/// Its environment is ours, and it is killed with this object.
class child_process {
 public:
  /// Starts a program by its path. It has `sockets` as its descriptors 3, 4...
  explicit child_process(std::vector<std::string> arguments, const std::vector<int>& sockets = {}) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    std::vector<int> copies; // out of the way of the numbers that the program is given
    for (const int s : sockets) {
      copies.push_back(::fcntl(s, F_DUPFD_CLOEXEC, 100));
      ::posix_spawn_file_actions_adddup2(&actions, copies.back(), 2 + static_cast<int>(copies.size()));
    }
    std::vector<char*> argv;
    for (auto& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    const int failed = ::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    for (const int c : copies) ::close(c);
    log_end_ = ends[0];
    if (failed) pid_ = -1;
  }
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;
  ~child_process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(log_end_);
  }

  bool started() const noexcept { return pid_ > 0; }
  void signal(int number) const {
    if (pid_ > 0) ::kill(pid_, number);
  }

  /// Reads stderr until it has `text`.
  bool says(std::string_view text, std::chrono::milliseconds deadline = patience) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (log_.find(text) == log_.npos)
      if (!read(end)) return false;
    return true;
  }
  /// The port in the line that says where the program listens; 0: it said none.
  std::uint16_t port() {
    if (!says("listening on http://127.0.0.1:") || !says("\n")) return 0;
    return static_cast<std::uint16_t>(std::atoi(log_.c_str() + log_.find("127.0.0.1:") + 10));
  }
  /// Waits for the end: the exit code, 128 + n where signal n has ended it, -1 where it does not end.
  int wait(std::chrono::milliseconds deadline = patience) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (read(end)) {}
    int status = 0;
    const bool over = eventually([&] { return pid_ <= 0 || ::waitpid(pid_, &status, WNOHANG) == pid_; }, deadline);
    if (!over || pid_ <= 0) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  const std::string& log() const noexcept { return log_; }

 private:
  bool read(std::chrono::steady_clock::time_point end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd p{log_end_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&p, 1, static_cast<int>(left.count())) <= 0) return false;
    char room[4096];
    const auto n = ::read(log_end_, room, sizeof room);
    if (n <= 0) return false;
    log_.append(room, static_cast<std::size_t>(n));
    return true;
  }

  pid_t pid_ = -1;
  int log_end_ = -1;
  std::string log_;
};

} // namespace threat
