// SPDX-License-Identifier: BSL-1.0
// Threat suite: multipart bodies that are meant to cost memory, files or sense. What they may cost is bounded, they are
// answered with the status that belongs to them, and the server serves the next client.
#include "../support/allocated.hpp"
#include "../support/live_server.hpp"

#include <antiphon/http/multipart_reader.hpp>

#include <asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr std::string_view form = "Content-Type: multipart/form-data; boundary=xyz\r\n";
const std::string last = "--xyz--\r\n";

std::string begin_part(std::string_view disposition = "name=f; filename=x") {
  return "--xyz\r\nContent-Disposition: form-data; " + std::string(disposition) + "\r\n\r\n";
}
std::string repeat(std::string_view text, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}
std::string head(std::string_view path, std::size_t length) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n" +
         std::string(form) + "\r\n";
}

class multipart_hostile : public testing::Test {
 protected:
  multipart_hostile() {
    std::filesystem::create_directory(folder);
    app.on_error([this](const std::exception_ptr&, std::string_view) { ++errors; });
    // Counts what comes, piece by piece.
    app.post("/count",
             [this](ap::request& req) -> asio::awaitable<ap::response> {
               const t::census::one alive(handlers);
               ap::multipart_reader parts(req);
               std::size_t count = 0, bytes = 0;
               while (auto* part = co_await parts.next_part()) {
                 ++count;
                 while (true) {
                   const auto piece = co_await part->read_some();
                   if (piece.empty()) break;
                   bytes += piece.size();
                   most = std::max(most.load(), t::allocated());
                 }
               }
               co_return std::to_string(count) + " " + std::to_string(bytes);
             },
             {.max_body = 100 * mebibyte, .streamed = true});
    app.post("/save",
             [this](ap::request& req) -> asio::awaitable<ap::response> {
               const t::census::one alive(handlers);
               ap::multipart_reader parts(req);
               while (auto* part = co_await parts.next_part())
                 co_await part->save_to((folder / std::to_string(++number)).string(), disk);
               co_return "saved";
             },
             {.max_body = 100 * mebibyte, .streamed = true});
    app.post("/echo", [](ap::request& req) -> asio::awaitable<ap::response> {
      ap::multipart_reader parts(req);
      auto* const part = co_await parts.next_part();
      ap::response out("echo");
      out.set("X-Name", part->name());
      co_return out;
    });
  }
  ~multipart_hostile() override {
    disk.join();
    std::filesystem::remove_all(folder);
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
  }
  /// What one request is answered with.
  static t::raw_response ask(const t::live_server& server, std::string_view path, std::string_view body) {
    auto client = server.client();
    client.send(head(path, body.size()));
    client.send(body); // it may be refused before its end
    return client.response();
  }

  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("antiphon-hostile-" + std::to_string(std::random_device{}()));
  asio::thread_pool disk{1};
  t::census handlers;
  std::atomic<int> number{0}, errors{0};
  std::atomic<std::size_t> most{0};
  ap::router app;
};

TEST_F(multipart_hostile, a_large_part_that_is_nearly_all_boundaries_stands_in_no_memory) {
  t::live_server server(app);
  for (const std::string_view unit : {"\r\n--xy", "\r\n--xyy\r\n", "\r", "--xyz", "\r\n", "\r\n--xyZ--\r\n"}) {
    const auto piece = repeat(unit, mebibyte / unit.size());
    const std::size_t size = 16 * piece.size();
    const auto begin = begin_part();
    auto client = server.client();
    most = 0;
    ASSERT_TRUE(client.send(head("/count", begin.size() + size + 2 + last.size()) + begin));
    const auto before = t::allocated();
    for (int i = 0; i < 16; ++i) ASSERT_TRUE(client.send(piece));
    ASSERT_TRUE(client.send("\r\n" + last));
    EXPECT_EQ(client.response().body, "1 " + std::to_string(size)) << unit;
    EXPECT_LT(most, before + mebibyte) << unit;
  }
}

TEST_F(multipart_hostile, a_disk_that_is_slow_stops_the_client_and_fills_no_memory) {
  std::atomic<bool> free{false};
  t::live_server server(app);
  asio::post(disk, [&] { t::eventually([&] { return free.load(); }); }); // the disk's only thread
  const std::string piece(mebibyte, 'x');
  const auto begin = begin_part();
  auto client = server.client();
  const auto before = t::allocated();
  ASSERT_TRUE(client.send(head("/save", begin.size() + 64 * mebibyte + 2 + last.size()) + begin));
  const auto sent = client.flood(piece, 64 * mebibyte, 200ms);
  EXPECT_LT(sent, 32 * mebibyte) << "what the kernel's buffers take";
  EXPECT_LT(t::allocated(), before + 2 * mebibyte);
  free = true;
  for (std::size_t left = 64 * mebibyte - sent; left > 0;) {
    const auto n = std::min(left, piece.size());
    ASSERT_TRUE(client.send(std::string_view(piece).substr(0, n)));
    left -= n;
  }
  ASSERT_TRUE(client.send("\r\n" + last));
  EXPECT_EQ(client.response().body, "saved");
  EXPECT_EQ(std::filesystem::file_size(folder / "1"), 64 * mebibyte);
}

TEST_F(multipart_hostile, each_limit_holds_at_it_beyond_it_and_far_beyond_it_with_memory_flat) {
  t::live_server server(app);
  const struct {
    const char* what;
    std::size_t limit;
    std::function<std::string(std::size_t)> make;
  } limits[] = {
      {"parts", 100, [](std::size_t n) { return repeat(begin_part("name=a") + "\r\n", n) + last; }},
      {"bytes of a part's head", 8192,
       [](std::size_t n) {
         const std::string start = "Content-Disposition: form-data; name=a\r\nX: ";
         return "--xyz\r\n" + start + std::string(n - start.size() - 4, 'x') + "\r\n\r\n\r\n" + last;
       }},
      {"bytes before the first boundary", 8194, // two of them are the boundary's
       [](std::size_t n) { return std::string(n - 2, 'x') + "\r\n" + last; }},
      {"bytes after the last boundary", 8192, [](std::size_t n) { return "--xyz--" + std::string(n, 'x'); }},
  };
  for (const auto& l : limits) {
    EXPECT_EQ(ask(server, "/count", l.make(l.limit)).status, 200) << l.what;
    const auto far_beyond = l.make(100 * l.limit);
    const auto before = t::allocated();
    EXPECT_EQ(ask(server, "/count", l.make(l.limit + 1)).status, 413) << l.what;
    EXPECT_EQ(ask(server, "/count", far_beyond).status, 413) << l.what;
    EXPECT_LT(t::allocated(), before + mebibyte) << l.what;
  }
  EXPECT_TRUE(handlers.empties());
  EXPECT_EQ(errors, 0);
}

TEST_F(multipart_hostile, what_never_ends_is_cut_at_a_limit) {
  t::live_server server(app);
  const auto framed = [](std::string_view data) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    return size + std::string(data) + "\r\n";
  };
  const auto piece = framed(std::string(mebibyte, 'x'));
  // In the data of a part, in a head, before the first boundary, after the last.
  for (const std::string& start : {begin_part(), std::string("--xyz\r\nX: "), std::string("x"), last}) {
    auto client = server.client();
    ASSERT_TRUE(client.send("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + std::string(form) +
                            "\r\n" + framed(start)));
    const auto before = t::allocated();
    for (int i = 0; i < 101 && client.send(piece); ++i) {}
    EXPECT_EQ(client.response().status, 413) << start;
    EXPECT_LT(t::allocated(), before + mebibyte) << start;
  }
  EXPECT_TRUE(handlers.empties());
  EXPECT_EQ(errors, 0);
}

TEST_F(multipart_hostile, clients_that_go_in_the_middle_leave_no_file_and_no_handler) {
  t::live_server server(app);
  const auto begin = begin_part();
  const std::string piece(400'000, 'x');
  for (int i = 0; i < 30; ++i) {
    auto client = server.client();
    ASSERT_TRUE(client.send(head("/save", mebibyte) + begin));
    ASSERT_TRUE(client.send(std::string_view(piece).substr(0, static_cast<std::size_t>(i) * 13'000)));
    if (i % 3 == 0) {
      EXPECT_TRUE(t::eventually([&] { return files() > 0; }));
    }
    i % 2 == 0 ? client.reset() : client.close();
  }
  EXPECT_TRUE(handlers.empties());
  EXPECT_TRUE(t::eventually([&] { return files() == 0; }));
  EXPECT_EQ(errors, 0);
  EXPECT_EQ(ask(server, "/save", begin + "data\r\n" + last).body, "saved");
  EXPECT_EQ(files(), 1U);
}

TEST_F(multipart_hostile, a_server_that_stops_leaves_no_half_of_a_file) {
  {
    t::live_server server(app);
    auto client = server.client();
    ASSERT_TRUE(client.send(head("/save", mebibyte) + begin_part() + std::string(500'000, 'x')));
    EXPECT_TRUE(t::eventually([&] { return files() == 1; }));
  } // cut
  disk.join();
  EXPECT_EQ(files(), 0U);
}

TEST_F(multipart_hostile, a_name_makes_no_field_of_an_answer) {
  t::live_server server(app);
  for (const char* name : {"\"a%0D%0AX-Evil: 1\"", "\"a%0AX-Evil: 1\""}) {
    const auto got = ask(server, "/echo", begin_part("name=" + std::string(name)) + "\r\n" + last);
    EXPECT_EQ(got.status, 500) << got.head; // the program's mistake, which the library does not let through
    EXPECT_EQ(got.count("X-Evil"), 0U) << got.head;
  }
  EXPECT_EQ(ask(server, "/echo", begin_part("name=\"a\r\nX-Evil: 1\"") + "\r\n" + last).status, 400);
  EXPECT_EQ(ask(server, "/echo", begin_part(std::string("name=\"a\0b\"", 10)) + "\r\n" + last).status, 400);
  EXPECT_EQ(ask(server, "/echo", begin_part("name=\"a\\\"b\"") + "\r\n" + last).field("X-Name"), "a\"b");
}

} // namespace
