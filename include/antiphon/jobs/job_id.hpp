// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random.hpp>
#include <antiphon/core/detail/siphash.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {

/// The handle of a job: 128 bits that nobody can guess, as 32 hexadecimal digits. Who has it may read the job, follow
/// and cancel it.
struct job_id {
  std::uint64_t high = 0, low = 0;

  friend constexpr auto operator<=>(const job_id&, const job_id&) = default;
};

namespace jobs {
namespace detail {

/// Makes ids: SipHash-2-4 of 1, 2, 3… with a key of the system's source of randomness, which is too slow to be asked
/// for each. Who does not know the key can neither guess nor continue them.
class id_source {
 public:
  job_id next() noexcept {
    const auto [high, low] = v0::detail::siphash<2, 4>(key_, ++count_);
    return {high, low};
  }

 private:
  static v0::detail::wide random_key() {
    std::random_device source;
    const auto first = v0::detail::random_word(source);
    return {first, v0::detail::random_word(source)};
  }
  const v0::detail::wide key_ = random_key();
  std::uint64_t count_ = 0;
};

} // namespace detail
} // namespace jobs

inline std::string to_string(const job_id& id) {
  std::string text(32, '0');
  for (std::size_t i = 0; i < 16; ++i) {
    text[15 - i] = "0123456789abcdef"[id.high >> 4 * i & 15];
    text[31 - i] = "0123456789abcdef"[id.low >> 4 * i & 15];
  }
  return text;
}

/// Nothing where the text is not 32 digits, in lower case.
constexpr std::optional<job_id> parse_job_id(std::string_view text) noexcept {
  if (text.size() != 32) return std::nullopt;
  job_id id;
  for (std::size_t i = 0; i < 32; ++i) {
    const char c = text[i];
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return std::nullopt;
    auto& half = i < 16 ? id.high : id.low;
    half = half << 4 | static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return id;
}

} // namespace v0
} // namespace antiphon

/// The bits are random already, and who sends others finds nothing.
template <>
struct std::hash<antiphon::job_id> {
  std::size_t operator()(const antiphon::job_id& id) const noexcept { return static_cast<std::size_t>(id.low); }
};
