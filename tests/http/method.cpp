// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/method.hpp>

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

namespace {

using antiphon::http::method;
namespace http = antiphon::http;

static_assert(http::to_string(method::del) == "DELETE");
static_assert(http::to_string(method::msearch) == "M-SEARCH");
static_assert(http::to_string(method::source) == "SOURCE");
static_assert(http::parse_method("PATCH") == method::patch);

TEST(method, every_name_is_read_back_as_itself) {
  for (std::size_t i = 0; i < http::method_count; ++i) {
    const auto m = static_cast<method>(i);
    ASSERT_FALSE(http::to_string(m).empty()) << i;
    EXPECT_EQ(http::parse_method(http::to_string(m)), m) << http::to_string(m);
  }
  EXPECT_EQ(http::to_string(static_cast<method>(http::method_count)), "");
  EXPECT_EQ(http::to_string(static_cast<method>(255)), "");
}

TEST(method, names_are_case_sensitive_and_whole) {
  for (const auto* name : {"get", "Get", "GE", "GETT", " GET", "GET ", "", "BREW", "PRI", "DESCRIBE", "del"})
    EXPECT_FALSE(http::parse_method(name)) << name;
  for (std::size_t i = 0; i < http::method_count; ++i) {
    std::string name(http::to_string(static_cast<method>(i)));
    name[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
    EXPECT_FALSE(http::parse_method(name)) << name;
  }
}

TEST(method, safe_and_idempotent_as_registered) {
  const std::set<method> safe{method::get,      method::head,   method::options, method::trace,
                              method::propfind, method::report, method::search};
  const std::set<method> neither{method::post,   method::connect,   method::patch,       method::lock,  method::msearch,
                                 method::notify, method::subscribe, method::unsubscribe, method::purge, method::source};
  for (std::size_t i = 0; i < http::method_count; ++i) {
    const auto m = static_cast<method>(i);
    EXPECT_EQ(http::is_safe(m), safe.count(m) == 1) << http::to_string(m);
    EXPECT_EQ(http::is_idempotent(m), neither.count(m) == 0) << http::to_string(m);
  }
}

} // namespace
