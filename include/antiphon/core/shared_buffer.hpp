// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/counted.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// Immutable bytes that many answers may send at the same time. A copy is one more reference to the same bytes.
///
/// Thread safety: distinct handles may be used from any thread. Lifetime: the bytes live as long as a handle.
class shared_buffer {
 public:
  shared_buffer() = default;
  /// Takes the string over; its bytes are not copied.
  explicit shared_buffer(std::string bytes) : block_(new block(std::move(bytes))) {}

  std::string_view view() const noexcept { return block_ ? std::string_view(block_->bytes) : std::string_view(); }
  std::size_t size() const noexcept { return view().size(); }
  bool empty() const noexcept { return view().empty(); }

 private:
  struct block final : detail::counted {
    explicit block(std::string b) noexcept : bytes(std::move(b)) {}
    const std::string bytes;
  };
  detail::counted_ptr<block> block_;
};

} // namespace v0
} // namespace antiphon
