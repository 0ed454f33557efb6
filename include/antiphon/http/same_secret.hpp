// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Whether a secret that a client sent is the one that is expected, in a time that depends on the size of what was sent
/// and not on where the two differ: who measures it learns nothing of the secret, but for its size at most.
///
/// For tokens and keys. Passwords are kept as hashes, by a function that is slow on purpose.
inline bool same_secret(std::string_view sent, std::string_view expected) noexcept {
  // Volatile, so that no compiler leaves the loop early.
  volatile unsigned char differ = sent.size() != expected.size();
  const std::string_view other = differ != 0 ? sent : expected;
  for (std::size_t i = 0; i < sent.size(); ++i) differ = static_cast<unsigned char>(differ | (sent[i] ^ other[i]));
  return differ == 0;
}

} // namespace http

using http::same_secret;

} // namespace v0
} // namespace antiphon
