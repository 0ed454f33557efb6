// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/offload.hpp>
#include <antiphon/http/detail/saved_file.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

template <class Pieces>
asio::awaitable<std::uint64_t> fill_file(Pieces& from, std::shared_ptr<saved_file> file, asio::any_io_executor pool) {
  // The functions own the file: the coroutine may be destroyed while one of them runs.
  auto open = [file] { file->open(); };
  auto write = [file] { file->write(); };
  auto finish = [file] { file->finish(); };
  co_await offload(pool, open);
  std::uint64_t size = 0;
  while (true) {
    const auto piece = co_await from.read_some();
    if (piece.empty()) break;
    file->pending.append(piece);
    size += piece.size();
    if (file->pending.size() >= saved_file::piece_size) co_await offload(pool, write);
  }
  co_await offload(pool, finish);
  co_return size;
}

/// Writes what `from.read_some()` gives, a request or a part of one, to a new file, which goes again if anything fails.
template <class Pieces>
asio::awaitable<std::uint64_t> save_pieces(Pieces& from, std::string path, asio::any_io_executor pool) {
  auto file = std::make_shared<saved_file>(std::move(path));
  std::exception_ptr failure;
  try {
    co_return co_await fill_file(from, file, pool);
  } catch (...) {
    failure = std::current_exception();
  }
  // To remove a large file blocks too, and a coroutine that is cancelled has to do it all the same.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  auto discard = [file] { file->discard(); };
  try {
    co_await offload(pool, discard);
  } catch (...) { // the pool has stopped: its destructor does it
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  std::rethrow_exception(failure);
}

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
