// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/problem.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using antiphon::http::json_quote;
using antiphon::http::problem;
using antiphon::http::status;

TEST(problem, a_status_alone_has_its_reason_as_title) {
  EXPECT_EQ(problem(status::not_found).to_json(), R"({"title":"Not Found","status":404})");
  EXPECT_EQ(problem(status(499)).to_json(), R"({"status":499})");
  EXPECT_EQ(problem::content_type, "application/problem+json");
  EXPECT_EQ(problem(status::conflict).status(), status::conflict);
}

TEST(problem, all_members) {
  const auto p = problem(status::unprocessable_content, "name is empty: give one")
                     .type("https://example.com/problems/validation")
                     .title("Validation failed")
                     .instance("/requests/7")
                     .extra("field", json_quote("name"))
                     .extra("limits", "{\"max\":10}");
  EXPECT_EQ(p.to_json(),
            R"({"type":"https://example.com/problems/validation","title":"Validation failed","status":422,)"
            R"("detail":"name is empty: give one","instance":"/requests/7","field":"name","limits":{"max":10}})");
}

TEST(problem, setters_work_on_a_name_too) {
  problem p(status::bad_request);
  p.detail("a").detail("b").extra("n", "1");
  EXPECT_EQ(p.to_json(), R"({"title":"Bad Request","status":400,"detail":"b","n":1})");
}

TEST(problem, text_cannot_get_out_of_its_member) {
  EXPECT_EQ(problem(status::ok, "\",\"status\":500,\"x\":\"\n\xff").to_json(),
            "{\"title\":\"OK\",\"status\":200,\"detail\":\"\\\",\\\"status\\\":500,\\\"x\\\":\\\"\\n\xef\xbf\xbd\"}");
  EXPECT_EQ(problem(status::ok).extra("a\"b", "null").to_json(), R"({"title":"OK","status":200,"a\"b":null})");
}

TEST(problem, an_extra_member_needs_a_value_and_a_name_of_its_own) {
  problem p(status::ok);
  for (const auto* name : {"type", "title", "status", "detail", "instance"})
    EXPECT_THROW(p.extra(name, "1"), std::invalid_argument) << name;
  EXPECT_THROW(p.extra("a", ""), std::invalid_argument);
  EXPECT_EQ(p.to_json(), R"({"title":"OK","status":200})");
}

} // namespace
