// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace sse {
namespace detail {

inline constexpr std::string_view stream_type = "text/event-stream";
inline constexpr std::string_view gap_type = "antiphon-gap";
inline constexpr std::string_view other_log_type = "antiphon-other-log";

} // namespace detail
} // namespace sse
} // namespace v0
} // namespace antiphon
