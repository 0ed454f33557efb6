// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/trailer.hpp>

#include <gtest/gtest.h>

namespace {

namespace http = antiphon::http;

TEST(trailer, nothing_that_frames_routes_or_authenticates) {
  for (const auto* name : {"Transfer-Encoding",
                           "content-length",
                           "TRAILER",
                           "Host",
                           "TE",
                           "Upgrade",
                           "Connection",
                           "Authorization",
                           "Cookie",
                           "Set-Cookie",
                           "Proxy-Authorization",
                           "Content-Type",
                           "Content-Encoding",
                           "Content-Range",
                           "Cache-Control",
                           "Range",
                           "If-None-Match",
                           "Expect",
                           "Max-Forwards",
                           "WWW-Authenticate",
                           "X-Forwarded-For",
                           "age",
                           "X-Real-IP"})
    EXPECT_FALSE(http::allowed_in_trailer(name)) << name;
}

TEST(trailer, what_is_left) {
  for (const auto* name : {"X-Checksum", "ETag", "Server-Timing", "grpc-status", "Host2", "hos", "x", "a b"})
    EXPECT_TRUE(http::allowed_in_trailer(name)) << name;
}

} // namespace
