// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/detail/callback.hpp>
#include <antiphon/core/detail/asio.hpp>

#include <asio/ip/address.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// Where a client gets the addresses of a name from.
class resolver {
 public:
  using addresses = std::vector<asio::ip::address>;
  using answer = detail::callback<void(error_code, addresses)>;

  virtual ~resolver() = default;

  /// Asks, and calls `done` once, on `executor`, never inside the call. What it returns stands for the question: when
  /// that is destroyed, which happens on `executor` or while its context goes, the question is abandoned, and `done` is
  /// neither called nor destroyed anywhere else afterwards.
  virtual std::shared_ptr<void> resolve(std::string_view host, const asio::any_io_executor& executor, answer done) = 0;
};

} // namespace v0
} // namespace antiphon
