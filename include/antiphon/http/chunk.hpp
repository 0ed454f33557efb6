// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/shared_buffer.hpp>

#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// A piece of a body, framed once for HTTP/1.1's chunked coding (RFC 9112, section 7.1) and shared by all answers that
/// send it. Where no chunked coding is used (HTTP/1.0, HTTP/2) the framing is left off.
class chunk {
 public:
  chunk() = default;
  /// Frames a copy of `data`. Empty data gives an empty chunk, which sends nothing (and does not end the body).
  explicit chunk(std::string_view data) {
    if (data.empty()) return;
    std::array<char, 16> digits;
    const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), data.size(), 16).ptr;
    std::string framed;
    const auto size = static_cast<std::size_t>(end - digits.data());
    framed.reserve(size + data.size() + 4);
    framed.append(digits.data(), size).append("\r\n").append(data).append("\r\n");
    bytes_ = shared_buffer(std::move(framed));
    head_ = static_cast<unsigned char>(size + 2);
  }

  std::string_view framed() const noexcept { return bytes_.view(); }
  std::string_view data() const noexcept {
    return bytes_.empty() ? std::string_view() : framed().substr(head_, bytes_.size() - head_ - 2);
  }
  bool empty() const noexcept { return bytes_.empty(); }

 private:
  shared_buffer bytes_;
  unsigned char head_ = 0;
};

} // namespace http
} // namespace v0
} // namespace antiphon
