// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !__has_include(<zlib.h>)
#error "antiphon/deflate needs zlib: install it (Debian, Ubuntu: apt install zlib1g-dev; macOS has it; vcpkg: zlib)"
#endif
#include <algorithm>
#include <cstddef>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <zlib.h>

namespace antiphon {
inline namespace v0 {
namespace deflate {

/// The two content codings that are made of DEFLATE; "deflate" is the zlib format (RFC 9110, section 8.4.1.2).
enum class coding : unsigned char { gzip, deflate };
constexpr std::string_view name_of(coding c) noexcept { return c == coding::gzip ? "gzip" : "deflate"; }

struct encoder_options {
  int level = 4;        ///< 1 (fast) to 9 (small)
  int window_bits = 15; ///< 9 to 15; memory: 2^(window_bits + 2) + 2^(memory_level + 9) bytes
  int memory_level = 8; ///< 1 to 9
};

/// Compresses a body, whole or in pieces. Output is appended. Thread safety: none.
///
/// Throws std::bad_alloc where there is no memory, std::invalid_argument for options out of range.
/// Source: RFC 1950, 1951, 1952.
class encoder {
 public:
  explicit encoder(coding c, const encoder_options& o = {}) {
    const int wrapper = c == coding::gzip ? 16 : 0;
    const int result =
        ::deflateInit2(&z_, o.level, Z_DEFLATED, o.window_bits + wrapper, o.memory_level, Z_DEFAULT_STRATEGY);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result != Z_OK)
      throw std::invalid_argument("antiphon: deflate: options that zlib does not take, or another zlib");
  }
  encoder(const encoder&) = delete;
  encoder& operator=(const encoder&) = delete;
  ~encoder() { ::deflateEnd(&z_); }

  /// A piece, and all that there is of it now: a reader that has the output has the piece.
  void write(std::string_view piece, std::string& out) { run(piece, Z_SYNC_FLUSH, out, unlimited); }
  /// The last piece, which may be empty, and the end.
  void finish(std::string_view piece, std::string& out) { run(piece, Z_FINISH, out, unlimited); }
  /// The same in at most `most` bytes; false, and reset() is due, where they do not suffice.
  bool finish_within(std::string_view piece, std::string& out, std::size_t most) {
    return run(piece, Z_FINISH, out, most);
  }
  /// For the next body.
  void reset() noexcept { ::deflateReset(&z_); }

 private:
  static constexpr std::size_t unlimited = (std::numeric_limits<std::size_t>::max)();
  static constexpr std::size_t step = std::size_t{1} << 30; // zlib counts in unsigned int

  bool run(std::string_view in, int flush, std::string& out, std::size_t most) {
    do {
      const auto part = in.substr(0, step);
      in.remove_prefix(part.size());
      z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      z_.avail_in = static_cast<uInt>(part.size());
      for (;;) {
        const std::size_t size = out.size();
        const std::size_t room = (std::min)({(std::max)(part.size() / 3, std::size_t{256}), most, step});
        out.resize(size + room);
        z_.next_out = reinterpret_cast<Bytef*>(out.data() + size);
        z_.avail_out = static_cast<uInt>(room);
        const int result = ::deflate(&z_, in.empty() ? flush : Z_NO_FLUSH);
        out.resize(out.size() - z_.avail_out);
        most -= out.size() - size;
        if (result == Z_STREAM_END) return true;
        if (z_.avail_out != 0) break; // it wants more input
        if (most == 0) return false;
      }
    } while (!in.empty());
    return true;
  }

  z_stream z_{};
};

} // namespace deflate
} // namespace v0
} // namespace antiphon
