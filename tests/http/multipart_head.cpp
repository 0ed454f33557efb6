// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/multipart_head.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace {

using antiphon::http::multipart_head;
namespace http = antiphon::http;

TEST(multipart_head, says_name_filename_and_type) {
  multipart_head h;
  ASSERT_TRUE(h.parse("Content-Disposition: form-data; name=\"pic\"; filename=\"a b.png\"\r\n"
                      "content-type:image/png\r\nX-More:  1 \r\n"));
  EXPECT_EQ(h.name(), "pic");
  EXPECT_EQ(h.filename(), "a b.png");
  EXPECT_EQ(h.content_type(), "image/png");
  EXPECT_EQ(h.fields().get("x-more"), "1");
  EXPECT_EQ(h.fields().size(), 3U);

  ASSERT_TRUE(h.parse("Content-Disposition: form-data; name=\"text\"\r\n")) << "nothing of the one before stays";
  EXPECT_EQ(h.name(), "text");
  EXPECT_EQ(h.filename(), std::nullopt);
  EXPECT_EQ(h.content_type(), "text/plain");
  EXPECT_EQ(h.fields().size(), 1U);
  EXPECT_EQ(h.safe_filename(), "");
}

TEST(multipart_head, names_are_as_browsers_write_them) {
  const struct {
    const char *written, *meant;
  } cases[] = {
      {"\"a\"", "a"},
      {"a", "a"},
      {"\"\"", ""},
      {"\"a%22b\"", "a\"b"},
      {"\"a%0D%0ab\"", "a\r\nb"},
      {"\"100%25 %2\"", "100%25 %2"},
      {"\"a\\\"b\"", "a\"b"},
      {"\"a\\\\b\"", "a\\b"},
      {"\"C:\\dir\\new.txt\"", "C:\\dir\\new.txt"},
      {"\"caf\xc3\xa9;=, \"", "caf\xc3\xa9;=, "},
      {"\"%00\"", "%00"},
  };
  for (const auto& c : cases) {
    multipart_head h;
    EXPECT_TRUE(h.parse("Content-Disposition: form-data; filename=" + std::string(c.written) +
                        "; name=" + std::string(c.written) + "\r\n"))
        << c.written;
    EXPECT_EQ(h.name(), c.meant) << c.written;
    EXPECT_EQ(h.filename(), c.meant) << c.written;
  }
}

TEST(multipart_head, refuses_what_is_malformed_or_could_be_read_in_two_ways) {
  const std::string good = "Content-Disposition: form-data; name=a\r\n";
  multipart_head h;
  EXPECT_TRUE(h.parse(good));
  EXPECT_TRUE(h.parse("Content-Disposition: FORM-DATA ;NAME=a\r\n"));
  EXPECT_TRUE(h.parse("Content-Disposition: form-data; name=a; filename*=UTF-8''b\r\n"));
  EXPECT_EQ(h.filename(), std::nullopt);
  const std::string bad[] = {
      "",
      "X: y\r\n",
      "Content-Disposition: form-data\r\n",
      "Content-Disposition: form-data; filename=a\r\n",
      "Content-Disposition: attachment; name=a\r\n",
      "Content-Disposition: form-data; name=\"a\r\n",
      "Content-Disposition: form-data; name=\"a\\\"\r\n",
      "Content-Disposition: form-data; name=a b\r\n",
      "Content-Disposition: form-data; name\r\n",
      "Content-Disposition: form-data; name=a; name=b\r\n",
      "Content-Disposition: form-data; name=a; filename=b; filename=c\r\n",
      good + good,
      good + "no colon\r\n",
      good + ": no name\r\n",
      good + "X : space\r\n",
      good + " folded\r\n",
      good + "X: bare\rCR\r\n",
      good + "X: bare\nLF\r\n",
      good + std::string("X: n\0l\r\n", 8),
      std::string("Content-Disposition: form-data; name=\"a\0b\"\r\n", 44),
      good + "X: no end",
  };
  for (const auto& lines : bad) EXPECT_FALSE(h.parse(lines)) << lines;
}

TEST(multipart_head, of_other_kinds_needs_no_name) {
  multipart_head h;
  EXPECT_TRUE(h.parse("", false));
  EXPECT_TRUE(h.parse("Content-Type: text/html\r\n", false));
  EXPECT_EQ(h.content_type(), "text/html");
  EXPECT_TRUE(h.parse("Content-Disposition: attachment; filename=a\r\n", false));
  EXPECT_EQ(h.name(), "");
  EXPECT_EQ(h.filename(), "a");
  EXPECT_FALSE(h.parse("Content-Disposition: attachment; filename=\"a\r\n", false));
}

TEST(safe_filename, is_one_component_that_can_be_a_file) {
  const struct {
    std::string_view from, to;
  } cases[] = {
      {"a.png", "a.png"},
      {"", ""},
      {"../../etc/passwd", "passwd"},
      {"/etc/", ""},
      {"C:\\fakepath\\a.png", "a.png"},
      {"..\\..", ""},
      {"C:a", "a"},
      {"a:stream", "stream"},
      {".", ""},
      {"..", ""},
      {"...", ""},
      {". .", ""},
      {".hidden", ".hidden"},
      {"a.png. .", "a.png"},
      {"  a  ", "a"},
      {"a\r\nb\x01\x7f.png", "ab.png"},
      {{"a\0.png", 6}, "a.png"},
      {".\x01.", ""},
      {"caf\xc3\xa9", "caf\xc3\xa9"},
  };
  for (const auto& c : cases) EXPECT_EQ(http::safe_filename(c.from), c.to) << c.from;
  EXPECT_EQ(http::safe_filename(std::string(255, 'a')).size(), 255U);
  EXPECT_EQ(http::safe_filename(std::string(256, 'a')).size(), 255U);
  EXPECT_EQ(http::safe_filename(std::string(25'500, 'a')).size(), 255U);
  EXPECT_EQ(http::safe_filename(std::string(254, 'a') + "\xc3\xa9").size(), 254U) << "no half of a character";
}

} // namespace
