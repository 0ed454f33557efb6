// SPDX-License-Identifier: BSL-1.0
// Parts of a request in a handler, over each kind of stream; and parts that are saved to files.
#include "support/server_harness.hpp"

#include <antiphon/http/form_urlencoded.hpp>
#include <antiphon/http/multipart_reader.hpp>

#include <asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

namespace antiphon_tests {
namespace {

constexpr ap::route_options streamed{.max_body = 10'000'000, .streamed = true};

std::string part(std::string_view disposition, std::string_view data, std::string_view more = {}) {
  return "--xyz\r\nContent-Disposition: form-data; " + std::string(disposition) + "\r\n" + std::string(more) + "\r\n" +
         std::string(data) + "\r\n";
}
const std::string last_line = "--xyz--\r\n";
constexpr std::string_view form = "Content-Type: multipart/form-data; boundary=xyz\r\n";

/// "name|filename|type=data;" for each part.
asio::awaitable<ap::response> list(ap::request& req) {
  std::string out;
  ap::multipart_reader parts(req);
  while (auto* p = co_await parts.next_part()) {
    out.append(p->name()).append("|").append(p->filename().value_or("-")).append("|").append(p->content_type());
    out += '=';
    while (true) {
      const auto piece = co_await p->read_some();
      if (piece.empty()) break;
      out += piece;
    }
    EXPECT_TRUE((co_await p->read_some()).empty()) << "its end stays its end";
    out += ';';
  }
  EXPECT_EQ(co_await parts.next_part(), nullptr);
  co_return out;
}

class multipart_reader : public over_streams {
 protected:
  void SetUp() override {
    app.post("/streamed", list, streamed);
    app.post("/collected", list);
  }
};
ANTIPHON_OVER_STREAMS(multipart_reader);

const std::string body = part("name=a", "one") +
                         part("name=f; filename=\"x.png\"", "\r\n--xy\r\n", "Content-Type: image/png\r\n") +
                         part("name=a", "") + last_line + "epilogue";
const std::string expected = "a|-|text/plain=one;f|x.png|image/png=\r\n--xy\r\n;a|-|text/plain=;";

TEST_P(multipart_reader, gives_parts_of_streamed_and_of_collected_bodies) {
  for (const char* path : {"/streamed", "/collected"}) {
    EXPECT_EQ(s.ask(post(path, body, form)).body, expected) << path;
    EXPECT_EQ(s.ask(post(path, last_line, form)).body, "");
    auto& c = s.client();
    for (const char byte : post(path, body, form)) c.send({&byte, 1});
    EXPECT_EQ(c.next().body, expected) << path;
    EXPECT_EQ(c.ask(chunked(path, {body.substr(0, 70), body.substr(70)}, form)).body, expected) << "it goes on";
    EXPECT_EQ(c.ask(get("/none")).code, 404);
  }
  EXPECT_TRUE(s.errors.empty());
}

TEST_P(multipart_reader, what_is_wrong_is_answered_without_a_word_to_on_error) {
  const struct {
    std::string_view type;
    std::string body;
    int code;
    const char* says;
  } cases[] = {
      {"Content-Type: text/plain\r\n", "x", 415, "the Content-Type of the body"},
      {"", body, 415, "the Content-Type of the body"},
      {"Content-Type: multipart/form-data\r\n", body, 400, "boundary"},
      {form, "", 400, "before its last boundary"},
      {form, part("name=a", "1"), 400, "before its last boundary"},
      {form, part("nome=a", "1") + last_line, 400, "Content-Disposition"},
      {form, part("name=a", "1") + "--xyz!" + last_line, 400, "choose a boundary"},
      {form, part("name=a", "", "X: " + std::string(9'000, 'x') + "\r\n"), 413, "head of a part"},
      {form, std::string(9'000, 'x') + "\r\n" + last_line, 413, "before the first part"},
  };
  for (const char* path : {"/streamed", "/collected"}) {
    for (const auto& c : cases) {
      const auto got = s.ask(post(path, c.body, c.type));
      EXPECT_EQ(got.code, c.code) << path << c.body.substr(0, 100);
      EXPECT_NE(got.body.find(c.says), std::string::npos) << got.body;
    }
    std::string many;
    for (int i = 0; i < 101; ++i) many += part("name=a", "");
    EXPECT_EQ(s.ask(post(path, many + last_line, form)).code, 413);
  }
  EXPECT_TRUE(s.errors.empty()) << s.errors.front();
}

class forms_in_memory : public in_memory {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder);
    file = (folder / "saved").string();
  }
  void TearDown() override {
    in_memory::TearDown();
    std::filesystem::remove_all(folder);
  }
  std::string saved() const {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
  }
  /// A route that saves the first part with a file name, on the server's own loop, which makes it repeatable.
  void saves() {
    app.post(
        "/",
        [this](ap::request& req) -> asio::awaitable<ap::response> {
          ap::multipart_reader parts(req);
          std::string out;
          while (auto* p = co_await parts.next_part())
            if (p->filename()) out += std::to_string(co_await p->save_to(file, s.io));
          co_return out;
        },
        streamed);
  }

  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("antiphon-forms-" + std::to_string(std::random_device{}()) + "-" +
                                                ::testing::UnitTest::GetInstance()->current_test_info()->name());
  std::string file;
};

TEST_F(forms_in_memory, parts_may_be_passed_over_or_read_in_part) {
  app.post(
      "/",
      [](ap::request& req) -> asio::awaitable<ap::response> {
        ap::multipart_reader parts(req);
        std::string out;
        while (auto* p = co_await parts.next_part()) {
          out.append(p->name());
          if (p->name() == "b") out += std::to_string((co_await p->read_some()).empty());
          if (p->name() == "c") out += co_await p->read_all(3);
        }
        co_return out;
      },
      streamed);
  const std::string large(500'000, 'x');
  const auto with = [&](std::string_view c) {
    return post("/", part("name=a", large) + part("name=b", large) + part("name=c", c) + part("name=d", "") + last_line,
                form);
  };
  EXPECT_EQ(s.ask(with("123")).body, "ab0c123d");
  EXPECT_EQ(s.ask(with("1234")).code, 413);
  EXPECT_EQ(s.ask(with(large)).code, 413);
  EXPECT_TRUE(s.errors.empty());
}

TEST_F(forms_in_memory, a_part_is_saved_to_a_file) {
  saves();
  std::string data;
  for (int i = 0; i < 100'000; ++i) data += "line " + std::to_string(i) + "\r\n";
  const auto sent = post("/", part("name=t", "text") + part("name=f; filename=x", data) + last_line, form);
  EXPECT_EQ(s.ask(sent).body, std::to_string(data.size()));
  EXPECT_EQ(saved(), data);
  EXPECT_TRUE(s.errors.empty());

  EXPECT_EQ(s.ask(post("/", part("name=f; filename=x", "other") + last_line, form)).code, 500);
  EXPECT_EQ(saved(), data) << "what was there stays";
  ASSERT_EQ(s.errors.size(), 1U);
  EXPECT_NE(s.errors[0].find("creating '" + file + "'"), std::string::npos) << s.errors[0];

  std::filesystem::remove(file);
  EXPECT_EQ(s.ask(post("/", part("name=f; filename=x", "") + last_line, form)).body, "0");
  EXPECT_EQ(files(), 1U) << "an empty file is one";
}

TEST_F(forms_in_memory, a_file_that_was_not_finished_is_removed) {
  saves();
  const std::string data(600'000, 'x');
  const auto begun = part("name=f; filename=x", data);
  EXPECT_EQ(s.ask(post("/", begun.substr(0, 500'000), form)).code, 400) << "cut";
  EXPECT_EQ(files(), 0U);
  EXPECT_EQ(s.ask(post("/", begun + "--xyz!", form)).code, 400) << "another part was malformed";
  EXPECT_EQ(files(), 1U) << "this one is whole";
  std::filesystem::remove(file);
  EXPECT_TRUE(s.errors.empty()) << s.errors.front();

  auto& c = s.client();
  c.send(head_of("POST", "/", "Content-Length: 700000\r\n" + std::string(form)) + begun.substr(0, 500'000));
  s.settle();
  EXPECT_EQ(files(), 1U);
  c.close(); // the handler is cancelled
  s.settle();
  EXPECT_EQ(files(), 0U);
  EXPECT_EQ(app.counts().handling, 0U);

  auto& d = s.client();
  d.send(head_of("POST", "/", "Content-Length: 700000\r\n" + std::string(form)) + begun.substr(0, 500'000));
  s.settle();
  EXPECT_EQ(files(), 1U);
  s.cut();
  s.settle();
  EXPECT_EQ(files(), 0U);
  EXPECT_TRUE(s.errors.empty()) << s.errors.front();
}

TEST_F(forms_in_memory, a_form_that_is_read_as_a_whole_says_so_where_it_is_streamed) {
  app.post("/", [](ap::request& req) { return std::string(ap::form_of(req).get("a").value_or("none")); });
  app.post(
      "/streamed",
      [](ap::request& req) -> asio::awaitable<ap::response> {
        co_return std::string(ap::form_of(req).get("a").value_or("none"));
      },
      streamed);
  const std::string urlencoded = "Content-Type: application/x-www-form-urlencoded\r\n";
  EXPECT_EQ(s.ask(post("/", "a=1+2", urlencoded)).body, "1 2");
  EXPECT_EQ(s.ask(post("/", "a=1", form)).code, 415);
  std::string many;
  for (int i = 0; i < 1'001; ++i) many += "a=1&";
  EXPECT_EQ(s.ask(post("/", many, urlencoded)).code, 400);
  EXPECT_TRUE(s.errors.empty());
  EXPECT_EQ(s.ask(post("/streamed", "a=1", urlencoded)).code, 500);
  ASSERT_EQ(s.errors.size(), 1U);
  EXPECT_NE(s.errors[0].find("leave `streamed` out"), std::string::npos) << s.errors[0];
}

TEST(multipart_on_a_pool, saves_there_and_not_on_the_loop) {
  served s(kind::tcp);
  asio::thread_pool pool(1);
  const auto file =
      std::filesystem::temp_directory_path() / ("antiphon-pool-" + std::to_string(std::random_device{}()));
  s.app.post(
      "/",
      [&](ap::request& req) -> asio::awaitable<ap::response> {
        ap::multipart_reader parts(req);
        std::string out;
        while (auto* p = co_await parts.next_part()) out += std::to_string(co_await p->save_to(file.string(), pool));
        co_return out;
      },
      streamed);
  EXPECT_EQ(s.ask(post("/", part("name=f", std::string(2'000'000, '\r')) + last_line, form)).body, "2000000");
  EXPECT_EQ(std::filesystem::file_size(file), 2'000'000U);
  std::filesystem::remove(file);

  auto& c = s.client();
  c.send(head_of("POST", "/", "Content-Length: 7000000\r\n" + std::string(form)) +
         part("name=f", std::string(1'000'000, 'x')));
  while (!std::filesystem::exists(file)) s.settle();
  c.close();
  while (std::filesystem::exists(file) || s.app.counts().handling != 0) s.settle();
  s.finish();
}

} // namespace
} // namespace antiphon_tests
