// SPDX-License-Identifier: BSL-1.0
// A folder for a test's sockets and files, short enough for the path of a socket.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <system_error>

namespace threat {

/// Removed with all that is in it.
class temporary_folder {
 public:
  temporary_folder() {
    char name[] = "/tmp/antiphon_XXXXXX";
    if (!::mkdtemp(name)) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  temporary_folder(const temporary_folder&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

} // namespace threat
