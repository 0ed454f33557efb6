// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/file_type.hpp>
#include <antiphon/http/media_type.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using namespace antiphon::http;

TEST(file_type, by_the_extension) {
  const struct {
    std::string_view name, type;
  } cases[] = {
      {"index.html", "text/html; charset=utf-8"},
      {"a/b/INDEX.HTML", "text/html; charset=utf-8"},
      {"app.min.js", "text/javascript; charset=utf-8"},
      {"app.js.map", "application/json"},
      {"x.7z", "application/x-7z-compressed"}, // the first
      {"x.zst", "application/zstd"},           // the last
      {"photo.JPG", "image/jpeg"},
      {"font.woff2", "font/woff2"},
      {"site.webmanifest", "application/manifest+json"},
      {"movie.mp4", "video/mp4"},
      {"README", unknown_type},
      {"a.b/README", unknown_type},
      {".html", unknown_type},
      {"a/.html", unknown_type},
      {"x.", unknown_type},
      {"x.htmlx", unknown_type},
      {"x.extension_of_many_letters", unknown_type},
      {"html", unknown_type},
      {"", unknown_type},
      {std::string_view("x.htm\0", 6), unknown_type},
  };
  for (const auto& c : cases) EXPECT_EQ(file_type(c.name), c.type) << c.name;
}

TEST(file_type, the_table_is_sorted_and_can_be_sent) {
  std::string_view last;
  for (const auto& t : detail::file_types) {
    EXPECT_LT(last, t.extension);
    last = t.extension;
    EXPECT_TRUE(media_type::parse(t.type)) << t.type;
    EXPECT_EQ(file_type("x." + std::string(t.extension)), t.type);
  }
  EXPECT_GE(std::size(detail::file_types), 60u);
}

} // namespace
