// SPDX-License-Identifier: BSL-1.0
#include <antiphon/sse/decoder.hpp>
#include <antiphon/sse/encoder.hpp>

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace sse = antiphon::sse;
using namespace std::chrono_literals;
using namespace std::string_literals;

std::string encoded(const sse::event& e) {
  std::string out;
  sse::append_event(out, e);
  return out;
}

TEST(encoder, writes_what_there_is) {
  EXPECT_EQ(encoded({"text", "", {}, {}}), "data: text\n\n");
  EXPECT_EQ(encoded({"", "", {}, {}}), "data: \n\n");
  EXPECT_EQ(encoded({"a\nb", "news", "7", 1500ms}), "id: 7\nevent: news\nretry: 1500\ndata: a\ndata: b\n\n");
  EXPECT_EQ(encoded({"x", "", "", {}}), "id: \ndata: x\n\n");
  std::string out;
  sse::append_comment(out);
  sse::append_comment(out, "a\r\nb");
  EXPECT_EQ(out, ":\n: a\n: b\n");
  out.clear();
  sse::append_retry(out, -1s);
  sse::append_retry(out, 1us);
  EXPECT_EQ(out, "retry: 0\nretry: 1\n");
}

TEST(encoder, an_event_of_some_members) { // without a warning for those that are not named
  EXPECT_EQ(encoded({.data = "x"}), "data: x\n\n");
  EXPECT_EQ(encoded({.data = "x", .type = "y"}), "event: y\ndata: x\n\n");
}

TEST(encoder, no_data_forges_a_field) {
  EXPECT_EQ(encoded({"a\r\nid: 7\rdata: x\n\nevent: y", "", {}, {}}),
            "data: a\ndata: id: 7\ndata: data: x\ndata: \ndata: event: y\n\n");
  EXPECT_EQ(encoded({"\r", "", {}, {}}), "data: \ndata: \n\n");
  EXPECT_EQ(encoded({"\n\r", "", {}, {}}), "data: \ndata: \ndata: \n\n");
}

TEST(encoder, refuses_lines_where_there_can_be_none) {
  std::string out = "before";
  for (const auto& bad : {"a\nb"s, "a\rb"s, "\n"s}) {
    EXPECT_THROW(sse::append_event(out, {"x", bad, {}, {}}), std::invalid_argument);
    EXPECT_THROW(sse::append_event(out, {"x", "", bad, {}}), std::invalid_argument);
  }
  EXPECT_THROW(sse::append_event(out, {"x", "", "a\0b"s, {}}), std::invalid_argument);
  EXPECT_EQ(out, "before");
}

TEST(encoder, is_undone_by_the_decoder) {
  std::mt19937 random(3);
  const auto text = [&](std::string_view letters, std::size_t most) {
    std::string made(random() % (most + 1), ' ');
    for (auto& c : made) c = letters[random() % letters.size()];
    return made;
  };
  std::string stream;
  std::vector<sse::event> expected;
  std::string id;
  for (int i = 0; i < 500; ++i) {
    sse::event e{text("ab:\n \xc3", 12), text("xy: ", 3), {}, {}};
    for (auto& c : e.data)
      if (c == '\xc3') c = 'c'; // well-formed
    if (random() % 3 == 0) id = *(e.id = text("12 :", 4));
    sse::append_event(stream, e);
    // A space at the beginning of a value is not lost: one is written before it.
    if (e.type.empty()) e.type = "message";
    e.id = id;
    expected.push_back(e);
  }
  std::vector<sse::event> got;
  sse::decoder decoder;
  ASSERT_TRUE(decoder.feed(stream, [&](const sse::event& e) { got.push_back(e); }));
  EXPECT_EQ(got, expected);
}

} // namespace
