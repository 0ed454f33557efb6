// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/link.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

std::string next(std::string_view links) {
  return std::string(antiphon::http::find_link(links, "next").value_or("none"));
}

TEST(find_link, is_the_target_of_a_relation) {
  EXPECT_EQ(next("</a>; rel=next"), "/a");
  EXPECT_EQ(next("</a>; rel=\"next\""), "/a");
  EXPECT_EQ(next("</a>;REL=\"NeXt\""), "/a");
  EXPECT_EQ(next("  <?after=1>  ;  title=\"x\" ; rel = next "), "?after=1");
  EXPECT_EQ(next("</a>; rel=prev, </b>; rel=next, </c>; rel=next"), "/b") << "the first one";
  EXPECT_EQ(next("<>; rel=next"), "") << "the page itself";
  EXPECT_EQ(next("</a>; rel=\"ne\\xt\""), "/a");
}

TEST(find_link, a_link_may_have_several_relations) {
  EXPECT_EQ(next("</a>; rel=\"prev next\""), "/a");
  EXPECT_EQ(next("</a>; rel=\"next prev\""), "/a");
  EXPECT_EQ(next("</a>; rel=\"  next  \""), "/a");
  EXPECT_EQ(next("</a>; rel=\"nextprev\""), "none");
  EXPECT_EQ(next("</a>; rel=prev; rel=next"), "none") << "the first rel counts";
  EXPECT_EQ(next("</a>; rel=\"\"; rel=next"), "none");
}

TEST(find_link, targets_and_quotes_may_hold_what_else_would_end_them) {
  EXPECT_EQ(next("</a,b;c>; rel=prev, </d,e;f>; rel=next"), "/d,e;f");
  EXPECT_EQ(next("</a>; title=\"</x>; rel=next, \"; rel=prev, </b>; rel=next"), "/b");
  EXPECT_EQ(next("</a>; title=\"\\\", </x>; rel=next\", </b>; rel=next"), "/b");
  EXPECT_EQ(next("</a>; title=\"; rel=next"), "none") << "a string that is never closed";
}

TEST(find_link, what_is_none_is_none) {
  for (const char* none :
       {"", ",", "/a; rel=next", "</a", "</a>", "</a>; rel", "</a>; rel=", "</a>; next", "</a>; rel=prev",
        "</a>; rev=next", "</a>; title=next", ">; rel=next", "</a>, rel=next", "</a>; =; rel=next"})
    EXPECT_EQ(next(none), "none") << none;
}

} // namespace
