// SPDX-License-Identifier: BSL-1.0
#include <antiphon/server/handler.hpp>
#include <antiphon/testing/test_client.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

namespace own {
struct point {
  int x, y;
};
} // namespace own

template <>
struct antiphon::response_from<own::point> {
  static antiphon::response make(const own::point& p) {
    return antiphon::json("[" + std::to_string(p.x) + "," + std::to_string(p.y) + "]");
  }
};

namespace {

namespace ap = antiphon;
using ap::testing::test_client;

std::string plain(ap::request& req) { return "plain " + std::string(req.path()); }
asio::awaitable<const char*> waiting() { co_return "awaited"; }

struct object {
  int calls = 0;
  std::string operator()(ap::request&) { return std::to_string(++calls); }
};

/// What the program registers is moved in, never copied.
struct move_only {
  std::unique_ptr<std::string> text;
  std::string operator()(ap::request&) const { return *text; }
};

TEST(handlers, may_be_any_callable) {
  ap::router app;
  app.get("/function", plain);
  app.get("/pointer", &plain);
  app.get("/waiting", waiting);
  app.get("/object", object());
  app.get("/move_only", move_only{std::make_unique<std::string>("moved")});
  app.get("/nothing", [] { return "nothing"; });
  app.get("/const", [](const ap::request& req) { return std::string(req.target()); });
  app.get("/auto", [](auto& req) { return std::string(req.target()); });
  test_client client(app);
  EXPECT_EQ(client.get("/function").body, "plain /function");
  EXPECT_EQ(client.get("/pointer").body, "plain /pointer");
  EXPECT_EQ(client.get("/waiting").body, "awaited");
  EXPECT_EQ(client.get("/object").body, "1");
  EXPECT_EQ(client.get("/object").body, "2");
  EXPECT_EQ(client.get("/move_only").body, "moved");
  EXPECT_EQ(client.get("/nothing").body, "nothing");
  EXPECT_EQ(client.get("/const").body, "/const");
  EXPECT_EQ(client.get("/auto").body, "/auto");
}

TEST(handlers, may_return_what_converts_to_a_response) {
  ap::router app;
  app.get("/response", [] { return ap::response(ap::status::created, "r", "text/x"); });
  app.get("/status", [] { return ap::status::accepted; });
  app.get("/string", [] { return std::string("s"); });
  app.get("/view", [] { return std::string_view("v"); });
  app.get("/literal", [] { return "l"; });
  app.get("/json", [] { return ap::json("{}"); });
  app.get("/html", [] { return ap::html("<p>"); });
  app.get("/own", [] { return own::point{1, 2}; });
  app.get("/own_const", []() -> const own::point& {
    static const own::point p{3, 4};
    return p;
  });
  app.get("/shared", [] { return ap::response(ap::status::ok, ap::shared_buffer(std::string("b")), "text/x"); });
  app.get("/redirect", [] { return ap::redirect("/there"); });
  app.get("/problem", [] { return ap::problem(ap::status::conflict, "taken"); });
  test_client client(app);
  const auto check = [&](const char* path, int code, std::string_view type, std::string_view body) {
    const auto r = client.get(path);
    EXPECT_EQ(ap::http::code(r.status), code) << path;
    EXPECT_EQ(r.header("Content-Type"), type) << path;
    EXPECT_EQ(r.body, body) << path;
  };
  check("/response", 201, "text/x", "r");
  check("/status", 202, "", "");
  check("/string", 200, "text/plain; charset=utf-8", "s");
  check("/view", 200, "text/plain; charset=utf-8", "v");
  check("/literal", 200, "text/plain; charset=utf-8", "l");
  check("/json", 200, "application/json", "{}");
  check("/html", 200, "text/html; charset=utf-8", "<p>");
  check("/own", 200, "application/json", "[1,2]");
  check("/own_const", 200, "application/json", "[3,4]");
  check("/shared", 200, "text/x", "b");
  check("/redirect", 303, "", "");
  EXPECT_EQ(client.get("/redirect").header("Location"), "/there");
  const auto p = client.get("/problem");
  EXPECT_EQ(p.status, ap::status::conflict);
  EXPECT_EQ(p.header("Content-Type"), "application/problem+json");
  EXPECT_NE(p.body.find("taken"), std::string::npos);
}

TEST(handlers, may_await_each_of_them) {
  ap::router app;
  app.get("/response", [](ap::request&) -> asio::awaitable<ap::response> { co_return ap::text("r"); });
  app.get("/status", [](ap::request&) -> asio::awaitable<ap::status> { co_return ap::status::accepted; });
  app.get("/string", [](ap::request&) -> asio::awaitable<std::string> { co_return "s"; });
  app.get("/own", [](ap::request&) -> asio::awaitable<own::point> { co_return own::point{5, 6}; });
  app.get("/nothing", []() -> asio::awaitable<std::string> { co_return "n"; });
  test_client client(app);
  EXPECT_EQ(client.get("/response").body, "r");
  EXPECT_EQ(client.get("/status").status, ap::status::accepted);
  EXPECT_EQ(client.get("/string").body, "s");
  EXPECT_EQ(client.get("/own").body, "[5,6]");
  EXPECT_EQ(client.get("/nothing").body, "n");
}

TEST(handlers, a_content_type_that_was_set_replaces_that_of_the_factory) {
  ap::router app;
  app.get("/", [] { return ap::text("x").set("content-type", "text/csv"); });
  test_client client(app);
  const auto r = client.get("/");
  EXPECT_EQ(*r.fields.joined("Content-Type"), "text/csv");
}

TEST(handlers, what_one_answer_set_is_not_in_the_next) {
  ap::router app;
  app.get("/full", [] { return ap::json("{}").status(ap::status::created).set("X-One", "1"); });
  app.get("/empty", [] { return ap::status::ok; });
  app.get("/text", [] { return "t"; });
  test_client client(app);
  client.get("/full");
  const auto empty = client.get("/empty");
  EXPECT_EQ(empty.status, ap::status::ok);
  EXPECT_FALSE(empty.fields.get("X-One"));
  EXPECT_FALSE(empty.fields.get("Content-Type"));
  EXPECT_EQ(empty.body, "");
  client.get("/full");
  EXPECT_EQ(client.get("/text").header("Content-Type"), "text/plain; charset=utf-8");
}

TEST(handlers, cannot_set_what_the_session_writes) {
  ap::response r;
  for (const char* name : {"Content-Length", "transfer-encoding", "CONNECTION", "Date", "Keep-Alive"}) {
    EXPECT_THROW(r.set(name, "x"), std::invalid_argument) << name;
    EXPECT_THROW(r.add(name, "x"), std::invalid_argument) << name;
  }
  EXPECT_THROW(r.set("X-A", "a\r\nB: c"), std::invalid_argument);
  EXPECT_THROW(r.add("X A", "a"), std::invalid_argument);
}

} // namespace
