// SPDX-License-Identifier: BSL-1.0
// Bodies that are saved to files. That a file which was not finished is removed, also where the client goes or the
// server stops, is tested in multipart_reader.cpp: the code is one.
#include "support/server_harness.hpp"

#include <antiphon/http/save_body.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace antiphon_tests {
namespace {

class save_body : public in_memory {
 protected:
  auto save() {
    return [this](ap::request& req) -> asio::awaitable<ap::response> {
      co_return std::to_string(co_await ap::save_body(req, file, s.io)); // on the server's loop: repeatable
    };
  }
  void SetUp() override {
    app.put("/collected", save());
    app.put("/streamed", save(), {.max_body = 1'000'000, .streamed = true});
  }
  void TearDown() override {
    in_memory::TearDown();
    std::filesystem::remove(file);
  }
  bool is_there() const { return std::filesystem::exists(file); }

  std::string file =
      (std::filesystem::temp_directory_path() / ("antiphon-body-" + std::to_string(std::random_device{}()))).string();
};

std::string put(std::string_view path, std::string_view body) {
  return head_of("PUT", path, "Content-Length: " + std::to_string(body.size()) + "\r\n") + std::string(body);
}

TEST_F(save_body, saves_what_is_streamed_and_what_is_collected) {
  for (const char* path : {"/collected", "/streamed"})
    for (const std::size_t size : {0U, 1U, 256U * 1024, 700'000U}) {
      std::string data(size, 'x');
      if (size > 1) data[size / 2] = '\0';
      EXPECT_EQ(s.ask(put(path, data)).body, std::to_string(size)) << path;
      std::ifstream in(file, std::ios::binary);
      EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), data) << path;
      std::filesystem::remove(file);
    }
  EXPECT_TRUE(s.errors.empty());
}

TEST_F(save_body, leaves_what_is_there_and_nothing_that_is_not_whole) {
  EXPECT_EQ(s.ask(put("/streamed", "first")).body, "5");
  EXPECT_EQ(s.ask(put("/streamed", "second")).code, 500);
  EXPECT_EQ(std::filesystem::file_size(file), 5U);
  ASSERT_EQ(s.errors.size(), 1U);
  EXPECT_NE(s.errors[0].find("creating '" + file + "'"), std::string::npos) << s.errors[0];
  std::filesystem::remove(file);

  auto& c = s.client();
  c.send(head_of("PUT", "/streamed", "Content-Length: 900000\r\n") + std::string(500'000, 'x'));
  s.settle();
  EXPECT_TRUE(is_there());
  c.close();
  s.settle();
  EXPECT_FALSE(is_there()) << "the client has gone";

  const auto chunks = [](const char* end) {
    std::string out = head_of("PUT", "/streamed", "Transfer-Encoding: chunked\r\n");
    for (int i = 0; i < 4; ++i) out += "3d090\r\n" + std::string(250'000, 'x') + "\r\n";
    return out + end;
  };
  EXPECT_EQ(s.ask(chunks("0\r\n\r\n")).body, "1000000") << "at the limit";
  std::filesystem::remove(file);
  const auto large = s.ask(chunks("1\r\nx\r\n0\r\n\r\n"));
  EXPECT_EQ(large.code, 413);
  EXPECT_EQ(large.body, "the body is larger than the limit; send less\n");
  EXPECT_EQ(s.ask(put("/streamed", std::string(1'000'001, 'x'))).body, large.body) << "said by Content-Length";
  EXPECT_EQ(s.ask(put("/collected", std::string(1'100'000, 'x'))).body, large.body);
  EXPECT_EQ(s.ask(chunks("zz\r\n")).code, 400);
  EXPECT_FALSE(is_there());
  EXPECT_EQ(s.errors.size(), 1U);
}

TEST_F(save_body, an_expectation_that_is_none_is_told_so) {
  const auto r = s.ask(head_of("PUT", "/collected", "Content-Length: 1\r\nExpect: more\r\n") + "x");
  EXPECT_EQ(r.code, 417);
  EXPECT_NE(r.body.find("100-continue"), std::string::npos) << r.body;
}

} // namespace
} // namespace antiphon_tests
