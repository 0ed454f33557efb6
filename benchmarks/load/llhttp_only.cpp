// SPDX-License-Identifier: BSL-1.0
// llhttp alone on the bytes that the load client sends: what a parser cannot go below. Run under callgrind with two
// counts, the difference is the cost of one head.
// usage: llhttp_only small|browser none|spans COUNT     (spans: callbacks that add up the lengths of what was found)
#include "requests.hpp"

#include <llhttp.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

struct seen {
  std::uint64_t bytes = 0, messages = 0;
};

int add_span(llhttp_t* parser, const char*, std::size_t size) {
  static_cast<seen*>(parser->data)->bytes += size;
  return 0;
}

int add_message(llhttp_t* parser) {
  ++static_cast<seen*>(parser->data)->messages;
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string head =
      std::string_view(argv[1]) == "browser" ? std::string(bench::browser_get) : bench::small_get("/");
  const auto count = static_cast<std::uint64_t>(std::atoll(argv[3]));

  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_message_complete = add_message;
  if (std::string_view(argv[2]) == "spans") {
    settings.on_url = add_span;
    settings.on_header_field = add_span;
    settings.on_header_value = add_span;
  }
  seen total;
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  parser.data = &total;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (llhttp_execute(&parser, head.data(), head.size()) != HPE_OK) {
      std::fprintf(stderr, "refused: %s\n", llhttp_get_error_reason(&parser));
      return 1;
    }
  }
  std::printf("%llu bytes in spans\n", static_cast<unsigned long long>(total.bytes));
  return total.messages == count ? 0 : 1;
}
