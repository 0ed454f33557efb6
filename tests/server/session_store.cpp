// SPDX-License-Identifier: BSL-1.0
#include "server/session_client.hpp"

#include <antiphon/server/session_store.hpp>

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace antiphon_tests {
namespace {

class session_store : public in_memory {
 protected:
  ap::session_store use(ap::session_store_options o = {}, ap::session_options cookie = {}) {
    ap::session_store store(o);
    app.use(ap::sessions(store, cookie));
    add_session_routes(app);
    return store;
  }
  session_client a{s}, b{s};
};

TEST_F(session_store, remembers_by_a_cookie_that_says_nothing) {
  const auto store = use();
  EXPECT_EQ(a.ask("/get/x"), "-");
  EXPECT_FALSE(a.last.has("Set-Cookie")) << "nothing was kept";
  EXPECT_EQ(store.size(), 0U);
  a.ask("/set/x/1");
  EXPECT_EQ(a.value().size(), 32U);
  EXPECT_EQ(a.last.header("Set-Cookie"), "session=" + a.value() + "; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_EQ(a.last.header("Cache-Control"), "no-store");
  EXPECT_EQ(a.ask("/get/x"), "1");
  EXPECT_FALSE(a.last.has("Set-Cookie"));
  EXPECT_FALSE(a.last.has("Cache-Control"));
  a.ask("/set/y/2");
  EXPECT_FALSE(a.last.has("Set-Cookie")) << "the id stays";
  EXPECT_EQ(a.ask("/get/x") + a.ask("/get/y"), "12");
  EXPECT_EQ(b.ask("/get/x"), "-");
  b.ask("/set/x/other");
  EXPECT_EQ(a.ask("/get/x") + b.ask("/get/x"), "1other");
  EXPECT_EQ(store.size(), 2U);
  store.clear();
  EXPECT_EQ(a.ask("/get/x"), "-");
}

TEST_F(session_store, takes_no_id_that_it_did_not_give) {
  const auto store = use();
  a.cookie = "session=" + std::string(32, 'a');
  const auto planted = a.cookie;
  EXPECT_EQ(a.ask("/get/x"), "-");
  EXPECT_FALSE(a.last.has("Set-Cookie")) << "that of a request which came later may stand already";
  a.ask("/set/x/1");
  EXPECT_NE(a.cookie, planted);
  for (const char* bad : {"", "x", "\"\"", "../../x", "session"}) {
    b.cookie = "session=" + std::string(bad);
    EXPECT_EQ(b.ask("/get/x"), "-") << bad;
  }
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    b.cookie.clear();
    b.ask("/set/x/1");
    ids.insert(b.cookie);
  }
  EXPECT_EQ(ids.size(), 100U);
}

TEST_F(session_store, a_log_in_gives_a_new_id_and_a_log_out_ends_it) {
  const auto store = use();
  a.ask("/set/cart/3");
  b.cookie = a.cookie; // somebody who knows the id
  a.ask("/login/ann");
  EXPECT_NE(a.cookie, b.cookie);
  EXPECT_EQ(a.ask("/get/user") + a.ask("/get/cart"), "ann3");
  EXPECT_EQ(b.ask("/get/user") + b.ask("/get/cart"), "--") << "the old id is worth nothing";
  EXPECT_EQ(store.size(), 1U);
  b.cookie = a.cookie;
  a.ask("/logout");
  EXPECT_EQ(a.last.header("Set-Cookie"),
            "session=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax");
  EXPECT_EQ(store.size(), 0U);
  EXPECT_EQ(b.ask("/get/user"), "-") << "a copy of the cookie too";
  a.ask("/logout");
  EXPECT_FALSE(a.last.has("Set-Cookie"));
}

TEST_F(session_store, what_is_empty_is_not_kept) {
  const auto store = use();
  EXPECT_EQ(a.ask("/erase/x"), "was not there");
  a.ask("/set/x/1");
  a.ask("/set/y/2");
  EXPECT_EQ(a.ask("/erase/x"), "erased");
  EXPECT_EQ(a.ask("/get/x") + a.ask("/get/y"), "-2");
  const auto before = a.cookie;
  a.ask("/again");
  EXPECT_NE(a.cookie, before) << "cleared and begun again: another one";
  EXPECT_EQ(a.ask("/get/y") + a.ask("/get/fresh"), "-yes");
  EXPECT_EQ(store.size(), 1U);
  a.ask("/erase/fresh");
  EXPECT_EQ(a.cookie, "");
  EXPECT_EQ(store.size(), 0U);
}

TEST_F(session_store, a_value_may_be_a_view_of_the_session) {
  use();
  app.get("/copy", [](ap::request& req) {
    auto& session = ap::session_of(req);
    session.set("n0", "short");
    for (int i = 0; i < 20; ++i) session.set("n" + std::to_string(i + 1), *session.get("n" + std::to_string(i)));
    session.set("n0", session.get("n0")->substr(1, 3));
    return std::string(*session.get("n20")) + std::string(*session.get("n0"));
  });
  EXPECT_EQ(a.ask("/copy"), "shorthor");
}

TEST_F(session_store, sessions_end_when_idle_and_at_their_age) {
  use({.idle = 10min, .absolute = 1h});
  a.ask("/set/x/1");
  s.advance(10min - 1ms);
  EXPECT_EQ(a.ask("/get/x"), "1");
  s.advance(10min - 1ms);
  a.ask("/none");
  s.advance(1ms);
  EXPECT_EQ(a.ask("/get/x"), "-") << "what asks for no session does not use it";
  a.ask("/set/x/2");
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(a.ask("/get/x"), "2") << i;
    s.advance(9min);
  }
  EXPECT_EQ(a.ask("/get/x"), "2");
  s.advance(6min);
  EXPECT_EQ(a.ask("/get/x"), "-") << "an hour after it began";
  a.ask("/set/x/3");
  s.advance(9min);
  a.ask("/login/ann");
  for (int i = 0; i < 6; ++i) {
    s.advance(9min);
    EXPECT_EQ(a.ask("/get/x"), "3") << "a log-in begins its time again";
  }
}

TEST_F(session_store, has_a_number_of_sessions_and_the_one_unused_longest_goes) {
  const auto store = use({.max_sessions = 3, .idle = 10min});
  a.ask("/set/x/a");
  b.ask("/set/x/b");
  session_client c{s};
  c.ask("/set/x/c");
  EXPECT_EQ(a.ask("/get/x"), "a") << "at the limit";
  session_client d{s};
  d.ask("/set/x/d");
  EXPECT_EQ(store.size(), 3U);
  EXPECT_EQ(a.ask("/get/x") + b.ask("/get/x") + c.ask("/get/x") + d.ask("/get/x"), "a-cd");
  for (int i = 0; i < 300; ++i) session_client{s}.ask("/set/x/1");
  EXPECT_EQ(store.size(), 3U);
  s.advance(10min);
  session_client{s}.ask("/set/x/1");
  EXPECT_EQ(store.size(), 1U) << "those that are over make room first";
}

TEST_F(session_store, a_session_has_a_size) {
  use({.max_bytes = 100});
  EXPECT_EQ(a.ask("/many/95"), "kept") << "5 bytes are the name";
  EXPECT_EQ(a.ask("/many/96"), "500");
  EXPECT_EQ(a.ask("/many/9600"), "500");
  EXPECT_EQ(a.ask("/get/large").size(), 95U) << "nothing has changed";
  EXPECT_EQ(a.ask("/set/y/1"), "500");
  EXPECT_EQ(a.ask("/get/y"), "-");
  ASSERT_EQ(s.errors.size(), 3U);
  EXPECT_NE(s.errors[0].find("larger than its store takes"), std::string::npos);
}

TEST_F(session_store, requests_at_the_same_time_keep_what_each_has_set) {
  use();
  app.get("/slow/{name}", [](ap::request& req) -> asio::awaitable<ap::response> {
    auto& session = ap::session_of(req);
    co_await ap::sleep_for(1s);
    session.set(req.param("name"), "slow");
    co_return "done";
  });
  a.ask("/set/x/1");
  auto& c = s.client();
  const auto slow = [&](std::string_view name) {
    c.send(get("/slow/" + std::string(name), "Cookie: " + a.cookie + "\r\n"));
    s.settle();
  };
  slow("y");
  a.ask("/set/z/3");
  a.ask("/erase/x");
  s.advance(1s);
  EXPECT_EQ(c.next().body, "done");
  EXPECT_EQ(a.ask("/get/x") + a.ask("/get/y") + a.ask("/get/z"), "-slow3");

  slow("w");
  const auto old = a.cookie;
  a.ask("/login/ann");
  s.advance(1s);
  const auto late = c.next();
  EXPECT_EQ(late.body, "done");
  EXPECT_FALSE(late.has("Set-Cookie")) << "it would take the log-in away";
  EXPECT_EQ(a.ask("/get/user"), "ann");

  slow("v");
  a.ask("/logout");
  s.advance(1s);
  EXPECT_FALSE(c.next().has("Set-Cookie"));
  EXPECT_EQ(a.ask("/get/v"), "-") << "and what was ended stays so";
}

TEST_F(session_store, the_cookie_is_as_the_options_say) {
  use({}, {.cookie = "__Secure-id",
           .path = "/set",
           .domain = "example.org",
           .same_site = ap::same_site::strict,
           .max_age = 1h});
  a.ask("/set/x/1");
  EXPECT_EQ(a.last.header("Set-Cookie"), "__Secure-id=" + a.value() +
                                             "; Path=/set; Domain=example.org; Max-Age=3600; Secure; HttpOnly; "
                                             "SameSite=Strict");
  a.ask("/logout");
  EXPECT_EQ(a.last.header("Set-Cookie"), "__Secure-id=; Path=/set; Domain=example.org; Max-Age=0; Expires=Thu, 01 Jan "
                                         "1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Strict");
}

TEST_F(session_store, is_secure_over_tls_and_keeps_other_cache_rules) {
  s.options.secure = true;
  use();
  app.get("/page", [](ap::request& req) {
    ap::session_of(req).set("x", "1");
    return ap::response("text").set("Cache-Control", "private, max-age=60");
  });
  a.ask("/page");
  EXPECT_NE(a.last.header("Set-Cookie").find("; Secure;"), std::string::npos);
  EXPECT_EQ(a.last.header("Cache-Control"), "private, max-age=60");
}

TEST_F(session_store, wrong_uses_are_told) {
  const ap::session_store store;
  EXPECT_THROW(ap::sessions(store, {.cookie = "a b"}), std::invalid_argument);
  EXPECT_THROW(ap::sessions(store, {.path = "x"}), std::invalid_argument);
  EXPECT_THROW(ap::sessions(store, {.cookie = "__Host-a", .domain = "b.c"}), std::invalid_argument);
  EXPECT_THROW(ap::sessions(store, {.same_site = ap::same_site::none}), std::invalid_argument);
  EXPECT_NO_THROW(ap::sessions(store, {.secure = true, .same_site = ap::same_site::none}));
  add_session_routes(app); // and no layer
  EXPECT_EQ(a.ask("/get/x"), "500");
  ASSERT_EQ(s.errors.size(), 1U);
  EXPECT_NE(s.errors[0].find("use the layer antiphon::sessions"), std::string::npos) << s.errors[0];
}

TEST_F(session_store, of_two_layers_the_outer_one_holds_and_too_many_cookies_are_400) {
  const auto outer = use();
  const ap::session_store inner;
  ap::router below;
  below.use(ap::sessions(inner));
  add_session_routes(below);
  app.mount("/below", below);
  a.ask("/below/set/x/1");
  EXPECT_EQ(outer.size(), 1U);
  EXPECT_EQ(inner.size(), 0U);
  EXPECT_EQ(a.ask("/get/x"), "1");

  std::string many = a.cookie;
  for (int i = 0; i < 49; ++i) many += "; c=1";
  EXPECT_EQ(s.ask(get("/get/x", "Cookie: " + many + "\r\n")).body, "1");
  EXPECT_EQ(s.ask(get("/get/x", "Cookie: " + many + "; c=1\r\n")).code, 400);
  EXPECT_EQ(s.ask(get("/none", "Cookie: " + many + "; c=1\r\n")).code, 200);
  EXPECT_TRUE(s.errors.empty());
}

TEST(session_store_of_threads, is_one_for_all) {
  const ap::session_store store({.max_sessions = 50});
  const auto backend = store.backend();
  const ap::time_point now{};
  ap::detail::session_record shared;
  shared.entries.push_back({"n", "0", true});
  const auto id = *backend->save(shared, {"session", now});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        ap::detail::session_record own, of_all;
        own.entries.push_back({"x", std::to_string(i), true});
        const auto mine = backend->save(own, {"session", now});
        ap::detail::session_record again;
        backend->load(again, *mine, {"session", now});
        if (again.known && i % 3 == 0) backend->remove(again);
        backend->load(of_all, id, {"session", now});
        ASSERT_TRUE(of_all.known) << "it is used all the time";
        of_all.entries.push_back({"by" + std::to_string(t), std::to_string(i), true});
        EXPECT_FALSE(backend->save(of_all, {"session", now}));
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_LE(store.size(), 50U);
  ap::detail::session_record last;
  backend->load(last, id, {"session", now});
  for (int t = 0; t < 4; ++t) EXPECT_EQ(last.find("by" + std::to_string(t))->value, "499");
}

} // namespace
} // namespace antiphon_tests
