// SPDX-License-Identifier: BSL-1.0
#include "../support/server_harness.hpp"
#include "../support/temporary_folder.hpp"

#include <antiphon/server/files.hpp>

#include <filesystem>
#include <set>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace antiphon_tests;

constexpr std::string_view written = "Sun, 06 Nov 1994 08:49:37 GMT"; // of temporary_folder

std::string content(std::size_t n) {
  std::string out;
  for (std::size_t i = 0; out.size() < n; ++i) out += std::to_string(i) + ",";
  out.resize(n);
  return out;
}

struct file_server : in_memory {
  temporary_folder at;

  // The pool is the server's own thread: whatever is given to it has run when nothing is left to run.
  void serve(const ap::files_options& options = {}) {
    app.get("/static/{path...}", ap::files(at.path(), s.io.get_executor(), options));
    app.get("/", [] { return "next"; });
  }
  reply ask(std::string_view path, std::string_view more = {}) {
    return s.ask(get("/static/" + std::string(path), more));
  }
};

TEST_F(file_server, sends_a_file_and_what_it_is) {
  at.write("a/page.html", "<p>hello");
  at.write("empty", "");
  at.write("big.css", content(100'000));
  serve({.cache_control = "public, max-age=60"});
  const struct {
    const char *path, *type;
    std::string body;
  } cases[] = {{"a/page.html", "text/html; charset=utf-8", "<p>hello"},
               {"empty", "application/octet-stream", ""},
               {"big.css", "text/css; charset=utf-8", content(100'000)}};
  std::set<std::string> tags;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.path);
    const auto r = ask(c.path);
    EXPECT_EQ(r.code, 200);
    EXPECT_TRUE(r.whole && r.body == c.body);
    EXPECT_EQ(r.header("Content-Type"), c.type);
    EXPECT_EQ(r.header("Last-Modified"), written);
    EXPECT_EQ(r.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(r.header("Accept-Ranges"), "bytes");
    EXPECT_EQ(r.header("Cache-Control"), "public, max-age=60");
    EXPECT_FALSE(r.has("Vary"));
    EXPECT_FALSE(r.has("Content-Encoding"));
    const auto tag = r.header("ETag");
    EXPECT_EQ(tag.size(), 18U) << tag;
    EXPECT_EQ(tag[0], '"') << "strong, as it is old";
    EXPECT_TRUE(tags.insert(tag).second) << "each has its own";
    EXPECT_EQ(ask(c.path).header("ETag"), tag);
    const auto head = s.ask(head_of("HEAD", "/static/" + std::string(c.path), "Range: bytes=0-0\r\n"));
    EXPECT_EQ(head.code, 200);
    EXPECT_EQ(head.header("Content-Length"), std::to_string(c.body.size()));
    EXPECT_EQ(head.header("ETag"), tag);
    EXPECT_EQ(head.header("Content-Type"), c.type);
  }
  auto& c = s.client(); // pipelined, by a coroutine handler each
  c.send(get("/static/big.css") + get("/static/empty") + get("/"));
  EXPECT_EQ(c.next().body.size(), 100'000U);
  EXPECT_EQ(c.next().code, 200);
  EXPECT_EQ(c.next().body, "next");
}

TEST_F(file_server, answers_conditional_requests) {
  at.write("a.txt", "hello");
  serve({.cache_control = "no-cache"});
  const auto tag = ask("a.txt").header("ETag");
  const std::string before = "Sun, 06 Nov 1994 08:49:36 GMT";
  const struct {
    std::string more;
    int code;
  } cases[] = {{"If-None-Match: " + tag, 304},
               {"If-None-Match: W/" + tag, 304},
               {"If-None-Match: \"x\", " + tag, 304},
               {"If-None-Match: \"x\"\r\nIf-None-Match: " + tag, 304},
               {"If-None-Match: *", 304},
               {"If-None-Match: \"x\"", 200},
               {"If-Modified-Since: " + std::string(written), 304},
               {"If-Modified-Since: " + before, 200},
               {"If-None-Match: \"x\"\r\nIf-Modified-Since: " + std::string(written), 200},
               {"If-Match: " + tag, 200},
               {"If-Match: *", 200},
               {"If-Match: \"x\"", 412},
               {"If-Match: W/" + tag, 412},
               {"If-Unmodified-Since: " + before, 412},
               {"If-Unmodified-Since: " + std::string(written), 200},
               {"Range: bytes=1-2\r\nIf-Range: " + tag, 206},
               {"Range: bytes=1-2\r\nIf-Range: \"x\"", 200},
               {"Range: bytes=1-2\r\nIf-Range: " + std::string(written), 206},
               {"Range: bytes=1-2\r\nIf-Range: " + before, 200},
               {"Range: bytes=1-2\r\nIf-None-Match: " + tag, 304},
               {"Range: bytes=9-\r\nIf-Match: \"x\"", 412}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.more);
    const auto r = ask("a.txt", c.more + "\r\n");
    EXPECT_EQ(r.code, c.code);
    EXPECT_EQ(r.body, c.code == 200 ? "hello" : c.code == 206 ? "el" : "");
    if (c.code == 412) continue;
    EXPECT_EQ(r.header("ETag"), tag);
    EXPECT_EQ(r.header("Cache-Control"), "no-cache");
    EXPECT_EQ(r.has("Content-Type"), c.code != 304);
    EXPECT_EQ(r.has("Content-Length"), c.code != 304);
  }
  EXPECT_EQ(ask("none", "If-Match: \"x\"\r\n").code, 404);
  EXPECT_EQ(ask("none", "If-None-Match: *\r\n").code, 404);
}

TEST_F(file_server, a_file_that_changes_has_another_tag) {
  at.write("a.txt", "one");
  serve();
  const auto old = ask("a.txt").header("ETag");
  at.write("a.txt", "two"); // the same size
  at.touch("a.txt", 784'111'777, 1);
  EXPECT_NE(ask("a.txt").header("ETag"), old);
  at.touch("a.txt", 784'111'777);
  EXPECT_EQ(ask("a.txt").header("ETag"), old);
  std::filesystem::remove(at.path("a.txt"));
  at.write("b.txt", "");
  at.write("a.txt", "three");
  EXPECT_NE(ask("a.txt").header("ETag"), old);
  // One that may change again within the same tick of the clock.
  at.touch("a.txt", static_cast<long>(::time(nullptr)) + 5);
  const auto r = ask("a.txt");
  const auto weak = r.header("ETag");
  EXPECT_EQ(weak.substr(0, 3), "W/\"");
  EXPECT_TRUE(ap::http::parse_date(r.header("Last-Modified")) <= std::chrono::system_clock::now())
      << "none of the future";
  EXPECT_EQ(ask("a.txt", "If-None-Match: " + weak + "\r\n").code, 304);
  EXPECT_EQ(ask("a.txt", "Range: bytes=0-0\r\nIf-Range: " + weak + "\r\n").code, 200);
  EXPECT_EQ(ask("a.txt", "Range: bytes=0-0\r\n").code, 206);
}

TEST_F(file_server, sends_ranges) {
  at.write("a.txt", "0123456789");
  at.write("empty.txt", "");
  const auto big = content(200'000);
  at.write("big.txt", big);
  serve();
  const struct {
    const char *path, *range;
    int code;
    std::string field, body;
  } cases[] = {{"a.txt", "bytes=0-3", 206, "bytes 0-3/10", "0123"},
               {"a.txt", "bytes=7-", 206, "bytes 7-9/10", "789"},
               {"a.txt", "bytes=-2", 206, "bytes 8-9/10", "89"},
               {"a.txt", "bytes=0-", 206, "bytes 0-9/10", "0123456789"},
               {"a.txt", "bytes=8-99", 206, "bytes 8-9/10", "89"},
               {"a.txt", "bytes=10-", 416, "bytes */10", ""},
               {"a.txt", "bytes=-0", 416, "bytes */10", ""},
               {"a.txt", "lines=1-2", 200, "", "0123456789"},
               {"a.txt", "bytes=3-2", 200, "", "0123456789"},
               {"a.txt", "bytes=0-5,3-8", 200, "", "0123456789"},
               {"a.txt", "bytes=0-0\r\nRange: bytes=1-1", 200, "", "0123456789"},
               {"empty.txt", "bytes=0-", 200, "", ""},
               {"big.txt", "bytes=50000-149999", 206, "bytes 50000-149999/200000", big.substr(50'000, 100'000)}};
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.path) + " " + c.range);
    const auto r = ask(c.path, "Range: " + std::string(c.range) + "\r\n");
    EXPECT_EQ(r.code, c.code);
    EXPECT_EQ(r.header("Content-Range"), c.field);
    EXPECT_TRUE(r.whole && r.body == c.body);
    EXPECT_EQ(r.has("Content-Type"), c.code != 416);
  }
}

TEST_F(file_server, sends_several_ranges_in_parts) {
  const auto big = content(200'000);
  at.write("big.txt", big);
  serve();
  auto& c = s.client();
  std::string boundary;
  for (int i = 0; i < 2; ++i) {
    const auto r = c.ask(get("/static/big.txt", "Range: bytes=100-199,0-9,150000-\r\n"));
    EXPECT_EQ(r.code, 206);
    EXPECT_FALSE(r.has("Content-Range"));
    const auto type = r.header("Content-Type");
    ASSERT_EQ(type.substr(0, 31), "multipart/byteranges; boundary=");
    EXPECT_NE(type.substr(31), boundary) << "each is random";
    boundary = type.substr(31);
    EXPECT_EQ(boundary.size(), 32U);
    const auto part = [&](std::size_t first, std::size_t n) {
      return "--" + boundary + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes " +
             std::to_string(first) + "-" + std::to_string(first + n - 1) + "/200000\r\n\r\n" + big.substr(first, n) +
             "\r\n";
    };
    EXPECT_TRUE(r.whole && r.body == part(100, 100) + part(0, 10) + part(150'000, 50'000) + "--" + boundary + "--\r\n");
  }
  EXPECT_EQ(c.ask(get("/")).body, "next");
}

TEST_F(file_server, sends_what_stands_compressed_beside) {
  for (const std::string name : {"all.js", "old.js", "none.js"}) at.write(name, "plain " + name);
  at.write("all.js.gz", "gzip");
  at.write("all.js.br", "brotli");
  at.write("all.js.zst", "zstandard");
  at.write("old.js.gz", "stale");
  at.touch("old.js", 784'111'778);
  serve({.precompressed = true});
  const struct {
    const char *path, *accept, *coding, *body;
  } cases[] = {{"all.js", "gzip, deflate, br, zstd", "br", "brotli"},
               {"all.js", "gzip, zstd", "zstd", "zstandard"},
               {"all.js", "gzip", "gzip", "gzip"},
               {"all.js", "x-gzip", "gzip", "gzip"},
               {"all.js", "br;q=0.5, gzip;q=0.8", "gzip", "gzip"},
               {"all.js", "br;q=0.5, gzip;q=0.8, identity", "", "plain all.js"},
               {"all.js", "br;q=0, *", "zstd", "zstandard"},
               {"all.js", "gzip\r\nAccept-Encoding: br", "br", "brotli"},
               {"all.js", "", "", "plain all.js"},
               {"all.js", "deflate", "", "plain all.js"},
               {"all.js", "identity;q=0", "", "plain all.js"},
               {"old.js", "gzip", "", "plain old.js"},
               {"none.js", "gzip, br", "", "plain none.js"},
               {"all.js.gz", "gzip", "", "gzip"}};
  std::set<std::string> tags;
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.path) + ": " + c.accept);
    const auto r = ask(c.path, "Accept-Encoding: " + std::string(c.accept) + "\r\n");
    EXPECT_EQ(r.code, 200);
    EXPECT_EQ(r.header("Content-Encoding"), c.coding);
    EXPECT_EQ(r.body, c.body);
    EXPECT_EQ(r.header("Vary"), "Accept-Encoding");
    if (std::string_view(c.path) == "all.js") {
      EXPECT_EQ(r.header("Content-Type"), "text/javascript; charset=utf-8");
      tags.insert(r.header("ETag"));
    }
  }
  EXPECT_EQ(tags.size(), 4U) << "each coding has a tag of its own";
  EXPECT_FALSE(ask("all.js").has("Content-Encoding"));
  const auto tag = ask("all.js", "Accept-Encoding: br\r\n").header("ETag");
  const auto same = ask("all.js", "Accept-Encoding: br\r\nIf-None-Match: " + tag + "\r\n");
  EXPECT_EQ(same.code, 304);
  EXPECT_EQ(same.header("Vary"), "Accept-Encoding");
  EXPECT_EQ(ask("all.js", "If-None-Match: " + tag + "\r\n").code, 200);
  const auto part = ask("all.js", "Accept-Encoding: br\r\nRange: bytes=1-2\r\n");
  EXPECT_EQ(part.body, "ro");
  EXPECT_EQ(part.header("Content-Encoding"), "br");
}

TEST_F(file_server, looks_for_nothing_beside_where_it_is_not_told_to) {
  at.write("a.js", "plain");
  at.write("a.js.gz", "gzip");
  serve();
  const auto r = ask("a.js", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(r.body, "plain");
  EXPECT_FALSE(r.has("Vary"));
}

TEST_F(file_server, folders_have_an_index_where_one_is_told) {
  at.write("index.html", "top");
  at.write("docs/index.html", "docs");
  at.write("other/a.txt", "a");
  serve({.index = "index.html"});
  EXPECT_EQ(ask("").body, "top");
  EXPECT_EQ(ask("").header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(ask("docs/").body, "docs");
  const auto moved = ask("docs?a=b");
  EXPECT_EQ(moved.code, 301);
  EXPECT_EQ(moved.header("Location"), "/static/docs/?a=b");
  for (const char* path : {"other", "other/", "docs//", "docs/index.html/", "none/"})
    EXPECT_EQ(ask(path).code, 404) << path;
}

TEST_F(file_server, a_fall_back_is_sent_for_names_without_a_dot) {
  at.write("app.html", "app");
  at.write("a.js", "js");
  serve({.fallback = "app.html"});
  for (const char* path : {"", "users", "users/7", "users/", "v1.2/users"}) {
    const auto r = ask(path);
    EXPECT_EQ(r.code, 200) << path;
    EXPECT_EQ(r.body, "app");
    EXPECT_EQ(r.header("Content-Type"), "text/html; charset=utf-8");
  }
  EXPECT_EQ(ask("a.js").body, "js");
  for (const char* path : {"b.js", "users/7.js", ".git", ".env/users", "a%2fb"}) EXPECT_EQ(ask(path).code, 404) << path;
}

TEST_F(file_server, dot_files_are_hidden_unless_told_otherwise) {
  at.write(".secret", "s");
  at.write(".well-known/a.txt", "w");
  at.write("a/.b", "b");
  serve();
  app.get("/all/{rest...}", ap::files(at.path(), s.io, {.dot_files = true, .param = "rest"}));
  for (const char* path : {".secret", ".well-known/a.txt", "a/.b"}) {
    EXPECT_EQ(ask(path).code, 404) << path;
    EXPECT_EQ(s.ask(get("/all/" + std::string(path))).code, 200) << path;
  }
}

TEST_F(file_server, what_must_not_be_told_is_not_there) {
  at.write("a.txt", "a");
  at.write("b c.txt", "space");
  at.write("x+y.txt", "plus");
  at.folder("folder");
  at.pipe("pipe");
  at.link("etc", "/etc");
  at.write("forbidden.txt", "f");
  std::filesystem::permissions(at.path("forbidden.txt"), std::filesystem::perms::none);
  serve();
  EXPECT_EQ(ask("b%20c.txt").body, "space");
  EXPECT_EQ(ask("x+y.txt").body, "plus");
  EXPECT_EQ(ask("%61.txt").body, "a");
  if (::geteuid() != 0) {
    EXPECT_EQ(ask("forbidden.txt").code, 404);
  }
  for (const std::string& path :
       {std::string("folder"), std::string("folder/"), std::string("pipe"), std::string("none"), std::string("a.txt/"),
        std::string("a.txt/b"), std::string("etc/passwd"), std::string(""), std::string("/a.txt"),
        std::string("%2Fetc/passwd"), std::string("a.txt%00"), std::string("a%0a"), std::string("folder%5C..%5Ca.txt"),
        std::string(5000, 'x'), std::string(256, 'x')}) {
    const auto r = ask(path);
    EXPECT_TRUE(r.code == 404 || (r.code == 400 && path.find("..") != path.npos)) << path << ": " << r.code;
    EXPECT_FALSE(r.has("ETag"));
  }
  EXPECT_TRUE(s.errors.empty());
}

TEST_F(file_server, a_system_that_is_out_of_files_is_an_error) {
  at.write("a.txt", "a");
  const ap::directory root(at.path());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto found = ap::detail::look_for(root, {"a.txt", {}}, "index.html", "a.txt");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(found.ec, std::errc::too_many_files_open);
  EXPECT_FALSE(ap::detail::look_for(root, {"b.txt", {}}, "index.html", "").ec);
}

TEST_F(file_server, wrong_options_throw_where_they_are_given) {
  EXPECT_THROW(ap::files(at.path("none"), s.io), ap::system_error);
  EXPECT_THROW(ap::files(at.path(), s.io, {.index = "../x"}), std::invalid_argument);
  EXPECT_THROW(ap::files(at.path(), s.io, {.fallback = "/x"}), std::invalid_argument);
  EXPECT_THROW(ap::files(at.path(), s.io, {.cache_control = "a\r\nb"}), std::invalid_argument);
}

} // namespace
