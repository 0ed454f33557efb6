// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/token.hpp>

#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Whether a field of that name may stand in a trailer: nothing that frames, routes, authenticates, or says how to read
/// the content, as it would come too late to be heeded by all alike. Decoders drop the others, the serializer throws.
///
/// Source: RFC 9110, section 6.5.1.
constexpr bool allowed_in_trailer(std::string_view name) noexcept {
  std::string_view refused =
      "age authentication-info authorization cache-control connection content-encoding content-length content-range "
      "content-type cookie date expect expires forwarded from host http2-settings if-match if-modified-since "
      "if-none-match if-range if-unmodified-since keep-alive location max-forwards origin pragma proxy-authenticate "
      "proxy-authentication-info proxy-authorization proxy-connection range retry-after set-cookie "
      "strict-transport-security te trailer transfer-encoding upgrade vary via warning www-authenticate "
      "x-forwarded-for "
      "x-forwarded-host x-forwarded-proto x-http-method-override x-real-ip ";
  while (!refused.empty()) {
    const auto size = refused.find(' ');
    if (iequals(name, refused.substr(0, size))) return false;
    refused.remove_prefix(size + 1);
  }
  return true;
}

} // namespace http
} // namespace v0
} // namespace antiphon
