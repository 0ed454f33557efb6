// SPDX-License-Identifier: BSL-1.0
// Shared by the raw servers: one fixed answer with a cached Date, and the cheapest recogniser of a request there can be
// (it counts empty lines and looks at nothing else).
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>

namespace bench {

/// Most pipelined answers in one write.
constexpr int max_batch = 64;

struct answer {
  std::string many; // max_batch copies, back to back
  std::size_t one = 0;
  std::time_t stamped = 0;
  bool close = false;

  void refresh() {
    const std::time_t now = std::time(nullptr);
    if (now == stamped) return;
    stamped = now;
    std::tm parts{};
    gmtime_r(&now, &parts);
    char date[64];
    std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    std::string text = "HTTP/1.1 200 OK\r\nServer: raw\r\nDate: ";
    text += date;
    text += "\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n";
    if (close) text += "Connection: close\r\n";
    text += "\r\nHello, World!";
    one = text.size();
    many.clear();
    for (int i = 0; i < max_batch; ++i) many += text;
  }
};

/// Counts complete heads in [p, p + n); `matched` holds how much of CR LF CR LF the bytes before ended with.
inline int count_heads(std::uint8_t& matched, const char* p, std::size_t n) {
  int found = 0;
  const char* const end = p + n;
  while (matched != 0 && p < end) {
    const char c = *p++;
    if (c != ((matched & 1) != 0 ? '\n' : '\r')) {
      matched = c == '\r' ? 1 : 0;
    } else if (++matched == 4) {
      matched = 0;
      ++found;
      break;
    }
  }
  while (p < end) {
    const void* hit = memmem(p, static_cast<std::size_t>(end - p), "\r\n\r\n", 4);
    if (hit == nullptr) break;
    ++found;
    p = static_cast<const char*>(hit) + 4;
  }
  const auto rest = static_cast<std::size_t>(end - p);
  for (std::size_t k = rest < 3 ? rest : 3; k != 0; --k) {
    if (std::memcmp(end - k, "\r\n\r", k) == 0) {
      matched = static_cast<std::uint8_t>(k);
      break;
    }
  }
  return found;
}

} // namespace bench
