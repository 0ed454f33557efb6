// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/conditional.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon::http {
void PrintTo(precondition p, std::ostream* out) {
  *out << std::string_view("proceed    ignore     notmodifiedfailed     ").substr(static_cast<std::size_t>(p) * 11, 11);
}
} // namespace antiphon::http

namespace {

using namespace antiphon::http;
using std::chrono::seconds;
using enum precondition;

constexpr std::chrono::sys_seconds changed(seconds(784'111'777)); // Sun, 06 Nov 1994 08:49:37 GMT
constexpr const char* before = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr const char* same = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* after = "Sun, 06 Nov 1994 08:49:38 GMT";

using lines = std::initializer_list<std::pair<const char*, const char*>>;

precondition ask(const validators& v, method verb, lines asked) {
  preconditions p(v);
  for (const auto& [name, value] : asked) p.field(name, value);
  return p.result(verb);
}
validators tagged(std::string_view tag = R"("v1")") {
  validators v;
  v.tag = entity_tag::parse(tag);
  v.modified = changed;
  v.now = changed + seconds(1000);
  return v;
}

struct row {
  lines asked;
  precondition get, put;
};

void expect(const validators& v, const row& r, const char* what) {
  SCOPED_TRACE(what);
  std::string shown;
  for (const auto& [name, value] : r.asked) shown.append(name).append(": ").append(value).append("; ");
  SCOPED_TRACE(shown);
  EXPECT_EQ(ask(v, method::get, r.asked), r.get);
  const auto head = r.get == ignore_range ? proceed : r.get;
  EXPECT_EQ(ask(v, method::head, r.asked), head) << "HEAD";
  EXPECT_EQ(ask(v, method::put, r.asked), r.put) << "PUT";
  for (const auto verb : {method::options, method::trace, method::connect})
    EXPECT_EQ(ask(v, verb, r.asked), proceed) << "a method that selects nothing";
}

TEST(conditional, follows_the_order_of_rfc_9110_section_13_2_2) {
  const row rows[] = {
      {{}, proceed, proceed},
      // 1: If-Match, strong
      {{{"If-Match", R"("v1")"}}, proceed, proceed},
      {{{"if-match", R"("v0", "v1")"}}, proceed, proceed},
      {{{"If-Match", R"("v0")"}, {"If-Match", R"("v1")"}}, proceed, proceed},
      {{{"If-Match", R"("v0")"}}, failed, failed},
      {{{"If-Match", R"(W/"v1")"}}, failed, failed},
      {{{"If-Match", "*"}}, proceed, proceed},
      {{{"If-Match", ""}}, failed, failed},
      {{{"If-Match", "v1"}}, failed, failed},
      // 2: If-Unmodified-Since, where there is no If-Match
      {{{"If-Unmodified-Since", before}}, failed, failed},
      {{{"If-Unmodified-Since", same}}, proceed, proceed},
      {{{"If-Unmodified-Since", after}}, proceed, proceed},
      {{{"If-Unmodified-Since", "yesterday"}}, proceed, proceed},
      {{{"If-Unmodified-Since", before}, {"If-Unmodified-Since", before}}, proceed, proceed},
      {{{"If-Match", R"("v1")"}, {"If-Unmodified-Since", before}}, proceed, proceed},
      // 3: If-None-Match, weak
      {{{"If-None-Match", R"("v1")"}}, not_modified, failed},
      {{{"If-None-Match", R"(W/"v1")"}}, not_modified, failed},
      {{{"If-None-Match", R"("v0", "v1")"}}, not_modified, failed},
      {{{"If-None-Match", R"("v0")"}, {"IF-NONE-MATCH", R"("v1")"}}, not_modified, failed},
      {{{"If-None-Match", R"("v0")"}}, proceed, proceed},
      {{{"If-None-Match", "*"}}, not_modified, failed},
      {{{"If-None-Match", "v1"}}, proceed, proceed},
      {{{"If-Match", R"("v0")"}, {"If-None-Match", R"("v1")"}}, failed, failed},
      {{{"If-Match", R"("v1")"}, {"If-None-Match", R"("v1")"}}, not_modified, failed},
      // 4: If-Modified-Since, where there is no If-None-Match
      {{{"If-Modified-Since", before}}, proceed, proceed},
      {{{"If-Modified-Since", same}}, not_modified, proceed},
      {{{"If-Modified-Since", after}}, not_modified, proceed},
      {{{"If-Modified-Since", "tomorrow"}}, proceed, proceed},
      {{{"If-Modified-Since", same}, {"If-Modified-Since", same}}, proceed, proceed},
      {{{"If-None-Match", R"("v0")"}, {"If-Modified-Since", same}}, proceed, proceed},
      {{{"If-None-Match", R"("v1")"}, {"If-Modified-Since", before}}, not_modified, failed},
      // 5: If-Range, strong, and only beside Range
      {{{"Range", "bytes=0-"}}, proceed, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", R"("v1")"}}, proceed, proceed},
      {{{"If-Range", R"("v1")"}, {"range", "bytes=0-"}}, proceed, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", R"("v0")"}}, ignore_range, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", R"(W/"v1")"}}, ignore_range, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", R"("v1", "v0")"}}, ignore_range, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", "*"}}, ignore_range, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", ""}}, ignore_range, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", R"("v1")"}, {"If-Range", R"("v1")"}}, ignore_range, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", same}}, proceed, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", before}}, ignore_range, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", after}}, ignore_range, proceed}, // the very date, no other
      {{{"If-Range", R"("v0")"}}, proceed, proceed},
      {{{"Range", "bytes=0-"}, {"If-Range", R"("v0")"}, {"If-None-Match", R"("v1")"}}, not_modified, failed},
      // others are none of its business
      {{{"If", R"("v0")"}, {"If-Matches", R"("v0")"}, {"Host", "h"}, {"Rangs", "x"}, {"", ""}}, proceed, proceed},
  };
  for (const auto& r : rows) expect(tagged(), r, "tagged");
}

TEST(conditional, what_there_is_decides) {
  auto none = tagged(); // of what was there
  none.exists = false;
  const row of_nothing[] = {{{{"If-Match", "*"}}, failed, failed},
                            {{{"If-Match", R"("v1")"}}, failed, failed},
                            {{{"If-None-Match", "*"}}, proceed, proceed},
                            {{{"If-None-Match", R"("v1")"}}, proceed, proceed},
                            {{{"If-Modified-Since", after}}, proceed, proceed},
                            {{{"Range", "bytes=0-"}, {"If-Range", R"("v1")"}}, ignore_range, proceed}};
  for (const auto& r : of_nothing) expect(none, r, "there is nothing");
  validators bare;
  bare.now = changed;
  const row of_bare[] = {{{{"If-Match", "*"}}, proceed, proceed},
                         {{{"If-Match", R"("v1")"}}, failed, failed},
                         {{{"If-None-Match", "*"}}, not_modified, failed},
                         {{{"If-Modified-Since", after}}, proceed, proceed},
                         {{{"If-Unmodified-Since", before}}, proceed, proceed},
                         {{{"Range", "bytes=0-"}, {"If-Range", same}}, ignore_range, proceed}};
  for (const auto& r : of_bare) expect(bare, r, "neither tag nor date");
  const row of_weak[] = {{{{"If-Match", R"(W/"v1")"}}, failed, failed},
                         {{{"If-None-Match", R"("v1")"}}, not_modified, failed},
                         {{{"Range", "bytes=0-"}, {"If-Range", R"("v1")"}}, ignore_range, proceed}};
  for (const auto& r : of_weak) expect(tagged(R"(W/"v1")"), r, "a weak tag of ours");
}

TEST(conditional, a_date_of_this_very_second_is_no_proof) {
  auto v = tagged();
  const lines asked{{"Range", "bytes=0-"}, {"If-Range", same}};
  v.now = changed;
  EXPECT_EQ(ask(v, method::get, asked), ignore_range);
  v.now = changed + seconds(1);
  EXPECT_EQ(ask(v, method::get, asked), proceed);
}

} // namespace
