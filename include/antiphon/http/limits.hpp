// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <limits>

namespace antiphon {
inline namespace v0 {
namespace http {

/// What one message head may cost, per message. The trailers of a chunked body count with the head they follow; where
/// they are too much, the error is error::trailer_too_large (431).
struct head_limits {
  /// Bytes of the request line (or status line), without its CRLF. More: error::uri_too_long (414).
  std::uint32_t start_line = 8 * 1024;
  /// Bytes of all field lines with their CRLFs, and of the empty line. More: error::head_too_large (431).
  std::uint32_t header_bytes = 32 * 1024;
  /// Bytes of one field line, without its CRLF. More: error::field_too_large (431).
  std::uint32_t one_field = 8 * 1024;
  /// Field lines; at most max_fields. More: error::too_many_fields (431).
  std::uint32_t fields = 100;

  /// The number of fields that a parsed head has room for; a larger `fields` means this.
  static constexpr std::uint32_t max_fields = 100;
};

/// The limits of a response's head, as the reading side of a client wants them: one field may be all of it, as policies
/// of servers (Content-Security-Policy, Link) grow beyond what a client would send.
constexpr head_limits response_head_limits(std::uint32_t bytes = 64 * 1024) noexcept {
  head_limits limits;
  limits.header_bytes = limits.one_field = bytes;
  return limits;
}

/// What one message body may cost, per message.
struct body_limits {
  /// Bytes of content; `unlimited` only by explicit choice. More: error::body_too_large (413).
  std::uint64_t size = 1024 * 1024;
  /// Bytes of the extensions of one chunk, from the end of its size to its CRLF. More: error::bad_chunk_extension
  /// (400).
  std::uint32_t chunk_extension = 256;
  /// Bytes of the extensions of all chunks of a message. More: error::bad_chunk_extension (400).
  std::uint32_t chunk_extensions = 16 * 1024;
  /// Bytes of chunk framing (sizes, extensions, CRLFs) may reach ratio x content + base. More: error::chunk_overhead
  /// (400).
  std::uint32_t chunk_overhead_ratio = 16;
  std::uint32_t chunk_overhead_base = 16 * 1024;

  static constexpr std::uint64_t unlimited = (std::numeric_limits<std::uint64_t>::max)();
};

} // namespace http
} // namespace v0
} // namespace antiphon
