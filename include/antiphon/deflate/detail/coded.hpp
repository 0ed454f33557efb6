// SPDX-License-Identifier: BSL-1.0
// What is compressed, and how a response changes by it.
#pragma once

#include <antiphon/deflate/encoder.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/media_type.hpp>
#include <antiphon/http/response.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace deflate {
namespace detail {

/// Text, and what is text under another name. Pictures, sound and archives are compressed already.
inline bool compressible(std::string_view type) {
  const auto parsed = http::media_type::parse(type);
  if (!parsed) return false;
  if (http::iequals(parsed->type(), "text") || parsed->is_json() || http::iequals(parsed->suffix(), "xml")) return true;
  for (const std::string_view other :
       {"application/javascript", "application/xml", "application/wasm", "application/x-ndjson", "application/yaml",
        "application/graphql", "application/rtf", "application/vnd.apple.mpegurl", "application/sql", "font/ttf",
        "font/otf", "image/bmp", "image/vnd.microsoft.icon", "application/vnd.ms-fontobject"})
    if (parsed->is(other)) return true;
  return false;
}
inline bool is_event_stream(std::string_view type) {
  const auto parsed = http::media_type::parse(type);
  return parsed && parsed->is("text/event-stream");
}

/// What says that the bytes are to stay as they are: another coding, a part, a digest of them, or the handler's word.
inline bool stays(const http::fields& fields) noexcept {
  for (const std::string_view name :
       {"Content-Encoding", "Content-Range", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5"})
    if (fields.contains(name)) return true;
  return fields.has_token("Cache-Control", "no-transform");
}

inline void add_vary(http::response& res) {
  if (!res.fields().has_token("Vary", "Accept-Encoding") && !res.fields().has_token("Vary", "*"))
    res.add_unchecked("Vary", "Accept-Encoding");
}

/// The fields of the coded content: its tag is no longer of these very bytes.
inline http::fields coded_fields(const http::fields& plain, coding c) {
  http::fields out = plain;
  out.add_unchecked("Content-Encoding", name_of(c));
  if (const auto tag = plain.get("ETag"); tag && !tag->starts_with("W/")) out.set("ETag", "W/" + std::string(*tag));
  return out;
}

/// Encoders that wait for the next body: to make one takes longer than many bodies do. Thread-safe.
class encoder_pool {
 public:
  static constexpr std::size_t most = 8; ///< of each coding, 256 KiB each

  explicit encoder_pool(int level) : level_(level) { static_cast<void>(encoder(coding::gzip, {.level = level})); }

  std::unique_ptr<encoder> take(coding c) {
    {
      const std::lock_guard lock(mutex_);
      auto& kept = kept_[static_cast<std::size_t>(c)];
      if (!kept.empty()) {
        auto made = std::move(kept.back());
        kept.pop_back();
        return made;
      }
    }
    return std::make_unique<encoder>(c, encoder_options{.level = level_});
  }
  void give_back(coding c, std::unique_ptr<encoder> e) {
    e->reset();
    const std::lock_guard lock(mutex_);
    auto& kept = kept_[static_cast<std::size_t>(c)];
    if (kept.size() < most) kept.push_back(std::move(e));
  }
  /// For a stream, which keeps it as long as it lasts: 32 KiB.
  std::unique_ptr<encoder> small(coding c) const {
    return std::make_unique<encoder>(c, encoder_options{.level = level_, .window_bits = 12, .memory_level = 5});
  }

 private:
  const int level_;
  std::mutex mutex_;
  std::array<std::vector<std::unique_ptr<encoder>>, 2> kept_;
};

struct limits {
  std::size_t least, most; ///< bytes of a body
};

/// Compresses a response of bytes, where that makes it smaller.
inline void code_whole(http::response& res, coding c, encoder_pool& pool, const limits& l) {
  const auto body = res.body();
  if (body.empty() || body.size() < l.least || body.size() > l.most) return;
  std::string out;
  auto with = pool.take(c);
  const bool smaller = with->finish_within(body, out, body.size() - 1);
  pool.give_back(c, std::move(with));
  if (!smaller) return;
  out.shrink_to_fit();
  http::response made(res.status(), std::move(out), res.content_type());
  made.add_unchecked(coded_fields(res.fields(), c));
  res = std::move(made);
}

/// The media type, however it was set.
inline std::string type_of(const http::response& res) {
  return std::string(res.fields().get("Content-Type").value_or(res.content_type()));
}

} // namespace detail
} // namespace deflate
} // namespace v0
} // namespace antiphon
