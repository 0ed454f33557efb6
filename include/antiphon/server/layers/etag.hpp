// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random_id.hpp>
#include <antiphon/core/detail/siphash.hpp>
#include <antiphon/http/conditional.hpp>
#include <antiphon/http/date.hpp>
#include <antiphon/http/etag.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/server/layer.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

struct etag_options {
  std::size_t max_body = 1024 * 1024; ///< bytes that are hashed: longer answers get no tag, unless the handler sets one
};
static_assert(std::is_trivially_destructible_v<etag_options>);

/// A layer that gives answers a strong entity tag, the hash of their bytes, and answers 304 where the client has them:
/// the handler runs all the same, but nothing is sent.
///
/// For 200 to GET and HEAD that are bytes, shared or not, and without Cache-Control: no-store. A tag, or Last-Modified,
/// that the handler has set is used as it is. If-None-Match, If-Match (412) and their dates are heeded. Streams and
/// held polls go by. The hash is SipHash, 128 bits, the same on every node and after a restart; it is no signature.
/// Put it inside of ap::compression, which makes tags weak, or outside: both are right. Thread-safe.
///
/// Source: RFC 9110, sections 8.8.3 and 13. Example: app.use(ap::etag());
class etag {
 public:
  explicit etag(etag_options options = {}) noexcept : options_(options) {}

  /// Hook of the layer.
  void after(request& req, response& res) const {
    if (res.status() != http::status::ok || res.what() > response::kind::shared) return;
    if (req.method() != http::method::get && req.method() != http::method::head) return;
    const auto& fields = res.fields();
    if (fields.has_token("Cache-Control", "no-store")) return;
    const bool bodiless = req.method() == http::method::head && res.body().empty(); // by a handler of its own
    if (!fields.contains("ETag") && !bodiless && res.body().size() <= options_.max_body)
      res.add_unchecked("ETag", tag_of(res.body()));
    http::validators has;
    const std::string tag(fields.get("ETag").value_or(""));
    has.tag = http::entity_tag::parse(tag);
    has.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    if (const auto date = fields.get("Last-Modified")) has.modified = http::parse_date(*date, has.now);
    if (!has.tag && !has.modified) return; // nothing is known that a condition could be about
    http::preconditions asked(has);
    req.for_each_header([&](std::string_view name, std::string_view value) { asked.field(name, value); });
    switch (asked.result(req.method())) {
    case http::precondition::not_modified: return without_content(res, http::status::not_modified);
    case http::precondition::failed: return without_content(res, http::status::precondition_failed);
    default: return;
    }
  }

 private:
  static std::string tag_of(std::string_view bytes) {
    constexpr detail::wide key{0x616e7469'70686f6e, 0x65746167'2d6b6579}; // no secret: all nodes say the same
    return "\"" + std::string(std::string_view(detail::hex_id(detail::siphash<1, 3>(key, bytes)))) + "\"";
  }
  static void without_content(response& res, http::status code) {
    http::fields kept = res.fields();
    for (const std::string_view of_content : {"Content-Type", "Content-Encoding", "Content-Language", "Content-Range"})
      kept.erase(of_content);
    response made(code);
    made.add_unchecked(kept);
    res = std::move(made);
  }

  etag_options options_;
};

} // namespace v0
} // namespace antiphon
