// SPDX-License-Identifier: BSL-1.0
#include "served.hpp"

#include <antiphon/http/flow.hpp>
#include <antiphon/server/layers/request_id.hpp>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

namespace ap = antiphon;
using layer_tests::driven;
using layer_tests::field_of;
using layer_tests::served;

std::string id_for(std::string_view head, ap::request_id_options options, std::string_view field = "X-Request-Id") {
  ap::router app;
  std::string seen;
  app.use(ap::request_id(options));
  app.get("/", [&](ap::request& req) {
    seen = req.notes().get("request-id").value_or("(no note)");
    return "";
  });
  driven d(app);
  d.exchange(head);
  EXPECT_EQ(d.response().fields().get(field).value_or("(no field)"), seen);
  return seen;
}

bool is_made(std::string_view id) {
  return id.size() == 32 &&
         std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

TEST(request_id, is_made_and_left_as_a_note_and_sent_as_a_field) {
  EXPECT_TRUE(is_made(id_for("GET / HTTP/1.1\r\nHost: a\r\n\r\n", {})));
}

TEST(request_id, of_the_client_is_not_taken_unless_told_so) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nx-request-id: chosen\r\n\r\n";
  EXPECT_TRUE(is_made(id_for(head, {})));
  EXPECT_EQ(id_for(head, {.trust_client = true}), "chosen");
}

TEST(request_id, of_a_trusted_client_is_taken_only_where_it_is_well_formed) {
  const auto sent = [](const std::string& id) {
    return id_for("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + id + "\r\n\r\n", {.trust_client = true});
  };
  EXPECT_EQ(sent("7a4b-ZZ_.~+/=:"), "7a4b-ZZ_.~+/=:");
  EXPECT_EQ(sent(std::string(128, 'a')), std::string(128, 'a'));
  EXPECT_TRUE(is_made(sent(std::string(129, 'a'))));
  EXPECT_TRUE(is_made(sent(std::string(7'000, 'a'))));
  EXPECT_TRUE(is_made(sent("")));
  for (const char* forged : {"a b", "a\tb", "a\"b", "a\\b", "<script>", "a;b", "a,b", "a%0d%0ab", "\xc3\xa9", "a\x80"})
    EXPECT_TRUE(is_made(sent(forged))) << forged;
}

TEST(request_id, uses_the_field_that_it_is_told) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX-Trace: t1\r\nX-Request-Id: r1\r\n\r\n";
  EXPECT_EQ(id_for(head, {.trust_client = true, .field = "X-Trace"}, "X-Trace"), "t1");

  ap::router silent;
  silent.use(ap::request_id({.trust_client = true, .field = {}})).get("/", [] { return ""; });
  driven d(silent);
  d.exchange(head);
  EXPECT_TRUE(d.response().fields().empty());
  EXPECT_TRUE(is_made(d.request().notes().get("request-id").value_or("")));
}

TEST(request_id, refuses_a_field_that_it_could_never_send) {
  for (const char* bad : {"X Request", "X:", "Content-Length", "Connection", "X\r\nSet-Cookie"})
    EXPECT_THROW(ap::request_id({.field = bad}), std::invalid_argument) << bad;
}

TEST(request_id, of_an_outer_layer_holds) {
  ap::router app, inner;
  std::string seen;
  inner.use(ap::request_id({.trust_client = true}));
  inner.get("/", [&](ap::request& req) {
    seen = req.notes().get("request-id").value_or("");
    return "";
  });
  app.use(ap::request_id()).mount("/in", inner);
  driven d(app);
  d.exchange("GET /in HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n");
  EXPECT_TRUE(is_made(seen));
  EXPECT_EQ(d.request().notes().size(), 1U);
  EXPECT_EQ(d.response().fields().wire(), "X-Request-Id: " + seen + "\r\n");
}

/// Answers with what it is told.
struct held final : ap::http::flow {
  explicit held(bool whole) : whole_(whole) {}
  step run(ap::http::exchange& x, event) override {
    if (whole_) {
      x.reply(ap::text("whole"));
    } else {
      x.start(ap::status::ok, "text/plain", {});
    }
    return step::end;
  }
  bool whole_;
};

TEST(request_id, is_on_every_kind_of_answer) {
  ap::router app;
  app.use(ap::request_id());
  app.get("/bytes", [] { return "x"; });
  app.get("/coroutine", []() -> asio::awaitable<ap::response> { co_return "x"; });
  app.get("/body", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> { co_await out.write("x"); });
  });
  app.get("/flow", [] { return ap::response(std::make_unique<held>(false)); });
  app.get("/reply", [] { return ap::response(std::make_unique<held>(true)); });
  app.get("/thrown", []() -> ap::response { throw std::runtime_error("meant"); });
  app.on_error([](const std::exception_ptr&, std::string_view) {});
  served s(app);
  for (const std::string path : {"/bytes", "/coroutine", "/body", "/flow", "/reply", "/thrown", "/none"}) {
    const auto got = s.talk("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(is_made(field_of(got, "X-Request-Id"))) << path << '\n' << got;
  }
  const auto refused = s.talk("GET /bytes HTTP/1.1\r\nHost: a\r\nExpect: the-worst\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 417 ")) << refused;
  EXPECT_TRUE(is_made(field_of(refused, "X-Request-Id"))) << refused;
}

} // namespace
