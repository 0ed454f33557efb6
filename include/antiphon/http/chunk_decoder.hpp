// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/error.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/head_scanner.hpp>
#include <antiphon/http/limits.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/http/trailer.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// What a decoder of bodies says about one step.
enum class body_result : unsigned char {
  data,   ///< content was found: use it, then go on behind what was consumed
  more,   ///< all of the input was consumed: call again with more bytes
  done,   ///< the message is whole; what was not consumed belongs to the next one
  failed, ///< refused; the error says why, and no later byte may be looked at: the decoder is not called again
};

/// Takes the chunked coding off a body, strictly (RFC 9112, section 7.1): plain hexadecimal sizes of at most 16 digits,
/// CRLF and nothing else between the parts, extensions that are `;name`, `;name=token` or `;name="quoted"`. Sans-I/O,
/// works on any split of the input, copies no content, and allocates nothing but for trailers.
class chunk_decoder {
 public:
  /// Begins a body. Trailers share the limits of the head: `header_bytes` and `fields` are what it has used up.
  void start(const head_limits& head, const body_limits& body, std::uint32_t header_bytes = 0,
             std::uint32_t fields = 0) {
    head_ = head;
    body_ = body;
    head_.header_bytes -= (std::min)(head_.header_bytes, header_bytes);
    head_.fields = (std::min)(head_.fields, head_limits::max_fields);
    head_.fields -= (std::min)(head_.fields, fields);
    state_ = state::size_begin;
    chunk_ = content_ = framing_ = 0;
    digits_ = extension_ = extensions_ = 0;
    trailers_.clear();
    line_.clear();
  }

  /// Takes what it can from the beginning of `in`. `data`: a part of `in`, never empty with body_result::data.
  body_result step(std::string_view in, std::size_t& consumed, std::string_view& data, error_code& ec) {
    data = {};
    const char* const begin = in.data();
    const char* const end = begin + in.size();
    const char* p = begin;
    while (p != end && state_ != state::done) {
      if (state_ == state::data) {
        const auto size = static_cast<std::size_t>((std::min)(chunk_, static_cast<std::uint64_t>(end - p)));
        data = {p, size};
        chunk_ -= size;
        if (chunk_ == 0) state_ = state::data_cr;
        consumed = static_cast<std::size_t>(p - begin) + size;
        return body_result::data;
      }
      const auto bad = state_ >= state::trailer ? take_trailer(p, end) : take_framing(*p++);
      if (bad != error{}) {
        consumed = static_cast<std::size_t>(p - begin);
        ec = bad;
        return body_result::failed;
      }
    }
    consumed = static_cast<std::size_t>(p - begin);
    return state_ == state::done ? body_result::done : body_result::more;
  }

  bool done() const noexcept { return state_ == state::done; }
  /// Bytes of content in the chunks that were begun.
  std::uint64_t announced() const noexcept { return content_; }
  /// The trailers that were kept.
  const fields& trailers() const noexcept { return trailers_; }
  /// Between two bodies: those of the last one go.
  void drop_trailers() noexcept { trailers_.clear(); }

 private:
  enum class state : unsigned char {
    size_begin,
    size,
    size_space, // white space after the size: an extension must follow
    ext_begin,  // after ';'
    ext_name,
    ext_name_end, // white space after a name
    ext_value,    // after '='
    ext_token,
    ext_quoted,
    ext_escape,
    ext_end, // after a quoted string
    ext_end_space,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer, // at the beginning of a line; from here on lines are fields
    trailer_line,
    trailer_lf,
    end_lf,
    done,
  };

  static bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }

  error take_framing(char c) noexcept {
    ++framing_;
    switch (state_) {
    case state::size_begin:
    case state::size: {
      const int digit = hex_value(c);
      if (digit >= 0) {
        if (++digits_ > 16) return error::bad_chunk_size; // so it cannot overflow, and zeros in front are limited too
        chunk_ = chunk_ << 4 | static_cast<unsigned>(digit);
        state_ = state::size;
        return error{};
      }
      if (state_ == state::size_begin) return error::bad_chunk_size;
      if (c == '\r') return to(state::size_lf);
      if (c == ';') return extend(state::ext_begin);
      if (is_space(c)) return extend(state::size_space);
      return error::bad_chunk_size;
    }
    case state::size_space:
      if (c == ';') return extend(state::ext_begin);
      return is_space(c) ? extend(state_) : error::bad_chunk_size;
    case state::ext_begin:
      if (is_token_char(c)) return extend(state::ext_name);
      return is_space(c) ? extend(state_) : error::bad_chunk_extension;
    case state::ext_name:
      if (is_token_char(c)) return extend(state_);
      if (c == '\r') return to(state::size_lf);
      [[fallthrough]];
    case state::ext_name_end:
      if (c == '=') return extend(state::ext_value);
      if (c == ';') return extend(state::ext_begin);
      return is_space(c) ? extend(state::ext_name_end) : error::bad_chunk_extension;
    case state::ext_value:
      if (c == '"') return extend(state::ext_quoted);
      if (is_token_char(c)) return extend(state::ext_token);
      return is_space(c) ? extend(state_) : error::bad_chunk_extension;
    case state::ext_token:
      if (is_token_char(c)) return extend(state_);
      [[fallthrough]];
    case state::ext_end:
      if (c == '\r') return to(state::size_lf);
      [[fallthrough]];
    case state::ext_end_space:
      if (c == ';') return extend(state::ext_begin);
      return is_space(c) ? extend(state::ext_end_space) : error::bad_chunk_extension;
    case state::ext_quoted:
      if (c == '"') return extend(state::ext_end);
      if (c == '\\') return extend(state::ext_escape);
      return is_value_char(c) ? extend(state_) : error::bad_chunk_extension;
    case state::ext_escape: return is_value_char(c) ? extend(state::ext_quoted) : error::bad_chunk_extension;
    case state::size_lf: return c == '\n' ? begin_chunk() : error::bad_chunk_framing;
    case state::data_cr: return c == '\r' ? to(state::data_lf) : error::bad_chunk_framing;
    case state::data_lf: return c == '\n' ? to(state::size_begin) : error::bad_chunk_framing;
    default: return error::bad_chunk_framing;
    }
  }

  error to(state next) noexcept {
    state_ = next;
    return error{};
  }
  error extend(state next) noexcept {
    if (++extension_ > body_.chunk_extension || ++extensions_ > body_.chunk_extensions)
      return error::bad_chunk_extension;
    return to(next);
  }

  /// After the CRLF of a size.
  error begin_chunk() noexcept {
    digits_ = extension_ = 0;
    if (chunk_ > body_.size - (std::min)(content_, body_.size)) return error::body_too_large;
    content_ += chunk_;
    if (framing_ > body_.chunk_overhead_base && body_.chunk_overhead_ratio != 0 &&
        (framing_ - body_.chunk_overhead_base - 1) / body_.chunk_overhead_ratio >= content_)
      return error::chunk_overhead;
    return to(chunk_ == 0 ? state::trailer : state::data);
  }

  error take_trailer(const char*& p, const char* end) {
    switch (state_) {
    case state::trailer:
      if (head_.header_bytes < 2) return error::trailer_too_large; // not even the empty line
      if (*p == '\r') {
        ++p;
        return to(state::end_lf);
      }
      if (is_space(*p)) return error::bad_trailer;
      if (head_.fields == 0) return error::trailer_too_large;
      --head_.fields;
      state_ = state::trailer_line;
      [[fallthrough]];
    case state::trailer_line: return take_trailer_text(p, end);
    case state::trailer_lf: return *p++ == '\n' ? keep_trailer() : error::bad_trailer;
    default: return *p++ == '\n' ? to(state::done) : error::bad_trailer;
    }
  }

  error take_trailer_text(const char*& p, const char* end) {
    // Room for the line, and for its CRLF and the one of the empty line.
    const auto most = (std::min)(head_.one_field, head_.header_bytes - (std::min)(head_.header_bytes, 4U));
    const char* const begin = p;
    p = detail::find_control(p, end);
    const auto size = line_.size() + static_cast<std::size_t>(p - begin);
    if (size > most) return error::trailer_too_large;
    line_.append(begin, p);
    if (p == end) return error{};
    if (*p == '\t') {
      if (size == most) return error::trailer_too_large;
      line_ += *p++;
      return error{};
    }
    return *p++ == '\r' ? to(state::trailer_lf) : error::bad_trailer;
  }

  error keep_trailer() {
    const std::string_view line = line_;
    const auto colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon))) return error::bad_trailer;
    const auto name = line.substr(0, colon);
    if (allowed_in_trailer(name)) trailers_.add_unchecked(name, trim_ows(line.substr(colon + 1)));
    head_.header_bytes -= static_cast<std::uint32_t>(line.size() + 2);
    line_.clear();
    return to(state::trailer);
  }

  head_limits head_; // what is left of them
  body_limits body_;
  std::uint64_t chunk_ = 0;   // bytes of the chunk that are still to come
  std::uint64_t content_ = 0; // bytes of all chunks
  std::uint64_t framing_ = 0;
  std::uint32_t digits_ = 0;
  std::uint32_t extension_ = 0;
  std::uint32_t extensions_ = 0;
  state state_ = state::size_begin;
  fields trailers_;
  std::string line_;
};

} // namespace http
} // namespace v0
} // namespace antiphon
