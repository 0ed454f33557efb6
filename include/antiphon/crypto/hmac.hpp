// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !__has_include(<openssl/hmac.h>)
#error "antiphon::crypto needs OpenSSL's headers (apt install libssl-dev; link antiphon::crypto)"
#endif
#include <antiphon/core/detail/asio.hpp>

#include <array>
#include <cstddef>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdexcept>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace crypto {

/// HMAC-SHA256 as 64 hexadecimal digits in lower case: who does not have the key cannot make it, for any text.
///
/// Source: RFC 2104, FIPS 180-4.
inline std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned size = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
            text.size(), bytes.data(), &size))
    throw std::runtime_error("antiphon: libcrypto could not make an HMAC-SHA256");
  std::string out;
  out.reserve(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    out += "0123456789abcdef"[bytes[i] >> 4];
    out += "0123456789abcdef"[bytes[i] & 15];
  }
  return out;
}

/// Equality in a time that depends on the sizes only.
inline bool same_bytes(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace crypto
} // namespace v0
} // namespace antiphon
