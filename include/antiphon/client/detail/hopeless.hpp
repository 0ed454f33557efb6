// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/error.hpp>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Whether a call that failed so would fail so again, whatever becomes of the network.
inline bool is_hopeless(const error_code& ec) noexcept {
  if (ec.category() != client_error_category()) return false;
  if (const auto status = proxy_status(ec)) {
    const auto code = http::code(*status);
    return code < 500 && code != 408 && code != 429;
  }
  switch (static_cast<client_error>(ec.value())) {
  case client_error::bad_url:
  case client_error::bad_request:
  case client_error::tls_missing:
  case client_error::unix_unsupported:
  case client_error::insecure_redirect:
  case client_error::layer_failed:
  case client_error::upgrade_to_another: return true;
  default: return false;
  }
}

} // namespace detail
} // namespace v0
} // namespace antiphon
