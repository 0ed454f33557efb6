// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/detail/find_crlf.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace {

std::size_t found(const std::string& text) {
  return static_cast<std::size_t>(antiphon::http::detail::find_crlf(text.data(), text.data() + text.size()) -
                                  text.data());
}

TEST(find_crlf, is_right_at_every_place) {
  EXPECT_EQ(found(""), 0U);
  for (std::size_t size = 1; size < 150; size += 1 + size / 80 * 5) {
    for (const char fill : {'x', '\r', '\n'}) {
      std::string text(size, fill);
      EXPECT_EQ(found(text), fill == '\r' ? size - 1 : size) << size;
      for (std::size_t at = 0; at < size; ++at) {
        text.assign(size, fill);
        text[at] = '\r';
        if (at + 1 < size) text[at + 1] = '\n';
        EXPECT_EQ(found(text), at) << size << ' ' << at << ' ' << int(fill);
        if (at > 2) {
          text[at - 2] = '\n', text[at - 1] = 'x'; // LF alone, and in the wrong order
          EXPECT_EQ(found(text), fill == '\r' ? at - 3 : at) << size << ' ' << at << ' ' << int(fill);
        }
      }
    }
  }
}

} // namespace
