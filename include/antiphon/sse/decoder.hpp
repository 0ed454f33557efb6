// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/utf8.hpp>
#include <antiphon/sse/event.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace sse {

/// What a decoder collects at the most.
struct decoder_limits {
  std::size_t line = std::size_t{1} << 20;  ///< bytes of one line, without its end
  std::size_t event = std::size_t{4} << 20; ///< bytes of data of one event, as they are handed out
};

/// Takes a stream of server-sent events apart. Sans-I/O; give it the bytes as they come, in whatever pieces.
///
///     decoder d;
///     if (!d.feed(bytes, [](const sse::event& e) { … })) …   // over a limit: give up on the stream
///
/// An event that is handed out has its data and its type ("message" where none was given), and as `id` the last id of
/// the stream. Ill-formed UTF-8 becomes U+FFFD.
///
/// Source: WHATWG HTML, section 9.2.6, "Interpreting an event stream".
class decoder {
 public:
  /// `last_id`: what counts until the stream gives one.
  explicit decoder(const decoder_limits& limits = {}, std::string last_id = {})
      : limits_(limits), id_(last_id), last_id_(std::move(last_id)) {}

  /// Calls f(const event&) for each event that these bytes complete. False: a limit is passed, and nothing more is
  /// taken.
  template <class F>
  bool feed(std::string_view bytes, F f) {
    const char* lf = nullptr; // the next one, as far as it is known; the end where there is none
    while (!bytes.empty() && !failed_) {
      if (after_cr_) {
        after_cr_ = false;
        if (bytes.front() == '\n') {
          bytes.remove_prefix(1);
          continue;
        }
      }
      const auto end = end_of_line(bytes, lf);
      if (end > limits_.line - line_.size()) {
        failed_ = true;
        break;
      }
      if (end == bytes.size()) {
        line_.append(bytes);
        break;
      }
      after_cr_ = bytes[end] == '\r';
      if (line_.empty()) {
        take(bytes.substr(0, end), f);
      } else {
        line_.append(bytes.substr(0, end));
        take(line_, f);
        line_.clear();
        if (line_.capacity() > kept_line) line_.shrink_to_fit();
      }
      bytes.remove_prefix(end + 1);
    }
    return !failed_;
  }

  /// The id that counts: of the last event that a blank line ended.
  const std::string& last_event_id() const noexcept { return last_id_; }
  /// What the stream said last about coming back.
  std::optional<duration> retry() const noexcept { return retry_; }
  /// For the next connection: drops what is not whole, keeps the id and what was said about coming back.
  void reset() {
    line_.clear();
    data_.clear();
    type_.clear();
    id_ = last_id_;
    first_ = true;
    has_data_ = after_cr_ = failed_ = false;
  }

 private:
  // Looks for no LF twice: a text of CRs would take as many passes as it has lines.
  static std::size_t end_of_line(std::string_view text, const char*& lf) noexcept {
    if (!lf || lf < text.data()) {
      lf = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
      if (!lf) lf = text.data() + text.size();
    }
    const auto size = static_cast<std::size_t>(lf - text.data());
    const auto* cr = static_cast<const char*>(std::memchr(text.data(), '\r', size));
    return cr ? static_cast<std::size_t>(cr - text.data()) : size;
  }

  template <class F>
  void take(std::string_view line, F& f) {
    if (std::exchange(first_, false) && line.substr(0, 3) == "\xef\xbb\xbf") line.remove_prefix(3);
    if (line.empty()) return dispatch(f);
    const auto colon = line.find(':');
    if (colon == 0) return; // a comment
    const auto name = line.substr(0, colon);
    auto value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
    if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    if (name == "data") {
      failed_ = has_data_ && data_.size() == limits_.event;
      if (failed_) return;
      if (std::exchange(has_data_, true)) data_.push_back('\n');
      collect(data_, value, limits_.event);
    } else if (name == "event") {
      type_.clear();
      collect(type_, value, limits_.line);
    } else if (name == "id") {
      if (value.find('\0') != value.npos) return;
      id_.clear();
      collect(id_, value, limits_.line);
    } else if (name == "retry") {
      std::int64_t ms = 0;
      for (const char c : value) {
        if (c < '0' || c > '9') return;
        if (ms < most_retry) ms = ms * 10 + (c - '0');
      }
      if (!value.empty()) retry_ = std::chrono::milliseconds(ms < most_retry ? ms : most_retry);
    }
  }
  static constexpr std::int64_t most_retry = 100'000'000'000; // three years, in milliseconds: no sum of it overflows

  template <class F>
  void dispatch(F& f) {
    last_id_ = id_;
    if (!has_data_) {
      type_.clear();
      return;
    }
    event e;
    e.data = std::exchange(data_, {});
    e.type = type_.empty() ? "message" : std::exchange(type_, {});
    e.id = last_id_;
    has_data_ = false;
    f(std::as_const(e));
  }

  /// `most`: of what it becomes, which is more than what came where that is ill-formed.
  void collect(std::string& out, std::string_view text, std::size_t most) {
    if (http::is_utf8(text)) {
      failed_ = text.size() > most - out.size();
      if (!failed_) out.append(text);
      return;
    }
    while (!text.empty()) {
      const auto piece = http::next_utf8(text);
      const auto good = piece.valid ? text.substr(0, piece.size) : std::string_view("\xef\xbf\xbd");
      failed_ = good.size() > most - out.size();
      if (failed_) return;
      out.append(good);
      text.remove_prefix(piece.size);
    }
  }

  static constexpr std::size_t kept_line = 1024; // room that is kept for the next one

  decoder_limits limits_;
  std::string line_; // of which the end has not come
  std::string data_, type_, id_, last_id_;
  std::optional<duration> retry_;
  bool first_ = true;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool failed_ = false;
};

} // namespace sse
} // namespace v0
} // namespace antiphon
