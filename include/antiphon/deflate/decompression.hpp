// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/deflate/decoder.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/http/token.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

struct decompression_options {
  std::size_t most = 1024 * 1024; ///< bytes of a body, plain: 413 beyond
  std::size_t ratio = 100;        ///< of plain to compressed bytes, in bodies of 64 KiB and more: 413 beyond
};
static_assert(std::is_trivially_destructible_v<decompression_options>);

/// A layer that decompresses bodies of requests: handlers find them plain in body() where the client sent them with
/// Content-Encoding: gzip or deflate. Other codings are answered with 415 and what is taken, damaged bodies with 400,
/// those that would grow too large with 413; no more than `most` bytes are ever made of one.
///
/// The route's max_body bounds what is sent, `most` what comes of it; both count against max_bodies of the server. It
/// runs on the thread that serves. Bodies that a handler streams are left as they come. Thread-safe.
///
/// Source: RFC 9110, sections 8.4 and 15.5.16. Example: app.use(ap::decompression());
class decompression {
 public:
  explicit decompression(const decompression_options& options = {}) noexcept : options_(options) {}

  /// Hook of the layer.
  std::optional<response> received(request& req, std::uint64_t) const {
    if (req.streamed() || req.find_state<plain_body>()) return std::nullopt; // one further out has done it
    std::optional<deflate::coding> as;
    bool other = false;
    req.for_each_header([&](std::string_view name, std::string_view value) {
      if (!http::iequals(name, "Content-Encoding")) return;
      while (const auto coding = http::next_element(value)) {
        if (http::iequals(*coding, "identity")) continue;
        const bool gzip = http::iequals(*coding, "gzip") || http::iequals(*coding, "x-gzip");
        other = other || as || (!gzip && !http::iequals(*coding, "deflate")); // one, and not one upon another
        as = gzip ? deflate::coding::gzip : deflate::coding::deflate;
      }
    });
    if (other)
      return response(http::problem(http::status::unsupported_media_type,
                                    "a body may be compressed by gzip or by deflate here, once"))
          .set("Accept-Encoding", "gzip, deflate");
    if (!as) return std::nullopt;
    deflate::decoder with(*as, {.most = options_.most, .ratio = options_.ratio});
    std::string plain;
    error_code ec;
    if (!with.write(req.body(), plain, ec) || !with.finish(ec))
      return response(http::problem(ec == deflate::error::too_large || ec == deflate::error::too_dense
                                        ? http::status::content_too_large
                                        : http::status::bad_request,
                                    ec.message()));
    http::detail::request_access::owned_body(req) = std::move(plain);
    http::detail::request_access::body_is_owned(req);
    req.set_state(plain_body());
    return std::nullopt;
  }

 private:
  struct plain_body {};

  decompression_options options_;
};

} // namespace v0
} // namespace antiphon
