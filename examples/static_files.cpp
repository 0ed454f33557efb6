// SPDX-License-Identifier: BSL-1.0
// Serves a folder: static_files [PORT [FOLDER]]. Without one it makes one, to try the lines below.
//
//   $ curl -s -i localhost:8080/
//   > Content-Type: text/html; charset=utf-8\s[\s\S]*nosniff\s[\s\S]*ETag: [\s\S]*<a href="poem.txt">
//   $ cd $(mktemp -d); P=localhost:8080/poem.txt; curl -s -r 0-9 -o p $P; curl -s -C - -o p $P; wc p; rm -r $PWD
//   > ^ *20000 +40000 +208894 p
//   $ curl -s -i -r 0-5,-6 localhost:8080/poem.txt
//   > HTTP/1.1 206 [\s\S]*multipart/byteranges[\s\S]*bytes 0-5/208894[\s\S]*line 1\s[\s\S]*20000\s
//   $ cd $(mktemp -d); P=localhost:8080/poem.txt; curl -s --etag-save e -O $P; curl -si --etag-compare e $P; rm -r $PWD
//   > ^HTTP/1.1 304
//   $ curl -s -o /dev/null -w '%{http_code}' -z '1 Jan 2099' localhost:8080/poem.txt
//   > 304
//   $ curl -s -i --compressed localhost:8080/style.css
//   > text/css; charset=utf-8\s[\s\S]*Content-Encoding: gzip\s[\s\S]*Vary: Accept-Encoding[\s\S]*margin: 2em
//   $ curl -s -o /dev/null -w '%{http_code}' --path-as-is localhost:8080/%2e%2e%2f%2e%2e%2fetc/passwd
//   > 40[04]
//   $ curl -s -I localhost:8080/poem.txt
//   > HTTP/1.1 200 [\s\S]*Content-Length: 208894
#include <antiphon/server.hpp>
#include <antiphon/server/files.hpp>

#include <asio/thread_pool.hpp>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace ap = antiphon;
namespace fs = std::filesystem;
using namespace std::string_view_literals;

// A folder to try it with, for as long as the program runs.
struct example_folder {
  const fs::path path = fs::temp_directory_path() / ("antiphon-static-files-" + std::to_string(std::random_device()()));
  example_folder() {
    fs::create_directory(path);
    std::ofstream(path / "index.html") << "<!doctype html><title>Files</title><a href=\"poem.txt\">a long poem</a>\n";
    std::ofstream poem(path / "poem.txt");
    for (int i = 1; i <= 20'000; ++i) poem << "line " << i << '\n';
    std::ofstream(path / "style.css") << "body { margin: 2em }\n";
    // What `gzip -k` puts there: packed once, and not for every client.
    std::ofstream(path / "style.css.gz")
        << "\x1f\x8b\x08\0\0\0\0\0\x02\x03\x4b\xca\x4f\xa9\x54\xa8\x56\xc8\x4d\x2c\x4a"
           "\xcf\xcc\xb3\x52\x30\x4a\xcd\x55\xa8\xe5\x02\0\x84\x19\x3c\xad\x15\0\0\0"sv;
  }
  ~example_folder() { fs::remove_all(path); }
};

int main(int argc, char** argv) {
  std::optional<example_folder> example;
  const std::string folder = argc > 2 ? argv[2] : example.emplace().path.string();

  asio::thread_pool pool(2); // where files are looked up, so that no client waits for another one's disk
  asio::io_context io;
  ap::router app;
  app.get("/{path...}",
          ap::files(folder, pool, {.index = "index.html", .cache_control = "no-cache", .precompressed = true}));
  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
