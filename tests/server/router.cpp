// SPDX-License-Identifier: BSL-1.0
#include <antiphon/server/router.hpp>
#include <antiphon/testing/test_client.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

namespace ap = antiphon;
using ap::testing::test_client;

/// The sentence of what `f` throws.
template <class Exception, class F>
std::string thrown(F f) {
  try {
    f();
  } catch (const Exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

auto says(std::string what) {
  return [what](ap::request& req) {
    std::string all = what;
    for (const char* name : {"x", "y"})
      if (req.route().find(std::string("{") + name) != std::string_view::npos)
        all += std::string(",") + name + "=" + std::string(req.param(name));
    return all;
  };
}

TEST(router_precedence, is_the_same_whatever_the_order_of_registration) {
  std::vector<std::string> patterns = {"/a/b", "/a/{x}", "/a/{x...}", "/{x}/b", "/{x}/{y}", "/{x...}"};
  std::sort(patterns.begin(), patterns.end());
  int orders = 0;
  do {
    if (orders++ % 24 != 0) continue; // a thirtieth of all 720
    ap::router app;
    for (const auto& p : patterns) app.get(p, says(p));
    test_client client(app);
    ASSERT_EQ(client.get("/a/b").body, "/a/b");
    ASSERT_EQ(client.get("/a/c").body, "/a/{x},x=c");
    ASSERT_EQ(client.get("/a/b/c").body, "/a/{x...},x=b/c");
    ASSERT_EQ(client.get("/c/b").body, "/{x}/b,x=c");
    ASSERT_EQ(client.get("/c/d").body, "/{x}/{y},x=c,y=d");
    ASSERT_EQ(client.get("/c/d/e").body, "/{x...},x=c/d/e");
    ASSERT_EQ(client.get("/c").body, "/{x...},x=c");
  } while (std::next_permutation(patterns.begin(), patterns.end()));
}

TEST(router_precedence, goes_back_where_a_fixed_text_leads_nowhere) {
  ap::router app;
  app.get("/a/b/c", says("fixed"));
  app.get("/a/{x}/d", says("param"));
  app.get("/{x}/b/e", says("first"));
  app.get("/{x...}", says("rest"));
  test_client client(app);
  EXPECT_EQ(client.get("/a/b/c").body, "fixed");
  EXPECT_EQ(client.get("/a/b/d").body, "param,x=b");
  EXPECT_EQ(client.get("/a/b/e").body, "first,x=a");
  EXPECT_EQ(client.get("/a/b/f").body, "rest,x=a/b/f");
}

// Segments are compared in words of eight bytes.
TEST(router_precedence, fixed_texts_of_all_sizes_that_differ_in_one_byte) {
  ap::router app;
  const auto name = [](std::size_t size, std::size_t odd) {
    std::string text(size, 'a');
    if (odd < size) text[odd] = 'b';
    return text;
  };
  for (std::size_t size = 1; size <= 34; ++size)
    for (std::size_t odd = 0; odd <= size; odd += odd % 3 + 1) {
      app.get("/" + name(size, odd), says(name(size, odd)));
      app.get("/x/" + name(size, odd) + "/y", says("under " + name(size, odd)));
    }
  app.get("/{x}", says("param"));
  test_client client(app);
  for (std::size_t size = 1; size <= 34; ++size) {
    for (std::size_t odd = 0; odd <= size; odd += odd % 3 + 1) {
      EXPECT_EQ(client.get("/" + name(size, odd)).body, name(size, odd));
      EXPECT_EQ(client.get("/x/" + name(size, odd) + "/y").body, "under " + name(size, odd));
    }
    for (std::size_t odd = 0; odd < size; ++odd) {
      std::string other = name(size, odd);
      other[odd] = 'c';
      EXPECT_EQ(client.get("/" + other).body, "param,x=" + other);
      EXPECT_EQ(client.get("/x/" + other + "/y").status, ap::status::not_found);
    }
  }
}

TEST(router_paths, segments_are_split_before_they_are_decoded) {
  ap::router app;
  app.get("/files/{x}", says("one"));
  app.get("/files/{x}/{y}", says("two"));
  app.get("/all/{x...}", says("rest"));
  app.get("/plain text", says("text"));
  test_client client(app);
  EXPECT_EQ(client.get("/files/a%2Fb").body, "one,x=a/b");
  EXPECT_EQ(client.get("/files/a%2fb/c").body, "two,x=a/b,y=c");
  EXPECT_EQ(client.get("/files/%41%20%c3%a4").body, "one,x=A \xc3\xa4");
  EXPECT_EQ(client.get("/all/a%2Fb/c%20d").body, "rest,x=a/b/c d");
  EXPECT_EQ(client.get("/plain%20text").body, "text");
  EXPECT_EQ(client.get("/%66iles/a").body, "one,x=a") << "fixed text is compared decoded";
}

TEST(router_paths, empty_segments) {
  ap::router app;
  app.get("/", says("root"));
  app.get("/a", says("a"));
  app.get("/a/", says("a slash"));
  app.get("/p/{x}", says("p"));
  app.get("/r/{x...}", says("r"));
  test_client client(app);
  EXPECT_EQ(client.get("/").body, "root");
  EXPECT_EQ(client.get("/a").body, "a");
  EXPECT_EQ(client.get("/a/").body, "a slash");
  EXPECT_EQ(client.get("//a").status, ap::status::not_found);
  EXPECT_EQ(client.get("/p/").status, ap::status::not_found) << "a parameter is never empty";
  EXPECT_EQ(client.get("/p").status, ap::status::not_found);
  EXPECT_EQ(client.get("/r/").body, "r,x=");
  EXPECT_EQ(client.get("/r").status, ap::status::not_found);
  EXPECT_EQ(client.get("/r//").body, "r,x=/");
}

TEST(router_paths, dot_segments_are_400_also_encoded) {
  ap::router app;
  app.get("/{x...}", says("all"));
  test_client client(app);
  for (const char* path : {"/.", "/..", "/a/..", "/a/./b", "/%2e", "/%2E%2e/x", "/a/.%2e/b", "/a/%2e%2E"})
    EXPECT_EQ(client.get(path).status, ap::status::bad_request) << path;
  for (const char* path : {"/...", "/.a", "/a..", "/a.b/..c", "/a?x=../.."})
    EXPECT_EQ(client.get(path).status, ap::status::ok) << path;
}

TEST(router_paths, a_broken_encoding_is_400) {
  ap::router app;
  app.get("/p/{x}", says("p"));
  test_client client(app);
  for (const char* path : {"/p/%", "/p/%4", "/p/%zz"})
    EXPECT_EQ(client.get(path).status, ap::status::bad_request) << path;
}

TEST(router_paths, the_query_is_no_part_of_it) {
  ap::router app;
  app.get("/q", [](ap::request& req) { return std::string(req.query()) + "|" + req.query("b").value_or("none"); });
  test_client client(app);
  EXPECT_EQ(client.get("/q").body, "|none");
  EXPECT_EQ(client.get("/q?a=1&b=x%20y").body, "a=1&b=x%20y|x y");
}

TEST(router_paths, absolute_targets) {
  ap::router app;
  app.get("/a", [](ap::request& req) { return std::string(req.authority()); });
  test_client client(app);
  EXPECT_NE(client.exchange("GET http://other/a HTTP/1.1\r\nHost: h\r\n\r\n").find("\r\n\r\nother"), std::string::npos);
}

TEST(router_methods, merge_from_several_places) {
  ap::router app, more;
  app.get("/things/{id}", says("get"));
  more.put("/{name}", says("put"));
  app.mount("/things", more);
  app.group("/things").del("/{key}", says("del"));
  test_client client(app);
  EXPECT_EQ(client.get("/things/1").body, "get");
  EXPECT_EQ(client.put("/things/1", "").body, "put");
  EXPECT_EQ(client.del("/things/1").body, "del");
  EXPECT_EQ(client.post("/things/1", "").header("Allow"),
            client.request(ap::method::options, "/things/1").header("Allow"));
}

TEST(router_methods, each_has_its_function) {
  ap::router app;
  const auto verb = [](ap::request& req) { return std::string(ap::http::to_string(req.method())); };
  app.get("/", verb).post("/", verb).put("/", verb).patch("/", verb).del("/", verb).on(ap::method::trace, "/", verb);
  test_client client(app);
  EXPECT_EQ(client.get("/").body, "GET");
  EXPECT_EQ(client.post("/", "").body, "POST");
  EXPECT_EQ(client.put("/", "").body, "PUT");
  EXPECT_EQ(client.patch("/", "").body, "PATCH");
  EXPECT_EQ(client.del("/").body, "DELETE");
  EXPECT_EQ(client.request(ap::method::trace, "/").body, "TRACE");
}

TEST(router_methods, a_wrong_one_is_405_with_allow) {
  ap::router app;
  app.get("/a", says("")).post("/a", says(""));
  app.put("/b", says(""));
  test_client client(app);
  const auto r = client.del("/a");
  EXPECT_EQ(r.status, ap::status::method_not_allowed);
  for (const char* verb : {"GET", "HEAD", "POST", "OPTIONS"})
    EXPECT_NE(r.header("Allow").find(verb), std::string_view::npos) << verb;
  EXPECT_EQ(r.header("Allow").find("PUT"), std::string_view::npos);
  const auto b = client.get("/b").header("Allow");
  EXPECT_NE(b.find("PUT"), b.npos);
  EXPECT_EQ(client.head("/b").status, ap::status::method_not_allowed);
  EXPECT_EQ(client.head("/b").header("Allow").find("HEAD"), std::string_view::npos);
  EXPECT_EQ(client.get("/none").status, ap::status::not_found);
}

TEST(router_methods, head_comes_by_itself_and_can_be_told_apart) {
  ap::router app;
  app.get("/own", says("get"));
  app.on(ap::method::head, "/own", [] { return ap::text("four"); });
  app.get("/by_itself", [](ap::request& req) { return req.method() == ap::method::head ? "it is HEAD" : "it is GET"; });
  test_client client(app);
  const auto own = client.head("/own");
  EXPECT_EQ(own.header("Content-Length"), "4");
  EXPECT_EQ(own.body, "");
  EXPECT_EQ(client.head("/by_itself").header("Content-Length"), "10");
  EXPECT_EQ(client.get("/by_itself").body, "it is GET");
}

TEST(router_methods, options_of_a_path_and_of_the_server) {
  ap::router app;
  app.get("/a", says("")).del("/b", says(""));
  app.on(ap::method::options, "/own", says("own"));
  test_client client(app);
  const auto a = client.request(ap::method::options, "/a");
  EXPECT_EQ(a.status, ap::status::no_content);
  EXPECT_NE(a.header("Allow").find("GET"), std::string_view::npos);
  EXPECT_EQ(a.header("Allow").find("DELETE"), std::string_view::npos);
  const auto all = client.request(ap::method::options, "*");
  EXPECT_EQ(all.status, ap::status::no_content);
  for (const char* verb : {"GET", "HEAD", "DELETE", "OPTIONS"})
    EXPECT_NE(all.header("Allow").find(verb), std::string_view::npos) << verb;
  EXPECT_EQ(client.request(ap::method::options, "/own").body, "own");
  EXPECT_EQ(client.request(ap::method::options, "/none").status, ap::status::not_found);
}

TEST(router_methods, connect_and_star_are_refused) {
  ap::router app;
  app.get("/", says(""));
  test_client client(app);
  EXPECT_EQ(client.exchange("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n").substr(9, 1), "4");
  EXPECT_EQ(client.exchange("GET * HTTP/1.1\r\nHost: h\r\n\r\n").substr(9, 3), "400");
}

TEST(router_registration, duplicates_throw_when_it_is_frozen_and_name_themselves) {
  ap::router app;
  app.get("/a/{x}", says("")).get("/a/{other}", says(""));
  const auto why = thrown<std::invalid_argument>([&] { app.freeze(); });
  EXPECT_NE(why.find("GET /a/{other}"), std::string::npos) << why;
  EXPECT_NE(why.find("/a/{x}"), std::string::npos) << why;
  ap::router fine;
  fine.get("/a/{x}", says("")).get("/a/{x...}", says("")).get("/a/x", says("")).post("/a/{x}", says(""));
  EXPECT_NO_THROW(fine.freeze());
}

TEST(router_registration, bad_patterns_throw_at_once_and_name_themselves) {
  ap::router app;
  for (const char* bad : {"", "a", "a/b", "/{}", "/{a", "/a}", "/x{a}", "/{a}x", "/{a...}/b", "/{a b}", "/{...}",
                          "/{a}/{a}", "/a?b", "/a#b", "/./a", "/..", "/a%20b", "/{a..}", "/{a-b}"}) {
    const auto why = thrown<std::invalid_argument>([&] { app.get(bad, says("")); });
    EXPECT_NE(why.find("'" + std::string(bad) + "'"), std::string::npos) << bad << ": " << why;
  }
  EXPECT_THROW(app.mount("no_slash", ap::router()), std::invalid_argument);
  EXPECT_THROW(app.group("/{bad"), std::invalid_argument);
}

TEST(router_registration, parameters_are_limited) {
  std::string pattern, path;
  for (int i = 0; i < 16; ++i) pattern += "/{p" + std::to_string(i) + "}", path += "/v" + std::to_string(i);
  ap::router app;
  app.get(pattern, [](ap::request& req) { return std::string(req.param("p0")) + std::string(req.param("p15")); });
  EXPECT_THROW(app.get(pattern + "/{p16}", says("")), std::invalid_argument);
  test_client client(app);
  EXPECT_EQ(client.get(path).body, "v0v15");
}

TEST(router_registration, parameters_of_mounts_add_up) {
  ap::router inner;
  inner.get("/{x}", says("in"));
  ap::router app;
  app.mount("/{y}", inner);
  test_client client(app);
  EXPECT_EQ(client.get("/1/2").body, "in,x=2,y=1");
  ap::router same;
  same.mount("/{x}", inner);
  EXPECT_NE(thrown<std::invalid_argument>([&] { same.freeze(); }).find("/{x}/{x}"), std::string::npos);
  std::string deep;
  for (int i = 0; i < 16; ++i) deep += "/{p" + std::to_string(i) + "}";
  ap::router many;
  many.mount(deep, inner);
  EXPECT_THROW(many.freeze(), std::invalid_argument);
}

TEST(router_mount, puts_routes_below_a_prefix_also_later_ones) {
  ap::router inner, app;
  inner.get("/early", says("early"));
  app.mount("/in", inner).mount("/again/", inner);
  inner.get("/late", says("late")).get("/", says("root"));
  test_client client(app);
  EXPECT_EQ(client.get("/in/early").body, "early");
  EXPECT_EQ(client.get("/in/late").body, "late");
  EXPECT_EQ(client.get("/in").body, "root") << "its \"/\" is the prefix itself";
  EXPECT_EQ(client.get("/in/").status, ap::status::not_found);
  EXPECT_EQ(client.get("/again/late").body, "late");
  EXPECT_EQ(client.get("/early").status, ap::status::not_found);
}

TEST(router_mount, at_the_root_and_nested) {
  ap::router leaf, middle, app;
  leaf.get("/x", says("leaf"));
  middle.mount("/m", leaf);
  app.mount("/", middle).mount("", leaf);
  test_client client(app);
  EXPECT_EQ(client.get("/m/x").body, "leaf");
  EXPECT_EQ(client.get("/x").body, "leaf");
}

TEST(router_mount, into_itself_throws) {
  ap::router app, other;
  app.mount("/a", other);
  EXPECT_THROW(other.mount("/b", app), std::invalid_argument);
  EXPECT_THROW(app.mount("/a", app), std::invalid_argument);
  EXPECT_NO_THROW(app.mount("/c", other)); // twice is fine
  EXPECT_NO_THROW(app.freeze());
}

TEST(router_frozen, refuses_every_change) {
  ap::router app, inner;
  app.mount("/in", inner);
  app.freeze();
  app.freeze();
  EXPECT_THROW(app.get("/", says("")), std::logic_error);
  EXPECT_THROW(app.mount("/x", ap::router()), std::logic_error);
  EXPECT_THROW(app.group("/x"), std::logic_error);
  EXPECT_THROW(app.on_error([](std::exception_ptr, std::string_view) {}), std::logic_error);
  EXPECT_THROW(inner.get("/", says("")), std::logic_error) << "what is mounted is frozen with it";
}

TEST(router_frozen, a_failed_freeze_can_be_repeated) {
  ap::router app;
  app.get("/", says("")).get("/", says(""));
  EXPECT_THROW(app.freeze(), std::invalid_argument);
  EXPECT_THROW(app.freeze(), std::invalid_argument);
}

TEST(router_handle, a_copy_is_the_same_router) {
  ap::router app;
  const ap::router copy = app;
  copy.get("/", says("through the copy"));
  test_client client(app);
  EXPECT_EQ(client.get("/").body, "through the copy");
  EXPECT_EQ(&app.counts(), &copy.counts());
}

TEST(router_route, is_the_pattern) {
  std::string seen;
  struct spy {
    std::string& to;
    void after(ap::request& req, ap::response&) { to = std::string(req.route()); }
  };
  ap::router app, inner;
  inner.get("/{x}", says(""));
  app.mount("/in", inner).use(spy{seen});
  test_client client(app);
  client.get("/in/12345");
  EXPECT_EQ(seen, "/in/{x}");
  client.post("/in/12345", "");
  EXPECT_EQ(seen, "/in/{x}");
  client.get("/nowhere");
  EXPECT_EQ(seen, "");
}

} // namespace
