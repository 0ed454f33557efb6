// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

/// A new file that is written in large pieces, and that is gone again unless it was finished. All of it blocks.
class saved_file {
 public:
  static constexpr std::size_t piece_size = 256 * 1024;

  explicit saved_file(std::string path) : path_(std::move(path)) {}
  saved_file(const saved_file&) = delete;
  saved_file& operator=(const saved_file&) = delete;
  ~saved_file() { discard(); }

  /// What write() writes.
  std::string pending;

  /// Never opens what is there already, through a link neither.
  void open() {
    errno = 0;
    file_ = std::fopen(path_.c_str(), "wbx");
    if (!file_) fail("creating");
    std::setvbuf(file_, nullptr, _IONBF, 0); // pieces are large
  }
  void write() {
    errno = 0;
    if (std::fwrite(pending.data(), 1, pending.size(), file_) != pending.size()) fail("writing");
    pending.clear();
  }
  void finish() {
    write();
    errno = 0;
    if (std::fclose(std::exchange(file_, nullptr)) == 0) return;
    const int why = errno;
    std::remove(path_.c_str());
    errno = why;
    fail("closing");
  }
  void discard() noexcept {
    if (!file_) return;
    std::fclose(std::exchange(file_, nullptr));
    std::remove(path_.c_str());
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    const error_code ec(errno != 0 ? errno : EIO, std::generic_category());
    throw system_error(ec, std::string(what) + " '" + path_ + "'");
  }

  std::string path_;
  std::FILE* file_ = nullptr;
};

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
