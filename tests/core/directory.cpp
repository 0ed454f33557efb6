// SPDX-License-Identifier: BSL-1.0
#include "support/temporary_folder.hpp"

#include <antiphon/core/directory.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

namespace {

using namespace antiphon;
using antiphon_tests::temporary_folder;

std::string read(const file& from, std::uint64_t at = 0, std::size_t n = 100) {
  std::string out(n, '\0');
  error_code ec;
  out.resize(from.read_at(at, asio::buffer(out), ec));
  EXPECT_FALSE(ec) << ec.message();
  return out;
}
long descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return std::distance(begin(all), end(all));
}

/// The two ways of opening: the kernel's, and one component after the other.
struct way {
  const char* name;
  bool follows; ///< links that stay inside
  int (*open)(int root, char* path) noexcept;
};
const way ways[] = {{"beneath", true, detail::open_beneath}, {"by components", false, detail::open_by_components}};

class a_folder : public ::testing::Test {
 protected:
  temporary_folder at, outside;
  int root = ::open(at.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ~a_folder() override { ::close(root); }

  std::string open(const way& w, std::string path, error_code& ec) {
    const int made = w.open(root, path.data());
    if (made < 0) {
      ec = error_code(errno, std::generic_category());
      return {};
    }
    const file f = file::adopt(made, ec);
    return f.is_open() ? read(f) : std::string();
  }
  void expect_opens(const way& w, const char* path, const char* text) {
    error_code ec;
    EXPECT_EQ(open(w, path, ec), text) << w.name << ": " << path;
    EXPECT_FALSE(ec) << w.name << ": " << path << ": " << ec.message();
  }
  void expect_refuses(const way& w, const char* path) {
    error_code ec;
    open(w, path, ec);
    EXPECT_TRUE(ec) << w.name << ": " << path;
  }
};

TEST_F(a_folder, opens_what_is_beneath) {
  at.write("a.txt", "a");
  at.write("b/c/d.txt", "d");
  at.write("..b", "dots");
  at.link("to_a", "a.txt");
  at.link("b/up", "../a.txt");
  at.link("to_b", "b");
  for (const auto& w : ways) {
    expect_opens(w, "a.txt", "a");
    expect_opens(w, "b/c/d.txt", "d");
    expect_opens(w, "..b", "dots");
    for (const auto& [path, text] : {std::pair("to_a", "a"), std::pair("b/up", "a"), std::pair("to_b/c/d.txt", "d")})
      w.follows ? expect_opens(w, path, text) : expect_refuses(w, path);
  }
}

TEST_F(a_folder, opens_nothing_outside) {
  at.write("in/a.txt", "a");
  outside.write("secret", "secret");
  at.link("absolute", outside.path("secret"));
  at.link("folder", outside.path());
  at.link("relative", "../" + outside.path().substr(outside.path().rfind('/') + 1) + "/secret");
  at.link("root", "/");
  at.link("up", "..");
  at.link("in/up", "../..");
  at.link("itself", "itself");
  at.link("to_itself", at.path("in")); // absolute, though it leads inside
  at.link("process", "/proc/self/fd");
  for (const auto& w : ways) {
    for (const char* path : {"absolute", "folder/secret", "relative", "root/etc/passwd", "up/secret", "in/up/secret",
                             "itself", "to_itself/a.txt", "process/0"})
      expect_refuses(w, path);
  }
  // The kernel's way refuses these as well; directory does so before.
  for (const auto& path : {"../" + outside.path().substr(5) + "/secret", outside.path("secret")}) {
    error_code ec;
    open(ways[0], path, ec);
    EXPECT_EQ(ec, std::errc::cross_device_link);
  }
}

TEST_F(a_folder, refuses_paths_that_name_nothing_beneath) {
  at.write("a/b.txt", "b");
  const directory folder(at.path());
  const std::string_view bad[] = {"",     "/",    "/a/b.txt",  "a//b.txt",  "a/b.txt/",
                                  ".",    "..",   "./a",       "a/../a",    "a/.",
                                  "a/..", "../x", "a/./b.txt", {"a\0b", 3}, {"a/b.txt\0", 8}};
  for (const auto path : bad) {
    error_code ec;
    EXPECT_FALSE(folder.open(path, ec).is_open()) << path;
    EXPECT_EQ(ec, std::errc::invalid_argument) << path;
  }
}

TEST_F(a_folder, opens_regular_files_only_and_never_waits) {
  at.folder("folder");
  at.pipe("pipe");
  at.write("a.txt", "a");
  const int s = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  at.path("socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(s, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(s);
  const directory folder(at.path());
  const struct {
    std::string path;
    std::errc wanted;
  } cases[] = {{"folder", std::errc::is_a_directory},
               {"pipe", std::errc::operation_not_supported},
               {"socket", std::errc::operation_not_supported},
               {"none", std::errc::no_such_file_or_directory},
               {"none/a.txt", std::errc::no_such_file_or_directory},
               {"a.txt/b", std::errc::not_a_directory},
               {std::string(255, 'x'), std::errc::no_such_file_or_directory},
               {std::string(256, 'x'), std::errc::filename_too_long},
               {std::string(25'600, 'x'), std::errc::filename_too_long}};
  const auto before = descriptors();
  for (const auto& c : cases) {
    error_code ec;
    EXPECT_FALSE(folder.open(c.path, ec).is_open()) << c.path;
    EXPECT_EQ(ec, c.wanted) << c.path << ": " << ec.message();
    for (const auto& w : ways) {
      if (c.path.size() < 4096) expect_refuses(w, c.path.c_str());
    }
  }
  EXPECT_EQ(descriptors(), before) << "what was refused is closed";
}

TEST_F(a_folder, is_held_open_and_closed_at_the_end) {
  at.write("old/a.txt", "a");
  const auto before = descriptors();
  {
    directory folder(at.path("old"));
    std::filesystem::rename(at.path("old"), at.path("new"));
    error_code ec;
    EXPECT_EQ(read(folder.open("a.txt", ec)), "a");
    directory moved = std::move(folder);
    EXPECT_EQ(read(moved.open("a.txt", ec)), "a");
    EXPECT_FALSE(folder.open("a.txt", ec).is_open()); // NOLINT: it was moved from
  }
  EXPECT_EQ(descriptors(), before);
}

TEST_F(a_folder, that_does_not_exist_throws_with_its_name) {
  try {
    const directory folder(at.path("none"));
    FAIL();
  } catch (const system_error& e) {
    EXPECT_EQ(e.code(), std::errc::no_such_file_or_directory);
    EXPECT_NE(std::string(e.what()).find(at.path("none")), std::string::npos) << e.what();
  }
  at.write("a.txt", "a");
  EXPECT_THROW(directory(at.path("a.txt")), system_error);
  EXPECT_THROW(directory(std::string("/\0x", 3)), system_error);
}

} // namespace
