// SPDX-License-Identifier: BSL-1.0
// Large bodies, one connection, 127.0.0.1. Prints one line of JSON: CPU of the server a GiB, its memory before and at
// most, the time.
//   bulk upload   --port P --pid S [--path /upload] [--mib M] [--times N] [--multipart 1]
//       POSTs M MiB (as one file of a form with --multipart), N times
//   bulk download --port P --pid S [--path /file] [--times N]
//       GETs a large answer N times on one connection, and drops it
#include "client.hpp"

#include <csignal>

namespace {

using namespace bench;

constexpr std::size_t block_size = 256 * 1024;
char block[block_size];

void put_all(int fd, const char* at, std::size_t n) {
  while (n != 0) {
    const ssize_t sent = write(fd, at, n);
    if (sent < 0) die("write");
    at += sent;
    n -= static_cast<std::size_t>(sent);
  }
}

std::uint64_t upload(int fd, const arguments& given) {
  const std::uint64_t content = static_cast<std::uint64_t>(given.integer("mib", 1024)) << 20U;
  std::string before, after, type = "application/octet-stream";
  if (given.integer("multipart", 0) != 0) {
    type = "multipart/form-data; boundary=----bench7MA4YWxkTrZu0gW";
    before = "------bench7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n"
             "Content-Type: application/octet-stream\r\n\r\n";
    after = "\r\n------bench7MA4YWxkTrZu0gW--\r\n";
  }
  const std::string head = "POST " + given.text("path", "/upload") + " HTTP/1.1\r\nHost: h\r\nContent-Type: " + type +
                           "\r\nContent-Length: " + std::to_string(before.size() + content + after.size()) + "\r\n\r\n";
  put_all(fd, head.data(), head.size());
  put_all(fd, before.data(), before.size());
  for (std::uint64_t left = content; left != 0;) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left, block_size));
    put_all(fd, block, n);
    left -= n;
  }
  put_all(fd, after.data(), after.size());
  read_answer(fd);
  return content;
}

std::uint64_t download(int fd, const arguments& given) {
  const std::string head = "GET " + given.text("path", "/file") + " HTTP/1.1\r\nHost: h\r\n\r\n";
  put_all(fd, head.data(), head.size());
  std::string text;
  std::uint64_t left = 0;
  while (left == 0) {
    const ssize_t got = read(fd, block, 16384);
    if (got <= 0) die("no head");
    text.append(block, static_cast<std::size_t>(got));
    const auto end = text.find("\r\n\r\n");
    if (end == text.npos) continue;
    auto length = text.find("ontent-Length: ");
    if (text.compare(9, 3, "200") != 0 || length == text.npos) die("the answer is " + text.substr(0, text.find('\r')));
    left = std::strtoull(text.c_str() + length + 15, nullptr, 10) - (text.size() - end - 4);
  }
  const std::uint64_t size = left;
  while (left != 0) {
    const ssize_t got = read(fd, block, std::min<std::uint64_t>(left, block_size));
    if (got <= 0) die("the answer is cut");
    left -= static_cast<std::uint64_t>(got);
  }
  return size;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  const std::string_view mode = argv[1];
  const arguments given(argc, argv);
  const int pid = given.integer("pid", 0);
  for (std::size_t i = 0; i < block_size; ++i) block[i] = static_cast<char>(i * 131 + (i >> 8) * 17); // holds CR, LF
  const int fd = dial(given.integer("port", 0));
  give_up_after(fd, 60);
  const auto memory = memory_of(pid);
  const auto began = now(), cpu = cpu_of(pid);
  std::uint64_t bytes = 0;
  for (int i = 0; i < given.integer("times", 1); ++i)
    bytes += mode == "upload" ? upload(fd, given) : download(fd, given);
  const double gib = static_cast<double>(bytes) / (1U << 30U);
  const double seconds = static_cast<double>(now() - began) / 1e9;
  std::printf("{\"cpu_ms_per_gib\":%.3f,\"seconds_per_gib\":%.4f,\"rss0_kb\":%ld,\"peak_kb\":%ld,\"gib\":%.3f}\n",
              static_cast<double>(cpu_of(pid) - cpu) / 1e6 / gib, seconds / gib, memory, memory_of(pid, "VmHWM"), gib);
}
