// SPDX-License-Identifier: BSL-1.0
#include <antiphon/sse/decoder.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

namespace sse = antiphon::sse;
using namespace std::chrono_literals;
using namespace std::string_literals;

struct outcome {
  std::vector<sse::event> events;
  std::string last_id;
  friend bool operator==(const outcome&, const outcome&) = default;
};

outcome decode(const std::vector<std::string_view>& pieces) {
  outcome out;
  sse::decoder d;
  for (const auto piece : pieces) EXPECT_TRUE(d.feed(piece, [&](const sse::event& e) { out.events.push_back(e); }));
  out.last_id = d.last_event_id();
  return out;
}
/// "type|data|id" of each event.
std::vector<std::string> events(std::string_view text) {
  std::vector<std::string> out;
  for (const auto& e : decode({text}).events) out.push_back(e.type + "|" + e.data + "|" + *e.id);
  return out;
}
using list = std::vector<std::string>;

TEST(decoder, takes_the_examples_of_the_standard) {
  EXPECT_EQ(events("data: YHOO\ndata: +2\ndata: 10\n\n"), (list{"message|YHOO\n+2\n10|"}));
  EXPECT_EQ(events(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"),
            (list{"message|first event|1", "message|second event|", "message| third event|"}));
  EXPECT_EQ(events("data\n\ndata\ndata\n\ndata:"), (list{"message||", "message|\n|"}));
  EXPECT_EQ(events("data:test\n\ndata: test\n\n"), (list{"message|test|", "message|test|"}));
}

TEST(decoder, knows_all_ends_of_lines_and_no_others) {
  EXPECT_EQ(events("data: a\r\rdata: b\r\n\r\ndata: c\n\n"), (list{"message|a|", "message|b|", "message|c|"}));
  EXPECT_EQ(events("data: a\r\n\n"), (list{"message|a|"}));
  EXPECT_EQ(events("data: a\xe2\x80\xa8\x0b\x0c\xc2\x85id: 1\n\n"),
            (list{"message|a\xe2\x80\xa8\x0b\x0c\xc2\x85id: 1|"}));
}

TEST(decoder, a_cr_at_the_end_of_a_piece_ends_the_line_at_once) {
  sse::decoder d;
  int count = 0;
  const auto counts = [&](const sse::event&) { ++count; };
  d.feed("data: a\r", counts);
  d.feed("\r", counts);
  EXPECT_EQ(count, 1) << "nothing is waited for";
  d.feed("\ndata: b\n\n", counts); // this LF belongs to the CR
  EXPECT_EQ(count, 2);
}

TEST(decoder, an_id_counts_from_the_blank_line_on) {
  sse::decoder d;
  const auto ignore = [](const sse::event&) {};
  d.feed("id: 1\ndata: a\n", ignore);
  EXPECT_EQ(d.last_event_id(), "");
  d.feed("\n", ignore);
  EXPECT_EQ(d.last_event_id(), "1");
  d.feed("id: 2\n\n", ignore); // no event, but the id
  EXPECT_EQ(d.last_event_id(), "2");
  d.feed("id: a\0b\n\n"s, ignore);
  EXPECT_EQ(d.last_event_id(), "2");
  d.feed("id: 3\ndata: x", ignore);
  d.reset();
  EXPECT_EQ(d.last_event_id(), "2") << "the line of a stream that broke off does not count";
  d.feed("data: y\n\n", [](const sse::event& e) { EXPECT_EQ(e.id, "2"); });
  d.feed("id\n\n", ignore);
  EXPECT_EQ(d.last_event_id(), "");
}

TEST(decoder, a_type_is_of_its_event_only) {
  EXPECT_EQ(events("event: a\ndata: 1\n\ndata: 2\n\n"), (list{"a|1|", "message|2|"}));
  EXPECT_EQ(events("event: a\n\ndata: 2\n\n"), (list{"message|2|"})) << "an event without data is none";
  EXPECT_EQ(events("event: a\nevent:\ndata: 2\n\n"), (list{"message|2|"}));
}

TEST(decoder, drops_what_it_does_not_know) {
  EXPECT_EQ(events("Data: no\nda: no\ndata : no\n data: no\nfoo\n:x\ndata: yes\nretry: 1\n\n"), (list{"message|yes|"}));
  EXPECT_EQ(events("data: not ended"), list());
  EXPECT_EQ(events("data: not ended\n"), list());
}

TEST(decoder, retry_is_digits) {
  sse::decoder d;
  const auto ignore = [](const sse::event&) {};
  d.feed("retry:\nretry: 5s\nretry: -1\nretry:  7\n", ignore);
  EXPECT_FALSE(d.retry());
  d.feed("retry: 0250\n", ignore);
  EXPECT_EQ(d.retry(), 250ms);
  d.feed("retry: 99999999999999999999999999\n", ignore);
  EXPECT_GT(*d.retry(), 24h * 365);
}

TEST(decoder, a_byte_order_mark_is_dropped_at_the_beginning_only) {
  EXPECT_EQ(events("\xef\xbb\xbf"
                   "data: a\n\n\xef\xbb\xbf"
                   "data: b\n\n"),
            (list{"message|a|"}));
}

TEST(decoder, ill_formed_text_becomes_one_mark_for_each_piece) {
  EXPECT_EQ(events("data: \xff\xe2\x82 \xf0\x9f\x98\n\n"), (list{"message|\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd|"}));
  EXPECT_EQ(events("event: \xc3\nid: \x80\ndata: \xc3\xa4\n\n"), (list{"\xef\xbf\xbd|\xc3\xa4|\xef\xbf\xbd"}));
}

TEST(decoder, any_split_gives_the_same) {
  const std::string text =
      "\xef\xbb\xbfid: 1\r\nevent: x\rdata: \xe2\x82\xac\r\n\r\n:c\ndata\n\ndata: a\ndata: b\n\rretry: "
      "5\nid\n\n\xff\ndata: \xf0\x9f\x98\x80\xe2\r\n\n\ndata: z";
  const auto whole = decode({text});
  ASSERT_EQ(whole.events.size(), 4U);
  const std::string_view all = text;
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < all.size(); ++i) bytes.push_back(all.substr(i, 1));
  EXPECT_EQ(decode(bytes), whole);
  for (std::size_t i = 0; i <= all.size(); ++i)
    for (std::size_t j = i; j <= all.size(); ++j)
      EXPECT_EQ(decode({all.substr(0, i), all.substr(i, j - i), all.substr(j)}), whole) << i << ' ' << j;
}

/// Whether a decoder with these limits takes a text, in pieces of that size.
bool takes(const sse::decoder_limits& limits, std::string_view text, std::size_t piece) {
  sse::decoder d(limits);
  bool fine = true;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    fine = d.feed(text.substr(0, piece), [](const sse::event&) {});
  return fine;
}

TEST(decoder, limits) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
    const auto good = [&](std::string_view text) { return takes({10, 20}, text, piece); };
    EXPECT_TRUE(good("data:12345\n\n"));
    EXPECT_FALSE(good("data:123456\n\n"));
    EXPECT_TRUE(good(std::string(10, 'x'))) << "its end does not count";
    EXPECT_FALSE(good(std::string(11, 'x')));
    EXPECT_FALSE(good(std::string(1000, 'x'))) << "a line that never ends";
    EXPECT_TRUE(good("data:12345\ndata:12345\ndata:12345\ndata:12\n\ndata:1\n\n")); // 5 + 1 + 5 + 1 + 5 + 1 + 2
    EXPECT_FALSE(good("data:12345\ndata:12345\ndata:12345\ndata:123\n\n"));
    EXPECT_TRUE(good("data:12345\ndata:12345\ndata:12345\ndata:1\ndata:\n\n"));
    EXPECT_FALSE(good("data:12345\ndata:12345\ndata:12345\ndata:12\ndata:\n\n")) << "the LF between counts";
    EXPECT_TRUE(takes({100, 20}, "data:" + std::string(20, 'x') + "\n\n", piece));
    EXPECT_FALSE(takes({100, 20}, "data:" + std::string(21, 'x') + "\n\n", piece));
    EXPECT_TRUE(takes({5, 0}, "data:\n\n", piece));
    EXPECT_FALSE(takes({6, 0}, "data:x\n\n", piece));
  }
  sse::decoder d;
  std::size_t size = 0;
  EXPECT_TRUE(
      d.feed("data:" + std::string((1 << 20) - 5, 'x') + "\n\n", [&](const sse::event& e) { size = e.data.size(); }));
  EXPECT_EQ(size, std::size_t{1 << 20} - 5);
}

TEST(decoder, limits_are_of_what_is_collected) {
  // Three bytes stand for each that is ill-formed.
  EXPECT_TRUE(takes({100, 21}, "data:" + std::string(7, '\xff') + "\n\n", 1000));
  EXPECT_FALSE(takes({100, 20}, "data:" + std::string(7, '\xff') + "\n\n", 1000));
  for (const std::string field : {"id:", "event:"}) {
    EXPECT_TRUE(takes({21, 100}, field + std::string(7, '\xff') + "\n\n", 1000));
    EXPECT_FALSE(takes({20, 100}, field + std::string(7, '\xff') + "\n\n", 1000));
  }
}

TEST(decoder, takes_megabytes_of_line_ends_in_one_piece) {
  // Quadratic, each of these would take minutes.
  for (const std::string_view end : {"\r", "\n", "\r\n", ":\r"}) {
    std::string text;
    while (text.size() < (1U << 20)) text += end;
    text += "\ndata: x\n\n";
    int count = 0;
    sse::decoder d;
    EXPECT_TRUE(d.feed(text, [&](const sse::event&) { ++count; }));
    EXPECT_EQ(count, 1);
  }
}

} // namespace
