// SPDX-License-Identifier: BSL-1.0
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/testing/test_client.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

namespace {

namespace ap = antiphon;
namespace polling = ap::polling;
using namespace std::chrono_literals;

std::string text_of(std::string_view body, std::string_view name) {
  const auto at = body.find("\"" + std::string(name) + "\":\"") + name.size() + 4;
  return std::string(body.substr(at, body.find('"', at) - at));
}

struct short_poll : testing::Test {
  short_poll() {
    app.get("/", [this](ap::request& req) { return polling::short_poll(news, req, options); });
    app.get("/even", [this](ap::request& req) {
      return polling::short_poll(news.filtered("even", [](const std::string& t) { return t.size() % 2 == 0; }), req,
                                 options);
    });
    client = std::make_unique<ap::testing::test_client>(app);
  }
  std::string id(int n) const { return to_string(ap::cursor{news.head().log, {0, static_cast<std::uint64_t>(n)}}); }

  ap::topic<std::string> news{{.history = 5}};
  polling::short_poll_options options;
  ap::router app;
  std::unique_ptr<ap::testing::test_client> client;
};

TEST_F(short_poll, answers_with_what_there_is_and_a_cursor) {
  news.publish("a");
  news.publish("b");
  const auto all = client->get("/");
  EXPECT_EQ(all.status, ap::status::ok);
  EXPECT_EQ(all.body, "{\"cursor\":\"" + id(2) + "\",\"gap\":null,\"other_log\":false,\"items\":[{\"id\":\"" + id(1) +
                          "\",\"data\":\"a\"},{\"id\":\"" + id(2) + "\",\"data\":\"b\"}]}");
  EXPECT_EQ(all.fields.get("Link"), "<?after=" + id(2) + ">; rel=\"next\"");
  EXPECT_EQ(all.fields.get("Cache-Control"), "no-store");
  EXPECT_EQ(all.fields.get("Content-Type"), "application/json");
  EXPECT_FALSE(all.fields.contains("Antiphon-Resume"));
  EXPECT_FALSE(all.fields.contains("Retry-After"));
  const auto none = client->get("/?after=" + id(2));
  EXPECT_EQ(none.body, "{\"cursor\":\"" + id(2) + "\",\"gap\":null,\"other_log\":false,\"items\":[]}");
  EXPECT_EQ(none.fields.get("Antiphon-Resume"), "whole");
}

TEST_F(short_poll, a_chain_of_cursors_loses_and_repeats_nothing) {
  options.max_items = 2;
  std::string published, seen, after = "earliest";
  for (int i = 0; i < 30; ++i) {
    if (i % 3 != 2) {
      published += static_cast<char>('a' + i % 26);
      news.publish(published.substr(published.size() - 1));
    }
    const auto answer = client->get("/?after=" + after);
    after = text_of(answer.body, "cursor");
    for (auto at = answer.body.find("\"data\":\""); at != std::string::npos;
         at = answer.body.find("\"data\":\"", at + 1))
      seen += answer.body[at + 8];
  }
  EXPECT_EQ(seen, published);
}

TEST_F(short_poll, keeps_to_its_limits) {
  for (int i = 0; i < 5; ++i) news.publish(std::string(100, 'x'));
  const auto items = [&] {
    const auto body = client->get("/").body;
    std::size_t n = 0;
    for (auto at = body.find("\"data\""); at != std::string::npos; at = body.find("\"data\"", at + 1)) ++n;
    return n;
  };
  options.max_items = 3;
  EXPECT_EQ(items(), 3U);
  options.max_items = 100;
  options.max_bytes = 200;
  EXPECT_EQ(items(), 2U);
  options.max_bytes = 199;
  EXPECT_EQ(items(), 1U);
  options.max_bytes = 1;
  EXPECT_EQ(items(), 1U) << "one in any case";
}

TEST_F(short_poll, begins_where_the_client_or_the_program_says) {
  for (const char* text : {"a", "b"}) news.publish(text);
  const auto has = [&](std::string_view path, std::string_view item) {
    return client->get(path).body.find("\"data\":\"" + std::string(item) + "\"") != std::string::npos;
  };
  EXPECT_TRUE(has("/", "a") && has("/", "b")) << "all, as a rule";
  EXPECT_TRUE(!has("/?after=latest", "a") && has("/?after=latest", "b"));
  options.from = ap::position::latest;
  EXPECT_TRUE(!has("/", "a") && has("/", "b"));
  EXPECT_TRUE(has("/?after=earliest", "a"));
  options.from = ap::position::now;
  EXPECT_FALSE(has("/", "b"));
}

TEST_F(short_poll, tells_what_was_missed) {
  for (int i = 1; i <= 9; ++i) news.publish(std::to_string(i));
  const auto gap = client->get("/?after=" + id(2));
  EXPECT_NE(gap.body.find("\"gap\":{\"after\":\"" + id(2) + "\",\"before\":\"" + id(5) + "\",\"at_most\":2}"),
            std::string::npos)
      << gap.body;
  EXPECT_EQ(gap.fields.get("Antiphon-Resume"), "gap; at-most=2");
  for (const auto& cursor : {id(10), std::string("junk"), to_string(ap::cursor{news.head().log ^ 5, {0, 6}})}) {
    const auto other = client->get("/?after=" + cursor);
    EXPECT_NE(other.body.find("\"other_log\":true"), std::string::npos) << cursor;
    EXPECT_NE(other.body.find("\"data\":\"5\""), std::string::npos) << "it goes on at the oldest";
    EXPECT_EQ(other.fields.get("Antiphon-Resume"), "other-log");
  }
}

TEST_F(short_poll, says_304_where_nothing_came) {
  news.publish("even");
  const auto first = client->get("/even");
  const std::string tag(*first.fields.get("ETag"));
  news.publish("odd"); // not of the choice
  const auto asks = [&](std::string_view path, const std::string& known) {
    return client->get(path, {{"If-None-Match", known}});
  };
  const auto same = asks("/even?after=" + id(1), tag);
  EXPECT_EQ(same.status, ap::status::not_modified);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(same.fields.get("ETag"), tag);
  EXPECT_EQ(same.fields.get("Link"), "<?after=" + id(2) + ">; rel=\"next\"") << "the cursor moves on";
  EXPECT_EQ(asks("/even?after=" + id(2), tag).status, ap::status::not_modified);
  EXPECT_EQ(asks("/even", tag).status, ap::status::not_modified) << "the same list as before";
  EXPECT_EQ(asks("/?after=" + id(2), tag).status, ap::status::ok) << "another choice";
  EXPECT_EQ(asks("/even?after=" + id(1), "W/\"junk\"").status, ap::status::ok);
  news.publish("also");
  EXPECT_EQ(asks("/even?after=" + id(2), tag).status, ap::status::ok);
}

TEST_F(short_poll, if_none_match_is_a_list_and_compared_weakly) {
  news.publish("a");
  const std::string tag(*client->get("/").fields.get("ETag"));
  const auto status = [&](const std::string& known, const char* path = "/") {
    return client->get(path, {{"If-None-Match", known}}).status;
  };
  EXPECT_EQ(status("\"x\", " + tag + " , W/\"y\""), ap::status::not_modified);
  EXPECT_EQ(status(tag.substr(2)), ap::status::not_modified) << "weak and strong are the same here";
  EXPECT_EQ(status("\"x\",W/\"y,z\""), ap::status::ok);
  EXPECT_EQ(status(tag + "x"), ap::status::ok);
  EXPECT_EQ(client->get("/", {{"If-None-Match", "\"x\""}, {"If-None-Match", tag}}).status, ap::status::not_modified);
  const auto any = client->get("/", {{"If-None-Match", "*"}});
  EXPECT_EQ(any.status, ap::status::not_modified);
  EXPECT_EQ(any.fields.get("Link"), "<?after=" + id(0) + ">; rel=\"next\"") << "what was not sent is not passed over";
  EXPECT_EQ(any.fields.get("ETag"), tag);
  for (int i = 0; i < 9; ++i) news.publish("b");
  EXPECT_EQ(client->get("/?after=" + id(1), {{"If-None-Match", "*"}}).status, ap::status::ok) << "a gap is told";
}

TEST_F(short_poll, no_query_ends_the_link_or_names_another_cursor) {
  const auto link = [&](const std::string& query) {
    return std::string(*client->get("/?" + query).fields.get("Link"));
  };
  const auto next = "after=" + id(0) + ">; rel=\"next\"";
  EXPECT_EQ(link("a=1&b=%3E"), "<?a=1&b=%3E&" + next);
  EXPECT_EQ(link("a=>;rel=x,<y"), "<?a=%3E;rel=x,%3Cy&" + next);
  EXPECT_EQ(link("a=\"{}|\\^`[]"), "<?a=%22%7B%7D%7C%5C%5E%60%5B%5D&" + next);
  EXPECT_EQ(link("%61fter=junk&a=2&aft%65r=x&after=y"), "<?a=2&" + next);
  EXPECT_EQ(link("&&afters=1&&"), "<?afters=1&" + next);
}

TEST_F(short_poll, keeps_the_rest_of_the_query_in_its_link) {
  EXPECT_EQ(client->get("/?x=1&after=" + id(0) + "&y=%20").fields.get("Link"),
            "<?x=1&y=%20&after=" + id(0) + ">; rel=\"next\"");
}

TEST_F(short_poll, sets_the_pace) {
  options.pace = 1500ms;
  EXPECT_EQ(client->get("/").fields.get("Retry-After"), "2");
}

TEST_F(short_poll, raw_is_one_message_as_it_is) {
  options.as = polling::form::raw;
  EXPECT_EQ(client->get("/").status, ap::status::no_content);
  news.publish("a");
  news.publish("b");
  const auto one = client->get("/");
  EXPECT_EQ(one.body, "a");
  EXPECT_EQ(one.fields.get("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(one.fields.get("Link"), "<?after=" + id(1) + ">; rel=\"next\"");
  EXPECT_EQ(client->get("/?after=" + id(1)).body, "b");
  const auto none = client->get("/?after=" + id(2));
  EXPECT_EQ(none.status, ap::status::no_content);
  EXPECT_EQ(none.fields.get("Link"), "<?after=" + id(2) + ">; rel=\"next\"");
}

struct named {
  std::string text;
};
ap::payload to_payload(const named& n) { return ap::payload::view_of(n.text, ap::text_type).name("price"); }

TEST(polling_form, items_have_the_name_of_their_payload) {
  ap::router app;
  ap::topic_map<named> prices;
  app.get("/", [=](ap::request& req) { return polling::short_poll(prices, req); });
  prices.publish("a", {"7"});
  ap::testing::test_client client(app);
  EXPECT_NE(client.get("/").body.find(",\"subject\":\"a\",\"event\":\"price\",\"data\":\"7\"}"), std::string::npos);
}

TEST(polling_form, data_is_json_text_or_base64) {
  ap::router app;
  ap::topic<int> numbers;
  ap::topic<std::string> texts;
  ap::topic<ap::shared_buffer> bytes;
  app.get("/numbers", [=](ap::request& req) { return polling::short_poll(numbers, req); });
  app.get("/texts", [=](ap::request& req) { return polling::short_poll(texts, req); });
  app.get("/bytes", [=](ap::request& req) { return polling::short_poll(bytes, req); });
  numbers.publish(7);
  texts.publish("\"\n\xc3\xa4");
  texts.publish("\xff");
  for (const char* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) bytes.publish(ap::shared_buffer(text));
  ap::testing::test_client client(app);
  EXPECT_NE(client.get("/numbers").body.find("\"data\":7}"), std::string::npos);
  const auto text = client.get("/texts").body;
  EXPECT_NE(text.find("\"data\":\"\\\"\\n\xc3\xa4\"}"), std::string::npos) << text;
  EXPECT_NE(text.find("\"data\":\"/w==\",\"base64\":true}"), std::string::npos) << "no UTF-8";
  const auto coded = client.get("/bytes").body;
  for (const char* text_of :
       {"\"\"", "\"Zg==\"", "\"Zm8=\"", "\"Zm9v\"", "\"Zm9vYg==\"", "\"Zm9vYmE=\"", "\"Zm9vYmFy\""})
    EXPECT_NE(coded.find("\"data\":" + std::string(text_of) + ",\"base64\":true}"), std::string::npos) << text_of;
}

} // namespace
