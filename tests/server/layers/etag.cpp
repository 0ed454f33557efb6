// SPDX-License-Identifier: BSL-1.0
// Layers that add to what a handler answers: etag, server_timing.
#include "../../support/server_harness.hpp"

#include <antiphon/server/layers/etag.hpp>
#include <antiphon/server/layers/server_timing.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace antiphon_tests;

std::string if_none_match(std::string_view tags) { return "If-None-Match: " + std::string(tags) + "\r\n"; }

TEST_F(in_memory, etag_is_of_the_bytes_and_answers_304) {
  app.use(ap::etag());
  app.get("/a", [] { return ap::text("one").set("Cache-Control", "max-age=5").set("Content-Language", "en"); });
  app.get("/b", [] { return ap::response(ap::status::ok, ap::shared_buffer("one"), "text/css"); });
  app.get("/c", [] { return "two"; });
  const auto a = s.ask(get("/a"));
  const auto tag = a.header("ETag");
  EXPECT_EQ(tag.size(), 34U) << "quotes and 128 bits";
  EXPECT_EQ(s.ask(get("/b")).header("ETag"), tag);
  EXPECT_NE(s.ask(get("/c")).header("ETag"), tag);
  EXPECT_EQ(s.ask(head_of("HEAD", "/a")).header("ETag"), tag);
  for (const std::string& known : {tag, "W/" + tag, "\"x\", " + tag, std::string("*")}) {
    for (const char* verb : {"GET", "HEAD"}) {
      const auto r = s.ask(head_of(verb, "/a", if_none_match(known)));
      EXPECT_EQ(r.code, 304) << known;
      EXPECT_EQ(r.body, "");
      EXPECT_EQ(r.header("ETag"), tag);
      EXPECT_EQ(r.header("Cache-Control"), "max-age=5");
      EXPECT_FALSE(r.has("Content-Type") || r.has("Content-Language"));
    }
  }
  EXPECT_EQ(s.ask(get("/a", if_none_match("\"x\"") + if_none_match(tag))).code, 304) << "in the second line";
  const auto other = s.ask(get("/a", if_none_match("\"x\"")));
  EXPECT_EQ(other.code, 200);
  EXPECT_EQ(other.body, "one");
  EXPECT_EQ(s.ask(get("/a", "If-Match: " + tag + "\r\n")).code, 200);
  EXPECT_EQ(s.ask(get("/a", "If-Match: \"x\"\r\n")).code, 412);
}

TEST_F(in_memory, etag_leaves_alone_what_is_not_its_own) {
  app.use(ap::etag({.max_body = 100}));
  const auto sized = [](std::size_t n) { return [n] { return std::string(n, 'x'); }; };
  app.get("/limit", sized(100)).get("/more", sized(101)).get("/far", sized(10'000));
  app.get("/created", [] { return ap::text("x", ap::status::created); });
  app.get("/secret", [] { return ap::text("x").set("Cache-Control", "private, No-Store"); });
  app.get("/stream", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> { co_await out.write("x"); });
  });
  app.on(ap::method::head, "/head", [] { return ap::status::ok; }).post("/post", [] { return "x"; });
  EXPECT_TRUE(s.ask(get("/limit")).has("ETag"));
  for (const std::string& sent : {get("/more"), get("/far"), get("/created"), get("/secret"), get("/stream"),
                                  get("/none"), head_of("HEAD", "/head"), post("/post", "")})
    EXPECT_FALSE(s.ask(sent).has("ETag")) << sent;
  EXPECT_EQ(s.ask(get("/more", if_none_match("*") + "If-Match: \"x\"\r\n")).code, 200) << "nothing is known of it";
}

TEST_F(in_memory, etag_uses_what_the_handler_has_set) {
  app.use(ap::etag());
  app.get("/tag", [] { return ap::text("x").set("ETag", "W/\"v1\""); });
  app.get("/date", [] { return ap::text("x").set("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"); });
  EXPECT_EQ(s.ask(get("/tag")).header("ETag"), "W/\"v1\"");
  EXPECT_EQ(s.ask(get("/tag", if_none_match("\"v1\""))).code, 304);
  EXPECT_EQ(s.ask(get("/date", "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT\r\n")).code, 304);
  EXPECT_EQ(s.ask(get("/date", "If-Modified-Since: Wed, 31 Dec 2025 00:00:00 GMT\r\n")).code, 200);
}

TEST_F(in_memory, server_timing_tells_the_total_and_what_handlers_add) {
  app.use(ap::server_timing());
  const auto inner = app.group("/in");
  inner.use(ap::server_timing({.total = "inner"}));
  const auto waits = [](ap::request& req) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1500ms);
    auto& t = req.state<ap::timings>();
    t.add("db", 1234567us, "two \"queries\"");
    t.add("cache", -1s);
    co_return "x";
  };
  app.get("/waits", waits).get("/", [] { return "x"; });
  inner.get("/waits", waits);
  for (const auto& [path, total] : {std::pair("/waits", "total"), {"/in/waits", "inner"}}) {
    auto c = s.connect();
    c.send(get(path));
    s.advance(1500ms);
    EXPECT_EQ(c.next().header("Server-Timing"),
              std::string(total) + R"(;dur=1500.000, db;dur=1234.567;desc="two \"queries\"", cache;dur=0.000)");
  }
  EXPECT_EQ(s.ask(get("/")).header("Server-Timing"), "total;dur=0.000");
}

TEST(timings, are_bounded_and_checked) {
  ap::timings t{ap::time_point()};
  for (std::size_t i = 0; i < 100 * ap::timings::most; ++i) t.add("e", 1ms);
  const auto text = t.text("t", ap::time_point(2ms));
  EXPECT_EQ(text.size(), std::string("t;dur=2.000").size() + 32 * std::string(", e;dur=1.000").size());
  EXPECT_THROW(t.add("a b", 1ms), std::invalid_argument);
  EXPECT_THROW(t.add("", 1ms), std::invalid_argument);
  EXPECT_THROW(t.add("a", 1ms, "x\r\ny"), std::invalid_argument);
  EXPECT_THROW(ap::server_timing({.total = ""}), std::invalid_argument);
}

} // namespace
