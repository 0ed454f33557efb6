// SPDX-License-Identifier: BSL-1.0
#include "../../support/server_harness.hpp"

#include <antiphon/server/layers/basic_auth.hpp>
#include <antiphon/server/layers/bearer_auth.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace antiphon_tests;

std::string basic(std::string_view plain) { return "Authorization: Basic " + ap::http::base64_encode(plain) + "\r\n"; }

TEST_F(in_memory, basic_auth_lets_in_whom_the_check_takes) {
  app.use(ap::basic_auth("the \"admin\" part", [](std::string_view name, std::string_view password) {
    return name == "ada" && password == "open:sesame";
  }));
  app.get("/", [](ap::request& req) { return "hello " + req.state<ap::identity>().name; });
  EXPECT_EQ(s.ask(get("/", basic("ada:open:sesame"))).body, "hello ada");
  EXPECT_EQ(s.ask(get("/", "authorization: bAsIc   " + ap::http::base64_encode("ada:open:sesame") + "\r\n")).code, 200);

  const auto good = ap::http::base64_encode("ada:open:sesame");
  for (const std::string& fields :
       {std::string(), basic("ada:open"), basic("ada"), basic(""), basic(":"), basic("ada:open:sesame\n"),
        basic(std::string_view("ada:open:sesame\0", 16)), "Authorization: Basic\r\n" + std::string(),
        "Authorization: Basic " + good + "=\r\n", "Authorization: Basic " + good + " x\r\n",
        "Authorization: Basic a" + good + "\r\n", "Authorization: Bearer " + good + "\r\n",
        "Authorization: Basics " + good + "\r\n", basic("ada:open:sesame") + basic("ada:open:sesame")}) {
    const auto refused = s.ask(get("/", fields));
    EXPECT_EQ(refused.code, 401) << fields;
    EXPECT_EQ(refused.header("WWW-Authenticate"), R"(Basic realm="the \"admin\" part", charset="UTF-8")");
    EXPECT_EQ(refused.header("Content-Type"), "application/problem+json");
  }
  EXPECT_EQ(s.connect().ask(post("/", "body that is not wanted")).code, 401);
}

struct account {
  int id;
};

TEST_F(in_memory, bearer_auth_leaves_what_the_check_has_found) {
  app.use(ap::bearer_auth("api", [](std::string_view token) -> std::optional<account> {
    EXPECT_EQ(token.find_first_of(" ,;\""), token.npos);
    if (token != "abc-._~+/123==") return std::nullopt;
    return account{7};
  }));
  app.get("/", [](ap::request& req) { return std::to_string(req.state<account>().id); });
  EXPECT_EQ(s.ask(get("/", "Authorization: Bearer abc-._~+/123==\r\n")).body, "7");
  EXPECT_EQ(s.ask(get("/", "Authorization: bearer abc-._~+/123==\r\n")).body, "7");
  for (const auto& [fields, challenge] :
       {std::pair("", R"(Bearer realm="api")"),
        {"Authorization: Basic YTpi\r\n", R"(Bearer realm="api")"},
        {"Authorization: Bearer\r\n", R"(Bearer realm="api")"},
        {"Authorization: Bearer x\r\nAuthorization: Bearer abc-._~+/123==\r\n", R"(Bearer realm="api")"},
        {"Authorization: Bearer x\r\n", R"(Bearer realm="api", error="invalid_token")"},
        {"Authorization: Bearer a b\r\n", R"(Bearer realm="api", error="invalid_token")"},
        {"Authorization: Bearer a,b\r\n", R"(Bearer realm="api", error="invalid_token")"},
        {"Authorization: Bearer =\r\n", R"(Bearer realm="api", error="invalid_token")"},
        {"Authorization: Bearer a=b\r\n", R"(Bearer realm="api", error="invalid_token")"}}) {
    const auto refused = s.ask(get("/", fields));
    EXPECT_EQ(refused.code, 401) << fields;
    EXPECT_EQ(refused.header("WWW-Authenticate"), challenge) << fields;
  }
  EXPECT_EQ(s.ask(get("/?access_token=abc-._~+/123==")).code, 401);
}

TEST_F(in_memory, checks_may_say_yes_only_and_names_may_come_with_more) {
  const auto tokens = app.group("/tokens"), names = app.group("/names");
  tokens.use(ap::bearer_auth("r", [](std::string_view token) { return token == "t"; }));
  tokens.get("/", [] { return "in"; });
  names.use(ap::basic_auth("r", [](std::string_view name, std::string_view) { return std::optional(name.size()); }));
  names.get("/", [](ap::request& req) { return std::to_string(req.state<std::size_t>()); });
  EXPECT_EQ(s.ask(get("/tokens", "Authorization: Bearer t\r\n")).body, "in");
  EXPECT_EQ(s.ask(get("/tokens", "Authorization: Bearer u\r\n")).code, 401);
  EXPECT_EQ(s.ask(get("/names", basic("four:x"))).body, "4");
}

TEST_F(in_memory, a_missing_layer_is_named) {
  app.get("/", [](ap::request& req) { return req.state<ap::identity>().name; });
  EXPECT_EQ(s.ask(get("/")).code, 500);
  ASSERT_EQ(s.errors.size(), 1U);
  EXPECT_NE(s.errors[0].find("use the layer antiphon::basic_auth around this route"), std::string::npos) << s.errors[0];
}

TEST(auth, refuses_a_realm_that_would_split_the_answer) {
  const auto no = [](auto...) { return false; };
  EXPECT_THROW(ap::basic_auth("a\r\nb", no), std::invalid_argument);
  EXPECT_THROW(ap::bearer_auth(std::string_view("a\0b", 3), no), std::invalid_argument);
}

} // namespace
