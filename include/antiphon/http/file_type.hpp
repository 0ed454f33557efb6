// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chars.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

struct named_type {
  std::string_view extension, type;
};

// Sorted by the extension. Text is taken to be UTF-8, as HTML and everything of this century is.
inline constexpr auto file_types = std::to_array<named_type>({
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apng", "image/apng"},
    {"atom", "application/atom+xml"},
    {"avif", "image/avif"},
    {"bin", "application/octet-stream"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eot", "application/vnd.ms-fontobject"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar; charset=utf-8"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"jxl", "image/jxl"},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4s", "video/iso.segment"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mid", "audio/midi"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpd", "application/dash+xml"},
    {"mpeg", "video/mpeg"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"rss", "application/rss+xml"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"ts", "video/mp2t"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"vtt", "text/vtt; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
});

} // namespace detail

/// What a file of unknown kind is.
inline constexpr std::string_view unknown_type = "application/octet-stream";

/// The media type that goes with the extension of a file's name, whatever its case; unknown_type where there is none.
/// A literal: it may be kept.
constexpr std::string_view file_type(std::string_view name) noexcept {
  const auto dot = name.find_last_of("./");
  if (dot == name.npos || dot == 0 || name[dot] == '/' || name[dot - 1] == '/')
    return unknown_type; // ".html" is a name
  std::array<char, 16> lower{};
  name.remove_prefix(dot + 1);
  if (name.size() > lower.size()) return unknown_type;
  std::transform(name.begin(), name.end(), lower.begin(), to_lower);
  const std::string_view extension(lower.data(), name.size());
  const auto& all = detail::file_types;
  const auto at = std::lower_bound(all.begin(), all.end(), extension,
                                   [](const detail::named_type& t, std::string_view e) { return t.extension < e; });
  return at != all.end() && at->extension == extension ? at->type : unknown_type;
}

} // namespace http
} // namespace v0
} // namespace antiphon
