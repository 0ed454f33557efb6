// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random_id.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// SipHash of any bytes.
template <int Compress, int Finish>
wide siphash(wide key, std::string_view bytes) noexcept {
  sip_state<Compress, Finish> state(key);
  // The lowest byte first, on every machine.
  const auto word = [](const char* at, std::size_t n) {
    std::uint64_t w = 0;
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(&w, at, n);
    } else {
      for (std::size_t i = n; i-- > 0;) w = w << 8 | static_cast<unsigned char>(at[i]);
    }
    return w;
  };
  const std::uint64_t size = bytes.size();
  while (bytes.size() >= 8) {
    state.take(word(bytes.data(), 8));
    bytes.remove_prefix(8);
  }
  state.take((bytes.empty() ? 0 : word(bytes.data(), bytes.size())) | size << 56); // the last one tells the length
  return state.finish();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
