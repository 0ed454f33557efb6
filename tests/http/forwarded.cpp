// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/forwarded.hpp>

#include <gtest/gtest.h>

namespace {

namespace http = antiphon::http;

std::string text_of(std::string_view list) {
  const auto elements = http::parse_forwarded(list);
  if (!elements) return "malformed";
  std::string out;
  for (const auto& e : *elements) out += "[" + e.client + "|" + e.by + "|" + e.host + "|" + e.proto + "]";
  return out;
}

TEST(forwarded, reads_the_examples_of_rfc_7239) {
  for (const auto& [list, means] : {
           std::pair{R"(for="_gazonk")", "[_gazonk|||]"},
           {R"(For="[2001:db8:cafe::17]:4711")", "[[2001:db8:cafe::17]:4711|||]"},
           {"for=192.0.2.60;proto=http;by=203.0.113.43", "[192.0.2.60|203.0.113.43||http]"},
           {"for=192.0.2.43, for=198.51.100.17", "[192.0.2.43|||][198.51.100.17|||]"},
           {R"(for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown)",
            "[192.0.2.43|||][[2001:db8:cafe::17]|||][unknown|||]"},
           {R"(for=_hidden, for=_SEVKISEK)", "[_hidden|||][_SEVKISEK|||]"},
           {R"(proto=https;host="a.example:80";secret=x)", "[||a.example:80|https]"},
           {R"(for="a\"b\\c")", R"([a"b\c|||])"},
           {R"(for="a,b;c")", "[a,b;c|||]"},
           {"", ""},
           {" , ,", ""},
           {"for=\"\"", "[|||]"},
       })
    EXPECT_EQ(text_of(list), means) << list;
}

TEST(forwarded, takes_nothing_from_a_list_that_is_malformed_anywhere) {
  for (const auto* list : {
           "for",                       // no value
           "for=",                      //
           "=1.2.3.4",                  //
           "for=1.2.3.4;for=4.3.2.1",   // twice
           "for=1.2.3.4;FOR=4.3.2.1",   //
           "for=1.2.3.4:80",            // ':' wants quotes
           "for=[::1]",                 //
           R"(for="1.2.3.4)",           // never closed
           R"(for=x;y=", for=1.2.3.4)", // a client's, with what a proxy appends
           R"(for="x, for="1.2.3.4")",  //
           R"(for="x"y, for=1.2.3.4)",  //
           "for=1.2.3.4 for=4.3.2.1",   //
           "for=1.2.3.4, for=a b",      //
           "1.2.3.4",                   //
       })
    EXPECT_EQ(text_of(list), "malformed") << list;
}

TEST(forwarded, lists_without_quotes_are_read_from_the_right) {
  const auto read = [](std::string_view list) {
    std::string out;
    while (const auto e = http::last_element(list)) out.append(*e).append(";");
    return out;
  };
  EXPECT_EQ(read("a, b ,\tc"), "c;b;a;");
  EXPECT_EQ(read(" a"), "a;");
  EXPECT_EQ(read(",,a,, ,b,,"), "b;a;");
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read(" , "), "");
  EXPECT_EQ(read(R"("a, b")"), R"(b";"a;)");
}

} // namespace
