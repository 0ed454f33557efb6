// SPDX-License-Identifier: BSL-1.0
#include <antiphon/jobs/detail/remote_status.hpp>
#include <antiphon/jobs/detail/status_json.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace ap = antiphon;
using ap::jobs::detail::remote_status;

std::string text_of(const std::optional<ap::job_event>& e) {
  return e ? std::string(e->bytes.view()) + " (" + e->type + ")" : "nothing";
}

TEST(remote_status, reads_what_status_json_writes) {
  const std::pair<const char*, std::string> values[] = {{"application/json", "42"},
                                                        {"application/json", "{\"a\":[1,null]}"},
                                                        {"application/hal+json", "[]"},
                                                        {"text/plain; charset=utf-8", "\"quoted\"\n\xc3\xa9\x01"},
                                                        {"text/plain", std::string()},
                                                        {"text/html", "\xff"},
                                                        {"application/octet-stream", ""},
                                                        {"application/octet-stream", std::string("\0\1\xfe", 3)},
                                                        {"image/png", "PNG"},
                                                        {"no type", "x"}};
  for (const auto& [type, bytes] : values) {
    ap::job_status s;
    s.id = ap::job_id{1, 2};
    s.state = ap::job_state::succeeded;
    s.progress = ap::job_event{ap::job_event::kind::progress, type, ap::shared_buffer(bytes)};
    const auto result = ap::payload::view_of(bytes, type);
    const auto read = remote_status::parse(ap::jobs::detail::status_json(s, &result));
    ASSERT_TRUE(read) << type;
    EXPECT_EQ(read->state, ap::job_state::succeeded);
    const auto as = std::string_view(type).ends_with("json") ? "application/json" : type;
    EXPECT_EQ(text_of(read->progress), bytes + " (" + as + ")");
    EXPECT_EQ(text_of(read->result), bytes + " (" + as + ")");
  }
  for (const auto state : {ap::job_state::failed, ap::job_state::cancelled}) {
    ap::job_status s;
    s.state = state;
    s.error = ap::http::problem(ap::http::status::conflict)
                  .type("about:x")
                  .title("T")
                  .detail("\"d\"")
                  .instance("/i")
                  .extra("n", "{}");
    const auto read = remote_status::parse(ap::jobs::detail::status_json(s, nullptr));
    ASSERT_TRUE(read && read->error);
    EXPECT_EQ(read->state, state);
    EXPECT_EQ(read->error->to_json(), s.error->to_json());
    EXPECT_FALSE(read->result || read->progress);
  }
  for (const auto state : {ap::job_state::pending, ap::job_state::running}) {
    ap::job_status s;
    s.state = state;
    const auto read = remote_status::parse(ap::jobs::detail::status_json(s, nullptr));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->state, state);
    EXPECT_FALSE(read->result || read->progress || read->error);
  }
}

TEST(remote_status, takes_what_is_meant_and_no_more) {
  const auto state = [](std::string_view json) {
    const auto read = remote_status::parse(json);
    return read ? to_string(read->state) : "none";
  };
  EXPECT_EQ(state(" { \"state\" : \"running\" } "), "running");
  EXPECT_EQ(state("{\"state\":\"run\\u006eing\"}"), "running");
  EXPECT_EQ(state("{\"x\":{\"state\":\"failed\"},\"state\":\"pending\",\"y\":[]}"), "pending");
  EXPECT_EQ(state("{\"state\":\"succeeded\",\"result\":null}"), "succeeded");
  EXPECT_EQ(state("{\"error\":null,\"result\":1,\"state\":\"succeeded\"}"), "succeeded");
  EXPECT_EQ(state("{\"result_type\":\"text/plain\",\"result\":\"x\",\"state\":\"succeeded\"}"), "succeeded");
  EXPECT_EQ(state("{\"state\":\"running\",\"resulting\":7,\"progress_\":[],\"progress_base64\":true}"), "running");
  for (const char* none : {"",
                           "{",
                           "[]",
                           "null",
                           "{}",
                           "{\"state\":\"\"}",
                           "{\"state\":\"Running\"}",
                           "{\"state\":null}",
                           "{\"state\":\"running\"}}",
                           "{\"state\":\"running\",}",
                           "{\"state\":\"succeeded\"}",
                           "{\"state\":\"succeeded\",\"error\":{}}",
                           "{\"state\":\"failed\",\"result\":1}",
                           "{\"state\":\"cancelled\"}",
                           "{\"state\":\"failed\",\"error\":null}",
                           "{\"state\":\"failed\",\"error\":[]}",
                           "{\"state\":\"succeeded\",\"result\":{},\"result_type\":\"text/plain\"}",
                           "{\"state\":\"succeeded\",\"result\":\"x\",\"result_type\":7}",
                           "{\"state\":\"succeeded\",\"result\":\"x\",\"result_base64\":true}",
                           "{\"state\":\"succeeded\",\"result\":7,\"result_base64\":true}",
                           "{\"state\":\"running\",\"progress\":\"x\",\"progress_base64\":\"yes\"}",
                           "{\"state\":\"failed\",\"error\":{\"x\":}}",
                           "{\"state\":\"failed\",\"error\":{\"x\"}}"})
    EXPECT_EQ(state(none), "none") << none;
}

TEST(remote_status, members_of_a_problem_that_are_of_another_type_are_as_if_they_were_not_there) {
  const auto problem = [](std::string_view json) {
    const auto read = remote_status::parse("{\"state\":\"failed\",\"error\":" + std::string(json) + "}");
    return read ? read->error->to_json() : "none";
  };
  const std::string plain = "{\"title\":\"Internal Server Error\",\"status\":500}";
  EXPECT_EQ(problem("{}"), plain);
  EXPECT_EQ(problem("{\"type\":7,\"title\":null,\"detail\":[],\"instance\":{\"a\":1},\"status\":\"404\"}"), plain);
  for (const char* status : {"99", "1000", "-404", "404.5", "4e2", "99999999999999999999", "null", "true", "[404]"})
    EXPECT_EQ(problem("{\"status\":" + std::string(status) + "}"), plain) << status;
  EXPECT_EQ(problem("{\"status\":404}"), "{\"title\":\"Not Found\",\"status\":404}");
  EXPECT_EQ(problem("{\"status\":999}"), "{\"status\":999}");
  EXPECT_EQ(problem("{\"\":1,\"a\\\"b\":\"x\"}"),
            "{\"title\":\"Internal Server Error\",\"status\":500,\"\":1,\"a\\\"b\":\"x\"}");
  std::string many("{\"a0\":0");
  for (int i = 1; i < 1000; ++i) many += ",\"a" + std::to_string(i) + "\":0";
  const auto kept = problem(many + "}");
  EXPECT_NE(kept.find("\"a31\""), std::string::npos);
  EXPECT_EQ(kept.find("\"a32\""), std::string::npos) << "bounded";
}

} // namespace
