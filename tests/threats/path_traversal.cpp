// SPDX-License-Identifier: BSL-1.0
// Paths that try to leave the folder that is served, over sockets: as clients send them, undecoded by any library.
#include "../support/live_server.hpp"
#include "../support/temporary_folder.hpp"

#include <antiphon/server/files.hpp>

#include <asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace threat;
using antiphon_tests::temporary_folder;

class path_traversal : public ::testing::Test {
 protected:
  temporary_folder outside;
  std::string root = outside.path("root");
  asio::thread_pool pool{2};

  path_traversal() {
    outside.write("secret", "SECRET");
    outside.write("root/a.txt", "good");
    outside.write("root/in/b.txt", "good");
    outside.write("root/.hidden", "SECRET");
    outside.write("root/in/.git/config", "SECRET");
    outside.write("rootsecret", "SECRET"); // its name begins as the folder's does
    outside.link("root/out", "..");
    outside.link("root/in/out", "../..");
    outside.link("root/absolute", outside.path());
    outside.link("root/file", outside.path("secret"));
    outside.link("root/good", "in/b.txt");
    outside.pipe("root/pipe");
    outside.link("root/device", "/dev/zero");
    outside.link("root/proc", "/proc/self");
  }
  router app() {
    router made;
    made.get("/static/{path...}", files(root, pool, {.index = "index.html", .precompressed = true}));
    made.get("/{path...}", files(root, pool));
    return made;
  }
};

std::string request(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, br\r\n\r\n";
}

TEST_F(path_traversal, no_path_leaves_the_folder) {
  std::vector<std::string> paths;
  // Ways up, in every spelling that some server has fallen for.
  const std::vector<std::string> ups{"..",           "%2e%2e",   ".%2e",         "%2E.",     "%252e%252e",
                                     "..;",          "..%00",    "%c0%ae%c0%ae", "..%20",    "\xe2\x80\xa6",
                                     "%u002e%u002e", "....",     "%25%32%65",    "..%0d%0a", "%ef%bc%8e%ef%bc%8e",
                                     ".%00.",        "%2e%2e%2e"};
  const std::vector<std::string> slashes{"/", "%2f", "%2F", "%5c", "\\", "%252f", "%c0%af", "//", "/./", "%e2%88%95"};
  for (const auto& up : ups)
    for (const auto& slash : slashes)
      for (const auto& start : {std::string(), "in" + slash + up + slash, slash})
        paths.push_back(start + up + slash + "secret");
  for (const char* path : {"out/secret",
                           "in/out/secret",
                           "absolute/secret",
                           "file",
                           "out/rootsecret",
                           "../rootsecret",
                           "/secret",
                           ".hidden",
                           "in/.git/config",
                           "%2ehidden",
                           "in/%2egit/config",
                           "pipe",
                           "device",
                           "proc/self/environ",
                           "proc/root/etc/passwd",
                           "proc/cwd",
                           "a.txt/../../secret",
                           "a.txt%00.html",
                           "a.txt/.",
                           "in//b.txt",
                           "in/",
                           "in",
                           "C:/secret",
                           "C:%5Csecret",
                           "a.txt::$DATA",
                           "file:///etc/passwd",
                           "~/secret",
                           "%00",
                           "%",
                           "%2",
                           "%zz",
                           "*"})
    paths.push_back(path);
  paths.push_back(outside.path("secret"));
  paths.push_back("%2f" + outside.path("secret").substr(1));
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "../";
  paths.push_back(deep + "etc/passwd");
  deep.clear();
  for (int i = 0; i < 300; ++i) deep += "in/out/root/";
  paths.push_back(deep + "secret");
  paths.push_back(std::string(5000, 'a'));
  paths.push_back("in/" + std::string(256, 'b'));

  live_server server(app());
  for (const char* prefix : {"/static/", "/"})
    for (const auto& path : paths) {
      SCOPED_TRACE(prefix + path);
      auto client = server.client();
      ASSERT_TRUE(client.send(request(prefix + path)));
      const auto r = client.response();
      EXPECT_TRUE(r.status == 404 || r.status == 400) << r.status;
      EXPECT_EQ(r.body.find("SECRET"), r.body.npos);
      EXPECT_EQ(r.body.find("root:"), r.body.npos);
      EXPECT_EQ(r.body.find(outside.path()), r.body.npos) << "no answer tells where the folder is";
    }
  auto client = server.client();
  for (const char* path : {"/static/a.txt", "/static/in/b.txt", "/in/b.txt", "/good"}) {
    client.send(request(path));
    EXPECT_EQ(client.response().body, "good") << path;
  }
}

// What is a folder when it is looked at may be a link when it is opened.
TEST_F(path_traversal, a_link_that_is_swapped_in_leads_nowhere) {
  outside.write("root/swapped/secret", "good");
  live_server server(app());
  std::atomic<bool> over{false};
  std::thread swaps([&] {
    while (!over) {
      std::error_code ignored;
      std::filesystem::rename(outside.path("root/swapped"), outside.path("root/kept"), ignored);
      std::filesystem::create_symlink(outside.path(), outside.path("root/swapped"), ignored);
      std::filesystem::remove(outside.path("root/swapped"), ignored);
      std::filesystem::rename(outside.path("root/kept"), outside.path("root/swapped"), ignored);
    }
  });
  auto client = server.client();
  int good = 0;
  for (int i = 0; i < 2000 || (good == 0 && i < 100'000); ++i) {
    client.send(request("/static/swapped/secret"));
    const auto r = client.response();
    ASSERT_NE(r.body, "SECRET");
    good += r.body == "good";
    ASSERT_TRUE(r.status == 200 || r.status == 404) << r.status;
  }
  over = true;
  swaps.join();
  EXPECT_GT(good, 0);
}

} // namespace
