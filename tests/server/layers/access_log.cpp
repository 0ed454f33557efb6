// SPDX-License-Identifier: BSL-1.0
#include "served.hpp"

#include <antiphon/server/layers/access_log.hpp>
#include <antiphon/server/layers/request_id.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
using layer_tests::driven;
using layer_tests::field_of;
using layer_tests::served;

/// A sink that keeps lines.
class lines {
 public:
  void operator()(std::string_view line) const {
    const std::lock_guard guard(all_->lock);
    all_->kept.emplace_back(line);
  }
  std::vector<std::string> all() const {
    const std::lock_guard guard(all_->lock);
    return all_->kept;
  }

 private:
  struct shared {
    std::mutex lock;
    std::vector<std::string> kept;
  };
  std::shared_ptr<shared> all_ = std::make_shared<shared>();
};

std::vector<std::string> columns(const std::string& line) {
  std::vector<std::string> out(1);
  for (const char c : line) {
    if (c == ' ') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

std::string line_of(const ap::exchange_summary& s) {
  const lines kept;
  const ap::access_log log(kept);
  log.complete(s);
  const auto all = kept.all();
  EXPECT_EQ(all.size(), 1U);
  return all.at(0);
}

ap::exchange_summary example() {
  ap::exchange_summary s;
  s.method = ap::method::get;
  s.status = ap::status::not_found;
  s.target = "/jobs/7?x=1";
  s.id = "id-1";
  s.peer = "127.0.0.1:51324";
  s.bytes_in = 78;
  s.bytes_out = 151;
  s.took = std::chrono::microseconds(2'000'213);
  return s;
}

TEST(access_log, writes_a_line_of_ten_columns) {
  const auto before = std::chrono::system_clock::now();
  const auto line = line_of(example());
  ASSERT_GT(line.size(), 25U);
  std::string time = line.substr(0, 25);
  const auto said = time.substr(0, 10);
  for (char& c : time)
    if (c >= '0' && c <= '9') c = 'd';
  EXPECT_EQ(time, "dddd-dd-ddTdd:dd:dd.dddZ ");
  EXPECT_EQ(line.substr(25), "127.0.0.1:51324 GET /jobs/7?x=1 404 78 151 2.000213 id-1 ok");
  // The time is now: of its day at least, whichever side of midnight.
  const auto day = [](std::chrono::system_clock::time_point t) {
    const std::chrono::year_month_day d(std::chrono::floor<std::chrono::days>(t));
    char text[40];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(d.year()), static_cast<unsigned>(d.month()),
                  static_cast<unsigned>(d.day()));
    return std::string(text);
  };
  EXPECT_TRUE(said == day(before) || said == day(std::chrono::system_clock::now())) << line;
}

TEST(access_log, writes_time_in_utc) {
  using namespace std::chrono;
  ap::detail::log_line line;
  line.time(sys_days(year(2026) / 1 / 31) + hours(13) + minutes(4) + seconds(5) + milliseconds(67));
  EXPECT_EQ(line.finish(), "2026-01-31T13:04:05.067Z\n");
}

TEST(access_log, says_what_was_cut_and_what_is_not_known) {
  ap::exchange_summary s;
  s.method = ap::method::post;
  s.cut = true;
  s.took = std::chrono::seconds(-1);
  EXPECT_EQ(line_of(s).substr(25), "- POST - 0 0 0 0.000000 - cut");
}

// No byte that a client sends may end a line, begin a column, or mean something to a terminal.
TEST(access_log, cannot_be_forged) {
  for (int c = 0; c < 256; ++c) {
    auto s = example();
    const std::string evil = std::string("/a") + static_cast<char>(c) + "b";
    s.target = s.id = s.peer = evil;
    const auto line = line_of(s);
    const auto at = columns(line);
    ASSERT_EQ(at.size(), 10U) << line;
    for (const char shown : line) EXPECT_TRUE(shown >= ' ' && shown <= '~') << c;
    EXPECT_EQ(at[1], at[3]);
    EXPECT_EQ(at[1], at[8]);
    const bool plain = c > ' ' && c < 0x7f && c != '"' && c != '\\';
    EXPECT_EQ(at[3].size(), plain ? 4U : 7U) << line;
  }
  auto s = example();
  s.target = "/x\" 200\n2026-01-01T00:00:00.000Z\r\x1b[2J\\n";
  EXPECT_EQ(columns(line_of(s)).at(3), R"(/x\x22\x20200\x0a2026-01-01T00:00:00.000Z\x0d\x1b[2J\x5cn)");
}

TEST(access_log, shortens_what_is_long) {
  for (const char c : {'a', '\n'}) {
    for (std::size_t n = 900; n < 5'000; n += n < 1'100 || n > 4'000 ? 1 : 500) {
      auto s = example();
      const std::string target(n, c), id(1'000, c), peer(1'000, c);
      s.target = target, s.id = id, s.peer = peer;
      const auto at = columns(line_of(s));
      ASSERT_EQ(at.size(), 10U);
      const std::size_t whole = n * (c == 'a' ? 1 : 4);
      EXPECT_LE(at[3].size(), 4'096U);
      EXPECT_EQ(at[3].ends_with("..."), whole + 3 > 4'096) << n;
      if (whole + 3 <= 4'096) {
        EXPECT_EQ(at[3].size(), whole);
      }
      EXPECT_TRUE(at[8].ends_with("...") && at[8].size() <= 512);
      EXPECT_TRUE(at[1].ends_with("...") && at[1].size() <= 256);
      EXPECT_EQ(at[9], "ok");
    }
  }
}

TEST(access_log, logs_what_is_served_in_order) {
  const lines kept;
  ap::router app;
  app.use(ap::request_id({.trust_client = true})).use(ap::access_log(kept));
  app.post("/jobs/{id}", [](ap::request& req) { return req.take_body(); });
  app.get("/count", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> { co_await out.write("12345"); });
  });
  const std::string sent = "POST /jobs/7?a=%0a HTTP/1.1\r\nHost: a\r\nX-Request-Id: one\r\nContent-Length: 3\r\n"
                           "Connection: close\r\n\r\nabc";
  std::string first, second;
  {
    served s(app);
    first = s.talk(sent);
    second = s.talk("GET /count HTTP/1.1\r\nHost: a\r\nX-Request-Id: two\r\nConnection: close\r\n\r\n");
    s.talk("GET /none HTTP/1.1\r\nHost: a\r\nX-Request-Id: three\r\nConnection: close\r\n\r\n");
  }
  const auto all = kept.all();
  ASSERT_EQ(all.size(), 3U);
  const auto a = columns(all[0]), b = columns(all[1]), c = columns(all[2]);
  EXPECT_TRUE(a.at(1).starts_with("127.0.0.1:")) << all[0];
  EXPECT_EQ(a.at(2) + ' ' + a.at(3) + ' ' + a.at(4), "POST /jobs/7?a=%0a 200");
  EXPECT_EQ(a.at(5), std::to_string(sent.size())) << all[0];
  EXPECT_EQ(a.at(6), std::to_string(first.size())) << all[0];
  EXPECT_EQ(a.at(8) + ' ' + a.at(9), "one ok");
  EXPECT_EQ(b.at(2) + ' ' + b.at(3) + ' ' + b.at(4) + ' ' + b.at(8) + ' ' + b.at(9), "GET /count 200 two ok");
  EXPECT_EQ(b.at(6), std::to_string(second.size())) << all[1];
  EXPECT_EQ(c.at(3) + ' ' + c.at(4) + ' ' + c.at(8), "/none 404 three");
}

// The client goes while the handler waits; the handler ignores its time-out.
TEST(access_log, knows_of_exchanges_that_never_got_their_answer) {
  const lines kept;
  ap::router app;
  app.use(ap::access_log(kept));
  std::promise<void> waits;
  app.get("/left", [&]() -> asio::awaitable<ap::response> {
    waits.set_value();
    co_await ap::sleep_for(std::chrono::hours(1));
    co_return "never";
  });
  app.get("/late",
          []() -> asio::awaitable<ap::response> {
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
            co_await ap::sleep_for(std::chrono::milliseconds(600));
            co_return "too late";
          },
          {.timeout = std::chrono::milliseconds(1)});
  {
    served s(app);
    auto client = s.connect();
    asio::write(client, asio::buffer(std::string_view("GET /left HTTP/1.1\r\nHost: a\r\n\r\n")));
    waits.get_future().wait();
    client.close();
    const auto late = s.talk("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(late.starts_with("HTTP/1.1 503 ")) << late;
  }
  const auto all = kept.all();
  ASSERT_EQ(all.size(), 2U);
  const auto a = columns(all[0]), b = columns(all[1]);
  EXPECT_EQ(a.at(3) + ' ' + a.at(4) + ' ' + a.at(6) + ' ' + a.at(9), "/left 0 0 cut");
  EXPECT_EQ(b.at(3) + ' ' + b.at(4) + ' ' + b.at(9), "/late 503 ok");
}

TEST(access_log, that_is_off_writes_nothing_and_keeps_nothing) {
  const lines kept;
  const ap::access_log log(kept);
  ap::router app;
  app.use(log).get("/", [] { return ""; });
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  driven d(app);
  ap::router::frozen routes(app);
  const auto& route = routes.find(d.request());
  EXPECT_TRUE(route.wants_target());
  d.exchange(head);
  log.enable(false);
  EXPECT_FALSE(route.wants_target());
  d.exchange(head);
  log.enable(true);
  d.exchange(head);
  EXPECT_EQ(kept.all().size(), 2U);
}

/// Wants the target always, as a constant.
struct keeper {
  static constexpr bool keeps_target = true;
  void complete(const ap::exchange_summary& s) { *to = s.target; }
  std::string* to;
};

TEST(access_log, that_is_off_leaves_other_layers_the_target) {
  std::string seen;
  ap::router app;
  app.use(ap::access_log().enable(false)).use(keeper{&seen}).get("/x", [] { return ""; });
  driven d(app);
  d.exchange("GET /x?y HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(seen, "/x?y");
}

TEST(access_log, survives_a_sink_that_throws) {
  int calls = 0;
  const ap::access_log log([&](std::string_view) {
    if (++calls == 1) throw std::runtime_error("meant");
  });
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) log.complete(example());
  const auto told = testing::internal::GetCapturedStderr();
  EXPECT_EQ(calls, 3);
  EXPECT_NE(told.find("access log"), told.npos);
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1);
}

TEST(access_log, goes_to_stderr_if_no_sink_is_given) {
  testing::internal::CaptureStderr();
  ap::access_log().complete(example());
  const auto told = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(told.ends_with(" GET /jobs/7?x=1 404 78 151 2.000213 id-1 ok\n")) << told;
}

std::string json_of(const ap::exchange_summary& s) {
  const lines kept;
  ap::access_log(kept, {.format = ap::log_format::json}).complete(s);
  return kept.all().at(0);
}

TEST(access_log, writes_json) {
  auto s = example();
  s.route = "/jobs/{id}";
  const auto line = json_of(s);
  EXPECT_EQ(line.substr(0, 10), "{\"time\":\"2");
  EXPECT_EQ(line.substr(34),
            R"(,"peer":"127.0.0.1:51324","method":"GET","target":"/jobs/7?x=1","route":"/jobs/{id}",)"
            R"("status":404,"bytes_in":78,"bytes_out":151,"seconds":2.000213,"id":"id-1","cut":false})");
  EXPECT_TRUE(line.substr(32, 2) == "Z\"") << line;
  ap::exchange_summary unknown;
  unknown.cut = true;
  EXPECT_TRUE(json_of(unknown).ends_with(
      R"("target":"","route":"","status":0,"bytes_in":0,"bytes_out":0,"seconds":0.000000,"id":"","cut":true})"));
  testing::internal::CaptureStderr();
  ap::access_log({.format = ap::log_format::json}).complete(example());
  const auto told = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(told.starts_with("{") && told.ends_with("\"cut\":false}\n")) << told;
}

// Each byte stays one string of JSON, in ASCII and in one line.
TEST(access_log, json_cannot_be_forged) {
  for (int c = 0; c < 256; ++c) {
    auto s = example();
    const std::string evil = std::string("/a") + static_cast<char>(c) + "b";
    s.target = s.id = s.peer = s.route = evil;
    const bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
    const std::string shown =
        '"' + std::string("/a") + (plain ? std::string(1, static_cast<char>(c)) : escaped) + "b\"";
    const auto line = json_of(s);
    for (const std::string name : {"peer", "target", "route", "id"})
      EXPECT_NE(line.find("\"" + name + "\":" + shown), line.npos) << line;
    for (const char byte : line) EXPECT_TRUE(byte >= ' ' && byte <= '~') << c;
  }
}

TEST(access_log, shortens_what_is_long_in_json) {
  for (const char c : {'a', '\n'}) {
    for (const std::size_t n : {512U, 3'072U, 3'073U, 100'000U}) {
      const std::string text(n, c);
      auto s = example();
      s.target = s.id = s.peer = s.route = text;
      s.bytes_in = s.bytes_out = ~std::uint64_t{0};
      const auto line = json_of(s);
      EXPECT_LT(line.size(), 5'500U);
      EXPECT_TRUE(line.ends_with("...\",\"cut\":false}")) << line.substr(line.size() - 40);
      EXPECT_EQ(std::count(line.begin(), line.end(), '"'), 2 * 11 + 2 * 6);
    }
  }
}

TEST(access_log, is_written_and_switched_by_many_threads) {
  const lines kept;
  const ap::access_log log(kept);
  std::atomic<int> running{4};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) log.complete(example());
      --running;
    });
  }
  while (running != 0) log.enable(!log.enabled());
  for (auto& t : threads) t.join();
  for (const auto& line : kept.all()) EXPECT_TRUE(line.ends_with(" id-1 ok"));
}

} // namespace
