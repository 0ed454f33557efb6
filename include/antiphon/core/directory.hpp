// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/file.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#if defined(ANTIPHON_HAS_FILES)
#include <fcntl.h>
#if __has_include(<linux/openat2.h>) && __has_include(<sys/syscall.h>)
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif
#endif

namespace antiphon {
inline namespace v0 {
namespace detail {

#if defined(ANTIPHON_HAS_FILES)

// A pipe must not block whoever opens it, and a terminal must not become ours.
inline constexpr int open_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

/// One component after the other, and no link followed: for kernels without openat2. `path` is relative and has no
/// empty and no dot components. The descriptor, or -1 and errno.
inline int open_by_components(int root, char* path) noexcept {
#if defined(O_PATH)
  constexpr int folder_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
#else
  constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
#endif
  int at = root;
  const auto leave = [&at, root](int next) {
    const int kept = errno;
    if (at != root) ::close(at);
    errno = kept;
    return at = next;
  };
  while (char* const slash = std::strchr(path, '/')) {
    *slash = '\0';
    if (leave(::openat(at, path, folder_flags)) < 0) return -1;
    path = slash + 1;
  }
  return leave(::openat(at, path, open_flags | O_NOFOLLOW));
}

/// The descriptor of what `path` leads to beneath `root`, or -1 and errno.
inline int open_beneath(int root, char* path) noexcept {
#if defined(SYS_openat2) && defined(RESOLVE_BENEATH)
  static std::atomic<bool> lacking{false}; // an old kernel, or a sandbox that does not know the call
  open_how how{};
  how.flags = static_cast<decltype(how.flags)>(open_flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: something was renamed on the way, and the kernel cannot tell whether it stayed inside.
  for (int tries = 0; tries < 8 && !lacking.load(std::memory_order_relaxed); ++tries) {
    const long made = ::syscall(SYS_openat2, root, path, &how, sizeof how);
    if (made >= 0) return static_cast<int>(made);
    if (errno == ENOSYS) lacking.store(true, std::memory_order_relaxed);
    if (errno == EPERM) break; // of a sandbox, or of the file: the other way tells
    if (errno != EAGAIN && errno != EINTR && errno != ENOSYS) return -1;
  }
#endif
  return open_by_components(root, path);
}

#endif

/// Whether a path names something beneath: relative, no NUL, and no component that is empty or all dots up to two.
constexpr bool is_path_beneath(std::string_view path) noexcept {
  if (path.empty() || path.find('\0') != path.npos) return false;
  for (;;) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == path.npos) return true;
    path.remove_prefix(slash + 1);
  }
}

} // namespace detail

/// A folder beneath which files are opened, and nothing outside of it, whatever the path and whatever links there are.
///
/// On Linux the kernel watches over the way (openat2): links that stay inside lead on, others are refused. Elsewhere,
/// and on kernels before 5.6, no link is followed. The folder may be moved or renamed meanwhile: it is held open.
/// Thread safety: open(), from any thread. It blocks the thread for as long as the disk takes.
class directory {
 public:
  /// Throws system_error where there is no such folder. Links on the way to it are the program's own: followed.
  explicit directory(const std::string& path) {
#if defined(ANTIPHON_HAS_FILES)
    if (path.find('\0') == path.npos) handle_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const error_code ec(path.find('\0') == path.npos ? errno : EINVAL, std::generic_category());
#else
    const error_code ec = std::make_error_code(std::errc::operation_not_supported);
#endif
    if (handle_ < 0) throw system_error(ec, "antiphon: opening the folder '" + path + "'");
  }
  directory(directory&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
  directory& operator=(directory&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~directory() {
#if defined(ANTIPHON_HAS_FILES)
    if (handle_ >= 0) ::close(handle_);
#endif
  }

  /// Opens a regular file for reading. `path`: "a/b.txt", with slashes between names.
  ///
  /// Errors: invalid_argument for a path that is absolute, or has an empty component, ".", ".." or NUL; is_a_directory;
  /// operation_not_supported for what is no regular file; else the system's: no_such_file_or_directory,
  /// permission_denied, filename_too_long, and cross_device_link or too_many_symbolic_link_levels for refused links.
  file open(std::string_view path, error_code& ec) const noexcept {
#if defined(ANTIPHON_HAS_FILES)
    if (!detail::is_path_beneath(path)) {
      ec = std::make_error_code(std::errc::invalid_argument);
      return {};
    }
    std::array<char, 4096> text; // what a path may have on Linux
    if (path.size() >= text.size()) {
      ec = std::make_error_code(std::errc::filename_too_long);
      return {};
    }
    text[path.copy(text.data(), path.size())] = '\0';
    const int made = detail::open_beneath(handle_, text.data());
    if (made >= 0) return file::adopt(made, ec);
    // A socket cannot be opened at all.
    ec = errno == ENXIO ? std::make_error_code(std::errc::operation_not_supported)
                        : error_code(errno, std::generic_category());
#else
    static_cast<void>(path);
    ec = std::make_error_code(std::errc::operation_not_supported);
#endif
    return {};
  }

 private:
  int handle_ = -1;
};

} // namespace v0
} // namespace antiphon
