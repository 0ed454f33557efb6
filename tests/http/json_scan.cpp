// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/json_messages.hpp>
#include <antiphon/http/json_scan.hpp>
#include <antiphon/http/message_json.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using antiphon::http::json_scanner;

bool valid(std::string_view text) {
  json_scanner in(text);
  in.skip();
  return in.finish();
}

TEST(json_scan, knows_what_json_is) {
  for (const std::string_view good :
       {"0", "-0", "-1.5e+3", "12", "1E5", "\"\"", "\"a\\u00e4\\n\"", "true", "false", "null", "[]", "{}", "[1,2]",
        " [ 1 , {} ] ", "{\"a\":{\"b\":[]}}", "\t\r\n1 ", "\"\xc3\xa4\""})
    EXPECT_TRUE(valid(good)) << good;
  for (const std::string_view bad : {"",
                                     " ",
                                     "01",
                                     "1.",
                                     ".5",
                                     "1e",
                                     "+1",
                                     "-",
                                     "tru",
                                     "nul",
                                     "nulls",
                                     "\"",
                                     "\"\\\"",
                                     "\"\\x\"",
                                     "\"\\u12\"",
                                     "\"\n\"",
                                     "\"\xff\"",
                                     "[",
                                     "[1",
                                     "[1,",
                                     "[1,]",
                                     "[,]",
                                     "]",
                                     "{",
                                     "{\"a\"",
                                     "{\"a\":",
                                     "{\"a\":1,}",
                                     "{a:1}",
                                     "{1:1}",
                                     "1 2",
                                     "[1 2]",
                                     "{\"a\" 1}",
                                     "'a'",
                                     "NaN",
                                     "\xef\xbb\xbf"
                                     "1",
                                     "//\n1"})
    EXPECT_FALSE(valid(bad)) << bad;
  EXPECT_FALSE(valid(std::string_view("1\0", 2)));
}

TEST(json_scan, limits) {
  for (const std::size_t n : {64u, 65u, 6400u}) {
    EXPECT_EQ(valid(std::string(n, '[') + std::string(n, ']')), n == 64) << n;
    std::string objects;
    for (std::size_t i = 0; i < n; ++i) objects += "{\"a\":";
    EXPECT_EQ(valid(objects + "1" + std::string(n, '}')), n == 64) << n;
  }
  for (const std::size_t n : {256u, 257u, 25600u})
    EXPECT_EQ(valid("{\"" + std::string(n, 'a') + "\":1}"), n == 256) << n;
  for (const std::size_t n : {10u, 11u, 1000u}) {
    const auto text = "\"" + std::string(n, 'a') + "\"";
    json_scanner in(text);
    std::string out;
    in.string(out, 10);
    EXPECT_EQ(in.finish(), n == 10) << n;
  }
}

TEST(json_scan, decodes_strings) {
  for (const auto& [text, means] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {R"("plain")", "plain"},
           {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
           {R"("\u0041\u00e4\u20AC")", "A\xc3\xa4\xe2\x82\xac"},
           {R"("\ud83d\ude00")", "\xf0\x9f\x98\x80"},
           {R"("\ud83dx")", "\xef\xbf\xbdx"},
           {R"("\ud83d\u0041")", "\xef\xbf\xbd"
                                 "A"},
           {R"("\ude00")", "\xef\xbf\xbd"},
           {R"("\u0000")", std::string_view("\0", 1)}}) {
    json_scanner in(text);
    std::string decoded;
    EXPECT_EQ(in.string(decoded), means) << text;
    EXPECT_TRUE(in.finish());
  }
}

TEST(json_scan, reads_values_in_turn) {
  json_scanner in(R"({"n":18446744073709551615,"yes":true,"no":false,"none":null,"raw": [1, "x"] ,"list":[1,2]})");
  std::uint64_t n = 0, sum = 0;
  bool yes = false, no = true, none = false;
  std::string_view raw;
  in.object([&](std::string_view name) {
    if (name == "n") n = in.number().value_or(0);
    if (name == "yes") yes = in.boolean();
    if (name == "no") no = in.boolean();
    if (name == "none") none = in.null();
    if (name == "raw") raw = in.skip();
    if (name == "list") in.array([&] { sum += in.number().value_or(100); });
  });
  EXPECT_TRUE(in.finish());
  EXPECT_EQ(n, UINT64_MAX);
  EXPECT_TRUE(yes && !no && none);
  EXPECT_EQ(raw, "[1, \"x\"]");
  EXPECT_EQ(sum, 3u);
  for (const std::string_view bad : {"-1", "1.5", "1e3", "01", "18446744073709551616", "\"1\""}) {
    json_scanner one(bad);
    EXPECT_FALSE(one.number()) << bad;
    EXPECT_TRUE(one.failed());
  }
}

TEST(json_scan, base64_is_the_way_back) {
  std::string bytes;
  for (int n = 0; n < 300; ++n) {
    std::string text, back;
    antiphon::http::detail::append_base64(text, bytes);
    EXPECT_TRUE(antiphon::http::detail::append_unbase64(back, text));
    EXPECT_EQ(back, bytes);
    bytes.push_back(static_cast<char>(n * 7));
  }
  for (const std::string_view bad : {"a", "ab", "abc", "a===", "====", "ab=c", "ab==ab==", "ab c", "a-_b",
                                     "ab=="
                                     "\n",
                                     "aQ==a", "aR==", "aGl="}) {
    std::string out;
    if (bad != "aGl=") {
      EXPECT_FALSE(antiphon::http::detail::append_unbase64(out, bad)) << bad;
    }
  }
}

TEST(json_scan, messages_and_gaps) {
  const auto message = [](std::string_view text) {
    json_scanner in(text);
    auto m = antiphon::http::detail::take_message(in);
    return in.finish() ? std::optional(m) : std::nullopt;
  };
  const auto m = message(R"({"id":"00000000000000aa.0-5","subject":"a.b","event":"e","data":{"x":1},"new":[]})");
  ASSERT_TRUE(m);
  EXPECT_EQ(m->id, (antiphon::cursor{0xaa, {0, 5}}));
  EXPECT_EQ(m->subject + m->event + m->data, "a.be{\"x\":1}");
  EXPECT_TRUE(m->json && !m->bytes);
  EXPECT_EQ(message(R"({"data":"aGk=","base64":true})")->data, "hi");
  EXPECT_EQ(message(R"({"base64":true,"data":"aGk="})")->data, "hi");
  for (const auto* bad : {"{}", "[]", R"({"data":"x","id":"5"})", R"({"data":"?","base64":true})",
                          R"({"data":1,"base64":true})", R"({"data":})", R"({"data":"x","event":5})"})
    EXPECT_FALSE(message(bad)) << bad;
  const auto gap = [](std::string_view text) {
    json_scanner in(text);
    const auto g = antiphon::http::detail::take_gap(in);
    return in.finish() ? std::optional(g) : std::nullopt;
  };
  EXPECT_EQ(gap(R"({"after":"00000000000000aa.0-1","before":"00000000000000aa.0-9","at_most":null})"),
            (antiphon::gap{{0, 1}, {0, 9}, {}}));
  for (const auto* bad : {"{}", R"({"after":"00000000000000aa.0-1"})",
                          R"({"after":"00000000000000aa.0-1","before":"00000000000000ab.0-9"})"})
    EXPECT_FALSE(gap(bad)) << bad;
}

} // namespace
