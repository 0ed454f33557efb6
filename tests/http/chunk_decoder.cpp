// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/chunk_decoder.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace http = antiphon::http;
using http::body_result;
using http::error;
using namespace std::string_literals;

struct outcome {
  body_result result = body_result::more;
  error why{};
  std::string content;
  std::string trailers;
  std::size_t used = 0;
  friend bool operator==(const outcome&, const outcome&) = default;
  friend std::ostream& operator<<(std::ostream& out, const outcome& o) {
    return out << "result " << static_cast<int>(o.result) << " error " << static_cast<int>(o.why) << " used " << o.used
               << " content " << o.content.substr(0, 50) << " trailers " << o.trailers;
  }
};

struct limits {
  http::head_limits head;
  http::body_limits body;
  std::uint32_t header_bytes = 0;
  std::uint32_t fields = 0;
};

outcome decode(std::string_view input, std::size_t step, const limits& with = {}) {
  http::chunk_decoder decoder;
  decoder.start(with.head, with.body, with.header_bytes, with.fields);
  outcome out;
  antiphon::error_code ec;
  for (std::size_t at = 0; at < input.size() && out.result == body_result::more; at += step) {
    auto piece = input.substr(at, step);
    do {
      std::size_t consumed = 0;
      std::string_view data;
      out.result = decoder.step(piece, consumed, data, ec);
      EXPECT_LE(consumed, piece.size());
      EXPECT_EQ(data.empty(), out.result != body_result::data);
      EXPECT_EQ(decoder.done(), out.result == body_result::done);
      EXPECT_TRUE(out.result != body_result::more || consumed == piece.size());
      out.content += data;
      out.used += consumed;
      piece.remove_prefix(consumed);
    } while (out.result == body_result::data);
  }
  if (out.result == body_result::failed) {
    out.why = static_cast<error>(ec.value());
    out.used = 0; // of no meaning
  }
  out.trailers = decoder.trailers().wire();
  return out;
}

outcome decode_all(std::string_view input, const limits& with = {}) {
  const auto whole = decode(input, input.size(), with);
  for (const std::size_t step : {1U, 2U, 3U, 5U, 7U, 64U})
    EXPECT_EQ(decode(input, step, with), whole) << "step " << step;
  return whole;
}

error refusal(std::string_view input, const limits& with = {}) {
  const auto out = decode_all(input, with);
  EXPECT_EQ(out.result, body_result::failed) << input.substr(0, 100);
  return out.why;
}

TEST(chunk_decoder, takes_the_framing_off) {
  const auto out = decode_all("5\r\nhello\r\n1;a=b\r\n,\r\n6 ;c=\"d\\\"e\"\r\n world\r\n0\r\n\r\nGET");
  EXPECT_EQ(out.result, body_result::done);
  EXPECT_EQ(out.content, "hello, world");
  EXPECT_EQ(out.used, 46U) << "all but GET";
}

TEST(chunk_decoder, content_is_not_copied) {
  const std::string input = "5\r\nhello\r\n0\r\n\r\n";
  http::chunk_decoder decoder;
  decoder.start({}, {});
  std::size_t consumed = 0;
  std::string_view data;
  antiphon::error_code ec;
  ASSERT_EQ(decoder.step(input, consumed, data, ec), body_result::data);
  EXPECT_EQ(data.data(), input.data() + 3);
  EXPECT_EQ(consumed, 8U);
  EXPECT_EQ(decoder.announced(), 5U);
}

TEST(chunk_decoder, consumes_nothing_of_the_next_message) {
  http::chunk_decoder decoder;
  decoder.start({}, {});
  std::size_t consumed = 7;
  std::string_view data;
  antiphon::error_code ec;
  ASSERT_EQ(decoder.step("0\r\n\r\nGET", consumed, data, ec), body_result::done);
  EXPECT_EQ(consumed, 5U);
  ASSERT_EQ(decoder.step("GET", consumed, data, ec), body_result::done);
  EXPECT_EQ(consumed, 0U);
}

TEST(chunk_decoder, wants_more_until_the_end) {
  const std::string input = "5;a=\"b\";c=d\r\nhello\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t size = 1; size < input.size(); ++size)
    EXPECT_EQ(decode_all(input.substr(0, size)).result, body_result::more) << size;
}

TEST(chunk_decoder, keeps_trailers) {
  const auto out = decode_all("0\r\nX-Sum:  a b \r\nContent-Length: 5\r\nEmpty:\r\nhost: x\r\nY:\tz\t\r\n\r\n");
  EXPECT_EQ(out.result, body_result::done);
  EXPECT_EQ(out.trailers, "X-Sum: a b\r\nEmpty: \r\nY: z\r\n");
}

TEST(chunk_decoder, begins_again) {
  http::chunk_decoder decoder;
  for (int i = 0; i < 3; ++i) {
    decoder.start({}, {});
    std::size_t consumed = 0;
    std::string_view data;
    antiphon::error_code ec;
    EXPECT_EQ(decoder.step(i == 0   ? "5\r"
                           : i == 1 ? "0\r\nX: y\r\nZ: "
                                    : "0\r\n\r\n",
                           consumed, data, ec),
              i == 2 ? body_result::done : body_result::more);
    EXPECT_EQ(decoder.trailers().empty(), i != 1);
  }
}

TEST(chunk_decoder, sizes) {
  EXPECT_EQ(decode_all("0000000000000005\r\nhello\r\n0\r\n\r\n").content, "hello");
  EXPECT_EQ(decode_all("aA\r\n" + std::string(0xaa, 'x') + "\r\n0\r\n\r\n").content.size(), 0xaaU);
  for (const auto* bad : {"\r\n", " 5\r\n", "5 \r\n", "5\t\r\n", "+5\r\n", "0x5\r\n", "5h\r\n", "g", ";a", "5,", "-1",
                          "5_0", "00000000000000005\r\n", "fffffffffffffffff\r\n"})
    EXPECT_EQ(refusal(bad), error::bad_chunk_size) << bad;
}

TEST(chunk_decoder, framing) {
  for (const auto* bad : {"5\rX", "5\r\r\n", "5;a\rX", "1\r\nxy", "1\r\nx\n", "1\r\nx\rX", "1\r\nx\r\r"})
    EXPECT_EQ(refusal(bad), error::bad_chunk_framing) << bad;
  EXPECT_EQ(refusal("5\n"), error::bad_chunk_size);
}

TEST(chunk_decoder, extensions) {
  for (const auto* good : {";a", ";a=b", ";a=\"\"", ";a=\"b c\"", ";a=\"\\\"\"", ";a=\"\\\\\"", ";a;b=c;d", " ;a",
                           "; a = b ;c", ";a=\"\xc3\xa4\"", "\t;\ta\t=\t\"b\"\t;c"})
    EXPECT_EQ(decode_all("1"s + good + "\r\nx\r\n0"s + good + "\r\n\r\n").content, "x") << good;
  for (const auto* bad : {";\r",     ";;",     ";=b",      ";a=\r",     ";a=;",       ";a b",      ";a \r",
                          ";a=b \r", ";a=b c", ";a=\"b\r", ";a=\"b\n",  ";a=\"b\\\r", ";a=\"b\"c", ";a=\"b\" \r",
                          ";a\n",    ";(",     ";a=(",     ";a=\"\x01", ";a=\"\x7f",  ";\xc3\xa4"})
    EXPECT_EQ(refusal("1"s + bad + "\n"), error::bad_chunk_extension) << bad;
  EXPECT_EQ(refusal("1;a\0"s), error::bad_chunk_extension);
}

TEST(chunk_decoder, trailer_syntax) {
  for (const auto* bad : {"X\r\n\r\n", "X : y\r\n", ": y\r\n", " X: y", "\tX: y", "X: y\r\n z", "X: y\n", "X: y\rz",
                          "X\x01: y", "X Y: z\r\n", "\rX", "\n", "X: \x7f"})
    EXPECT_EQ(refusal("0\r\n"s + bad), error::bad_trailer) << bad;
  EXPECT_EQ(refusal("0\r\nX: \0"s), error::bad_trailer);
}

TEST(chunk_decoder, limit_of_content) {
  limits with;
  with.body.size = 10;
  EXPECT_EQ(decode_all("4\r\nxxxx\r\n6\r\nxxxxxx\r\n0\r\n\r\n", with).content.size(), 10U);
  EXPECT_EQ(refusal("4\r\nxxxx\r\n7\r\n", with), error::body_too_large) << "as soon as it is announced";
  EXPECT_EQ(refusal("3e8\r\n", with), error::body_too_large);
  EXPECT_EQ(refusal("4\r\nxxxx\r\nffffffffffffffff\r\n", with), error::body_too_large);
  with.body.size = http::body_limits::unlimited;
  EXPECT_EQ(decode_all("4\r\nxxxx\r\nfffffffffffffff0\r\n", with).result, body_result::more);
  EXPECT_EQ(refusal("4\r\nxxxx\r\nffffffffffffffff\r\n", with), error::body_too_large) << "the sum would wrap";
}

TEST(chunk_decoder, limit_of_one_extension) {
  limits with;
  with.body.chunk_extension = 10;
  EXPECT_EQ(decode_all("0;" + std::string(9, 'a') + "\r\n\r\n", with).result, body_result::done);
  EXPECT_EQ(refusal("0;" + std::string(10, 'a') + "\r\n\r\n", with), error::bad_chunk_extension);
  EXPECT_EQ(refusal("0;" + std::string(1000, 'a'), with), error::bad_chunk_extension);
  EXPECT_EQ(refusal("0;a=\"" + std::string(1000, 'a'), with), error::bad_chunk_extension);
  EXPECT_EQ(refusal("0" + std::string(1000, ' '), with), error::bad_chunk_extension);
  EXPECT_EQ(decode_all("1;aaaaaaaaa\r\nx\r\n1;aaaaaaaaa\r\nx\r\n", with).result, body_result::more) << "of each chunk";
}

TEST(chunk_decoder, limit_of_all_extensions) {
  limits with;
  with.body.chunk_extensions = 20;
  const std::string ten = "1;aaaaaaaaa\r\nx\r\n";
  EXPECT_EQ(decode_all(ten + ten + "0\r\n\r\n", with).result, body_result::done);
  EXPECT_EQ(refusal(ten + ten + "0;", with), error::bad_chunk_extension);
  std::string many;
  for (int i = 0; i < 200; ++i) many += ten;
  EXPECT_EQ(refusal(many, with), error::bad_chunk_extension);
}

TEST(chunk_decoder, limit_of_framing) {
  limits with;
  with.body.chunk_overhead_ratio = 4;
  with.body.chunk_overhead_base = 100;
  // 5 bytes of framing for each byte of content: one more than is free.
  const auto chunks = [](int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += "1\r\nx\r\n";
    return text;
  };
  EXPECT_EQ(decode_all(chunks(100), with).result, body_result::more);
  EXPECT_EQ(decode_all(chunks(102), with).result, body_result::more) << "3 + 5 x 101 is within 4 x 102 + 100";
  EXPECT_EQ(refusal(chunks(103), with), error::chunk_overhead);
  EXPECT_EQ(refusal(chunks(10000), with), error::chunk_overhead);
  std::string large;
  for (int i = 0; i < 10000; ++i) large += "2\r\nxx\r\n";
  EXPECT_EQ(decode_all(large, with).result, body_result::more) << "2.5 bytes for each";
}

TEST(chunk_decoder, trailers_share_the_limits_of_the_head) {
  limits with;
  with.head.header_bytes = 100;
  with.header_bytes = 50;
  with.head.one_field = 40;
  const auto trailer = [](std::size_t n) { return "0\r\nX:" + std::string(n, 'a') + "\r\n\r\n"; };
  EXPECT_EQ(decode_all(trailer(38), with).result, body_result::done) << "a field of 40";
  EXPECT_EQ(refusal(trailer(39), with), error::trailer_too_large);
  EXPECT_EQ(refusal(trailer(4000), with), error::trailer_too_large);
  with.head.one_field = 1000;
  EXPECT_EQ(decode_all(trailer(44), with).result, body_result::done) << "50 with both CRLFs";
  EXPECT_EQ(refusal(trailer(45), with), error::trailer_too_large);
  EXPECT_EQ(refusal("0\r\n" + std::string(5000, 'a'), with), error::trailer_too_large);
  std::string many = "0\r\n";
  for (int i = 0; i < 8; ++i) many += "X: ab\r\n";
  EXPECT_EQ(refusal(many + "\r\n", with), error::trailer_too_large);
  with.header_bytes = 200;
  EXPECT_EQ(refusal("0\r\n\r\n", with), error::trailer_too_large);
}

TEST(chunk_decoder, trailers_share_the_count_of_the_head) {
  limits with;
  with.head.fields = 5;
  with.fields = 3;
  EXPECT_EQ(decode_all("0\r\nA:b\r\nA:b\r\n\r\n", with).result, body_result::done);
  EXPECT_EQ(refusal("0\r\nA:b\r\nA:b\r\nA", with), error::trailer_too_large);
  with.fields = 6;
  EXPECT_EQ(decode_all("0\r\n\r\n", with).result, body_result::done);
  EXPECT_EQ(refusal("0\r\nHost: x", with), error::trailer_too_large) << "dropped ones count as well";
}

} // namespace
