// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/message_reader.hpp>
#include <antiphon/http/request_parser.hpp>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Reads whole requests, one after another, from bytes that come in any pieces. Sans-I/O; bodies are collected up to
/// their limit. Thread safety: none.
///
///   reader.append(bytes);
///   while (reader.parse(ec) == parse_result::done) { use(reader); reader.next(); }
class request_reader : public detail::message_reader<request_head> {
 public:
  explicit request_reader(const head_limits& heads = {}, const body_limits& bodies = {})
      : message_reader(heads, bodies), parser_(heads) {}

  /// Parses what there is. After `failed` the reader is of no more use: no later byte may be looked at.
  parse_result parse(error_code& ec) {
    return parse_message(
        [this](std::string_view in, request_head& head, error_code& why) { return parser_.parse(in, head, why); }, ec);
  }

  /// Drops the message, which is done(), and keeps what came after it.
  void next() {
    assert(done());
    next_message();
  }

  /// The stream has ended. True where it may: after a whole message, and where none has begun. Else false and
  /// error::incomplete_message.
  bool finish(error_code& ec) { return finish_message(input().empty() || input() == "\r\n", ec); }

 private:
  request_parser parser_;
};

} // namespace http
} // namespace v0
} // namespace antiphon
