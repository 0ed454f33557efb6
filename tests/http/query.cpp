// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/query.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using antiphon::error_code;
using antiphon::http::error;
using antiphon::http::query_params;
namespace http = antiphon::http;

using pairs = std::vector<std::pair<std::string, std::string>>;

pairs parse(std::string_view query) {
  const auto params = query_params::parse(query);
  return {params.begin(), params.end()};
}

TEST(query, pairs_in_order) {
  EXPECT_EQ(parse(""), pairs{});
  EXPECT_EQ(parse("a=1&b=2&a=3"), (pairs{{"a", "1"}, {"b", "2"}, {"a", "3"}}));
  EXPECT_EQ(parse("&&a&=b&c=&d=e=f&"), (pairs{{"a", ""}, {"", "b"}, {"c", ""}, {"d", "e=f"}}));
  EXPECT_EQ(parse("="), (pairs{{"", ""}}));
  EXPECT_EQ(parse("a;b=1"), (pairs{{"a;b", "1"}})) << "only '&' separates";
}

TEST(query, names_and_values_are_decoded_after_splitting) {
  EXPECT_EQ(parse("a%3Db=c%26d&x+y=1+2%2B3"), (pairs{{"a=b", "c&d"}, {"x y", "1 2+3"}}));
  EXPECT_EQ(parse("p=100%&q=%zz"), (pairs{{"p", "100%"}, {"q", "%zz"}}));
  EXPECT_EQ(parse("n=%00%ff"), (pairs{{"n", std::string("\0\xff", 2)}}));
}

TEST(query, look_up) {
  const auto params = query_params::parse("a=1&b=&a=2");
  EXPECT_EQ(params.get("a"), "1");
  EXPECT_EQ(params.get("b"), "");
  EXPECT_EQ(params.get("c"), std::nullopt);
  EXPECT_EQ(params.get("A"), std::nullopt) << "names are case-sensitive";
  EXPECT_EQ(params.get_all("a"), (std::vector<std::string_view>{"1", "2"}));
  EXPECT_TRUE(params.get_all("c").empty());
  EXPECT_TRUE(params.contains("b"));
  EXPECT_EQ(params.size(), 3u);
  EXPECT_TRUE(query_params().empty());
}

TEST(query, one_value_without_reading_the_rest) {
  EXPECT_EQ(http::query_value("a=1&a=2", "a"), "1");
  EXPECT_EQ(http::query_value("a%62=%31", "ab"), "1");
  EXPECT_EQ(http::query_value("a+b=x+y", "a b"), "x y");
  EXPECT_EQ(http::query_value("a+b=1", "a+b"), std::nullopt) << "'+' is a space";
  EXPECT_EQ(http::query_value("a%2Bb=1", "a+b"), "1");
  EXPECT_EQ(http::query_value("a%=1", "a%"), "1");
  EXPECT_EQ(http::query_value("a", "a"), "");
  EXPECT_EQ(http::query_value("ab=1", "a"), std::nullopt);
  EXPECT_EQ(http::query_value("", "a"), std::nullopt);
  EXPECT_EQ(http::query_value("x&=1", ""), "1");
}

TEST(query, one_value_is_what_the_whole_gives) {
  const std::string_view query = "a=1&%61=2&b+c=3&b%20c=4&%=5&=6&d&%2B=7&+=8";
  const auto params = query_params::parse(query);
  for (const auto& [name, value] : params) EXPECT_EQ(http::query_value(query, name), params.get(name)) << name;
}

TEST(query, limit_limit_plus_one_and_a_hundred_times) {
  const auto many = [](std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += "&a=b";
    return out;
  };
  constexpr std::size_t limit = 10;
  for (const auto& [count, fits] :
       {std::pair<std::size_t, bool>{0, true}, {limit, true}, {limit + 1, false}, {100 * limit, false}}) {
    SCOPED_TRACE(count);
    EXPECT_EQ(http::within_parameter_limit(many(count), limit), fits);
    error_code ec = error::bad_host;
    const auto params = query_params::parse(many(count), ec, limit);
    EXPECT_EQ(ec, fits ? error_code() : error_code(error::too_many_parameters));
    EXPECT_EQ(params.size(), fits ? count : 0u);
  }
  EXPECT_TRUE(http::within_parameter_limit(std::string(100'000, '&'), 0)) << "separators alone are no parameters";
  EXPECT_FALSE(http::within_parameter_limit("a", 0));
}

TEST(query, the_default_limit_is_1000) {
  std::string query;
  for (int i = 0; i < 1'000; ++i) http::append_parameter(query, "n", std::to_string(i));
  EXPECT_EQ(query_params::parse(query).size(), 1'000u);
  EXPECT_TRUE(http::within_parameter_limit(query));
  http::append_parameter(query, "n", "");
  EXPECT_FALSE(http::within_parameter_limit(query));
  EXPECT_THROW(query_params::parse(query), antiphon::system_error);
}

TEST(query, what_is_appended_is_read_back) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  std::string query;
  http::append_parameter(query, bytes, "1");
  http::append_parameter(query, "", bytes);
  http::append_parameter(query, "a", "");
  EXPECT_EQ(parse(query), (pairs{{bytes, "1"}, {"", bytes}, {"a", ""}}));
  EXPECT_EQ(http::query_value(query, bytes), "1");
}

} // namespace
