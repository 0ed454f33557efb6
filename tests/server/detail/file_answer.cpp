// SPDX-License-Identifier: BSL-1.0
#include "../../support/server_harness.hpp"
#include "../../support/temporary_folder.hpp"

#include <antiphon/core/directory.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <future>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace antiphon_tests;

/// Bytes that tell where they are.
std::string content(std::size_t n) {
  std::string out;
  out.reserve(n + 16);
  for (std::size_t i = 0; out.size() < n; ++i) out += std::to_string(i) + ",";
  out.resize(n);
  return out;
}

/// What is told of each exchange when it is over.
struct tell {
  std::vector<std::pair<std::string, ap::exchange_summary>>* to;
  void complete(const ap::exchange_summary& s) const { to->emplace_back(s.route, s); }
};

struct file_streams : over_streams {
  temporary_folder at;
  ap::directory root{at.path()};
  std::vector<std::pair<std::string, ap::exchange_summary>> told;
  asio::any_io_executor pool;               // none: read in place
  std::optional<asio::thread_pool> lasting; // outlives the server, which TearDown() ends
  std::weak_ptr<const ap::file> last;

  file_streams() {
    app.use(tell{&told});
    app.get("/file/{name}", [this](ap::request& req) { return ap::response(ap::status::ok, body(req), "text/x"); });
    app.get("/parts/{name}", [this](ap::request& req) {
      const auto f = open(req);
      ap::file_body made;
      made.add(std::string("<a>")).add(f, 2, 3).add(std::string("<b>")).add(f, 0, 0).add(f, 0, 1).add(f, 1, 1);
      made.add(std::string("<end")).add(std::string(">"));
      return ap::response(ap::status::partial_content, std::move(made), "text/x");
    });
    app.get("/", [] { return "next"; });
  }
  std::shared_ptr<const ap::file> open(ap::request& req) {
    ap::error_code ec;
    auto f = std::make_shared<const ap::file>(root.open(req.param("name"), ec));
    if (ec) throw ap::system_error(ec);
    last = f;
    return f;
  }
  ap::file_body body(ap::request& req) {
    ap::file_body made(open(req));
    made.read_on(pool);
    return made;
  }
  std::string write(const char* name, std::size_t n) {
    auto text = content(n);
    at.write(name, text);
    return text;
  }
  void expect_closed() const { EXPECT_TRUE(last.expired()) << "the file is still open"; }
};

TEST_P(file_streams, sends_it_whole_and_keeps_the_connection) {
  std::vector<std::string> texts;
  std::string asked;
  for (const std::size_t n : {0U, 1U, 8192U, 65'535U, 65'536U, 65'537U, 3'000'000U}) {
    const auto name = std::to_string(n);
    texts.push_back(write(name.c_str(), n));
    asked += get("/file/" + name) + get("/");
  }
  auto& c = s.client();
  c.send(asked); // pipelined
  for (const auto& text : texts) {
    const auto r = c.next();
    EXPECT_EQ(r.code, 200);
    EXPECT_EQ(r.header("Content-Type"), "text/x");
    EXPECT_EQ(r.header("Content-Length"), std::to_string(text.size()));
    EXPECT_TRUE(r.whole && r.body == text) << text.size();
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(c.next().body, "next");
    const auto& [route, summary] = told[told.size() - 2];
    EXPECT_FALSE(summary.cut);
  }
  ASSERT_EQ(told.size(), texts.size() * 2);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(told[2 * i].first, "/file/{name}");
    EXPECT_GT(told[2 * i].second.bytes_out, texts[i].size() + 50);
    EXPECT_LT(told[2 * i].second.bytes_out, texts[i].size() + 200);
  }
  EXPECT_EQ(s.app.counts().answering, 0U);
  expect_closed();
}

TEST_P(file_streams, sends_parts_with_text_between) {
  write("a", 5);
  const auto r = s.ask(get("/parts/a"));
  EXPECT_EQ(r.code, 206);
  EXPECT_EQ(r.header("Content-Length"), "16");
  EXPECT_EQ(r.body, "<a>" + content(5).substr(2, 3) + "<b>" + content(2) + "<end>");
}

TEST_P(file_streams, sends_the_head_alone_and_reads_nothing) {
  write("a", 100'000);
  auto& c = s.client();
  std::filesystem::resize_file(at.path("a"), 100'000);
  const auto r = c.ask(head_of("HEAD", "/file/a"));
  EXPECT_EQ(r.header("Content-Length"), "100000");
  EXPECT_EQ(c.ask(get("/")).body, "next");
  ASSERT_EQ(told.size(), 2U);
  EXPECT_FALSE(told[0].second.cut);
  EXPECT_LT(told[0].second.bytes_out, 200U);
  expect_closed();
}

TEST_P(file_streams, http_1_0_gets_it_with_its_length) {
  const auto text = write("a", 100'000);
  auto& c = s.client();
  for (int i = 0; i < 2; ++i) {
    c.send("GET /file/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto r = c.next();
    EXPECT_EQ(r.header("Connection"), "keep-alive");
    EXPECT_TRUE(r.whole && r.body == text);
  }
}

TEST_P(file_streams, one_that_has_shrunk_is_cut_and_never_padded) {
  app.get("/shrinks/{name}/{by}", [this](ap::request& req) {
    auto made = body(req);
    std::filesystem::resize_file(at.path(req.param("name")), 200'000 - std::stoul(std::string(req.param("by"))));
    return ap::response(ap::status::ok, std::move(made), "text/x");
  });
  for (const char* by : {"1", "100000", "200000"}) {
    const auto text = write("a", 200'000);
    auto& c = s.client();
    c.send(get("/shrinks/a/" + std::string(by)) + get("/"));
    const auto r = c.next();
    EXPECT_FALSE(r.whole);
    if (r.code != 0) {
      EXPECT_EQ(r.header("Content-Length"), "200000");
    } // nothing at all is a cut as well
    EXPECT_LE(r.body.size(), 200'000 - std::stoul(by));
    EXPECT_EQ(r.body, text.substr(0, r.body.size()));
    EXPECT_TRUE(c.ended());
    EXPECT_TRUE(told.back().second.cut);
    expect_closed();
  }
}

TEST_P(file_streams, one_that_grows_is_sent_as_it_was) {
  app.get("/grows", [this](ap::request&) {
    ap::error_code ec;
    ap::file_body made(std::make_shared<const ap::file>(root.open("a", ec)));
    std::filesystem::resize_file(at.path("a"), 500'000);
    return ap::response(ap::status::ok, std::move(made), "text/x");
  });
  const auto text = write("a", 100'000);
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/grows")).body, text);
  EXPECT_EQ(c.ask(get("/")).body, "next");
}

TEST_P(file_streams, waits_where_the_reader_is_slow_and_cuts_one_that_never_reads) {
  s.capacity = 4096;
  const auto text = write("a", 1'000'000);
  auto& slow = s.client();
  auto& never = s.client();
  slow.hold();
  never.hold();
  slow.send(get("/file/a") + get("/"));
  never.send(get("/file/a"));
  s.advance(29s);
  EXPECT_EQ(s.open(), 2U);
  slow.hold(false);
  const auto r = slow.next();
  EXPECT_TRUE(r.whole && r.body == text);
  EXPECT_EQ(slow.next().body, "next");
  s.advance(31s); // a kernel may have taken some more meanwhile
  EXPECT_EQ(s.open(), 1U);
  ASSERT_EQ(told.size(), 3U);
  EXPECT_TRUE(told[2].second.cut);
  EXPECT_LT(told[2].second.bytes_out, text.size());
  EXPECT_TRUE(s.errors.empty());
}

TEST_P(file_streams, a_client_that_goes_ends_it) {
  s.capacity = 4096;
  write("a", 1'000'000);
  for (int i = 0; i < 3; ++i) {
    auto& c = s.client();
    c.hold();
    c.send(get("/file/a"));
    EXPECT_FALSE(last.expired());
    c.close(); // with bytes unread: a reset, and a SIGPIPE for who writes on without care
    s.advance(2s);
    EXPECT_EQ(s.open(), 0U);
    expect_closed();
  }
  ASSERT_EQ(told.size(), 3U);
  EXPECT_TRUE(told[2].second.cut);
}

TEST_P(file_streams, goes_on_during_the_drain) {
  s.capacity = 4096;
  const auto text = write("a", 1'000'000);
  auto& c = s.client();
  c.hold();
  c.send(get("/file/a"));
  s.drain();
  s.advance(1s);
  c.hold(false);
  const auto r = c.next();
  EXPECT_TRUE(r.whole && r.body == text);
  EXPECT_EQ(c.rest(), "");
  s.settle();
  EXPECT_TRUE(s.done);
}

TEST_P(file_streams, lets_others_have_their_turn) {
  if (tcp()) return; // a kernel's buffer may be full before
  s.capacity = 64 * 1024 * 1024;
  write("a", 2'000'000);
  auto& one = s.client();
  auto& other = s.client();
  one.put(get("/file/a"));
  other.put(get("/"));
  s.settle();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].first, "/");
}

TEST_P(file_streams, reads_on_the_pool_what_does_not_go_straight_to_the_socket) {
  asio::thread_pool threads(1);
  pool = threads.get_executor();
  if (GetParam() == kind::memory || GetParam() == kind::plain_memory) pool = s.io.get_executor(); // nobody waits there
  const auto text = write("a", 1'000'000);
  auto& c = s.client();
  c.send(get("/file/a") + get("/"));
  const auto r = c.next();
  EXPECT_TRUE(r.whole && r.body == text);
  EXPECT_EQ(c.next().body, "next");
  write("a", 200'000);
  EXPECT_EQ(c.ask(get("/file/a")).body, content(200'000));
  expect_closed();
}

/// Sees to it that nothing of a file is in memory. False: this system cannot.
bool make_cold(const ap::file& f) {
  ::fsync(f.native_handle());
  void* const at = ::mmap(nullptr, f.size(), PROT_READ, MAP_SHARED, f.native_handle(), 0);
  bool cold = false;
  for (int i = 0; i < 100 && !cold; ++i) {
    ::posix_fadvise(f.native_handle(), 0, 0, POSIX_FADV_DONTNEED);
    std::vector<unsigned char> pages(f.size() / 4096 + 1);
    cold = ::mincore(at, f.size(), pages.data()) == 0 &&
           std::none_of(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; });
  }
  ::munmap(at, f.size());
  return cold;
}

TEST_P(file_streams, what_is_not_in_memory_is_read_on_the_pool) {
  const auto text = write("a", 1'000'000);
  ap::error_code ec;
  const ap::file f = root.open("a", ec);
  if (!make_cold(f) || f.is_in_memory(0) || !make_cold(f)) GTEST_SKIP() << "this file system cannot, or does not tell";
  pool = lasting.emplace(1).get_executor();
  std::promise<void> busy;
  asio::post(*lasting, [wait = busy.get_future().share()] { wait.wait(); });
  auto& c = s.client();
  c.send(get("/file/a"));
  EXPECT_EQ(c.now(), "") << "it waits for the pool, and the thread of the connection does not";
  EXPECT_EQ(c.take(), "");
  busy.set_value();
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (c.now().size() < text.size() && std::chrono::steady_clock::now() < limit) {}
  const auto r = c.next();
  EXPECT_TRUE(r.whole && r.body == text);
}

TEST_P(file_streams, a_client_that_goes_while_the_pool_is_busy) {
  if (GetParam() == kind::tcp) return; // what is in memory is not read
  asio::thread_pool threads(1);
  pool = threads.get_executor();
  std::promise<void> busy;
  asio::post(threads, [wait = busy.get_future().share()] { wait.wait(); });
  write("a", 100'000);
  auto& c = s.client();
  c.send(get("/file/a"));
  EXPECT_EQ(s.app.counts().answering, 1U);
  s.advance(40s); // no time runs while nothing is written
  EXPECT_EQ(s.open(), 1U);
  c.close();
  s.advance(2s);
  EXPECT_EQ(s.open(), 0U);
  busy.set_value();
  threads.join();
  s.settle();
  expect_closed();
}

TEST_P(file_streams, the_context_goes_while_the_pool_is_busy) {
  if (GetParam() == kind::tcp) return;
  std::promise<void> busy, begun;
  asio::thread_pool threads(1);
  write("a", 100'000);
  {
    served other(GetParam());
    other.app.get("/", [&] {
      ap::error_code ec;
      ap::file_body made(std::make_shared<const ap::file>(root.open("a", ec)));
      asio::post(threads, [&begun, wait = busy.get_future().share()] {
        begun.set_value();
        wait.wait();
      });
      made.read_on(threads.get_executor());
      return ap::response(ap::status::ok, std::move(made), "text/x");
    });
    other.client().send(get("/"));
    begun.get_future().wait();
    EXPECT_EQ(other.app.counts().answering, 1U);
  }
  busy.set_value();
  threads.join();
}

TEST_P(file_streams, every_write_may_fail) {
  if (GetParam() != kind::memory) return;
  const auto text = write("a", 300'000);
  const auto runs = ap::testing::for_each_failure([&](const ap::testing::fail_after& failure) {
    served failing(kind::memory, 32 * 1024);
    failing.failure = failure;
    failing.app.get("/", [&] {
      ap::error_code ec;
      ap::file_body made(std::make_shared<const ap::file>(root.open("a", ec)));
      return ap::response(ap::status::ok, std::move(made), "text/x");
    });
    const auto r = failing.ask(get("/"));
    EXPECT_EQ(r.body, text.substr(0, r.body.size()));
    EXPECT_TRUE(r.whole || failure.failed());
    failing.finish();
  });
  EXPECT_GT(runs, 10U);
}

ANTIPHON_OVER_STREAMS(file_streams);

static_assert(ap::detail::is_plain_socket<asio::ip::tcp::socket>);
static_assert(ap::detail::is_plain_socket<asio::local::stream_protocol::socket>);
static_assert(!ap::detail::is_plain_socket<ap::testing::memory_stream>); // nor anything that encrypts

#if defined(ANTIPHON_HAS_SENDFILE)
TEST(sent_file, raises_no_signal_where_nobody_reads_any_more) {
  const temporary_folder at;
  at.write("a", "0123456789");
  ap::error_code ec;
  const ap::file f = ap::directory(at.path()).open("a", ec);
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const auto send = [&](std::string_view before, std::uint64_t offset, std::size_t n) {
    return ap::detail::send_file(ends[0], asio::buffer(before), f.native_handle(), offset, n, ec);
  };
  EXPECT_EQ(send("head ", 2, 3), 8U);
  EXPECT_FALSE(ec);
  char room[100];
  EXPECT_EQ(std::string(room, static_cast<std::size_t>(::read(ends[1], room, sizeof room))), "head 234");
  EXPECT_EQ(send("x", 8, 5), 3U) << "fewer where there are no more";
  EXPECT_EQ(send("x", 10, 5), 1U);
  EXPECT_EQ(ec, asio::error::eof);
  ::close(ends[1]);
  for (const std::string_view before : {"", "head "}) {
    EXPECT_EQ(send(before, 0, 5), 0U);
    EXPECT_EQ(ec, asio::error::broken_pipe);
    sigset_t now;
    ::sigpending(&now);
    EXPECT_EQ(::sigismember(&now, SIGPIPE), 0);
    ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
    EXPECT_EQ(::sigismember(&now, SIGPIPE), 0);
  }
  ::close(ends[0]);
}
#endif

} // namespace
