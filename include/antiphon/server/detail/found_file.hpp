// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/directory.hpp>
#include <antiphon/http/accept_encoding.hpp>
#include <antiphon/http/chars.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// The codings that a file may stand in beside itself, best first where the client does not care.
struct stored_coding {
  std::string_view name, extension;
};
inline constexpr std::array<stored_coding, 3> stored_codings{{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}};

/// Those of them that a client wants more than the file as it is, in the order of its wishes.
class wanted_codings {
 public:
  wanted_codings() = default;
  explicit wanted_codings(std::string_view accept) noexcept {
    std::array<int, stored_codings.size()> weights{};
    const int plain = http::encoding_weight(accept, "identity");
    for (const auto& coding : stored_codings) {
      const int weight = http::encoding_weight(accept, coding.name);
      if (weight == 0 || weight < plain) continue;
      std::size_t at = count_++;
      for (; at > 0 && weights[at - 1] < weight; --at) weights[at] = weights[at - 1], list_[at] = list_[at - 1];
      weights[at] = weight, list_[at] = &coding;
    }
  }
  const stored_coding* const* begin() const noexcept { return list_.data(); }
  const stored_coding* const* end() const noexcept { return list_.data() + count_; }

 private:
  std::array<const stored_coding*, stored_codings.size()> list_{};
  std::size_t count_ = 0;
};

/// Whether the raw path of a request has an encoded byte that must not be one of a name: a slash would make two names
/// of one, a backslash does so elsewhere, and control bytes are nobody's.
constexpr bool hides_a_separator(std::string_view raw) noexcept {
  for (std::size_t i = 0; i + 2 < raw.size(); ++i) {
    if (raw[i] != '%') continue;
    const int byte = http::hex_value(raw[i + 1]) * 16 + http::hex_value(raw[i + 2]);
    if (byte == '/' || byte == '\\' || byte < 0x20 || byte == 0x7f) return true;
  }
  return raw.find('\\') != raw.npos;
}

/// Whether one of the names in a path begins with a dot.
constexpr bool has_dot_name(std::string_view path) noexcept {
  return path.substr(0, 1) == "." || path.find("/.") != path.npos;
}

/// What a request for a file is after.
struct file_wish {
  std::string path;    ///< beneath the folder; empty, or with a slash at its end, for a folder
  wanted_codings take; ///< of the files beside it
};

/// What there is for it.
struct found_file {
  file opened;
  std::string name;        ///< which its type goes by
  std::string_view coding; ///< "": as it is
  bool is_folder = false;  ///< it has an index: ask again with a slash
  error_code ec;           ///< of what is there, but cannot be opened now
};

/// Runs on the pool.
inline found_file look_for(const directory& root, file_wish wish, std::string_view index, std::string_view fallback) {
  found_file out;
  out.name = std::move(wish.path);
  const bool folder = out.name.empty() || out.name.back() == '/';
  error_code ec = std::make_error_code(std::errc::no_such_file_or_directory);
  if (folder) out.name += index;
  if (!folder || !index.empty()) out.opened = root.open(out.name, ec);
  if (ec == std::errc::is_a_directory && !folder && !index.empty()) {
    error_code none;
    out.is_folder = root.open(out.name + "/" + std::string(index), none).is_open();
    if (out.is_folder) return out;
  }
  if (ec && !fallback.empty() && out.name.find('.', out.name.rfind('/') + 1) == out.name.npos) {
    out.name = fallback;
    out.opened = root.open(out.name, ec);
  }
  if (ec == std::errc::too_many_files_open || ec == std::errc::too_many_files_open_in_system ||
      ec == std::errc::not_enough_memory || ec == std::errc::io_error)
    out.ec = ec; // else: there is none, as far as anybody is told
  if (ec) return out;
  for (const auto* coding : wish.take) {
    file beside = root.open(out.name + std::string(coding->extension), ec);
    if (ec || beside.modified() < out.opened.modified()) continue; // none, or of an older version
    out.opened = std::move(beside);
    out.coding = coding->name;
    break;
  }
  return out;
}

} // namespace detail
} // namespace v0
} // namespace antiphon
