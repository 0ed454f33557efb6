// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/detail/saved_file.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <sys/resource.h>
#include <system_error>

namespace {

using antiphon::http::detail::saved_file;

class saved_file_test : public testing::Test {
 protected:
  saved_file_test() { std::filesystem::create_directory(folder); }
  ~saved_file_test() override { std::filesystem::remove_all(folder); }
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static int why(const antiphon::system_error& e) {
    EXPECT_EQ(e.code().category(), std::generic_category());
    return e.code().value();
  }

  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("antiphon-saved-" + std::to_string(std::random_device{}()));
  std::string path = (folder / "file").string();
};

TEST_F(saved_file_test, stays_when_it_is_finished_and_goes_otherwise) {
  {
    saved_file f(path);
    f.open();
    f.pending = "one";
    f.write();
    EXPECT_TRUE(f.pending.empty());
    f.pending = "two";
    f.write();
    EXPECT_EQ(content(path), "onetwo") << "what was written is there";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    saved_file f(path);
    f.open();
    f.pending = "one";
    f.finish();
    f.discard();
  }
  EXPECT_EQ(content(path), "one");
}

TEST_F(saved_file_test, is_never_one_that_is_there_already) {
  std::ofstream(path) << "before";
  const auto link = (folder / "link").string();
  std::filesystem::create_symlink(folder / "elsewhere", link);
  for (const auto& taken : {path, link, folder.string()}) {
    try {
      saved_file(taken).open();
      ADD_FAILURE() << taken;
    } catch (const antiphon::system_error& e) {
      EXPECT_EQ(why(e), taken == folder.string() ? why(e) : EEXIST);
      EXPECT_NE(std::string(e.what()).find("creating '" + taken + "'"), std::string::npos) << e.what();
    }
  }
  EXPECT_EQ(content(path), "before");
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
  try {
    saved_file((folder / "none" / "file").string()).open();
    ADD_FAILURE();
  } catch (const antiphon::system_error& e) {
    EXPECT_EQ(why(e), ENOENT);
  }
}

TEST_F(saved_file_test, that_finds_no_room_says_so_and_goes) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  try {
    saved_file f(path);
    f.open();
    f.pending.assign(2000, 'x');
    f.write();
    ADD_FAILURE() << "there was room";
  } catch (const antiphon::system_error& e) {
    EXPECT_EQ(why(e), EFBIG);
    EXPECT_NE(std::string(e.what()).find("writing '" + path + "'"), std::string::npos) << e.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_FALSE(std::filesystem::exists(path));
}

} // namespace
