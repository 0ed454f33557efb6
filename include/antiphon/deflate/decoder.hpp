// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/deflate/encoder.hpp>
#include <antiphon/deflate/error.hpp>

#include <algorithm>
#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace antiphon {
inline namespace v0 {
namespace deflate {

struct decoder_options {
  std::size_t most = 1024 * 1024;     ///< bytes that come out: too_large beyond
  std::size_t ratio = 100;            ///< bytes that come out for each that goes in: too_dense beyond,
  std::size_t ratio_from = 64 * 1024; ///< once so many have come out
};
static_assert(std::is_trivially_destructible_v<decoder_options>);

/// Decompresses what nobody vouches for, in pieces: never more than options say comes out of it, at no time.
///
/// Several members of gzip, one behind the other, are one content. Thread safety: none. Throws std::bad_alloc.
/// Source: RFC 1950, 1951, 1952.
class decoder {
 public:
  explicit decoder(coding c, const decoder_options& o = {}) : options_(o), members_(c == coding::gzip) {
    const int result = ::inflateInit2(&z_, MAX_WBITS + (c == coding::gzip ? 16 : 0));
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result != Z_OK) throw std::runtime_error("antiphon: deflate: another zlib than the program was compiled with");
  }
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;
  ~decoder() { ::inflateEnd(&z_); }

  /// Appends what comes out of a piece. False: it is of no use, and neither is what would follow.
  bool write(std::string_view piece, std::string& out, error_code& ec) {
    while (!piece.empty() && !ec) {
      if (ended_ && !next_member()) ec = error::bad_data; // there is something behind the end
      if (!ec) piece.remove_prefix(step(piece, out, ec));
    }
    return !ec;
  }
  /// No more comes. False where the end is missing.
  bool finish(error_code& ec) const {
    if (!ended_) ec = error::cut_short;
    return ended_;
  }

 private:
  static constexpr std::size_t room = 16 * 1024;

  bool next_member() noexcept {
    if (!members_) return false;
    ended_ = false;
    return ::inflateReset(&z_) == Z_OK;
  }

  /// How much of the piece it has taken.
  std::size_t step(std::string_view piece, std::string& out, error_code& ec) {
    const auto given = (std::min)(piece.size(), std::size_t{1} << 30); // zlib counts in unsigned int
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    z_.avail_in = static_cast<uInt>(given);
    for (bool full = true; full && !ended_ && !ec;) {
      // One byte more than may come out, to see that it would.
      const auto before = out.size();
      const auto left = (std::min)(room, options_.most - out_ + (options_.most != ~std::size_t{0} ? 1 : 0));
      out.resize(before + left);
      z_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      z_.avail_out = static_cast<uInt>(left);
      const int result = ::inflate(&z_, Z_NO_FLUSH);
      full = z_.avail_out == 0;
      const auto came = left - z_.avail_out;
      out.resize(before + came);
      out_ += came;
      ended_ = result == Z_STREAM_END;
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) ec = error::bad_data;
      if (out_ > options_.most) {
        out.resize(before + came - (out_ - options_.most));
        ec = error::too_large;
      } else if (out_ > options_.ratio_from && out_ / options_.ratio > in_ + given - z_.avail_in) {
        ec = error::too_dense;
      }
    }
    const auto used = given - z_.avail_in;
    if (used == 0 && !ec) ec = error::bad_data; // else it would be asked for ever
    in_ += used;
    return used;
  }

  const decoder_options options_;
  const bool members_;
  z_stream z_{};
  std::size_t in_ = 0, out_ = 0;
  bool ended_ = false;
};

} // namespace deflate
} // namespace v0
} // namespace antiphon
