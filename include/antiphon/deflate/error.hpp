// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <string>
#include <type_traits>

namespace antiphon {
inline namespace v0 {
namespace deflate {

/// What is wrong with compressed bytes.
enum class error {
  bad_data = 1, ///< no such format, or damaged
  cut_short,    ///< they end before their end
  too_large,    ///< more comes out than may
  too_dense,    ///< so much comes out of so little that it is made to do harm
};

namespace detail {

class error_category_of_deflate final : public asio::error_category {
 public:
  const char* name() const noexcept override { return "antiphon.deflate"; }
  std::string message(int value) const override {
    switch (static_cast<error>(value)) {
    case error::bad_data: return "the bytes are not of the format that they are said to be, or are damaged";
    case error::cut_short: return "the compressed bytes end before their end: send all of them";
    case error::too_large: return "more comes out of the compressed bytes than is taken here: send less";
    case error::too_dense: return "too much comes out of too few compressed bytes: compress less, or send them plain";
    }
    return "unknown error of antiphon's deflate";
  }
};

} // namespace detail

inline const asio::error_category& error_category() noexcept {
  static const detail::error_category_of_deflate category;
  return category;
}
inline error_code make_error_code(error e) noexcept { return error_code(static_cast<int>(e), error_category()); }

} // namespace deflate
} // namespace v0
} // namespace antiphon

template <>
struct std::is_error_code_enum<antiphon::deflate::error> : std::true_type {};
