// SPDX-License-Identifier: BSL-1.0
// What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput; a property that does not hold aborts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace antiphon::fuzz {

inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "property does not hold: %s\n", property);
  std::abort();
}

/// The input of a target: the first byte is a choice, the rest is text.
struct input {
  input(const std::uint8_t* data, std::size_t size)
      : choice(size > 0 ? data[0] : std::uint8_t{0}),
        text(size > 1 ? reinterpret_cast<const char*>(data) + 1 : "", size > 1 ? size - 1 : 0) {}

  std::uint8_t choice;
  std::string_view text;
};

/// Cuts a text into pieces of 1 to 16 bytes, by what `choice` says.
class pieces {
 public:
  pieces(std::string_view text, std::uint8_t choice) : rest_(text), state_(choice) {}

  bool empty() const { return rest_.empty(); }
  std::string_view next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    const auto size = std::min<std::size_t>(rest_.size(), 1 + static_cast<std::size_t>(state_ >> 60));
    const auto piece = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return piece;
  }

 private:
  std::string_view rest_;
  std::uint64_t state_;
};

} // namespace antiphon::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
