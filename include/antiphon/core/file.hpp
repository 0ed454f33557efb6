// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

#if __has_include(<sys/stat.h>) && __has_include(<unistd.h>) && !defined(_WIN32)
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#if __has_include(<sys/uio.h>)
#include <sys/uio.h>
#endif
#define ANTIPHON_HAS_FILES 1
#endif

namespace antiphon {
inline namespace v0 {

/// A regular file that is open for reading, and what it was when it was opened.
///
/// Owns its descriptor: it can be moved and not copied. Thread safety: reading, from any thread. On systems without
/// POSIX files there is none to open: errors are std::errc::operation_not_supported.
class file {
 public:
  using time = std::chrono::sys_time<std::chrono::nanoseconds>;

  file() = default;
  file(file&& other) noexcept
      : handle_(std::exchange(other.handle_, -1)), size_(other.size_), modified_(other.modified_), id_(other.id_) {}
  file& operator=(file&& other) noexcept {
    file taken(std::move(other));
    std::swap(handle_, taken.handle_);
    size_ = taken.size_, modified_ = taken.modified_, id_ = taken.id_;
    return *this;
  }
  ~file() { close(); }

  /// Takes a descriptor over; it is closed where it is none of a regular file.
  /// Errors: is_a_directory; operation_not_supported for pipes, devices and sockets.
  static file adopt(int handle, error_code& ec) noexcept {
    file out;
    out.handle_ = handle;
    ec = out.look();
    if (ec) out.close();
    return out;
  }

  bool is_open() const noexcept { return handle_ >= 0; }
  int native_handle() const noexcept { return handle_; }
  /// Bytes, when it was opened. It may shrink or grow meanwhile.
  std::uint64_t size() const noexcept { return size_; }
  /// When it was changed last, when it was opened.
  time modified() const noexcept { return modified_; }
  /// What tells it from others of its file system: the number of its inode.
  std::uint64_t id() const noexcept { return id_; }

  /// Reads at an offset: fewer bytes than asked for only at the end of the file, none behind it. Blocks the thread
  /// where the bytes are not in memory.
  std::size_t read_at(std::uint64_t offset, asio::mutable_buffer to, error_code& ec) const noexcept {
    ec = error_code();
    std::size_t done = 0;
#if defined(ANTIPHON_HAS_FILES)
    while (done < to.size()) {
      const auto n =
          ::pread(handle_, static_cast<char*>(to.data()) + done, to.size() - done, static_cast<off_t>(offset + done));
      if (n > 0) {
        done += static_cast<std::size_t>(n);
      } else if (n == 0) {
        break;
      } else if (errno != EINTR) {
        ec = error_code(errno, std::generic_category());
        break;
      }
    }
#else
    static_cast<void>(offset), static_cast<void>(to);
    ec = std::make_error_code(std::errc::operation_not_supported);
#endif
    return done;
  }

  /// Reads what is in memory already: never waits for a disk. Errors: resource_unavailable_try_again where it would;
  /// operation_not_supported where the system, or the file's own, cannot tell.
  std::size_t read_now([[maybe_unused]] std::uint64_t offset, [[maybe_unused]] asio::mutable_buffer to,
                       error_code& ec) const noexcept {
#if defined(RWF_NOWAIT)
    iovec room{to.data(), to.size()};
    const auto n = ::preadv2(handle_, &room, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    ec = n >= 0 ? error_code() : error_code(errno, std::generic_category());
    return n >= 0 ? static_cast<std::size_t>(n) : 0;
#else
    ec = std::make_error_code(std::errc::operation_not_supported);
    return 0;
#endif
  }
  /// Whether reading the byte at an offset would not wait for a disk; true where nobody can tell.
  bool is_in_memory(std::uint64_t offset) const noexcept {
    char byte = 0;
    error_code ec;
    read_now(offset, asio::mutable_buffer(&byte, 1), ec);
    return ec != std::errc::resource_unavailable_try_again;
  }

  void close() noexcept {
#if defined(ANTIPHON_HAS_FILES)
    if (handle_ >= 0) ::close(std::exchange(handle_, -1));
#endif
  }

 private:
  error_code look() noexcept {
#if defined(ANTIPHON_HAS_FILES)
    struct stat s;
    if (::fstat(handle_, &s) != 0) return error_code(errno, std::generic_category());
    if (S_ISDIR(s.st_mode)) return std::make_error_code(std::errc::is_a_directory);
    if (!S_ISREG(s.st_mode)) return std::make_error_code(std::errc::operation_not_supported);
    size_ = static_cast<std::uint64_t>(s.st_size);
    id_ = static_cast<std::uint64_t>(s.st_ino);
#if defined(__APPLE__)
    const auto& at = s.st_mtimespec;
#else
    const auto& at = s.st_mtim;
#endif
    modified_ = time(std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec));
    return {};
#else
    return std::make_error_code(std::errc::operation_not_supported);
#endif
  }

  int handle_ = -1;
  std::uint64_t size_ = 0;
  time modified_{};
  std::uint64_t id_ = 0;
};

} // namespace v0
} // namespace antiphon
