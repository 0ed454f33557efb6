// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/multipart.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using antiphon::error_code;
using antiphon::http::error;
using antiphon::http::multipart_event;
using antiphon::http::multipart_limits;
using antiphon::http::multipart_parser;
namespace http = antiphon::http;

/// What a reader sees: "[name|filename]bytes" a part, ';' where one ends, '.' at the end, and what was wrong.
struct reading {
  std::string seen;
  error_code ec;
  friend bool operator==(const reading&, const reading&) = default;
};

class reader {
 public:
  explicit reader(multipart_limits limits, std::string_view boundary) : parser_(boundary, limits) {}

  void feed(std::string_view piece) {
    while (!out_.ec) {
      switch (parser_.next(piece, out_.ec)) {
      case multipart_event::more: EXPECT_TRUE(piece.empty()); return;
      case multipart_event::part:
        out_.seen.append("[").append(parser_.head().name());
        if (const auto file = parser_.head().filename()) out_.seen.append("|").append(*file);
        out_.seen += "]";
        break;
      case multipart_event::data:
        EXPECT_FALSE(parser_.data().empty());
        out_.seen += parser_.data();
        break;
      case multipart_event::part_end: out_.seen += ";"; break;
      case multipart_event::end:
        if (!ended_) out_.seen += ".";
        ended_ = true;
        if (piece.empty()) return;
        break;
      case multipart_event::failed: EXPECT_TRUE(out_.ec); return;
      }
    }
  }
  reading finish() {
    if (!out_.ec) out_.ec = parser_.finish();
    EXPECT_EQ(parser_.done(), !out_.ec);
    return out_;
  }

 private:
  multipart_parser parser_;
  reading out_;
  bool ended_ = false;
};

reading read_whole(std::string_view body, multipart_limits limits = {}, std::string_view boundary = "xyz") {
  reader r(limits, boundary);
  r.feed(body);
  return r.finish();
}

/// The same result however it is cut: at each place, into single bytes, and into three pieces.
reading read(const std::string& body, multipart_limits limits = {}, std::string_view boundary = "xyz") {
  const auto whole = read_whole(body, limits, boundary);
  reader bytes(limits, boundary);
  for (const char c : body) bytes.feed({&c, 1});
  EXPECT_EQ(bytes.finish(), whole) << body;
  const auto cut = [&](std::size_t first, std::size_t second) {
    reader r(limits, boundary);
    // Pieces of their own, so that a sanitizer sees a look beyond one.
    const std::string a = body.substr(0, first), b = body.substr(first, second - first), c = body.substr(second);
    r.feed(a), r.feed(b), r.feed(c);
    const auto got = r.finish();
    if (got != whole) ADD_FAILURE() << first << ' ' << second << ": " << got.seen << " for " << whole.seen;
  };
  if (body.size() < 150) {
    for (std::size_t i = 0; i <= body.size(); ++i)
      for (std::size_t k = i; k <= body.size(); ++k) cut(i, k);
  } else if (body.size() < 2'000) {
    for (std::size_t i = 0; i <= body.size(); ++i) cut(i, i);
  }
  return whole;
}

std::string part(std::string_view name, std::string_view data) {
  return "--xyz\r\nContent-Disposition: form-data; name=" + std::string(name) + "\r\n\r\n" + std::string(data) + "\r\n";
}
const std::string last = "--xyz--\r\n";

TEST(multipart, parts_come_in_order) {
  EXPECT_EQ(read(part("a", "1") + part("b", "") + part("a", "2") + last), (reading{"[a]1;[b];[a]2;.", {}}));
  EXPECT_EQ(read(last), (reading{".", {}})) << "a form without fields";
  EXPECT_EQ(read("--xyz--"), (reading{".", {}})) << "nothing need follow the last boundary";
  EXPECT_EQ(read("--xyz \t\r\nContent-Disposition: form-data; name=a; filename=\"\"\r\n\r\n\r\n--xyz-- \r\n"),
            (reading{"[a|];.", {}}));
}

TEST(multipart, data_may_look_like_a_boundary) {
  for (const std::string data : {"\r", "\n", "\r\n", "\r\n\r\n", "\r\r\n", "\r\n-", "\r\n--", "\r\n--xy",
                                 "\r\n--xy\r\n--x", "--xyz", "\n--xyz\n", "\r--xyz", "\r\n--xyy", "\r\n--\r\n--",
                                 "\r\n--x\r\r\n--xy", "-xyz--", "\r\n -- xyz", "\r\n--XYZ", "\r\r\r\r\r"})
    EXPECT_EQ(read(part("a", data) + last), (reading{"[a]" + data + ";.", {}})) << data;
  const std::string bytes("\0\xff\x80\r\0\n", 6);
  EXPECT_EQ(read(part("a", bytes) + last), (reading{"[a]" + bytes + ";.", {}}));
}

TEST(multipart, boundaries_of_any_form_are_found) {
  for (const auto& boundary : {std::string("a"), std::string("-"), std::string("----"), std::string(70, '-'),
                               std::string("----WebKitFormBoundaryAbCdEf0123456789"), std::string("'()+_,-./:=? b")}) {
    const std::string body = "--" + boundary + "\r\nContent-Disposition: form-data; name=a\r\n\r\n" +
                             boundary.substr(1) + "\r\n-\r\n" + "\r\n--" + boundary + "--\r\n";
    EXPECT_EQ(read(body, {}, boundary), (reading{"[a]" + boundary.substr(1) + "\r\n-\r\n;.", {}})) << boundary;
  }
  for (const auto& bad : {std::string(), std::string(71, 'a'), std::string("a "), std::string("a\r\n"),
                          std::string("a\"b"), std::string("a;b"), std::string("\xc3\xa9"), std::string(1, '\0')})
    EXPECT_THROW(multipart_parser p(bad), std::invalid_argument) << bad;
}

TEST(multipart, what_stands_outside_is_dropped) {
  EXPECT_EQ(read("before\r\n--xy\r\n" + part("a", "1") + last + "after\r\n" + part("b", "2")), (reading{"[a]1;.", {}}));
  EXPECT_EQ(read("\r\n" + last), (reading{".", {}}));
  EXPECT_EQ(read("-\r\n" + last + "\r\n"), (reading{".", {}}));
  EXPECT_EQ(read("x" + part("a", "1") + last), (reading{".", {}})) << "a boundary stands at the start of a line";
}

TEST(multipart, must_be_whole) {
  const auto whole = part("a", "1") + last;
  for (std::size_t n = 0; n < whole.size() - 2; ++n)
    EXPECT_EQ(read_whole(std::string_view(whole).substr(0, n)).ec, error::incomplete_multipart) << n;
  EXPECT_EQ(read("--xyz-").ec, error::incomplete_multipart);
  EXPECT_EQ(read(part("a", "1") + "--xyz\r\n").ec, error::incomplete_multipart);
}

TEST(multipart, what_follows_a_boundary_is_strict) {
  for (const std::string after : {"\n", "x\r\n", "z--", "-\r\n", "- -", " --", "\r\r\n", "\rx", " x", "-x", "\t-"})
    EXPECT_EQ(read("--xyz" + after), (reading{"", error::bad_part_delimiter})) << after;
  EXPECT_EQ(read(part("a", "1") + "--xyzzy\r\n"), (reading{"[a]1;", error::bad_part_delimiter}));
}

TEST(multipart, heads_are_strict) {
  const std::string bad[] = {
      "\r\n",
      "Content-Disposition: form-data; name=a\n\r\n",
      "Content-Disposition: form-data; name=a\r\n\n",
      "Content-Disposition: form-data; name=a\r\n folded\r\n\r\n",
      "Content-Disposition: form-data; name=\"a\r\nX: y\"\r\n\r\n",
      "Content-Disposition: form-data; name=\"a\r\n\r\n",
      "Content-Disposition: form-data\r\n\r\n",
      "Content-Disposition: form-data; name=a\r\n--xyz--\r\n\r\n",
      std::string("Content-Disposition: form-data; name=\"\0\"\r\n\r\n", 45),
  };
  for (const auto& head : bad)
    EXPECT_EQ(read("--xyz\r\n" + head + "1\r\n" + last), (reading{"", error::bad_part_head})) << head;
  EXPECT_EQ(http::status_of(error::bad_part_head), http::status::bad_request);
  EXPECT_EQ(read("--xyz\r\n\r\n1\r\n--xyz--", {.names = false}), (reading{"[]1;.", {}}));
}

TEST(multipart, limits_hold_at_them_and_beyond) {
  const auto parts = [](int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += part("a", "");
    return out + last;
  };
  const auto headed = [](std::size_t size) {
    std::string head = "Content-Disposition: form-data; name=a\r\nX: ";
    head.append(size - head.size() - 4, 'x').append("\r\n\r\n");
    return "--xyz\r\n" + head + "\r\n" + last;
  };
  const auto outside = [](std::size_t n) { return std::string(n - 2, 'x') + "\r\n" + last; };
  const auto behind = [](std::size_t n) { return "--xyz--" + std::string(n, 'x'); };
  EXPECT_FALSE(read(parts(5), {.parts = 5}).ec);
  EXPECT_EQ(read(parts(6), {.parts = 5}).ec, error::too_many_parts);
  EXPECT_EQ(read(parts(500), {.parts = 5}).ec, error::too_many_parts);
  EXPECT_FALSE(read(headed(60), {.part_head = 60}).ec);
  EXPECT_EQ(read(headed(61), {.part_head = 60}).ec, error::part_head_too_large);
  EXPECT_EQ(read(headed(6'000), {.part_head = 60}).ec, error::part_head_too_large);
  // The CRLF before a boundary belongs to it.
  EXPECT_FALSE(read(outside(12), {.outside = 10}).ec);
  EXPECT_EQ(read(outside(13), {.outside = 10}).ec, error::bytes_outside_parts);
  EXPECT_EQ(read(outside(1'000), {.outside = 10}).ec, error::bytes_outside_parts);
  EXPECT_FALSE(read(behind(10), {.outside = 10}).ec);
  EXPECT_EQ(read(behind(11), {.outside = 10}).ec, error::bytes_outside_parts);
  EXPECT_EQ(read(behind(1'000), {.outside = 10}).ec, error::bytes_outside_parts);
  EXPECT_EQ(read("--xyz" + std::string(10, ' ') + "--", {.outside = 10}).ec, error::bad_part_delimiter);
  EXPECT_EQ(read("--xyz" + std::string(11, ' ') + "\r\n", {.outside = 10}).ec, error::bad_part_delimiter);
  EXPECT_FALSE(read_whole(parts(100)).ec);
  EXPECT_EQ(read_whole(parts(101)).ec, error::too_many_parts);
  EXPECT_FALSE(read_whole(headed(8'192)).ec);
  EXPECT_EQ(read_whole(headed(8'193)).ec, error::part_head_too_large);
}

TEST(multipart, long_data_is_searched_in_blocks) {
  for (std::size_t n = 0; n < 300; ++n) {
    std::string data(n, 'x');
    for (std::size_t at = 7; at + 6 < n; at += 31) data.replace(at, 6, "\r\n--xy");
    EXPECT_EQ(read_whole(part("a", data) + last), (reading{"[a]" + data + ";.", {}})) << n;
  }
}

TEST(multipart, copies_no_data) {
  const std::string body = part("a", "some data\r\nand more") + last;
  multipart_parser p("xyz");
  std::string_view rest = body;
  error_code ec;
  ASSERT_EQ(p.next(rest, ec), multipart_event::part);
  ASSERT_EQ(p.next(rest, ec), multipart_event::data);
  EXPECT_EQ(p.data(), "some data\r\nand more");
  EXPECT_EQ(p.data().data(), body.data() + body.find("some"));
}

TEST(multipart, stays_failed_and_stays_at_its_end) {
  multipart_parser p("xyz");
  error_code ec;
  std::string_view bad = "--xyz!";
  EXPECT_EQ(p.next(bad, ec), multipart_event::failed);
  ec = {};
  std::string_view good = "--xyz--";
  EXPECT_EQ(p.next(good, ec), multipart_event::failed);
  EXPECT_EQ(ec, error::bad_part_delimiter);
  EXPECT_EQ(p.finish(), error::bad_part_delimiter);

  multipart_parser q("xyz");
  EXPECT_EQ(q.next(good, ec), multipart_event::end);
  EXPECT_EQ(q.next(good, ec), multipart_event::end);
}

TEST(multipart_boundary, is_taken_from_a_content_type) {
  const struct {
    std::string type, boundary;
    error_code ec;
  } cases[] = {
      {"multipart/form-data; boundary=xyz", "xyz", {}},
      {"Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b/:=\"", "a b/:=", {}},
      {"multipart/form-data; boundary=" + std::string(70, 'a'), std::string(70, 'a'), {}},
      {"multipart/form-data; boundary=" + std::string(71, 'a'), "", error::bad_boundary},
      {"multipart/form-data; boundary=" + std::string(7'000, 'a'), "", error::bad_boundary},
      {"multipart/form-data", "", error::bad_boundary},
      {"multipart/form-data; boundary=", "", error::bad_boundary},
      {"multipart/form-data; boundary=\"\"", "", error::bad_boundary},
      {"multipart/form-data; boundary=\"a \"", "", error::bad_boundary},
      {"multipart/form-data; boundary=a/b", "", error::bad_boundary},
      {"multipart/form-data; boundary=\"a;b\"", "", error::bad_boundary},
      {"multipart/form-data; boundary=\"\xc3\xa9\"", "", error::bad_boundary},
      {"multipart/form-data; boundary=a; boundary=b", "", error::bad_boundary},
      {"", "", error::unsupported_media_type},
      {"text/plain; boundary=a", "", error::unsupported_media_type},
      {"multipart/mixed; boundary=a", "", error::unsupported_media_type},
      {"application/x-www-form-urlencoded", "", error::unsupported_media_type},
  };
  for (const auto& c : cases) {
    error_code ec;
    EXPECT_EQ(http::multipart_boundary(c.type, ec), c.boundary) << c.type;
    EXPECT_EQ(ec, c.ec) << c.type;
  }
  error_code ec;
  EXPECT_EQ(http::multipart_boundary("multipart/mixed; boundary=a", ec, "multipart/mixed"), "a");
}

} // namespace
