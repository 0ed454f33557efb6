// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/body_decoder.hpp>
#include <antiphon/http/error.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/head.hpp>
#include <antiphon/http/head_scanner.hpp>
#include <antiphon/http/limits.hpp>

#include <cassert>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

/// Whole messages, one after another: what request_reader and response_reader have in common. Owns its bytes; the body
/// is collected. Sans-I/O: prepare, fill, commit, parse, until it is done; then use it, next(), and parse again, since
/// more may have come than the message.
template <class Head>
class message_reader {
 public:
  /// Room for `size` more bytes of input. Invalidates all views.
  std::span<char> prepare(std::size_t size) {
    drop_consumed();
    buffer_.resize(filled_ + size);
    return {buffer_.data() + filled_, size};
  }
  /// The first `size` bytes of what prepare() gave are filled.
  void commit(std::size_t size) {
    assert(size <= buffer_.size() - filled_);
    filled_ += size;
  }
  /// prepare, copy and commit in one.
  void append(std::string_view bytes) {
    const auto room = prepare(bytes.size());
    if (!bytes.empty()) std::memcpy(room.data(), bytes.data(), bytes.size());
    commit(bytes.size());
  }

  /// Whether a head has been parsed, and whether all of its message is there.
  bool has_head() const noexcept { return has_head_; }
  bool done() const noexcept { return has_head_ && body_.done(); }

  /// The head, when has_head(): facts, and accessors that take base().
  const Head& head() const noexcept { return head_; }
  const char* base() const noexcept { return buffer_.data(); }
  /// The value of the first field of that name. A view: until the next prepare, append or next.
  std::optional<std::string_view> get(std::string_view name) const noexcept {
    if (!has_head_) return std::nullopt;
    const auto* field = head_.find(base(), name);
    if (!field) return std::nullopt;
    return head_.value(base(), *field);
  }
  /// The content collected so far; all of it when done().
  const std::string& body() const noexcept { return content_; }
  std::string& body() noexcept { return content_; }
  const fields& trailers() const noexcept { return body_.trailers(); }
  /// When done(): the bytes that came after the message; after an upgrade they belong to the other protocol.
  std::string_view rest() const noexcept { return {buffer_.data() + used_, filled_ - used_}; }

 protected:
  message_reader(const head_limits& heads, const body_limits& bodies) : heads_(heads), bodies_(bodies) {}
  ~message_reader() = default;

  /// `parse_head(input, head, ec)` parses a head from the beginning of the input.
  template <class ParseHead>
  parse_result parse_message(ParseHead parse_head, error_code& ec) {
    auto result = failed_ ? parse_result::failed : parse_result::done;
    if (!failed_ && !has_head_) {
      result = parse_head(std::string_view(buffer_.data(), filled_), head_, failed_);
      if (result == parse_result::done) {
        has_head_ = true;
        used_ = head_.size;
        if (!body_.start(head_, heads_, bodies_, failed_)) result = parse_result::failed;
      }
    }
    if (result == parse_result::done) result = collect();
    if (result == parse_result::failed) ec = failed_;
    return result;
  }

  /// The stream has ended: whether it may end here.
  bool finish_message(bool between, error_code& ec) {
    if (!failed_ && (has_head_ ? body_.finish(failed_) == body_result::done : between)) return true;
    if (!failed_) failed_ = error::incomplete_message;
    ec = failed_;
    return false;
  }

  std::string_view input() const noexcept { return {buffer_.data(), filled_}; }

  void next_message() {
    buffer_.erase(0, used_);
    filled_ -= used_;
    used_ = 0;
    has_head_ = false;
    content_.clear();
  }

 private:
  parse_result collect() {
    for (;;) {
      std::size_t consumed = 0;
      std::string_view data;
      const auto result = body_.step(rest(), consumed, data, failed_);
      content_.append(data);
      used_ += consumed;
      if (result == body_result::more) return parse_result::more;
      if (result == body_result::done) return parse_result::done;
      if (result == body_result::failed) return parse_result::failed;
    }
  }

  // What was consumed of the body lies between the head and the rest.
  void drop_consumed() {
    if (!has_head_ || used_ <= head_.size) return;
    buffer_.erase(head_.size, used_ - head_.size);
    filled_ -= used_ - head_.size;
    used_ = head_.size;
  }

  head_limits heads_;
  body_limits bodies_;
  Head head_;
  body_decoder body_;
  std::string buffer_;
  std::size_t filled_ = 0; // bytes of buffer_ that hold input
  std::size_t used_ = 0;   // bytes of them that belong to the present message
  bool has_head_ = false;
  error_code failed_; // the reader is of no more use
  std::string content_;
};

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
