// SPDX-License-Identifier: BSL-1.0
// One large request, streamed to disk: the file never stands in memory, a slow disk slows the client down, and the
// progress is on the terminal. Who is not allowed to is answered before the body is sent.
//
//   $ head -c 5000000 /dev/zero | curl -s -T - localhost:8080/files/zeros
//   > zeros: 5000000 bytes
//   $ curl -s -i -T /etc/hostname localhost:8080/files/a%20b
//   > 400 Bad Request[\s\S]*a name is made of letters, digits and '\.', '-', '_'
//   $ head -c 3000000 /dev/zero | curl -s -i -H 'Authorization: no' -H 'Expect: 100-continue' -T -
//   localhost:8080/files/x > ^HTTP/1.1 403 Forbidden
#include <antiphon/core.hpp>
#include <antiphon/server.hpp>

#include <asio/thread_pool.hpp>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace ap = antiphon;

bool is_name(std::string_view s) {
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  };
  return !s.empty() && s.front() != '.' && std::all_of(s.begin(), s.end(), good);
}

int main(int argc, char** argv) {
  asio::io_context io;
  asio::thread_pool disk(2); // what blocks, blocks there
  const auto folder = std::filesystem::temp_directory_path() / "antiphon-uploads";
  std::filesystem::create_directories(folder);

  ap::router app;
  app.put("/files/{name}",
          [&](ap::request& req) -> asio::awaitable<ap::response> {
            if (req.header("authorization") == "no") co_return ap::status::forbidden; // the body was never asked for
            const std::string name(req.param("name"));
            if (!is_name(name))
              co_return ap::text("a name is made of letters, digits and '.', '-', '_'\n", ap::status::bad_request);

            std::ofstream file(folder / name, std::ios::binary);
            std::uint64_t bytes = 0;
            for (;;) {
              const std::string_view piece =
                  co_await req.read_some(); // throws where the client goes away: 400, 408, 413
              if (piece.empty()) break;
              auto write = [&file, piece] { file.write(piece.data(), static_cast<std::streamsize>(piece.size())); };
              co_await ap::offload(disk, write);
              if ((bytes >> 20) != ((bytes + piece.size()) >> 20))
                std::fprintf(stderr, "\r%s: %llu MiB", name.c_str(),
                             static_cast<unsigned long long>((bytes + piece.size()) >> 20));
              bytes += piece.size();
            }
            auto finish = [&file] { file.close(); };
            co_await ap::offload(disk, finish);
            if (!file) co_return ap::text("the disk is full\n", ap::status::insufficient_storage);
            std::fprintf(stderr, "\n");
            co_return name + ": " + std::to_string(bytes) + " bytes\n";
          },
          {.max_body = std::uint64_t{8} << 30, .streamed = true});

  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
