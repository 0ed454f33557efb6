// SPDX-License-Identifier: BSL-1.0
#include "../support/server_harness.hpp"

#include <antiphon/deflate/compression.hpp>
#include <antiphon/deflate/decompression.hpp>
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server/layers/etag.hpp>
#include <antiphon/sse.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <zlib.h>

namespace {

using namespace antiphon_tests;

/// What zlib's own decoder makes of it, as far as it goes; `whole`: its end is there, and its checksum right.
struct inflated {
  explicit inflated(std::string_view coded) {
    z_stream z{};
    EXPECT_EQ(inflateInit2(&z, 15 + 32), Z_OK); // both formats
    std::string in(coded), room(64 * 1024, '\0');
    z.next_in = reinterpret_cast<Bytef*>(in.data());
    z.avail_in = static_cast<uInt>(in.size());
    int result = Z_OK;
    do {
      z.next_out = reinterpret_cast<Bytef*>(room.data());
      z.avail_out = static_cast<uInt>(room.size());
      result = inflate(&z, Z_NO_FLUSH);
      text.append(room, 0, room.size() - z.avail_out);
    } while (result == Z_OK && z.avail_out == 0);
    whole = result == Z_STREAM_END && z.avail_in == 0;
    EXPECT_TRUE(result == Z_STREAM_END || result == Z_OK || result == Z_BUF_ERROR) << result;
    inflateEnd(&z);
  }
  std::string text;
  bool whole = false;
};

std::string takes(std::string_view codings) { return "Accept-Encoding: " + std::string(codings) + "\r\n"; }

std::string words(std::size_t n) {
  std::string all;
  for (std::size_t i = 0; all.size() < n; ++i) all += "word " + std::to_string(i % 97) + ", ";
  all.resize(n);
  return all;
}
/// What does not get smaller.
std::string noise(std::size_t n) {
  std::string all;
  for (std::uint32_t x = 1; all.size() < n; x = x * 1664525 + 1013904223) all += static_cast<char>(x >> 24);
  return all;
}

TEST(encoder, writes_what_a_decoder_reads_whole_and_in_pieces) {
  for (const auto as : {ap::deflate::coding::gzip, ap::deflate::coding::deflate}) {
    ap::deflate::encoder with(as);
    for (const std::string& text : {std::string(), std::string("x"), words(1'000), noise(100'000), words(3'000'000)}) {
      std::string out;
      with.finish(text, out);
      EXPECT_TRUE(inflated(out).whole);
      EXPECT_EQ(inflated(out).text, text);
      with.reset();
      out.clear();
      for (std::size_t at = 0; at < text.size(); at += text.size() / 3 + 1) {
        with.write(std::string_view(text).substr(at, text.size() / 3 + 1), out);
        EXPECT_EQ(inflated(out).text, text.substr(0, at + text.size() / 3 + 1)) << "all that was written is there";
      }
      with.finish("!", out);
      EXPECT_TRUE(inflated(out).whole);
      EXPECT_EQ(inflated(out).text, text + "!");
      with.reset();
    }
  }
  EXPECT_THROW(ap::deflate::encoder(ap::deflate::coding::gzip, {.level = 11}), std::invalid_argument);
}

TEST(encoder, keeps_to_its_limit) {
  ap::deflate::encoder with(ap::deflate::coding::gzip);
  std::string all;
  with.finish(words(50'000), all);
  for (const auto& [most, fits] :
       {std::pair(all.size(), true), {all.size() - 1, false}, {std::size_t{1}, false}, {100 * all.size(), true}}) {
    with.reset();
    std::string out;
    EXPECT_EQ(with.finish_within(words(50'000), out, most), fits) << most;
    EXPECT_LE(out.size(), most);
  }
}

TEST_F(in_memory, compression_is_what_the_client_wants) {
  app.use(ap::compression());
  app.get("/", [] { return ap::text(words(5'000)).set("ETag", "\"v1\""); });
  for (const auto& [accept, coding] : {std::pair("gzip", "gzip"),
                                       {"deflate", "deflate"},
                                       {"gzip, deflate, br", "gzip"},
                                       {"br, deflate;q=0.9, gzip;q=0.8", "deflate"},
                                       {"GZIP;q=0.001", "gzip"},
                                       {"x-gzip", "gzip"},
                                       {"*", "gzip"},
                                       {"*;q=0.5, gzip;q=0", "deflate"},
                                       {"br\r\nAccept-Encoding: gzip", "gzip"},
                                       {"gzip;q=0.5, identity;q=0.4", "gzip"},
                                       {"gzip;q=0.5, identity", ""},
                                       {"gzip;q=0", ""},
                                       {"gzip;q=x", ""},
                                       {"*;q=0", ""},
                                       {"identity", ""},
                                       {"br", ""},
                                       {"", ""}}) {
    const auto r = s.ask(get("/", takes(accept)));
    EXPECT_EQ(r.header("Content-Encoding"), coding) << accept;
    EXPECT_EQ(r.header("Vary"), "Accept-Encoding");
    if (!r.has("Content-Encoding")) {
      EXPECT_EQ(r.body, words(5'000));
      EXPECT_EQ(r.header("ETag"), "\"v1\"");
      continue;
    }
    EXPECT_LT(r.body.size(), 1'000U);
    EXPECT_TRUE(inflated(r.body).whole);
    EXPECT_EQ(inflated(r.body).text, words(5'000));
    EXPECT_EQ(r.header("ETag"), "W/\"v1\"");
    EXPECT_EQ(r.header("Content-Type"), "text/plain; charset=utf-8");
    const auto head = s.ask(head_of("HEAD", "/", takes(accept)));
    EXPECT_EQ(head.head.substr(head.head.find("Content-Type")), r.head.substr(r.head.find("Content-Type")));
  }
  EXPECT_FALSE(s.ask(get("/")).has("Content-Encoding"));
}

TEST_F(in_memory, compression_leaves_alone_what_would_not_gain_or_must_stay) {
  app.use(ap::compression({.least = 100, .most = 10'000}));
  const auto add = [&](const char* path, auto make) { app.get(path, make); };
  const auto sized = [](std::size_t n) { return [n] { return words(n); }; };
  add("/least", sized(100)), add("/most", sized(10'000));
  add("/json", [] { return ap::response(ap::status::not_found, words(500), "application/problem+json"); });
  add("/shared", [] { return ap::response(ap::status::ok, ap::shared_buffer(words(500)), "image/svg+xml"); });
  add("/field", [] { return ap::response(ap::status::ok, words(500), "").set("Content-Type", "text/css"); });
  add("/noise", [] { return ap::text(noise(500)); });
  // These are not looked at: they have no Vary.
  const auto with = [](const char* name, const char* value) {
    return [=] { return ap::text(words(500)).set(name, value); };
  };
  add("/99", sized(99)), add("/10001", sized(10'001)), add("/far", sized(1'000'000)), add("/empty", sized(0));
  add("/png", [] { return ap::response(ap::status::ok, words(500), "image/png"); });
  add("/none", [] { return ap::response(ap::status::ok, words(500), ""); });
  add("/coded", with("Content-Encoding", "br")), add("/digest", with("Repr-Digest", "sha-256=:AA==:"));
  add("/no-transform", with("Cache-Control", "public, No-Transform"));
  add("/part",
      [] { return ap::text(words(500), ap::status::partial_content).set("Content-Range", "bytes 0-499/900"); });
  add("/204", [] { return ap::status::no_content; });
  add("/body", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> { co_await out.write(words(500)); },
                           "text/plain");
  });
  for (const char* path : {"/least", "/most", "/json", "/shared", "/field"}) {
    const auto r = s.ask(get(path, takes("gzip")));
    EXPECT_EQ(r.header("Content-Encoding"), "gzip") << path;
    EXPECT_TRUE(inflated(r.body).whole);
    EXPECT_EQ(inflated(r.body).text, s.ask(get(path)).body);
  }
  const auto gains_nothing = s.ask(get("/noise", takes("gzip")));
  EXPECT_EQ(gains_nothing.body, noise(500));
  EXPECT_FALSE(gains_nothing.has("Content-Encoding"));
  EXPECT_EQ(gains_nothing.header("Vary"), "Accept-Encoding");
  for (const char* path : {"/99", "/10001", "/far", "/empty", "/png", "/none", "/coded", "/digest", "/no-transform",
                           "/part", "/204", "/body"}) {
    const auto r = s.ask(get(path, takes("gzip")));
    EXPECT_EQ(r.body, s.ask(get(path)).body) << path;
    EXPECT_FALSE(r.has("Vary")) << path;
    EXPECT_EQ(r.header("Content-Encoding"), path == std::string("/coded") ? "br" : "");
  }
}

TEST_F(in_memory, compression_and_entity_tags) {
  app.use(ap::compression()).use(ap::etag());
  app.get("/", [] { return words(5'000); });
  const auto tag = s.ask(get("/", takes("gzip"))).header("ETag");
  EXPECT_TRUE(tag.starts_with("W/\""));
  for (const char* accept : {"gzip", "br"}) {
    const auto r = s.ask(get("/", takes(accept) + "If-None-Match: " + tag + "\r\n"));
    EXPECT_EQ(r.code, 304);
    EXPECT_EQ(r.header("Vary"), "Accept-Encoding");
    EXPECT_EQ(r.header("ETag"), tag) << "of what the client has";
    EXPECT_FALSE(r.has("Content-Encoding"));
  }
  const auto strong = s.ask(get("/")).header("ETag");
  EXPECT_EQ("W/" + strong, tag);
  const auto r = s.ask(get("/", takes("gzip") + "If-None-Match: \"x\", " + strong + "\r\n"));
  EXPECT_EQ(r.code, 304);
  EXPECT_EQ(r.header("ETag"), strong) << "it has the plain content";
}

TEST(compression, is_shared_by_threads) {
  const ap::compression layer;
  const auto coded = [&] {
    ap::response res(ap::status::ok, words(20'000), "text/plain");
    auto pool = std::make_shared<ap::deflate::detail::encoder_pool>(1);
    ap::deflate::detail::code_whole(res, ap::deflate::coding::gzip, *pool, {0, 100'000});
    return std::string(res.body());
  };
  const auto expected = coded();
  auto pool = std::make_shared<ap::deflate::detail::encoder_pool>(1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        ap::response res(ap::status::ok, words(20'000), "text/plain");
        ap::deflate::detail::code_whole(res, ap::deflate::coding::gzip, *pool, {0, 100'000});
        EXPECT_EQ(res.body(), expected);
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_THROW(ap::compression({.level = 10}), std::invalid_argument);
}

/// Bodies that arrive piece by piece.
void add_streams(ap::router& app) {
  app.get("/body", [] {
    return ap::stream_body(
        [](ap::body_writer& out) -> asio::awaitable<void> {
          for (int i = 0; i < 3; ++i) {
            const std::string line = "line " + std::to_string(i) + "\n";
            co_await out.write(line);
            co_await ap::sleep_for(1s);
          }
        },
        "text/plain");
  });
  app.get("/trailers", [] {
    return ap::stream_body(
        [](ap::body_writer& out) -> asio::awaitable<void> {
          out.trailers({{"X-Lines", "0"}});
          co_return;
        },
        "text/plain");
  });
  app.get("/large", [] {
    return ap::stream_body(
        [](ap::body_writer& out) -> asio::awaitable<void> {
          for (int i = 0; i < 50; ++i) {
            const std::string piece = noise(20'000);
            co_await out.write(piece);
          }
        },
        "application/json");
  });
  app.get("/fails", [] {
    return ap::stream_body(
        [](ap::body_writer& out) -> asio::awaitable<void> {
          co_await out.write("begun");
          throw std::runtime_error("meant");
        },
        "text/plain");
  });
}

TEST_F(in_memory, compressed_bodies_are_flushed_with_each_piece) {
  app.use(ap::compression({.streams = true}));
  add_streams(app);
  for (const char* coding : {"gzip", "deflate"}) {
    auto& c = s.client();
    c.send(get("/body", takes(coding)));
    std::string expected;
    for (int i = 0; i < 3; ++i) {
      expected += "line " + std::to_string(i) + "\n";
      // The chunks that came so far, without their framing.
      std::string came = c.now(), coded;
      came.erase(0, came.find("\r\n\r\n") + 4);
      while (!came.empty()) {
        const auto size = std::stoul(came, nullptr, 16);
        coded += came.substr(came.find("\r\n") + 2, size);
        came.erase(0, came.find("\r\n") + 2 + size + 2);
      }
      EXPECT_EQ(inflated(coded).text, expected);
      EXPECT_FALSE(inflated(coded).whole);
      s.advance(1s);
    }
    const auto r = c.next();
    EXPECT_EQ(r.header("Content-Encoding"), coding);
    EXPECT_EQ(r.header("Vary"), "Accept-Encoding");
    EXPECT_TRUE(inflated(r.body).whole);
    EXPECT_EQ(inflated(r.body).text, expected);
  }
  const auto head = s.ask(head_of("HEAD", "/body", takes("gzip")));
  EXPECT_EQ(head.header("Content-Encoding"), "gzip");
  EXPECT_FALSE(s.ask(get("/large")).has("Content-Encoding"));
  auto& c = s.client();
  c.send(get("/trailers", takes("gzip")));
  EXPECT_TRUE(c.take().ends_with("\r\n0\r\nX-Lines: 0\r\n\r\n"));
}

TEST_F(in_memory, compressed_bodies_wait_for_slow_clients_and_are_cut_where_they_fail) {
  app.use(ap::compression({.streams = true}));
  add_streams(app);
  auto slow = s.connect();
  slow.hold();
  slow.send(get("/large", takes("gzip")));
  s.settle();
  slow.hold(false);
  const auto r = slow.next();
  std::string expected;
  for (int i = 0; i < 50; ++i) expected += noise(20'000);
  EXPECT_TRUE(inflated(r.body).whole);
  EXPECT_TRUE(inflated(r.body).text == expected);

  auto cut = s.connect();
  cut.send(get("/fails", takes("gzip")));
  const auto failed = cut.next();
  EXPECT_FALSE(failed.whole);
  EXPECT_EQ(inflated(failed.body).text, "begun");
  EXPECT_EQ(s.errors.size(), 1U);

  auto leaves = s.connect();
  leaves.send(get("/body", takes("gzip")));
  leaves.close();
  s.advance(2s);
}

/// A source of a stream that is no log: it never has anything.
struct silent {
  using value_type = std::string;
  template <class Token>
  auto async_receive(Token&& token) {
    return asio::co_spawn(
        executor,
        []() -> asio::awaitable<std::string> {
          co_await ap::sleep_for(1h);
          co_return "";
        },
        std::forward<Token>(token));
  }
  asio::any_io_executor executor;
};

TEST_F(in_memory, compression_of_event_streams_is_off_unless_asked_for) {
  ap::topic<std::string> news;
  app.use(ap::compression({.streams = true}));
  app.get("/log", [=](ap::request& req) { return ap::sse::stream(news, req); });
  auto& c = s.client();
  c.send(get("/log", takes("gzip")));
  news.publish("one");
  s.settle();
  EXPECT_EQ(c.now().find("Content-Encoding"), std::string::npos);
  EXPECT_NE(c.now().find("data: one"), std::string::npos);
}

// Over all streams: what was offered and what there was no room for are of the connection.
class compressed_events : public over_streams {};
ANTIPHON_OVER_STREAMS(compressed_events);

TEST_P(compressed_events, carry_messages_heartbeats_and_the_goodbye_at_once) {
  ap::topic<std::string> news;
  app.use(ap::compression({.event_streams = true}));
  app.get("/log", [=](ap::request& req) { return ap::sse::stream(news, req, {.heartbeat = 5s}); });
  app.get("/source",
          [this](ap::request& req) { return ap::sse::stream(silent{s.io.get_executor()}, req, {.heartbeat = 5s}); });
  auto log = s.connect(), source = s.connect();
  log.send(get("/log", takes("gzip")));
  source.send(get("/source", takes("gzip")));
  s.settle();
  news.publish("one");
  s.settle();
  news.publish("two");
  s.advance(5s);
  s.drain();
  s.advance(6s);
  const auto a = log.next(), b = source.next();
  EXPECT_EQ(a.header("Content-Encoding"), "gzip");
  EXPECT_EQ(b.header("Content-Encoding"), "gzip");
  EXPECT_TRUE(a.whole && inflated(a.body).whole);
  EXPECT_TRUE(b.whole && inflated(b.body).whole);
  const auto events = inflated(a.body).text, silence = inflated(b.body).text;
  EXPECT_TRUE(events.starts_with("retry: ")) << events;
  const auto one = events.find("data: one\n\n"), two = events.find("data: two\n\n"), beat = events.find("\n:\n\n", two);
  EXPECT_TRUE(one < two && two < beat && events.rfind("retry: ") > beat) << events;
  EXPECT_TRUE(silence.starts_with("retry: ") && silence.find("\n:\n\n") != silence.npos) << silence;
  EXPECT_GT(silence.rfind("retry: "), silence.find("\n:\n\n"));
}

/// Writes more than a socket takes, and ends with the write for which there is no room.
struct rushing final : ap::http::flow {
  step run(ap::http::exchange& x, event what) override {
    if (what == event::start) x.start(ap::status::ok, "text/plain");
    while (n < 60)
      if (!x.write(ap::http::chunk(noise(20'000 + n++)))) return n < 60 ? step::wait : step::end;
    return step::end;
  }
  std::size_t n = 0;
};

TEST_P(compressed_events, of_a_flow_that_rushes_end_behind_what_was_blocked) {
  app.use(ap::compression({.streams = true}));
  app.get("/", [] { return ap::response(std::make_unique<rushing>()); });
  auto c = s.connect();
  c.hold();
  c.send(get("/", takes("deflate")));
  s.settle();
  c.hold(false);
  const auto r = c.next();
  std::string expected;
  for (std::size_t i = 0; i < 60; ++i) expected += noise(20'000 + i);
  EXPECT_TRUE(r.whole && inflated(r.body).whole);
  EXPECT_TRUE(inflated(r.body).text == expected);
  EXPECT_EQ(c.ask(get("/", "Connection: close\r\n")).header("Content-Encoding"), "");
}

TEST_F(in_memory, long_polls_are_compressed_as_other_bodies_are) {
  ap::topic<std::string> news;
  app.use(ap::compression());
  app.get("/next", [=](ap::request& req) { return ap::polling::long_poll(news, req, {.hold = 10s}); });
  auto c = s.connect(), plain = s.connect();
  c.send(get("/next", takes("gzip")));
  plain.send(get("/next"));
  s.settle();
  news.publish(words(5'000));
  const auto coded = c.next(), same = plain.next();
  EXPECT_EQ(coded.header("Content-Encoding"), "gzip");
  EXPECT_EQ(inflated(coded.body).text, same.body);
  EXPECT_EQ(coded.header("ETag"), same.header("ETag")) << "it is weak already";
  for (const auto* r : {&coded, &same}) EXPECT_NE(r->head.find("Vary: Accept-Encoding"), std::string::npos);
  c.send(get("/next", takes("gzip"))); // short, and long to come
  s.advance(12s);
  EXPECT_EQ(c.next().header("Content-Encoding"), "");
}

std::string gzipped(std::string_view plain, ap::deflate::coding as = ap::deflate::coding::gzip) {
  std::string out;
  ap::deflate::encoder(as, {.level = 9}).finish(plain, out);
  return out;
}

/// What comes of it in pieces of that size, and how it ends.
std::pair<std::string, ap::error_code> decoded(std::string_view coded, std::size_t pieces,
                                               const ap::deflate::decoder_options& o = {},
                                               ap::deflate::coding as = ap::deflate::coding::gzip) {
  ap::deflate::decoder with(as, o);
  std::pair<std::string, ap::error_code> made;
  auto& [out, ec] = made;
  for (std::size_t at = 0; at < coded.size() && !ec; at += pieces) with.write(coded.substr(at, pieces), out, ec);
  if (!ec) with.finish(ec);
  EXPECT_LE(out.size(), o.most);
  return made;
}

TEST(decoder, reads_what_an_encoder_writes_however_it_is_cut) {
  using ap::deflate::coding;
  for (const auto as : {coding::gzip, coding::deflate}) {
    for (const std::string& text : {std::string(), std::string("x"), words(3'000), noise(40'000)}) {
      const auto coded = gzipped(text, as);
      for (const std::size_t pieces : {std::size_t{1}, std::size_t{7}, coded.size()}) {
        const auto [out, ec] = decoded(coded, pieces, {}, as);
        EXPECT_FALSE(ec) << ec.message();
        EXPECT_EQ(out, text);
      }
    }
  }
  const auto both = gzipped("one, ") + gzipped("") + gzipped("two");
  for (const std::size_t pieces : {std::size_t{1}, both.size()}) EXPECT_EQ(decoded(both, pieces).first, "one, two");
}

TEST(decoder, refuses_what_is_damaged_or_cut) {
  using ap::deflate::error;
  const auto good = gzipped(words(3'000));
  for (std::size_t n = 0; n < good.size(); n += n < 20 ? 1 : 50)
    EXPECT_EQ(decoded(good.substr(0, n), 10).second, error::cut_short) << n;
  for (std::size_t at = 10; at < good.size(); at += 7) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    const auto [out, ec] = decoded(bad, 100);
    EXPECT_TRUE(ec || out == words(3'000)) << at; // some bits fill a byte up
  }
  EXPECT_EQ(decoded(good + "x", 1'000'000).second, error::cut_short); // perhaps a member to come
  EXPECT_EQ(decoded(good + "no member", 1'000'000).second, error::bad_data);
  EXPECT_EQ(decoded("plain text", 100).second, error::bad_data);
  const auto zlib = gzipped("x", ap::deflate::coding::deflate);
  EXPECT_EQ(decoded(zlib + zlib, 100, {}, ap::deflate::coding::deflate).second, error::bad_data);
  EXPECT_EQ(decoded(good, 100, {}, ap::deflate::coding::deflate).second, error::bad_data);
}

TEST(decoder, lets_no_more_out_than_it_may) {
  using ap::deflate::error;
  for (const std::size_t pieces : {1U, 100'000'000U}) {
    const ap::deflate::decoder_options most{.most = 1'000, .ratio = 1'000'000};
    EXPECT_FALSE(decoded(gzipped(words(1'000)), pieces, most).second);
    EXPECT_EQ(decoded(gzipped(words(1'001)), pieces, most).second, error::too_large);
    EXPECT_EQ(decoded(gzipped(words(100'000)), pieces, most).second, error::too_large);
    // 100 MB of zeros in 100 KB: a bomb.
    static const auto bomb = gzipped(std::string(100'000'000, '\0'));
    const auto [out, ec] = decoded(bomb, pieces, {.most = 1'000'000'000});
    EXPECT_EQ(ec, error::too_dense);
    EXPECT_LT(out.size(), 200'000U);
    EXPECT_FALSE(decoded(gzipped(std::string(64 * 1024, '\0')), pieces).second) << "small ones may be dense";
  }
  EXPECT_EQ(decoded(gzipped("x"), 1, {.most = 0}).second, error::too_large);
}

TEST_F(in_memory, decompression_gives_handlers_plain_bodies) {
  app.use(ap::decompression({.most = 10'000})).use(ap::decompression({.most = 10'000}));
  app.post("/",
           [](ap::request& req) {
             const auto size = std::to_string(req.body().size());
             return size + " " + req.take_body();
           },
           {.max_body = 2'000});
  app.post("/waits", [](ap::request& req) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1s);
    co_return req.take_body();
  });
  app.post("/streamed",
           [](ap::request& req) -> asio::awaitable<ap::response> {
             std::string all;
             for (auto piece = co_await req.read_some(); !piece.empty(); piece = co_await req.read_some()) all += piece;
             co_return all;
           },
           {.streamed = true});
  const auto is = [](std::string_view coding) { return "Content-Encoding: " + std::string(coding) + "\r\n"; };
  const auto coded = gzipped(words(5'000)), expected = "5000 " + words(5'000);
  EXPECT_EQ(s.ask(post("/", coded, is("gzip"))).body, expected);
  EXPECT_EQ(s.ask(post("/", coded, is("X-GZip"))).body, expected);
  EXPECT_EQ(s.ask(post("/", coded, is("identity, gzip"))).body, expected);
  EXPECT_EQ(s.ask(post("/", gzipped(words(5'000), ap::deflate::coding::deflate), is("deflate"))).body, expected);
  EXPECT_EQ(s.ask(chunked("/", {coded.substr(0, 9), coded.substr(9)}, is("gzip"))).body, expected);
  EXPECT_EQ(s.ask(post("/", "plain")).body, "5 plain");
  EXPECT_EQ(s.ask(post("/streamed", coded, is("gzip"))).body, coded);
  auto& c = s.client();
  c.send(post("/waits", coded, is("gzip")));
  s.advance(1s);
  EXPECT_EQ(c.next().body, words(5'000));
  c.send(post("/", coded.substr(0, 0)) + post("/", coded, is("gzip")) + post("/", "next")); // pipelined
  EXPECT_EQ(c.next().body, "0 ");
  EXPECT_EQ(c.next().body, expected);
  EXPECT_EQ(c.next().body, "4 next");

  for (const char* other : {"br", "gzip, gzip", "gzip, br", "deflate\r\nContent-Encoding: gzip"}) {
    const auto r = c.ask(post("/", coded, is(other)));
    EXPECT_EQ(r.code, 415) << other;
    EXPECT_EQ(r.header("Accept-Encoding"), "gzip, deflate");
  }
  EXPECT_EQ(c.ask(post("/", coded + "x", is("gzip"))).code, 400);
  EXPECT_EQ(c.ask(post("/", coded.substr(0, 50), is("gzip"))).code, 400);
  EXPECT_EQ(c.ask(post("/", "plain", is("gzip"))).code, 400);
  EXPECT_EQ(c.ask(post("/", gzipped(words(10'000)), is("gzip"))).code, 200);
  EXPECT_EQ(c.ask(post("/", gzipped(words(10'001)), is("gzip"))).code, 413);
  EXPECT_EQ(c.ask(post("/", gzipped(std::string(1'000'000, 'x')), is("gzip"))).code, 413);
  EXPECT_EQ(c.ask(post("/", "still here")).code, 200) << "the connection lives on";
}

/// Says that `after` of a layer outside has run.
struct outside {
  void after(ap::request&, ap::response& res) const { res.set("X-Outside", "1"); }
};

TEST_F(in_memory, decompressed_bodies_count_against_all_bodies) {
  s.options.max_bodies = 1'000;
  app.use(outside()).use(ap::decompression());
  app.post("/", [](ap::request& req) { return std::to_string(req.body().size()); });
  const auto ask = [&](std::size_t n) {
    return s.ask(post("/", gzipped(std::string(n, 'x')), "Content-Encoding: gzip\r\n"));
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(1'000).code, 200) << "what was reserved is given back";
  for (const std::size_t n : {1'001U, 60'000U}) {
    const auto r = ask(n);
    EXPECT_EQ(r.code, 503);
    EXPECT_EQ(r.header("X-Outside"), "1");
  }
  const auto bad = s.ask(post("/", "x", "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(bad.code, 400);
  EXPECT_EQ(bad.header("X-Outside"), "1");
  EXPECT_EQ(ask(1'000).code, 200);
}

} // namespace
