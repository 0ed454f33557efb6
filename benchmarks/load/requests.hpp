// SPDX-License-Identifier: BSL-1.0
// The requests that are sent and parsed by the benchmarks.
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace bench {

inline std::string small_get(std::string_view path, std::string_view fields = {}) {
  std::string text = "GET ";
  text.append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n").append(fields).append("\r\n");
  return text;
}

/// What a browser sends for `GET /`: 14 fields, 700 bytes.
constexpr std::string_view browser_get = "GET / HTTP/1.1\r\n"
                                         "Host: www.example.com\r\n"
                                         "Connection: keep-alive\r\n"
                                         "Cache-Control: max-age=0\r\n"
                                         "sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n"
                                         "sec-ch-ua-mobile: ?0\r\n"
                                         "sec-ch-ua-platform: \"Linux\"\r\n"
                                         "Upgrade-Insecure-Requests: 1\r\n"
                                         "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
                                         "(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n"
                                         "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,"
                                         "image/avif,image/webp,image/apng,*/*;q=0.8\r\n"
                                         "Sec-Fetch-Site: same-origin\r\n"
                                         "Sec-Fetch-Mode: navigate\r\n"
                                         "Accept-Encoding: gzip, deflate, br, zstd\r\n"
                                         "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
                                         "Cookie: session=0f1e2d3c4b5a69788796a5b4c3d2e1f0; theme=dark"
                                         "; consent=all; seen=2026-01-31T12:00:00Z; list=recent\r\n"
                                         "\r\n";
static_assert(std::count(browser_get.begin(), browser_get.end(), '\n') == 16,
              "a request line, 14 fields, an empty line");
static_assert(browser_get.size() == 700);

} // namespace bench
