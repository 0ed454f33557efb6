// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chunk_decoder.hpp>
#include <antiphon/http/error.hpp>
#include <antiphon/http/head.hpp>
#include <antiphon/http/limits.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Finds the content of one message after another, however it is framed: by nothing, by a length, by chunks, by the end
/// of the stream. Sans-I/O, works on any split of the input, copies nothing. Before the first start() a body is empty.
class body_decoder {
 public:
  /// Begins the body of a message. False, and error::body_too_large, where its length is over the limit already.
  bool start(const request_head& head, const head_limits& heads, const body_limits& bodies, error_code& ec) {
    // The request line ends " HTTP/1.1" and CRLF.
    return start(head, head.target_ref.at + head.target_ref.size + 11, heads, bodies, ec);
  }
  bool start(const response_head& head, const head_limits& heads, const body_limits& bodies, error_code& ec) {
    return start(head, head.reason_ref.at + head.reason_ref.size + 2, heads, bodies, ec);
  }

  /// Takes what it can from the beginning of `in`. `data`: a part of `in`, never empty with body_result::data. With
  /// body_result::more all of `in` was consumed. Where nothing is to come it says `done` and consumes nothing.
  body_result step(std::string_view in, std::size_t& consumed, std::string_view& data, error_code& ec) {
    if (kind_ == body_kind::chunked) {
      const auto result = chunks_.step(in, consumed, data, ec);
      if (result == body_result::data) size_ += data.size();
      return result;
    }
    consumed = 0;
    data = {};
    if (done()) return body_result::done;
    if (in.empty()) return body_result::more;
    if (left_ == 0) { // until close, and at the limit
      ec = error::body_too_large;
      return body_result::failed;
    }
    consumed = static_cast<std::size_t>((std::min)(left_, static_cast<std::uint64_t>(in.size())));
    data = in.substr(0, consumed);
    left_ -= consumed;
    size_ += consumed;
    return body_result::data;
  }

  /// The stream has ended: `done` where the message ends there too, else `failed` and error::incomplete_message.
  body_result finish(error_code& ec) noexcept {
    if (kind_ == body_kind::until_close) kind_ = body_kind::none;
    if (done()) return body_result::done;
    ec = error::incomplete_message;
    return body_result::failed;
  }

  /// Whether the whole message has been consumed.
  bool done() const noexcept {
    switch (kind_) {
    case body_kind::none: return true;
    case body_kind::length: return left_ == 0;
    case body_kind::chunked: return chunks_.done();
    default: return false;
    }
  }
  body_kind kind() const noexcept { return kind_; }
  /// Bytes of content found so far.
  std::uint64_t size() const noexcept { return size_; }
  /// The trailers that were kept, complete when the body is done.
  const fields& trailers() const noexcept { return chunks_.trailers(); }

 private:
  template <class Head>
  bool start(const Head& head, std::uint32_t first_field, const head_limits& heads, const body_limits& bodies,
             error_code& ec) {
    kind_ = body_of(head);
    size_ = 0;
    left_ = kind_ == body_kind::length ? head.content_length : kind_ == body_kind::until_close ? bodies.size : 0;
    chunks_.drop_trailers();
    if (kind_ == body_kind::chunked) chunks_.start(heads, bodies, head.size - first_field, head.count);
    if (kind_ != body_kind::length || left_ <= bodies.size) return true;
    ec = error::body_too_large;
    return false;
  }

  body_kind kind_ = body_kind::none;
  std::uint64_t size_ = 0;
  std::uint64_t left_ = 0;
  chunk_decoder chunks_;
};

} // namespace http
} // namespace v0
} // namespace antiphon
