// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/offload.hpp>
#include <antiphon/http/detail/save_pieces.hpp>
#include <antiphon/http/request.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Writes the rest of the body to a new file, on threads of the program's own, as files block: `pool` is an
/// asio::thread_pool or an executor. Holds 256 KiB, however large a streamed body is.
///
/// To replace a file, save under a name that nobody else has and rename it: readers then see the old one or the new
/// one, whole, and of two uploads to one name one wins.
///
/// Completes:  with the number of bytes when the file is written and closed.
/// Errors:     throws system_error of std::generic_category where the file is there already or cannot be written; and
///             as request::read_some(). Whatever fails, cancellation too, the file is removed.
/// Cancels:    terminal; a write that has begun is awaited.
/// Borrows:    the request until completion.
/// Source:     Example: examples/upload.cpp
template <class Pool>
asio::awaitable<std::uint64_t> save_body(request& req, std::string path, Pool&& pool) {
  return detail::save_pieces(req, std::move(path), asio::any_io_executor(antiphon::detail::pool_executor(pool)));
}

} // namespace http

using http::save_body;

} // namespace v0
} // namespace antiphon
