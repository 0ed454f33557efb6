// SPDX-License-Identifier: BSL-1.0
// One large request, streamed to disk: the file never stands in memory, and a slow disk slows the client down. It takes
// its name when it is whole: an upload that is cut leaves nothing, and of two at once to one name the last one stays.
// Who is not allowed to is answered before the body is sent.
//
//   $ head -c 5000000 /dev/zero | curl -s -T - localhost:8080/files/zeros
//   > zeros: 5000000 bytes
//   $ curl -s -i -T /etc/hostname localhost:8080/files/a%20b
//   > 400 Bad Request[\s\S]*a name is made of letters, digits and '\.', '-', '_'
//   $ P=localhost:8080/files/x; head -c 3000000 /dev/zero | curl -s -i -H 'Authorization: no' -T - $P
//   > ^HTTP/1.1 403 Forbidden
#include <antiphon/core.hpp>
#include <antiphon/http/save_body.hpp>
#include <antiphon/server.hpp>

#include <asio/thread_pool.hpp>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>

namespace ap = antiphon;
namespace fs = std::filesystem;

bool is_name(std::string_view s) {
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  };
  return !s.empty() && s.size() <= 200 && s.front() != '.' && std::all_of(s.begin(), s.end(), good);
}

int main(int argc, char** argv) {
  asio::io_context io;
  asio::thread_pool disk(2); // what blocks, blocks there
  const auto folder = fs::temp_directory_path() / "antiphon-uploads";
  const auto begun = folder / (".begun-" + std::to_string(std::random_device()()));
  fs::create_directories(begun);
  std::uint64_t uploads = 0;

  ap::router app;
  app.put("/files/{name}",
          [&](ap::request& req) -> asio::awaitable<ap::response> {
            if (req.header("authorization") == "no") co_return ap::status::forbidden; // the body was never asked for
            const std::string name(req.param("name"));
            if (!is_name(name))
              co_return ap::text("a name is made of letters, digits and '.', '-', '_'\n", ap::status::bad_request);

            const auto file = begun / std::to_string(++uploads); // nobody else's
            try {
              const auto bytes = co_await ap::save_body(req, file.string(), disk); // cut short: removed again
              auto take_name = [file, to = folder / name] { fs::rename(file, to); };
              co_await ap::offload(disk, take_name);
              co_return name + ": " + std::to_string(bytes) + " bytes\n";
            } catch (const ap::system_error& e) {
              if (e.code() != std::errc::no_space_on_device) throw; // 400, 408, 413; 500 and a line on stderr
            }
            co_return ap::text("the disk is full\n", ap::status::insufficient_storage);
          },
          {.max_body = std::uint64_t{8} << 30, .streamed = true});

  const int result = ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
  fs::remove_all(begun);
  return result;
}
