// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/offload.hpp>
#include <antiphon/http/detail/save_pieces.hpp>
#include <antiphon/http/multipart.hpp>
#include <antiphon/http/request.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {

class multipart_reader;

/// A part of the body that is being read: until the next one is asked for. What it says is the client's word.
class multipart_part {
 public:
  multipart_part(const multipart_part&) = delete;
  multipart_part& operator=(const multipart_part&) = delete;

  std::string_view name() const noexcept { return head().name(); }
  std::optional<std::string_view> filename() const noexcept { return head().filename(); }
  /// See http::safe_filename().
  std::string safe_filename() const { return head().safe_filename(); }
  std::string_view content_type() const noexcept { return head().content_type(); }
  inline const multipart_head& head() const noexcept;

  /// The next bytes of the part, as they come.
  ///
  /// Completes:  with bytes, valid until the next call, or an empty view at the end of the part.
  /// Errors:     throws request_error for a malformed body; and as request::read_some().
  /// Cancels:    as request::read_some().
  inline asio::awaitable<std::string_view> read_some();

  /// The rest of the part, for texts. Throws request_error(error::body_too_large) for more than `limit` bytes: 413.
  inline asio::awaitable<std::string> read_all(std::size_t limit = 64 * 1024);

  /// Writes the rest of the part to a new file, on threads of the program's own, as files block: `pool` is an
  /// asio::thread_pool or an executor. Holds 256 KiB, however large the part is. Choose the path yourself; of the
  /// client's names take safe_filename() at most.
  ///
  /// Completes:  with the number of bytes when the file is written and closed.
  /// Errors:     throws system_error of std::generic_category where the file is there already or cannot be written; and
  ///             as read_some(). Whatever fails, cancellation too, the file is removed.
  /// Cancels:    terminal; a write that has begun is awaited.
  template <class Pool>
  asio::awaitable<std::uint64_t> save_to(std::string path, Pool&& pool) {
    return detail::save_pieces(*this, std::move(path), asio::any_io_executor(antiphon::detail::pool_executor(pool)));
  }

 private:
  friend class multipart_reader;
  explicit multipart_part(multipart_reader& from) noexcept : from_(from) {}

  multipart_reader& from_;
};

/// Reads the parts of a multipart/form-data body, one after the other, in a coroutine handler:
///
///     ap::multipart_reader parts(req);
///     while (auto* part = co_await parts.next_part()) {
///       if (part->filename()) co_await part->save_to(folder + new_name(), disk);
///       else texts[std::string(part->name())] = co_await part->read_all();
///     }
///
/// Where the route is streamed, parts come as they are sent, and the handler's pace is the client's; where the body is
/// collected, from there. What a part has left is passed over. Names may come more than once, in any order. Not longer
/// than the request. Thread safety: none.
///
/// Source: RFC 7578. Example: examples/image_form.cpp
class multipart_reader {
 public:
  /// Throws request_error: error::unsupported_media_type (415) where the body is no multipart/form-data,
  /// error::bad_boundary (400).
  explicit multipart_reader(request& req, multipart_limits limits = {})
      : request_(req), parser_(boundary_of(req), limits), part_(*this) {}
  multipart_reader(const multipart_reader&) = delete;
  multipart_reader& operator=(const multipart_reader&) = delete;

  /// Completes:  with the next part, or nullptr when the body is whole and read to its end.
  /// Errors:     throws request_error: error::too_many_parts, part_head_too_large (413), bad_part_head,
  ///             bad_part_delimiter, incomplete_multipart (400); and as request::read_some().
  /// Cancels:    as request::read_some().
  asio::awaitable<multipart_part*> next_part() {
    while (true) {
      const auto event = co_await step();
      if (event == multipart_event::part) co_return &part_;
      if (event == multipart_event::end) co_return nullptr;
    }
  }

 private:
  friend class multipart_part;

  static std::string boundary_of(const request& req) {
    error_code ec;
    auto out = multipart_boundary(req.header("Content-Type"), ec);
    if (ec) throw request_error(ec);
    return out;
  }

  /// The next event but `more`. Bytes of parts stay valid until the next call.
  asio::awaitable<multipart_event> step() {
    while (true) {
      error_code ec;
      const auto event = parser_.next(rest_, ec);
      if (event == multipart_event::failed) throw request_error(ec);
      if (event != multipart_event::more && event != multipart_event::end) {
        in_part_ = event != multipart_event::part_end;
        co_return event;
      }
      if (!rest_.empty()) continue;          // behind the last boundary
      rest_ = co_await request_.read_some(); // to the end of the body, for the sake of what comes after it
      if (!rest_.empty()) continue;
      if (ec = parser_.finish(); ec) throw request_error(ec);
      co_return multipart_event::end;
    }
  }

  request& request_;
  multipart_parser parser_;
  std::string_view rest_;
  bool in_part_ = false;
  multipart_part part_;
};

inline const multipart_head& multipart_part::head() const noexcept { return from_.parser_.head(); }

inline asio::awaitable<std::string_view> multipart_part::read_some() {
  if (!from_.in_part_) co_return std::string_view();
  const auto event = co_await from_.step();
  if (event != multipart_event::data) co_return std::string_view();
  co_return from_.parser_.data();
}

inline asio::awaitable<std::string> multipart_part::read_all(std::size_t limit) {
  std::string out;
  while (true) {
    const auto piece = co_await read_some();
    if (piece.empty()) co_return out;
    if (piece.size() > limit - out.size()) throw request_error(error::body_too_large);
    out.append(piece);
  }
}

} // namespace http

using http::multipart_reader;

} // namespace v0
} // namespace antiphon
