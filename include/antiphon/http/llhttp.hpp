// SPDX-License-Identifier: BSL-1.0
// The only file that names llhttp. Everything that follows the head of a message is parsed without it.
#pragma once

#include <llhttp.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

/// What llhttp says of a head. Texts are taken from the block by our own reader: llhttp says whether it agrees.
struct llhttp_sink {
  std::uint32_t fields = 0;
  bool complete = false;

  static int on_field(llhttp_t* parser) noexcept {
    ++static_cast<llhttp_sink*>(parser->data)->fields;
    return 0;
  }
  // llhttp is left in the belief that no message has a body, that none upgrades and that every connection stays open:
  // all three are decided elsewhere, and so it never stops and needs no reset between heads.
  static int on_head(llhttp_t* parser) noexcept {
    static_cast<llhttp_sink*>(parser->data)->complete = true;
    parser->upgrade = 0;
    parser->status_code = 0; // llhttp 9 stops behind a 101 whatever `upgrade` says
    parser->content_length = 0;
    parser->flags = static_cast<std::uint16_t>((parser->flags & ~F_CONNECTION_CLOSE) | F_CONNECTION_KEEP_ALIVE);
    return 1;
  }
  static constexpr llhttp_settings_t settings() noexcept {
    llhttp_settings_t s{};
    s.on_header_value_complete = &on_field;
    s.on_headers_complete = &on_head;
    return s;
  }
};

inline constexpr llhttp_settings_t llhttp_head_settings = llhttp_sink::settings();

/// llhttp on one complete, contiguous head at a time.
class llhttp_head_parser {
 public:
  explicit llhttp_head_parser(llhttp_type_t type) noexcept { llhttp_init(&parser_, type, &llhttp_head_settings); }

  /// False where llhttp refuses `head`, does not come to its end, or sees another number of fields than `fields`.
  /// `has_tab`: there is a tab in a field line.
  bool agrees(std::string_view head, std::uint32_t fields, bool has_tab) {
    if (!has_tab) [[likely]]
      return agrees(head, fields);
    // llhttp 8.1 refuses a tab behind a Content-Length, where it is as good as a space.
    std::string copy(head);
    for (char& c : copy)
      if (c == '\t') c = ' ';
    return agrees(copy, fields);
  }

  std::uint8_t method_number() const noexcept { return parser_.method; }

 private:
  bool agrees(std::string_view head, std::uint32_t fields) noexcept {
    if (broken_) llhttp_init(&parser_, static_cast<llhttp_type_t>(parser_.type), &llhttp_head_settings);
    llhttp_sink sink;
    parser_.data = &sink;
    const auto result = llhttp_execute(&parser_, head.data(), head.size());
    broken_ = result != HPE_OK || !sink.complete || sink.fields != fields;
    return !broken_;
  }

  llhttp_t parser_;
  bool broken_ = false;
};

} // namespace detail

/// Throws std::runtime_error where the llhttp that the program is linked with was built loose: such a build takes
/// `X-A : b` and is open to request smuggling. Costs a microsecond; `serve` calls it once.
inline void check_llhttp_is_strict() {
  constexpr std::string_view loose = "GET / HTTP/1.1\r\nX-A : b\r\n\r\n";
  static constexpr llhttp_settings_t no_callbacks{};
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &no_callbacks);
  if (llhttp_execute(&parser, loose.data(), loose.size()) == HPE_OK)
    throw std::runtime_error(
        "antiphon: the llhttp that this program is linked with was built loose: it takes white space "
        "before the colon of a field. Compile its C files with -DLLHTTP_STRICT_MODE=1, or use llhttp "
        "9 or newer.");
}

} // namespace http
} // namespace v0
} // namespace antiphon
