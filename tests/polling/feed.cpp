// SPDX-License-Identifier: BSL-1.0
// A server that the test plays by hand, in virtual time.
#include "client/harness.hpp"

#include <antiphon/polling/feed.hpp>

#include <stdexcept>

namespace client_tests {
namespace {

using ap::polling::feed;
using ap::polling::feed_options;
using ap::polling::item;
using failure = ap::polling::error;

/// What a feed gave: "5:data", "gap 1-9 7", "other".
struct received {
  bool done = false;
  ap::error_code ec;
  std::string what;
  asio::cancellation_signal cancel;
};
using receipt = std::shared_ptr<received>;

std::string text_of(const ap::delivery<item>& d) {
  return d.visit(
      [](const ap::message<item>& m) {
        std::string text = std::to_string(m.id().minor_part) + ":" + m->data;
        if (!m->event.empty()) text += " event=" + m->event;
        if (!m.subject().empty()) text += " subject=" + std::string(m.subject());
        const auto p = to_payload(*m);
        if (p.type() != ap::text_type) text += " " + std::string(p.type());
        return text;
      },
      [](const ap::gap& g) {
        return "gap " + std::to_string(g.after.minor_part) + "-" + std::to_string(g.before.minor_part) +
               (g.at_most ? " " + std::to_string(*g.at_most) : "");
      },
      [](ap::other_log) { return std::string("other"); });
}

std::string at(int n, std::string_view log = "aa") {
  return "00000000000000" + std::string(log) + ".0-" + std::to_string(n);
}
std::string an_item(int n, std::string_view data) {
  return "{\"id\":\"" + at(n) + "\",\"data\":" + std::string(data) + "}";
}
std::string body(int cursor, std::string_view items, std::string_view log = "aa", std::string_view gap = "null",
                 bool other = false) {
  return "{\"cursor\":\"" + at(cursor, log) + "\",\"gap\":" + std::string(gap) +
         ",\"other_log\":" + (other ? "true" : "false") + ",\"items\":[" + std::string(items) + "]}";
}

class polling_feed : public ::testing::Test {
 protected:
  world w;
  feed_options options;
  std::optional<feed> news;

  void open(std::string url = "http://h/news?x=1") { news.emplace(w.client(), std::move(url), options); }
  receipt receive() {
    if (!news) open();
    auto to = std::make_shared<received>();
    news->async_receive(
        asio::bind_cancellation_slot(to->cancel.slot(), [to](ap::error_code ec, const ap::delivery<item>& d) {
          to->done = true;
          to->ec = ec;
          if (!ec) to->what = text_of(d);
        }));
    EXPECT_FALSE(to->done) << "completed inside the initiating call";
    w.time.settle();
    return to;
  }
  std::string next() {
    const auto r = receive();
    return r->done && !r->ec ? r->what : r->done ? r->ec.message() : "nothing";
  }
  peer& last() { return *w.peers.back(); }
  std::string asked() { return last().take(); }
  void answer(std::string_view json, std::string_view more = {}) {
    last().answer(json, "Content-Type: application/json\r\n" + std::string(more));
  }
  void answer_code(std::string_view line, std::string_view more = {}) {
    last().take();
    last().send("HTTP/1.1 " + std::string(line) + "\r\nContent-Length: 0\r\n" + std::string(more) + "\r\n");
  }
  static bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }
  void TearDown() override { news.reset(); }
};

TEST_F(polling_feed, long_polls_go_on_where_the_last_one_ended) {
  auto r = receive();
  auto got = asked();
  EXPECT_TRUE(got.starts_with("GET /news?x=1 HTTP/1.1\r\n")) << got;
  EXPECT_TRUE(has(got, "Prefer: wait=30\r\n") && has(got, "Last-Event-ID: earliest\r\n") &&
              has(got, "Accept: application/json\r\n"))
      << got;
  EXPECT_FALSE(news->at());
  answer(body(6, R"({"id":"00000000000000aa.0-4","subject":"s","event":"e","data":"\u0061"},)" +
                     an_item(5, "{\"n\":1}") + R"(,{"id":"00000000000000aa.0-6","data":"aGk=","base64":true})"));
  EXPECT_EQ(r->what, "4:a event=e subject=s");
  EXPECT_EQ(to_string(*news->at()), at(4)) << "what was not received does not count";
  EXPECT_EQ(next(), "5:{\"n\":1} application/json");
  EXPECT_TRUE(asked().empty());
  EXPECT_EQ(next(), "6:hi application/octet-stream");
  EXPECT_EQ(to_string(*news->at()), at(6));
  r = receive();
  EXPECT_TRUE(has(asked(), "Last-Event-ID: " + at(6) + "\r\n"));
  w.advance(28s);
  answer(body(9, ""), "Preference-Applied: wait=30\r\n");
  EXPECT_EQ(to_string(*news->at()), at(9)) << "where it was scanned to";
  EXPECT_TRUE(has(asked(), "Last-Event-ID: " + at(9) + "\r\n")) << "at once: it waited";
  EXPECT_FALSE(r->done);
}

TEST_F(polling_feed, a_long_poll_that_does_not_wait_is_paced) {
  for (const auto* more : {"", "Preference-Applied: wait=30\r\n"}) { // or a server that is stopping
    open();
    const auto r = receive();
    asked();
    answer(body(0, ""), more);
    w.advance(4400ms);
    EXPECT_TRUE(asked().empty()) << more;
    w.advance(1200ms);
    EXPECT_FALSE(asked().empty()) << more;
  }
}

TEST_F(polling_feed, short_polls_keep_the_tag_and_the_pace) {
  options.wait = {};
  auto r = receive();
  EXPECT_TRUE(has(asked(), "Prefer: wait=0\r\n"));
  answer(body(1, an_item(1, "\"a\"")), "ETag: W/\"t1\"\r\n");
  EXPECT_EQ(r->what, "1:a");
  r = receive();
  auto got = asked(); // there may be more
  EXPECT_TRUE(has(got, "If-None-Match: W/\"t1\"\r\n") && has(got, "Last-Event-ID: " + at(1))) << got;
  last().send("HTTP/1.1 304 N\r\nLink: <?x=1,2&after=" + at(7) + ">; rel=\"next\"\r\nETag: W/\"t7\"\r\n\r\n");
  EXPECT_EQ(to_string(*news->at()), at(7));
  w.advance(4400ms);
  EXPECT_TRUE(asked().empty());
  w.advance(1200ms);
  got = asked();
  EXPECT_TRUE(has(got, "If-None-Match: W/\"t7\"\r\n") && has(got, "Last-Event-ID: " + at(7))) << got;
  answer(body(7, ""), "Retry-After: 60\r\n");
  w.advance(59s);
  EXPECT_TRUE(asked().empty());
  w.advance(8s);
  EXPECT_FALSE(asked().empty());
  answer(body(7, ""), "Retry-After: 999999999999\r\n"); // bounded
  w.advance(299s);
  EXPECT_TRUE(asked().empty());
  w.advance(32s);
  EXPECT_FALSE(asked().empty());
  answer(body(7, ""), "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"); // is over
  EXPECT_FALSE(asked().empty());
  answer(body(8, an_item(8, "1")), "Retry-After: 20\r\n"); // also where there was something
  EXPECT_TRUE(r->done);
  r = receive();
  w.advance(19s);
  EXPECT_TRUE(asked().empty());
  EXPECT_FALSE(r->done);
}

TEST_F(polling_feed, follows_links_within_its_origin) {
  auto r = receive();
  answer(body(1, an_item(1, "1")), "Link: <?x=1&after=" + at(1) + ">; rel=next, </other>; rel=prev\r\n");
  receive();
  EXPECT_TRUE(asked().starts_with("GET /news?x=1&after=" + at(1) + " "));
  answer(body(2, an_item(2, "1")), "Link: <http://evil/>; rel=\"next\"\r\n");
  receive();
  EXPECT_EQ(w.targets.size(), 1u);
  EXPECT_TRUE(asked().starts_with("GET /news?x=1&after=" + at(1) + " "));
}

TEST_F(polling_feed, tells_gaps_and_other_logs) {
  options.from = ap::position::after({0xaa, {0, 1}});
  open();
  EXPECT_EQ(to_string(*news->at()), at(1));
  auto r = receive();
  EXPECT_TRUE(has(asked(), "Last-Event-ID: " + at(1)));
  answer(body(9, an_item(9, "1"), "aa", R"({"after":")" + at(1) + R"(","before":")" + at(9) + R"(","at_most":7})"));
  EXPECT_EQ(r->what, "gap 1-9 7");
  EXPECT_EQ(to_string(*news->at()), at(1));
  EXPECT_EQ(next(), "9:1 application/json");
  r = receive();
  answer(body(3, "", "bb", "null", true));
  EXPECT_EQ(r->what, "other");
  EXPECT_EQ(to_string(*news->at()), at(3, "bb"));
  r = receive();
  w.advance(6s);
  answer(body(4, "", "cc")); // that says nothing of it
  EXPECT_EQ(r->what, "other");
  for (const auto& [from, says] : {std::pair(ap::position::latest, "Last-Event-ID: latest\r\n"),
                                   std::pair(ap::position::now, "Prefer: wait=30\r\n")}) {
    options.from = from;
    open();
    receive();
    const auto got = asked();
    EXPECT_TRUE(has(got, says)) << got;
    EXPECT_EQ(has(got, "Last-Event-ID"), from.what() == ap::position::kind::latest);
  }
}

TEST_F(polling_feed, failures_heal_or_end_it) {
  for (const auto* line : {"408 T", "425 E", "429 M", "500 I", "502 B", "503 U", "504 G"}) {
    open();
    const auto r = receive();
    answer_code(line, "Retry-After: 10\r\n");
    w.advance(9999ms);
    EXPECT_TRUE(asked().empty()) << line;
    w.advance(1100ms);
    EXPECT_FALSE(r->done);
    answer(body(1, an_item(1, "1")));
    EXPECT_EQ(r->what, "1:1 application/json") << line;
  }
  for (const auto* line : {"400 B", "401 U", "403 F", "404 N", "410 G", "204 N", "206 P", "304 N"}) {
    open();
    const auto r = receive();
    asked();
    last().send("HTTP/1.1 " + std::string(line) + (line[0] == '4' ? "\r\nContent-Length: 0\r\n\r\n" : "\r\n\r\n"));
    if (line[0] != '4') last().close();
    EXPECT_EQ(r->ec, failure::bad_status) << line;
    const auto made = w.targets.size();
    EXPECT_EQ(receive()->ec, failure::bad_status) << "and ever after";
    w.advance(5min);
    EXPECT_EQ(w.targets.size(), made);
  }
  open();
  auto r = receive();
  last().answer("{}", "Content-Type: text/html\r\n");
  EXPECT_EQ(r->ec, failure::wrong_type);
  open("nonsense");
  EXPECT_EQ(receive()->ec, client_error::bad_url);
  options.attempts = 2;
  open();
  r = receive();
  answer_code("503 U");
  w.advance(2s);
  answer_code("503 U");
  EXPECT_EQ(r->ec, failure::unavailable);
}

TEST_F(polling_feed, connections_that_fail_are_made_again_with_growing_waits) {
  w.refuse = asio::error::connection_refused;
  const auto r = receive();
  w.advance(10min);
  EXPECT_GT(w.targets.size(), 20u);
  EXPECT_LT(w.targets.size(), 80u);
  w.refuse.reset();
  w.advance(30s);
  last().take();
  last().close();
  w.advance(31s);
  answer(body(1, an_item(1, "1")));
  EXPECT_EQ(r->what, "1:1 application/json");
}

TEST_F(polling_feed, answers_that_are_none) {
  const auto two = an_item(2, "1") + "," + an_item(1, "1");
  for (const auto& bad :
       {std::string(), std::string("[]"), std::string("{}"), body(1, "") + "x", body(1, "1"), body(1, an_item(2, "1")),
        body(2, two), body(1, an_item(1, "1"), "bb"), body(1, "{\"data\":1}"), body(1, "", "zz"),
        body(1, "", "aa", "{}"), body(1, an_item(1, "\"\xff\"")), body(1, an_item(1, std::string(100, '['))),
        body(1, "").substr(0, 60)}) {
    open();
    const auto r = receive();
    answer(bad);
    EXPECT_EQ(r->ec, failure::bad_answer) << bad;
  }
  open();
  const auto r = receive();
  answer(R"({"items":[)" + an_item(1, "1") + R"(],"new":{"a":[]},"cursor":")" + at(1) + "\"}"); // any order, and more
  EXPECT_TRUE(r->done && !r->ec);
}

TEST_F(polling_feed, limits) {
  options.max_items = 3;
  options.max_body = 400;
  for (const int n : {3, 4, 300}) {
    std::string items;
    for (int i = 1; i <= n; ++i) items += (i > 1 ? "," : "") + an_item(i, "1");
    options.max_body = 1 << 20;
    open();
    const auto r = receive();
    answer(body(n, items));
    EXPECT_EQ(r->ec, n == 3 ? ap::error_code() : ap::error_code(failure::bad_answer)) << n;
  }
  options.wait = options.pace = options.longest_pace = options.most_wait = (ap::duration::max)();
  open();
  receive();
  EXPECT_TRUE(has(asked(), "Prefer: wait=31536000\r\n"));
  answer(body(1, ""), "Retry-After: 99999999999\r\n");
  w.advance(24h);
  EXPECT_TRUE(asked().empty());
  options = {};
  options.max_items = 3;
  const auto frame = body(1, an_item(1, "\"\"")).size();
  for (const std::size_t n : {std::size_t{400}, std::size_t{401}, std::size_t{40000}}) {
    options.max_body = 400;
    open();
    const auto r = receive();
    answer(body(1, an_item(1, "\"" + std::string(n - frame, 'x') + "\"")));
    EXPECT_EQ(r->ec, n == 400 ? ap::error_code() : ap::error_code(ap::http::error::body_too_large)) << n;
  }
}

TEST_F(polling_feed, cancelling_loses_nothing_and_hooks_see_each_request) {
  int n = 0;
  open();
  news->before_attempt([&](client_request& req) { req.header("Authorization", std::to_string(++n)); });
  auto r = receive();
  EXPECT_TRUE(has(asked(), "Authorization: 1\r\n"));
  r->cancel.emit(asio::cancellation_type::total);
  w.time.settle();
  EXPECT_EQ(r->ec, asio::error::operation_aborted);
  answer(body(2, an_item(1, "1") + "," + an_item(2, "2")));
  EXPECT_EQ(next(), "1:1 application/json");
  EXPECT_EQ(next(), "2:2 application/json");
  r = receive();
  EXPECT_TRUE(has(asked(), "Authorization: 2\r\n"));
  news->close();
  w.time.settle();
  EXPECT_EQ(r->ec, asio::error::operation_aborted);
  EXPECT_TRUE(last().ended());
  open();
  news->before_attempt([](client_request&) { throw std::runtime_error("bug"); });
  EXPECT_EQ(receive()->ec, failure::hook_failed);
  options.from = ap::position::since({});
  EXPECT_THROW(open(), std::invalid_argument);
}

} // namespace
} // namespace client_tests
