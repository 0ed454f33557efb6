// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/time.h>

namespace antiphon_tests {

/// A folder of its own, which goes with this object and all that is in it. Its path is short enough for a socket's.
class temporary_folder {
 public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "antiphon-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  temporary_folder(const temporary_folder&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string path(std::string_view name = {}) const { return name.empty() ? path_ : path_ + "/" + std::string(name); }
  std::string operator/(std::string_view name) const { return path(name); }
  /// Writes a file, and the folders that it is in. Its time is that of the epoch of the tests.
  void write(std::string_view name, std::string_view text) const {
    const auto where = path(name);
    std::filesystem::create_directories(std::filesystem::path(where).parent_path());
    std::ofstream(where, std::ios::binary) << text;
    touch(name, 784'111'777); // Sun, 06 Nov 1994 08:49:37 GMT
  }
  void touch(std::string_view name, long seconds, long microseconds = 0) const {
    const timeval at[2] = {{seconds, microseconds}, {seconds, microseconds}};
    if (::utimes(path(name).c_str(), at) != 0) throw std::runtime_error("no time set");
  }
  void folder(std::string_view name) const { std::filesystem::create_directories(path(name)); }
  void link(std::string_view name, std::string_view to) const { std::filesystem::create_symlink(to, path(name)); }
  void pipe(std::string_view name) const {
    if (::mkfifo(path(name).c_str(), 0600) != 0) throw std::runtime_error("no pipe made");
  }

 private:
  std::string path_;
};

} // namespace antiphon_tests
