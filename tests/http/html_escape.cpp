// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/html_escape.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

TEST(html_escape, leaves_nothing_that_begins_a_tag_or_ends_a_quote) {
  EXPECT_EQ(antiphon::html_escape("<a href=\"x\">'&amp;'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(antiphon::html_escape("caf\xc3\xa9 \n"), "caf\xc3\xa9 \n");
  std::string out = "before ";
  antiphon::html_escape(out, "<");
  EXPECT_EQ(out, "before &lt;");
}

} // namespace
