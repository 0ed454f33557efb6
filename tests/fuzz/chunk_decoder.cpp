// SPDX-License-Identifier: BSL-1.0
// Chunked bodies: any split gives the same content, trailers and error; what is taken is what a plain reading finds;
// and the limits hold.
#include "fuzz.hpp"

#include <antiphon/http/chunk_decoder.hpp>

#include <optional>
#include <string>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

struct outcome {
  std::string content;
  std::string trailers;
  int error = 0;
  bool done = false;
  std::size_t used = 0;
  friend bool operator==(const outcome&, const outcome&) = default;
};

/// False when there is nothing more to give it.
bool step(http::chunk_decoder& decoder, std::string_view piece, outcome& out) {
  for (;;) {
    std::size_t consumed = 0;
    std::string_view data;
    antiphon::error_code ec;
    const auto result = decoder.step(piece, consumed, data, ec);
    require(consumed <= piece.size(), "consumes what there is");
    require(data.empty() || (data.data() >= piece.data() && data.data() + data.size() == piece.data() + consumed),
            "content is a part of the input");
    require(result != http::body_result::data || !data.empty(), "content is not empty");
    out.content += data;
    out.used += consumed;
    piece.remove_prefix(consumed);
    if (result == http::body_result::failed) {
      out.error = ec.value();
      out.used = 0;
      return false;
    }
    if (result == http::body_result::done) {
      out.done = true;
      out.trailers = decoder.trailers().wire();
      return false;
    }
    if (result == http::body_result::more) {
      require(piece.empty(), "wants more when it has nothing");
      return true;
    }
  }
}

/// The content of a body that is known to be whole and good.
std::optional<std::string> read_plainly(std::string_view in) {
  std::string out;
  for (;;) {
    const auto line = in.substr(0, in.find("\r\n"));
    if (line.size() + 2 > in.size()) return std::nullopt;
    std::size_t size = 0;
    for (const char c : line.substr(0, line.find_first_of("; \t"))) {
      const auto digit =
          std::string_view("0123456789abcdef").find(static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c));
      if (digit == std::string_view::npos) return std::nullopt;
      size = size * 16 + digit;
    }
    in.remove_prefix(line.size() + 2);
    if (size == 0) return out;
    if (in.size() < size + 2 || in.substr(size, 2) != "\r\n") return std::nullopt;
    out += in.substr(0, size);
    in.remove_prefix(size + 2);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  http::head_limits head;
  http::body_limits body;
  if (in.choice & 1) {
    head.header_bytes = 64;
    head.one_field = 24;
    head.fields = 3;
    body.size = 50;
    body.chunk_extension = 16;
    body.chunk_extensions = 64;
    body.chunk_overhead_base = 100;
    body.chunk_overhead_ratio = 3;
  }
  http::chunk_decoder decoder;
  outcome whole;
  decoder.start(head, body);
  step(decoder, in.text, whole);

  outcome split;
  decoder.start(head, body);
  for (antiphon::fuzz::pieces rest(in.text, in.choice); !rest.empty();)
    if (!step(decoder, rest.next(), split)) break;
  require(whole == split, "a split changes nothing");

  require(whole.content.size() <= body.size, "the limit of content");
  require(whole.trailers.size() <= 2 * std::size_t{head.header_bytes}, "the limit of trailers");
  if (!whole.done) return 0;
  const auto plain = read_plainly(in.text.substr(0, whole.used));
  require(plain && *plain == whole.content, "a plain reading finds the same");
  require(in.text.substr(whole.used - 2, 2) == "\r\n", "ends with an empty line");
  return 0;
}
