// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/file.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace http {

/// A body that is parts of files, one after the other, with text between them where there is any.
///
/// Its size is fixed when it is made: where a file has shrunk by the time that it is sent, the connection is cut.
/// Lifetime: the files stay open as long as the body.
class file_body {
 public:
  /// `size` bytes of a file, from `offset` on, with text before them.
  struct piece {
    std::string before;
    std::shared_ptr<const file> from; ///< none where `size` is 0
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };

  file_body() = default;
  /// The whole file.
  explicit file_body(std::shared_ptr<const file> whole) {
    const auto size = whole->size();
    add(std::move(whole), 0, size);
  }

  file_body& add(std::shared_ptr<const file> from, std::uint64_t offset, std::uint64_t size) {
    if (pieces_.empty() || pieces_.back().size != 0) pieces_.emplace_back();
    auto& last = pieces_.back();
    last.from = std::move(from), last.offset = offset, last.size = size;
    size_ += size;
    return *this;
  }
  file_body& add(std::string text) {
    size_ += text.size();
    pieces_.push_back({std::move(text), nullptr, 0, 0});
    return *this;
  }
  /// Where bytes are read that are not in memory: an executor of threads that may block. Without one, it is the
  /// connection's own thread that blocks.
  file_body& read_on(asio::any_io_executor pool) {
    pool_ = std::move(pool);
    return *this;
  }

  const std::vector<piece>& pieces() const noexcept { return pieces_; }
  /// Bytes of the whole body.
  std::uint64_t size() const noexcept { return size_; }
  const asio::any_io_executor& pool() const noexcept { return pool_; }

 private:
  std::vector<piece> pieces_;
  std::uint64_t size_ = 0;
  asio::any_io_executor pool_;
};

} // namespace http
} // namespace v0
} // namespace antiphon
