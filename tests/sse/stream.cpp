// SPDX-License-Identifier: BSL-1.0
#include "../support/server_harness.hpp"

#include <antiphon/pubsub.hpp>
#include <antiphon/sse.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace antiphon_tests;
namespace sse = ap::sse;

int count_of(std::string_view text, std::string_view part) {
  int n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

struct stream : in_memory {
  stream() {
    app.get("/", [this](ap::request& req) { return sse::stream(news, req, options); });
    app.get("/even", [this](ap::request& req) {
      return sse::stream(news.filtered("even", [](const std::string& t) { return t.size() % 2 == 0; }), req, options);
    });
  }
  std::string id(int n) const { return to_string(ap::cursor{news.head().log, {0, static_cast<std::uint64_t>(n)}}); }
  /// What comes next, without chunks.
  std::string more(wire& w) {
    s.settle();
    w.now();
    const std::string bytes = w.take();
    std::string_view in = bytes;
    std::string out;
    while (!in.empty()) {
      const auto line = in.find("\r\n");
      const auto size = std::stoul(std::string(in.substr(0, line)), nullptr, 16);
      out += in.substr(line + 2, size);
      in.remove_prefix(line + 2 + size + 2);
      if (size == 0) break;
    }
    return out;
  }
  /// Begins a stream and takes its head.
  wire& begin(std::string_view fields = {}, std::string_view path = "/") {
    auto& w = s.client();
    w.send(get(path, fields));
    s.settle();
    head = w.now();
    const auto end = head.find("\r\n\r\n") + 4;
    const std::string rest = head.substr(end);
    w.take();
    head.resize(end);
    first = rest;
    return w;
  }

  ap::topic<std::string> news{{.history = 5}};
  sse::stream_options options;
  std::string head, first;
};

TEST_F(stream, begins_with_its_fields_and_a_hint) {
  begin();
  EXPECT_NE(head.find("HTTP/1.1 200 OK\r\n"), std::string::npos);
  EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_NE(head.find("Cache-Control: no-store\r\n"), std::string::npos);
  EXPECT_NE(head.find("X-Accel-Buffering: no\r\n"), std::string::npos);
  EXPECT_EQ(head.find("Antiphon-Resume"), std::string::npos);
  EXPECT_NE(first.find("retry: 3000\n\n"), std::string::npos);
}

TEST_F(stream, sends_each_message_as_an_event_with_its_cursor) {
  news.publish("before");
  auto& w = begin();
  EXPECT_EQ(more(w), "");
  news.publish("one");
  news.publish("a\nid: 9");
  EXPECT_EQ(more(w), "id: " + id(2) + "\ndata: one\n\nid: " + id(3) + "\ndata: a\ndata: id: 9\n\n");
  EXPECT_EQ(news.stats().readers, 1U);
  w.close();
  s.settle();
  EXPECT_EQ(news.stats().readers, 0U) << "a client that goes is no reader any more";
}

TEST_F(stream, resumes_by_the_field_before_the_parameter) {
  for (const char* text : {"a", "b", "c"}) news.publish(text);
  begin("Last-Event-ID: " + id(2) + "\r\n", "/?after=" + id(1));
  EXPECT_NE(head.find("Antiphon-Resume: whole\r\n"), std::string::npos);
  EXPECT_NE(first.find("data: c"), std::string::npos);
  EXPECT_EQ(first.find("data: b"), std::string::npos);
  begin({}, "/?after=" + id(1));
  EXPECT_NE(first.find("data: b"), std::string::npos);
  EXPECT_EQ(first.find("data: a"), std::string::npos);
  begin({}, "/?after=earliest");
  EXPECT_NE(first.find("data: a"), std::string::npos);
  begin({}, "/?after=latest");
  EXPECT_NE(first.find("data: c"), std::string::npos);
  EXPECT_EQ(first.find("data: b"), std::string::npos);
  EXPECT_EQ(head.find("Antiphon-Resume"), std::string::npos) << "no cursor was named";
}

TEST_F(stream, begins_where_the_program_says_if_the_client_does_not) {
  for (const char* text : {"a", "b", "c"}) news.publish(text);
  for (const auto& [from, count] :
       {std::pair(ap::position::now, 0), {ap::position::latest, 1}, {ap::position::oldest, 3}}) {
    options.from = from;
    begin();
    EXPECT_EQ(count_of(first, "data: "), count);
  }
  begin("Last-Event-ID: " + id(1) + "\r\n");
  EXPECT_EQ(count_of(first, "data: "), 2) << "it does";
}

TEST_F(stream, tells_what_was_missed) {
  for (int i = 1; i <= 9; ++i) news.publish(std::to_string(i));
  begin({}, "/?after=" + id(2));
  EXPECT_NE(head.find("Antiphon-Resume: gap; at-most=2\r\n"), std::string::npos);
  EXPECT_NE(first.find("id: " + id(4) + "\nevent: antiphon-gap\ndata: {\"after\":\"" + id(2) + "\",\"before\":\"" +
                       id(5) + "\",\"at_most\":2}\n\n"),
            std::string::npos)
      << first;
  EXPECT_NE(first.find("data: 5\n"), std::string::npos);
}

TEST_F(stream, what_is_no_place_in_this_log_is_another_logs) {
  news.publish("kept");
  auto other = ap::cursor{news.head().log + 1, {0, 1}};
  for (const auto& cursor : {to_string(other), id(2), std::string("junk"), std::string("0000000000000000.0-0")}) {
    begin("Last-Event-ID: " + cursor + "\r\n");
    EXPECT_NE(head.find("Antiphon-Resume: other-log\r\n"), std::string::npos) << cursor;
    EXPECT_NE(first.find("event: antiphon-other-log\ndata: \n\n"), std::string::npos) << first;
    EXPECT_NE(first.find("data: kept\n"), std::string::npos) << "it goes on at the oldest message";
  }
}

TEST_F(stream, of_a_closed_topic_is_204_and_ends_where_it_closes) {
  auto& w = begin();
  news.publish("last");
  news.close();
  s.settle();
  const auto rest = w.take();
  EXPECT_NE(rest.find("data: last\n"), std::string::npos);
  EXPECT_TRUE(rest.ends_with("0\r\n\r\n"));
  EXPECT_EQ(s.ask(get("/?after=" + id(1))).code, 204);
  EXPECT_EQ(s.ask(get("/?after=earliest")).code, 200) << "what is kept can still be read";
}

TEST_F(stream, a_foreign_cursor_of_a_closed_and_empty_topic_is_told_before_204) {
  const auto other = to_string(ap::cursor{news.head().log + 1, {0, 1}});
  news.close();
  auto& w = begin("Last-Event-ID: " + other + "\r\n");
  EXPECT_NE(head.find("HTTP/1.1 200 OK\r\n"), std::string::npos);
  EXPECT_NE(head.find("Antiphon-Resume: other-log\r\n"), std::string::npos);
  EXPECT_NE(first.find("id: " + id(0) + "\nevent: antiphon-other-log\ndata: \n\n"), std::string::npos) << first;
  EXPECT_TRUE(first.ends_with("0\r\n\r\n"));
  EXPECT_EQ(w.ask(get("/", "Last-Event-ID: " + id(0) + "\r\n")).code, 204) << "with the place that it was given";
}

TEST_F(stream, beats_after_a_quiet_time) {
  auto& w = begin();
  s.advance(14'999ms);
  EXPECT_EQ(more(w), "");
  s.advance(1ms);
  EXPECT_EQ(more(w), ":\n\n");
  s.advance(10s);
  news.publish("x");
  more(w);
  s.advance(14'999ms);
  EXPECT_EQ(more(w), "") << "a message puts it off";
  s.advance(1ms);
  EXPECT_EQ(more(w), ":\n\n");
  s.advance(1h);
  std::string beats;
  for (int i = 0; i < 240; ++i) beats += ":\n\n";
  EXPECT_EQ(more(w), beats);
}

TEST_F(stream, of_a_choice_beats_with_its_place) {
  auto& w = begin({}, "/even");
  news.publish("odd");
  EXPECT_EQ(more(w), "");
  s.advance(15s);
  EXPECT_EQ(more(w), "id: " + id(1) + "\n\n");
  news.publish("even");
  EXPECT_EQ(more(w), "id: " + id(2) + "\ndata: even\n\n");
}

TEST_F(stream, no_heartbeat_where_none_is_wanted) {
  options.heartbeat = {};
  auto& w = begin();
  s.advance(24h);
  EXPECT_EQ(more(w), "");
}

TEST_F(stream, says_when_to_come_back_when_the_server_stops) {
  auto& w = begin();
  s.drain();
  s.advance(10s);
  const auto rest = more(w);
  ASSERT_TRUE(rest.starts_with("retry: ")) << rest;
  const auto ms = std::stoi(rest.substr(7));
  EXPECT_GE(ms, 3000);
  EXPECT_LE(ms, 6000);
  EXPECT_TRUE(w.ended());
}

TEST_F(stream, until_its_log_is_closed_goes_on_while_the_server_stops) {
  options.until_closed = true;
  auto& w = begin();
  s.drain();
  s.advance(9s);
  EXPECT_EQ(more(w), "");
  news.publish("the end");
  EXPECT_EQ(more(w), "id: " + id(1) + "\ndata: the end\n\n");
  EXPECT_FALSE(w.ended());
  news.close();
  EXPECT_EQ(more(w), "");
  EXPECT_TRUE(w.ended());
}

TEST_F(stream, a_head_request_and_an_old_client) {
  const auto head_only = s.ask(head_of("HEAD", "/"));
  EXPECT_EQ(head_only.code, 200);
  EXPECT_EQ(head_only.header("Content-Type"), "text/event-stream");
  auto& w = s.client();
  w.send("GET /?after=earliest HTTP/1.0\r\n\r\n");
  news.publish("x");
  s.settle();
  EXPECT_NE(w.now().find("\r\n\r\nretry: 3000\n\n"), std::string::npos) << "no chunks";
  EXPECT_NE(w.now().find("data: x\n\n"), std::string::npos);
}

/// A client whose stream is full.
struct slow_stream : stream {
  slow_stream() { s.capacity = 4096; }
  wire& full() {
    auto& w = begin();
    w.hold();
    for (int i = 0; i < 3; ++i) {
      news.publish(std::string(3'000, 'x'));
      s.settle();
    }
    return w;
  }
};

TEST_F(slow_stream, skips_and_is_told) {
  auto& w = full();
  for (int i = 4; i <= 20; ++i) news.publish(std::to_string(i));
  w.hold(false);
  const auto rest = more(w);
  EXPECT_NE(rest.find("event: antiphon-gap\n"), std::string::npos);
  EXPECT_NE(rest.find("data: 16\n"), std::string::npos) << "the oldest of five";
  EXPECT_NE(rest.find("data: 20\n"), std::string::npos);
  EXPECT_EQ(rest.find("data: 15\n"), std::string::npos);
}

TEST_F(slow_stream, is_cut_while_its_cursor_is_kept) {
  options.slow = sse::slow_reader::disconnect;
  auto& w = full();
  ASSERT_EQ(s.open(), 1U);
  for (int i = 4; i <= 20 && s.open() == 1; ++i) {
    news.publish(std::to_string(i));
    s.settle();
  }
  EXPECT_EQ(s.open(), 0U);
  w.hold(false);
  const auto rest = w.rest();
  const auto last = rest.rfind("id: ");
  ASSERT_NE(last, std::string::npos);
  begin("Last-Event-ID: " + rest.substr(last + 4, rest.find('\n', last) - last - 4) + "\r\n");
  EXPECT_NE(head.find("Antiphon-Resume: whole\r\n"), std::string::npos) << "what it did not get is still there";
}

TEST_F(slow_stream, who_only_has_much_to_read_is_not_cut) {
  options.slow = sse::slow_reader::disconnect;
  const auto five = [&] {
    for (int i = 0; i < 5; ++i) news.publish(std::string(60'000, 'x')); // each more than there is room for
  };
  const auto reads_five = [&](wire& w) {
    std::string all = first;
    while (count_of(all, "x\n\n") < 5 && s.open() != 0) {
      s.settle();
      w.now();
      const auto more = w.take();
      if (more.empty()) break;
      all += more;
    }
    return count_of(all, "x\n\n") == 5;
  };
  five();
  five();
  EXPECT_TRUE(reads_five(begin({}, "/?after=earliest"))) << "the oldest that is kept is where it was told to begin";
  auto& w = begin();
  five();
  EXPECT_TRUE(reads_five(w)) << "a burst";
  EXPECT_EQ(s.open(), 2U);
}

TEST_F(slow_stream, is_not_cut_for_what_was_published_before_it_was_full) {
  options.slow = sse::slow_reader::disconnect;
  app.get("/late", [this](ap::request& req) {
    news.publish(std::string(60'000, 'x')); // its pass comes when this stream waits for room
    return sse::stream(news, req, options);
  });
  for (int i = 0; i < 9; ++i) news.publish(std::string(60'000, 'x'));
  begin(); // so that there is somebody to wake
  auto& w = s.client();
  w.hold();
  w.send(get("/late?after=earliest"));
  s.settle();
  EXPECT_EQ(s.open(), 2U);
  news.publish("later");
  s.settle();
  EXPECT_EQ(s.open(), 1U);
}

TEST_F(stream, whose_turn_is_over_is_not_cut) {
  s.capacity = 8 << 20;
  ap::topic<std::string> large({.history = 400});
  app.get("/large", [=](ap::request& req) {
    const auto on = sse::stream_options{.slow = sse::slow_reader::disconnect, .from = ap::position::oldest};
    auto res = sse::stream(large, req, on);
    large.publish("last"); // its pass comes while others have their turn
    return res;
  });
  begin({}, "/large");
  for (int i = 0; i < 800; ++i) large.publish(std::string(3'000, 'x'));
  s.settle();
  auto& w = begin({}, "/large");
  std::string all = first;
  for (std::string more; !(w.now(), more = w.take()).empty(); s.settle()) all += more;
  EXPECT_EQ(s.open(), 2U);
  EXPECT_GT(count_of(all, "x\n\n"), 300);
}

TEST_F(slow_stream, a_heartbeat_that_finds_no_room_is_no_harm) {
  options.heartbeat = 1s;
  auto& w = full();
  s.advance(5s);
  w.hold(false);
  more(w);
  s.advance(5s);
  EXPECT_EQ(more(w), ":\n\n:\n\n:\n\n:\n\n:\n\n");
  news.publish("y");
  EXPECT_NE(more(w).find("data: y\n"), std::string::npos);
}

TEST_F(slow_stream, gets_the_newest_of_each_key) {
  ap::topic<std::string> prices({.history = 100}, [](const std::string& t) { return t.substr(0, 1); });
  app.get("/prices", [=](ap::request& req) { return sse::stream(prices, req, {.slow = sse::slow_reader::coalesce}); });
  auto& w = begin({}, "/prices");
  w.hold();
  for (int i = 0; i < 3; ++i) {
    prices.publish("c" + std::string(3'000, 'x'));
    s.settle();
  }
  for (const char* t : {"a1", "b1", "a2", "a3", "b2"}) prices.publish(t);
  w.hold(false);
  const auto rest = more(w);
  EXPECT_EQ(rest.find("data: a1\n"), std::string::npos);
  EXPECT_EQ(rest.find("data: a2\n"), std::string::npos);
  EXPECT_NE(rest.find("data: a3\n"), std::string::npos);
  EXPECT_NE(rest.find("data: b2\n"), std::string::npos);
  EXPECT_EQ(rest.find("antiphon-gap"), std::string::npos);
}

TEST_F(stream, hundreds_get_the_same) {
  std::vector<wire*> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(&begin());
  news.publish("a");
  news.publish("b");
  for (auto* w : clients) EXPECT_EQ(more(*w), "id: " + id(1) + "\ndata: a\n\nid: " + id(2) + "\ndata: b\n\n");
}

TEST_F(stream, of_a_source_that_is_no_log) {
  ap::topic<sse::event> steps;
  struct source { // what a program might have: no log, but something to receive from
    ap::subscription<sse::event> from;
    asio::awaitable<sse::event> async_receive(asio::use_awaitable_t<>) {
      const auto m = co_await from.async_receive(asio::use_awaitable);
      co_return *m;
    }
  };
  app.get("/source",
          [=](ap::request& req) { return sse::stream(source{steps.subscribe()}, req, {.heartbeat = 1500ms}); });
  auto& w = begin({}, "/source");
  EXPECT_NE(first.find("retry: 3000\n\n"), std::string::npos);
  steps.publish({"half", "progress", "1", {}});
  EXPECT_EQ(more(w), "id: 1\nevent: progress\ndata: half\n\n");
  s.advance(1500ms);
  EXPECT_EQ(more(w), ":\n\n");
  steps.close();
  s.settle();
  EXPECT_TRUE(w.take().ends_with("0\r\n\r\n"));
}

TEST_F(stream, a_source_is_not_cancelled_for_a_heartbeat) {
  ap::topic<std::string> first_half, second_half;
  struct source { // reads in two steps: cancelled between them, it would lose the first
    ap::subscription<std::string> one, two;
    asio::awaitable<sse::event> async_receive(asio::use_awaitable_t<>) {
      const auto a = co_await one.async_receive(asio::use_awaitable);
      const auto b = co_await two.async_receive(asio::use_awaitable);
      sse::event e{.data = *a + *b};
      co_return e;
    }
  };
  app.get("/source", [=](ap::request& req) {
    return sse::stream(source{first_half.subscribe(), second_half.subscribe()}, req, {.heartbeat = 700ms});
  });
  auto& w = begin({}, "/source");
  first_half.publish("x");
  s.advance(2500ms);
  EXPECT_EQ(more(w), ":\n\n:\n\n:\n\n");
  second_half.publish("y");
  EXPECT_EQ(more(w), "data: xy\n\n");
  s.advance(699ms);
  EXPECT_EQ(more(w), "") << "what was sent puts it off";
  s.advance(1ms);
  EXPECT_EQ(more(w), ":\n\n");
  first_half.publish("lost"); // nobody comes back for it: a source keeps nothing
  s.drain();
  s.advance(10s);
  EXPECT_TRUE(more(w).starts_with("retry: "));
  EXPECT_TRUE(w.ended());
  EXPECT_TRUE(s.errors.empty());
}

TEST_F(slow_stream, of_a_source_finishes_what_is_half_written_when_the_server_stops) {
  ap::topic<std::string> words;
  struct source {
    ap::subscription<std::string> from;
    asio::awaitable<ap::message<std::string>> async_receive(asio::use_awaitable_t<>) {
      return from.async_receive(asio::use_awaitable);
    }
  };
  app.get("/source", [=](ap::request& req) { return sse::stream(source{words.subscribe()}, req); });
  auto& w = s.client();
  w.send(get("/source"));
  s.settle();
  w.hold();
  words.publish(std::string(100'000, 'x'));
  words.publish("never sent");
  s.settle();
  s.drain();
  s.advance(9s);
  w.hold(false);
  const auto answer = w.next();
  EXPECT_TRUE(answer.whole);
  const auto end = answer.body.find("xx\n\n");
  ASSERT_NE(end, std::string::npos);
  EXPECT_TRUE(answer.body.substr(end + 4).starts_with("retry: ")) << answer.body.substr(end);
  EXPECT_TRUE(s.errors.empty());
}

TEST_F(stream, a_source_that_fails_cuts_its_client) {
  struct source {
    asio::awaitable<sse::event> async_receive(asio::use_awaitable_t<>) {
      throw ap::system_error(asio::error::connection_reset); // that of its own peer
      co_return sse::event();
    }
  };
  app.get("/source", [](ap::request& req) { return sse::stream(source(), req); });
  const auto answer = s.ask(get("/source"));
  EXPECT_FALSE(answer.whole);
  EXPECT_EQ(s.errors.size(), 1U);
}

TEST_F(slow_stream, a_source_beats_and_ends_while_there_is_no_room) {
  ap::topic<std::string> words;
  struct source {
    ap::subscription<std::string> from;
    asio::awaitable<ap::message<std::string>> async_receive(asio::use_awaitable_t<>) {
      return from.async_receive(asio::use_awaitable);
    }
  };
  app.get("/source",
          [=](ap::request& req) { return sse::stream(source{words.subscribe()}, req, {.heartbeat = 100ms}); });
  auto& w = s.client();
  w.send(get("/source"));
  s.settle();
  w.hold();
  for (int i = 0; i < 5; ++i) words.publish(std::string(3'000, 'x'));
  s.advance(2s);
  words.publish("last");
  words.close();
  s.settle();
  w.hold(false);
  const auto answer = w.next();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(count_of(answer.body, "x\n\n"), 5);
  EXPECT_TRUE(answer.body.ends_with("data: last\n\n")) << "nothing is written into a message, or after the end";
}

/// A message whose payload says its kind.
struct quote {
  std::string kind, text;
};
ap::payload to_payload(const quote& q) {
  return ap::payload::view_of(q.text, q.text.starts_with('{') ? ap::json_type : ap::text_type).name(q.kind);
}

TEST_F(stream, the_name_of_a_payload_is_the_type_of_its_event) {
  ap::topic<quote> quotes;
  app.get("/quotes", [=](ap::request& req) { return sse::stream(quotes, req); });
  struct source {
    ap::subscription<quote> from;
    asio::awaitable<ap::message<quote>> async_receive(asio::use_awaitable_t<>) {
      return from.async_receive(asio::use_awaitable);
    }
  };
  app.get("/source", [=](ap::request& req) { return sse::stream(source{quotes.subscribe()}, req); });
  auto& w = begin({}, "/quotes");
  quotes.publish({"price", "7"});
  quotes.publish({"", "8"});
  const auto place = [&](int n) {
    return "id: " + to_string(ap::cursor{quotes.head().log, {0, static_cast<std::uint64_t>(n)}}) + "\n";
  };
  EXPECT_EQ(more(w), place(1) + "event: price\ndata: 7\n\n" + place(2) + "data: 8\n\n");
  auto& of_source = begin({}, "/source");
  quotes.publish({"price", "9"});
  EXPECT_EQ(more(of_source), "event: price\ndata: 9\n\n");
}

struct subjects : stream {
  subjects() {
    app.get("/a", [this](ap::request& req) { return sse::stream(rooms.open("rooms.a"), req, options); });
    app.get("/rooms", [this](ap::request& req) { return sse::stream(rooms.match("rooms.*"), req, options); });
    app.get("/all", [this](ap::request& req) { return sse::stream(rooms, req, options); });
    app.get("/long", [this](ap::request& req) {
      const auto is_long = [](const quote& q) { return q.text.size() > 2; };
      return sse::stream(rooms.match(">").filtered("long", is_long), req, options);
    });
    rooms.publish("rooms.a", {"", "1"});
    rooms.publish("rooms.b", {"", "{\"n\":2}"});
    rooms.publish("halls.c", {"price", "3"});
  }
  std::string at(int n) const { return to_string(ap::cursor{rooms.head().log, {0, static_cast<std::uint64_t>(n)}}); }
  std::string place(int n) const { return "id: " + at(n) + "\n"; }
  /// What a stream of the path begins with, without its hint.
  std::string events(std::string_view path, std::string_view fields = {}) {
    auto& w = s.client();
    w.send(get(path, fields));
    s.settle();
    std::string all = w.now();
    w.take();
    w.close();
    const auto end = all.find("retry: 3000\n\n");
    if (end == all.npos) return "no stream";
    all.erase(0, end + 13);
    std::string out; // of one chunk or more
    for (auto from = all.find("id: "); from != all.npos; from = all.find("id: ", from + 1))
      out += all.substr(from, all.find("\n\n", from) + 2 - from);
    return out;
  }

  ap::topic_map<quote> rooms;
};

TEST_F(subjects, stand_in_the_data_where_there_are_several) {
  const auto one = place(1) + "data: {\"subject\":\"rooms.a\",\"data\":\"1\"}\n\n";
  const auto two = place(2) + "data: {\"subject\":\"rooms.b\",\"data\":{\"n\":2}}\n\n";
  const auto three = place(3) + "event: price\ndata: {\"subject\":\"halls.c\",\"data\":\"3\"}\n\n";
  EXPECT_EQ(events("/a?after=earliest"), place(1) + "data: 1\n\n");
  EXPECT_EQ(events("/rooms?after=earliest"), one + two);
  EXPECT_EQ(events("/all?after=earliest"), one + two + three);
  EXPECT_EQ(events("/long?after=earliest"), two);
}

TEST_F(subjects, stand_where_the_program_says) {
  options.subject = sse::subject_in::nowhere;
  EXPECT_EQ(events("/rooms?after=earliest"), place(1) + "data: 1\n\n" + place(2) + "data: {\"n\":2}\n\n");
  options.subject = sse::subject_in::type;
  EXPECT_EQ(events("/all?after=earliest"), place(1) + "event: rooms.a\ndata: 1\n\n" + place(2) +
                                               "event: rooms.b\ndata: {\"n\":2}\n\n" + place(3) +
                                               "event: price\ndata: 3\n\n");
  options.subject = sse::subject_in::data;
  EXPECT_EQ(events("/a?after=earliest"), place(1) + "data: {\"subject\":\"rooms.a\",\"data\":\"1\"}\n\n");
}

TEST_F(subjects, a_cursor_is_good_for_another_pattern) {
  options.subject = sse::subject_in::type;
  EXPECT_EQ(events("/all", "Last-Event-ID: " + at(1) + "\r\n"),
            place(2) + "event: rooms.b\ndata: {\"n\":2}\n\n" + place(3) + "event: price\ndata: 3\n\n");
  EXPECT_EQ(events("/rooms?after=" + at(1)), place(2) + "event: rooms.b\ndata: {\"n\":2}\n\n");
  EXPECT_EQ(events("/a?after=" + at(1)), "");
}

TEST_F(subjects, latest_is_the_newest_of_each) {
  options.subject = sse::subject_in::type;
  rooms.publish("rooms.a", {"", "4"});
  EXPECT_EQ(events("/rooms?after=latest"),
            place(2) + "event: rooms.b\ndata: {\"n\":2}\n\n" + place(4) + "event: rooms.a\ndata: 4\n\n");
  EXPECT_EQ(events("/a?after=latest"), place(4) + "event: rooms.a\ndata: 4\n\n");
  options.from = ap::position::latest;
  EXPECT_EQ(events("/a"), place(4) + "event: rooms.a\ndata: 4\n\n");
}

/// A message that has code of the program's run when it is sent.
struct noisy {
  int n;
  std::function<void()> told;
};
ap::payload to_payload(const noisy& m) {
  m.told();
  return ap::payload::of(std::to_string(m.n), ap::json_type);
}

TEST_F(stream, from_replay_to_live_each_comes_once_whenever_more_is_published) {
  // The program's code runs between reading and waiting, without the lock: one more is published at its k-th call.
  for (const bool in_predicate : {false, true}) {
    int calls = 0;
    bool published = true;
    for (int k = 0; published; ++k) {
      ASSERT_LT(k, 100);
      ap::topic<noisy> log;
      int next = 0;
      calls = 0;
      published = false;
      std::function<void()> call, nothing = [] {};
      call = [&] {
        if (calls++ != k || published) return;
        published = true;
        log.publish({++next, in_predicate ? nothing : call});
      };
      for (int i = 0; i < 3; ++i) log.publish({++next, in_predicate ? nothing : call});
      const auto all = log.filtered("all", [&](const noisy&) {
        if (in_predicate) call();
        return true;
      });
      served server;
      server.app.get("/", [&](ap::request& req) { return sse::stream(all, req, {.from = ap::position::oldest}); });
      auto& w = server.client();
      w.send(get("/"));
      server.settle();
      for (int i = 0; i < 2; ++i) { // live
        log.publish({++next, in_predicate ? nothing : call});
        server.settle();
      }
      w.now();
      const auto got = w.take();
      std::string data;
      for (auto at = got.find("data: "); at != got.npos; at = got.find("data: ", at + 1)) data += got[at + 6];
      EXPECT_EQ(data, std::string("123456").substr(0, static_cast<std::size_t>(next))) << k;
      EXPECT_EQ(got.find("antiphon-"), std::string::npos);
      w.close();
      server.finish();
    }
    EXPECT_GE(calls, 5);
  }
}

} // namespace
