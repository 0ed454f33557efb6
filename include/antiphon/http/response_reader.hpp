// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/message_reader.hpp>
#include <antiphon/http/response_parser.hpp>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Reads whole responses, one after another, from bytes that come in any pieces. Sans-I/O; bodies are collected up to
/// their limit. Interim responses (1xx but 101) are messages without a body of their own. Thread safety: none.
class response_reader : public detail::message_reader<response_head> {
 public:
  /// `asked`: the method of the first request.
  explicit response_reader(method asked = method::get, const head_limits& heads = response_head_limits(),
                           const body_limits& bodies = {})
      : message_reader(heads, bodies), parser_(heads), asked_(asked) {}

  /// Parses what there is. After `failed` the reader is of no more use: no later byte may be looked at.
  parse_result parse(error_code& ec) {
    return parse_message([this](std::string_view in, response_head& head,
                                error_code& why) { return parser_.parse(in, asked_, head, why); },
                         ec);
  }

  /// Drops the message, which is done(), and keeps what came after it. The next one answers a request of the method
  /// `asked`; after an interim response it is the same one.
  void next(method asked) {
    assert(done());
    asked_ = asked;
    next_message();
  }
  void next() { next(asked_); }

  /// The stream has ended. True where it may: where no message has begun, after a whole one, and behind a body that
  /// only this ends, which is done() then. Else false and error::incomplete_message.
  bool finish(error_code& ec) { return finish_message(input().empty(), ec); }

 private:
  response_parser parser_;
  method asked_;
};

} // namespace http
} // namespace v0
} // namespace antiphon
