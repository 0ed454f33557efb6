// SPDX-License-Identifier: BSL-1.0
// What browsers are told: cors, secure_headers.
#include "../../support/server_harness.hpp"

#include <antiphon/server/layers/basic_auth.hpp>
#include <antiphon/server/layers/cors.hpp>
#include <antiphon/server/layers/secure_headers.hpp>

#include <gtest/gtest.h>

#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace antiphon_tests;

std::string from(std::string_view origin, std::string_view more = {}) {
  return "Origin: " + std::string(origin) + "\r\n" + std::string(more);
}
std::string preflight(std::string_view path, std::string_view origin, std::string_view verb = "PUT",
                      std::string_view more = {}) {
  return head_of("OPTIONS", path,
                 from(origin, "Access-Control-Request-Method: " + std::string(verb) + "\r\n" + std::string(more)));
}

/// The fields whose names begin with "Access-Control-", and Vary, in order.
std::string said(const reply& r) {
  std::string all;
  for (std::size_t at = r.head.find("\r\n") + 2, end; (end = r.head.find("\r\n", at)) > at; at = end + 2) {
    const auto line = r.head.substr(at, end - at);
    if (line.starts_with("Access-Control-")) all += line.substr(15) + "|";
    if (line.starts_with("Vary")) all += line + "|";
  }
  return all;
}

TEST_F(in_memory, cors_allows_the_origins_of_its_list) {
  app.use(ap::cors({.origins = "https://a.example, https://b.example:8443", .expose = "X-Total,ETag"}));
  app.get("/", [] { return "x"; });
  app.get("/varies", [] { return ap::text("x").set("Vary", "Accept, origin"); });
  EXPECT_EQ(said(s.ask(get("/", from("https://a.example")))),
            "Vary: Origin|Allow-Origin: https://a.example|Expose-Headers: X-Total, ETag|");
  EXPECT_EQ(said(s.ask(get("/", from("https://b.example:8443")))),
            "Vary: Origin|Allow-Origin: https://b.example:8443|Expose-Headers: X-Total, ETag|");
  for (const char* other : {"https://a.example.evil", "http://a.example", "https://a.example:443", "null", "",
                            "https://b.example", "https://a.example, https://b.example:8443", "HTTPS://A.EXAMPLE"})
    EXPECT_EQ(said(s.ask(get("/", from(other)))), "Vary: Origin|") << other;
  EXPECT_EQ(said(s.ask(get("/"))), "Vary: Origin|") << "a cache must know";
  EXPECT_EQ(said(s.ask(get("/varies"))), "Vary: Accept, origin|");
  EXPECT_EQ(said(s.ask(get("/none", from("https://a.example")))),
            "Vary: Origin|Allow-Origin: https://a.example|Expose-Headers: X-Total, ETag|");
}

TEST_F(in_memory, cors_answers_preflights) {
  app.use(ap::cors({.origins = "https://a.example", .credentials = true, .max_age = 90s}));
  app.put("/x", [] { return "x"; });
  const std::string vary = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers|";
  const auto plain = s.ask(preflight("/x", "https://a.example"));
  EXPECT_EQ(plain.code, 204);
  EXPECT_EQ(said(plain), vary + "Allow-Origin: https://a.example|Allow-Credentials: true|"
                                "Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE|Max-Age: 90|");
  EXPECT_EQ(
      said(s.ask(preflight("/x", "https://a.example", "PUT", "Access-Control-Request-Headers: x-a,(bad), X-B\r\n"))),
      vary + "Allow-Origin: https://a.example|Allow-Credentials: true|"
             "Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE|Allow-Headers: x-a, X-B|Max-Age: 90|");
  const auto stranger = s.ask(preflight("/x", "https://b.example"));
  EXPECT_EQ(stranger.code, 204);
  EXPECT_EQ(said(stranger), vary);
  // OPTIONS that are no preflights are the router's.
  const auto options = s.ask(head_of("OPTIONS", "/x", from("https://a.example")));
  EXPECT_EQ(options.header("Allow"), "PUT, OPTIONS");
  EXPECT_EQ(said(options), "Vary: Origin|Allow-Origin: https://a.example|Allow-Credentials: true|");
}

TEST_F(in_memory, cors_of_any_origin_has_no_credentials) {
  app.use(ap::cors({.origins = "*", .methods = "GET", .headers = "X-Key", .max_age = 0s}));
  app.get("/", [] { return "x"; });
  EXPECT_EQ(said(s.ask(get("/"))), "Allow-Origin: *|");
  EXPECT_EQ(said(s.ask(get("/", from("https://a.example")))), "Allow-Origin: *|");
  EXPECT_EQ(said(s.ask(preflight("/", "null", "GET", "Access-Control-Request-Headers: other\r\n"))),
            "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers|Allow-Origin: *|"
            "Allow-Methods: GET|Allow-Headers: X-Key|Max-Age: 0|");
}

/// Asks for a parameter of its route, as a layer of a group may.
struct asks_for_id {
  std::optional<ap::response> before(ap::request& req) {
    seen += std::string(req.param("id")) + ",";
    return std::nullopt;
  }
  std::string& seen;
};

TEST_F(in_memory, preflights_reach_the_layers_of_the_route_that_they_ask_for) {
  std::string seen;
  const auto items = app.group("/items");
  items.use(asks_for_id{seen}).use(ap::cors({.origins = "https://a.example"}));
  items.use(ap::basic_auth("r", [](std::string_view, std::string_view) { return false; }));
  items.get("/{id}", [] { return "x"; });
  app.del("/items/{id}", [] { return "y"; }); // merged by method: without layers
  for (const char* verb : {"GET", "HEAD"}) {
    const auto r = s.ask(preflight("/items/a%20b", "https://a.example", verb));
    EXPECT_EQ(r.code, 204);
    EXPECT_EQ(r.header("Access-Control-Allow-Origin"), "https://a.example") << verb;
  }
  EXPECT_EQ(seen, "a b,a b,");
  for (const char* verb : {"DELETE", "POST", ""}) {
    const auto r = s.ask(preflight("/items/7", "https://a.example", verb));
    EXPECT_EQ(r.code, 204);
    EXPECT_EQ(said(r), "") << verb;
    EXPECT_EQ(r.header("Allow"), "DELETE, GET, HEAD, OPTIONS");
  }
  const auto refused = s.ask(get("/items/7", from("https://a.example")));
  EXPECT_EQ(refused.code, 401);
  EXPECT_EQ(refused.header("Access-Control-Allow-Origin"), "https://a.example") << "a refusal can be read";
}

TEST(cors, refuses_what_would_never_match_or_would_open_too_much) {
  const auto refused = [](const ap::cors_options& o) {
    try {
      ap::cors{o};
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(refused({.origins = "*", .credentials = true}).find("every page"), std::string::npos);
  EXPECT_NE(refused({}).find("name the origins"), std::string::npos);
  EXPECT_NE(refused({.origins = " , "}).find("name the origins"), std::string::npos);
  for (const char* bad :
       {"https://a.example/", "https://a.example/x", "a.example", "https://", "://a", "https://A.example",
        "https://*.example", "https://u@a.example", "https://a.example?x", "*, https://a.example"})
    EXPECT_NE(refused({.origins = bad}).find("is no origin"), std::string::npos) << bad;
  EXPECT_NE(refused({.origins = "*", .methods = "GET, P T"}).find("P T"), std::string::npos);
  EXPECT_NE(refused({.origins = "*", .headers = "a:b"}).find("a:b"), std::string::npos);
  EXPECT_NE(refused({.origins = "*", .expose = "a\r\nb"}), "");
  EXPECT_NE(refused({.origins = "*", .max_age = -1s}), "");
  EXPECT_EQ(refused({.origins = "null, http://localhost:3000, http://[::1]:80"}), "");
}

TEST_F(in_memory, secure_headers_are_set_where_the_handler_has_set_none) {
  app.use(ap::secure_headers({.content_security_policy = " default-src 'self'", .strict_transport = 24h * 365}));
  app.get("/", [] { return "x"; });
  app.get("/framed", [] { return ap::text("x").set("x-frame-options", "SAMEORIGIN"); });
  s.start();
  const auto r = s.ask(get("/"));
  EXPECT_EQ(r.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(r.header("X-Frame-Options"), "DENY");
  EXPECT_EQ(r.header("Referrer-Policy"), "strict-origin-when-cross-origin");
  EXPECT_EQ(r.header("Content-Security-Policy"), "default-src 'self'");
  EXPECT_FALSE(r.has("Strict-Transport-Security")) << "over http it is not heeded";
  const auto framed = s.ask(get("/framed"));
  EXPECT_EQ(framed.header("X-Frame-Options"), "SAMEORIGIN");
  EXPECT_EQ(framed.head.find("DENY"), std::string::npos);
  EXPECT_THROW(ap::secure_headers({.referrer_policy = "a\nb"}), std::invalid_argument);
}

TEST_F(in_memory, secure_headers_over_https) {
  s.options.secure = true;
  app.use(ap::secure_headers({.frame_options = "", .strict_transport = 60s}));
  app.get("/", [] { return "x"; });
  const auto r = s.ask(get("/"));
  EXPECT_EQ(r.header("Strict-Transport-Security"), "max-age=60");
  EXPECT_FALSE(r.has("X-Frame-Options"));
}

} // namespace
