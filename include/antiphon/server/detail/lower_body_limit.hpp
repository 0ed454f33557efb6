// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/request.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What a layer leaves on a request to have its chunked body refused sooner than its route does.
struct lower_body_limit {
  std::uint64_t bytes = (std::numeric_limits<std::uint64_t>::max)();

  static std::uint64_t of(const request& req, std::uint64_t most) noexcept {
    const auto* lower = req.find_state<lower_body_limit>();
    return lower ? (std::min)(lower->bytes, most) : most;
  }
};

} // namespace detail
} // namespace v0
} // namespace antiphon
