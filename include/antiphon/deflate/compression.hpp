// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/deflate/detail/coded.hpp>
#include <antiphon/deflate/detail/coded_body.hpp>
#include <antiphon/deflate/detail/coded_flow.hpp>
#include <antiphon/http/accept_encoding.hpp>
#include <antiphon/http/joined_lines.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

struct compression_options {
  int level = 4;             ///< of zlib, 1 (fast) to 9 (small)
  std::size_t least = 1'024; ///< bytes: shorter bodies are sent as they are
  /// Bytes: longer bodies are sent as they are, since they are compressed at once, on the thread that serves, and at
  /// this length take it some milliseconds.
  std::size_t most = 256 * 1024;
  bool streams = false;       ///< what bodies (coroutines) and flows write, piece by piece: 32 KiB of memory a stream
  bool event_streams = false; ///< text/event-stream likewise, whatever `streams` says
};
static_assert(std::is_trivially_destructible_v<compression_options>);

/// A layer that compresses answers, by gzip or deflate, for clients whose Accept-Encoding wants it.
///
/// Text, JSON, XML and their like only; answers to HEAD have the fields that GET would have. Left alone are: answers
/// that have a Content-Encoding, a digest or `Cache-Control: no-transform` already, parts (206), files, upgrades, and
/// what does not get smaller. A strong ETag becomes weak; Vary says Accept-Encoding wherever that could matter. What a
/// long poll answers is compressed as other bodies are. A piece of a stream is flushed when it is written, so nothing
/// waits in the encoder; of a topic's messages each stream has its own copy then, compressed for it.
///
/// Do not compress pages in which a secret stands beside what a stranger may choose (BREACH): say no-transform there.
/// Put it outside of ap::etag. Thread-safe. Memory, besides that of streams: 8 encoders of each coding, 256 KiB each,
/// at most. Throws std::invalid_argument for a level out of range.
///
/// Source: RFC 9110, sections 8.4 and 12.5.3. Example: app.use(ap::compression());
class compression {
 public:
  explicit compression(const compression_options& options = {})
      : options_(options), pool_(std::make_shared<deflate::detail::encoder_pool>(options.level)) {}

  /// Hook of the layer.
  void after(request& req, response& res) const {
    using kind = response::kind;
    if (res.status() == http::status::not_modified) return not_modified(req, res);
    if (http::bodiless(res.status()) || res.status() == http::status::partial_content) return;
    if (deflate::detail::stays(res.fields())) return;
    const auto type = deflate::detail::type_of(res);
    switch (res.what()) {
    case kind::bytes:
    case kind::shared:
      if (!deflate::detail::compressible(type) || res.body().size() < options_.least ||
          res.body().size() > options_.most)
        return;
      deflate::detail::add_vary(res);
      if (const auto as = wanted(req)) deflate::detail::code_whole(res, *as, *pool_, bounds());
      return;
    case kind::body:
      if (deflate::detail::is_event_stream(type) ? !options_.event_streams
                                                 : !options_.streams || !deflate::detail::compressible(type))
        return;
      deflate::detail::add_vary(res);
      if (const auto as = wanted(req)) code_body(res, *as);
      return;
    case kind::flow: // what its type is it will say when it answers
      deflate::detail::add_vary(res);
      if (const auto as = wanted(req)) code_flow(res, *as);
      return;
    default: return;
    }
  }

 private:
  deflate::detail::limits bounds() const noexcept { return {options_.least, options_.most}; }

  static std::optional<deflate::coding> wanted(const request& req) {
    const auto accept = http::joined_lines(req, "Accept-Encoding");
    if (!accept) return std::nullopt;
    static constexpr std::array<std::string_view, 2> ours = {"gzip", "deflate"};
    const auto best = http::choose_encoding(*accept, ours);
    if (!best || http::encoding_weight(*accept, "identity") > http::encoding_weight(*accept, *best))
      return std::nullopt;
    return *best == "gzip" ? deflate::coding::gzip : deflate::coding::deflate;
  }

  /// Where the client has named the weak tag of coded content, that is what it has: by a strong one a cache would take
  /// its bytes for those of the plain content.
  static void not_modified(const request& req, response& res) {
    deflate::detail::add_vary(res); // its 200 has it
    const auto tag = res.fields().get("ETag");
    if (!tag || tag->starts_with("W/")) return;
    const std::string weak = "W/" + std::string(*tag);
    bool named = false;
    req.for_each_header([&](std::string_view name, std::string_view value) {
      named = named || (http::iequals(name, "If-None-Match") && value.find(weak) != value.npos);
    });
    if (named) res.set("ETag", weak);
  }

  void code_body(response& res, deflate::coding as) const {
    const auto fields = deflate::detail::coded_fields(res.fields(), as);
    response made(std::make_unique<deflate::detail::coded_body>(res.take_source(), pool_->small(as)),
                  res.content_type());
    made.status(res.status());
    made.add_unchecked(fields);
    res = std::move(made);
  }
  void code_flow(response& res, deflate::coding as) const {
    const deflate::detail::flow_coding how{as, bounds(), options_.streams, options_.event_streams};
    const auto fields = res.fields();
    response made(std::make_unique<deflate::detail::coded_flow>(res.take_flow(), pool_, how));
    made.add_unchecked(fields);
    res = std::move(made);
  }

  compression_options options_;
  std::shared_ptr<deflate::detail::encoder_pool> pool_;
};

} // namespace v0
} // namespace antiphon
