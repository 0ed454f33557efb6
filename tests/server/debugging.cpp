// SPDX-License-Identifier: BSL-1.0
// What helps to find a mistake: the listing of routes, the page of an error, the phases of an exchange.
#include "support/count_bytes.hpp"
#include "support/server_harness.hpp"

#include <antiphon/server/layers/phases.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace antiphon_tests {
namespace {

TEST(describe, lists_all_routes_by_their_paths) {
  ap::router app;
  EXPECT_EQ(app.describe(), "");
  app.post("/upload", threat::count_body, {.max_body = 5, .streamed = true, .timeout = 2s});
  app.get("/", [] { return "x"; });
  app.del("/jobs/{id}", [] { return "x"; });
  app.get("/jobs/{id}", [] { return "x"; }, {.max_body = ap::http::body_limits::unlimited});
  auto group = app.group("/admin");
  group.use([](ap::request& req, ap::next next) { return next(req); });
  group.get("/", [] { return "x"; });
  EXPECT_EQ(app.describe(),
            "GET     /\n"
            "GET     /admin                          1 layer, 1 of them wait\n"
            "DELETE  /jobs/{id}\n"
            "GET     /jobs/{id}                      body of any size\n"
            "POST    /upload                         streamed, body up to 5 bytes, time-out 2000 ms, coroutine\n");
  app.get("/later", [] { return "x"; }); // it freezes nothing
}

class debugging : public in_memory {};

TEST_F(debugging, an_error_page_is_shown_only_where_it_was_asked_for) {
  app.get("/fails", []() -> std::string { throw std::runtime_error("no <disk>"); });
  EXPECT_EQ(s.ask(get("/fails")).body, "");
}

TEST_F(debugging, an_error_page_tells_what_has_escaped) {
  s.options.error_page = true;
  app.get("/fails", []() -> std::string {
    try {
      throw std::runtime_error("no <disk>");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("cannot save & go on"));
    }
  });
  app.get("/later", []() -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1s);
    throw 7;
  });
  const auto r = s.ask(get("/fails?q=1", "X-Seen: <b>\r\nAuthorization: Basic c2VjcmV0\r\nCookie: a=secret\r\n"));
  EXPECT_EQ(r.code, 500);
  EXPECT_EQ(r.header("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(r.body, "cannot save & go on\nbecause: no <disk>\n\nGET /fails?q=1\nroute /fails\nHost: h\nX-Seen: <b>\n"
                    "Authorization: (not shown)\nCookie: (not shown)\n");
  const auto page = s.ask(get("/fails?q=<script>", "Accept: text/html,*/*\r\nX-Seen: <b>\r\n"));
  EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("cannot save &amp; go on\nbecause: no &lt;disk&gt;"), std::string::npos) << page.body;
  EXPECT_EQ(page.body.find("<b>"), std::string::npos);
  EXPECT_EQ(page.body.find("<script>"), std::string::npos);
  auto& c = s.client();
  c.send(get("/later"));
  s.advance(1s);
  EXPECT_TRUE(c.next().body.starts_with("an exception that is no std::exception\n"));
  EXPECT_EQ(s.errors.size(), 3u) << "it is reported all the same";
}

TEST_F(debugging, phases_are_told_in_order_with_their_bytes) {
  std::vector<std::string> told;
  app.use(ap::phases([&](const ap::phase_report& p) {
    static constexpr const char* names[] = {"head", "body", "answer", "sent"};
    told.push_back(
        std::string(names[static_cast<int>(p.what)]) + " " + std::string(p.route) + " " + std::to_string(p.bytes) +
        (p.what >= ap::phase_report::phase::answer ? " " + std::to_string(ap::http::code(p.status)) : std::string()) +
        (p.cut ? " cut" : ""));
  }));
  app.post("/collected", [](ap::request& req) { return req.take_body(); });
  app.post("/streamed", threat::count_body, {.streamed = true});
  app.get("/fails", []() -> std::string { throw std::runtime_error("x"); });
  using list = std::vector<std::string>;
  const auto after = [&](const std::string& request) {
    told.clear();
    const auto r = s.ask(request);
    const auto size = std::to_string(r.head.size() + r.body.size());
    return std::pair(told, size);
  };
  const auto size_of = [](const std::string& request) { return std::to_string(request.find("\r\n\r\n") + 4); };
  auto sent = post("/collected", "hello");
  auto [a, n] = after(sent);
  EXPECT_EQ(a, (list{"head /collected " + size_of(sent), "body /collected 5", "answer /collected 5 200",
                     "sent /collected " + n + " 200"}));
  sent = chunked("/streamed", {"abc", "de"});
  std::tie(a, n) = after(sent);
  EXPECT_EQ(a, (list{"head /streamed " + size_of(sent), "body /streamed 20", "answer /streamed 1 200",
                     "sent /streamed " + n + " 200"}));
  sent = get("/fails");
  std::tie(a, n) = after(sent);
  EXPECT_EQ(a, (list{"head /fails " + size_of(sent), "answer /fails 0 500", "sent /fails " + n + " 500"}));
  std::tie(a, n) = after(get("/none"));
  EXPECT_EQ(a.size(), 3u);
}

} // namespace
} // namespace antiphon_tests
