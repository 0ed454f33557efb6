// SPDX-License-Identifier: BSL-1.0
// Threat suite: very many clients that wait on a log, and some that do not read what they are sent.
#include "../support/allocated.hpp"
#include "../support/wanderer.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;
using t::texts;

/// As many files as are allowed; how many that is.
std::size_t raise_files() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_max;
}

/// Clients in a process of their own, since a process has not files enough for both ends; they go when it is killed.
/// It is made before there are threads, and does nothing but connect and send.
class crowd {
 public:
  crowd() {
    if (::pipe(port_) != 0) throw std::runtime_error("no pipe for the test's clients");
    pid_ = ::fork();
    if (pid_ == 0) live();
  }
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;
  ~crowd() {
    vanish();
    ::close(port_[0]);
    ::close(port_[1]);
  }

  struct orders {
    std::uint16_t port;
    int many;
  };
  void come(const orders& o) { EXPECT_EQ(::write(port_[1], &o, sizeof o), static_cast<ssize_t>(sizeof o)); }
  /// All at once.
  void vanish() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  [[noreturn]] void live() {
    orders o{};
    if (::read(port_[0], &o, sizeof o) != static_cast<ssize_t>(sizeof o)) ::_exit(1);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(o.port);
    constexpr std::string_view ask = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";
    for (int i = 0; i < o.many; ++i) {
      const int s = ::socket(AF_INET, SOCK_STREAM, 0);
      if (s < 0 || ::connect(s, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) ::_exit(2);
      if (i % 2 == 0) { // its end is a reset, that of the others is not
        const linger now{1, 0};
        ::setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      }
      if (::send(s, ask.data(), ask.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(ask.size())) ::_exit(3);
    }
    for (;;) ::pause();
  }

  int port_[2]{};
  pid_t pid_;
};

TEST(parked_polls, that_vanish_at_once_leave_nothing_behind) {
  const auto files = raise_files();
  const int many = files > 12'000 ? 10'000 : static_cast<int>(files) / 2;
  crowd warm_up, all;
  const texts news;
  auto app = t::log_app(news);
  app.get("/hold", [=](ap::request& req) { return ap::polling::long_poll(news, req, {.hold = 1h}); });
  ap::serve_options options;
  options.max_connections = 11'000;
  t::live_server server(app, options);
  const auto parked = [&] { return news.view().log()->parked.load(); };
  const auto park = [&](crowd& who, int n) {
    who.come({server.port(), n});
    return t::eventually([&] { return parked() == static_cast<std::size_t>(n); });
  };
  const auto gone = [&] {
    return server.empties() && t::eventually([&] { return news.stats().readers == 0; }) && parked() == 0;
  };
  ASSERT_TRUE(park(warm_up, many)); // Asio keeps what it knows of a socket for the next one
  warm_up.vanish();
  ASSERT_TRUE(gone());
  const auto before = t::allocated();

  ASSERT_TRUE(park(all, many)) << parked();
  EXPECT_EQ(news.stats().readers, static_cast<std::size_t>(many));
  const auto meanwhile = t::allocated();
  if (many == 10'000) { // the most that wait, unless options say otherwise
    auto one_more = server.client();
    ASSERT_TRUE(one_more.send(t::get("/hold")));
    EXPECT_EQ(one_more.status(), 503);
  }
  all.vanish();
  EXPECT_TRUE(gone()) << server.open() << ' ' << news.stats().readers << ' ' << parked();
  const auto after = t::allocated();
  std::printf("%d polls: %zu bytes each, %zd bytes in all after them\n", many,
              (meanwhile - before) / static_cast<std::size_t>(many),
              static_cast<ssize_t>(after) - static_cast<ssize_t>(before));
  EXPECT_LT(after, before + 256 * 1024);
  auto next = server.client();
  ASSERT_TRUE(next.send(t::get("/news")));
  EXPECT_EQ(next.status(), 200);
}

TEST(parked_polls, are_all_answered_by_one_message) {
  raise_files();
  constexpr int many = 1'000;
  const texts news;
  auto app = t::log_app(news);
  app.get("/hold", [=](ap::request& req) { return ap::polling::long_poll(news, req, {.hold = 1h}); });
  t::live_server server(app);
  std::vector<t::raw_client> clients;
  for (int i = 0; i < many; ++i) ASSERT_TRUE(clients.emplace_back(server.port()).send(t::get("/hold")));
  ASSERT_TRUE(t::eventually([&] { return news.view().log()->parked == static_cast<std::size_t>(many); }));
  news.publish("at last");
  for (auto& c : clients) EXPECT_NE(c.response().body.find("\"data\":\"at last\""), std::string::npos);
  EXPECT_EQ(news.view().log()->parked.load(), 0U);
  EXPECT_EQ(news.stats().readers, 0U);
}

std::size_t count(std::string_view in, std::string_view what) {
  std::size_t n = 0;
  for (auto at = in.find(what); at != in.npos; at = in.find(what, at + what.size())) ++n;
  return n;
}

/// Streams and one that does not read: what is published comes to all others, and costs no memory.
TEST(deaf_subscriber, costs_no_memory_and_holds_up_nobody) {
  raise_files();
  constexpr int many = 999, batch = 20, batches = 40;
  const texts news({.history = 2 * batch});
  t::live_server server(t::log_app(news));
  t::raw_client deaf(server.port(), 4096, 1'000);
  ASSERT_TRUE(deaf.send("GET /stream HTTP/1.0\r\n\r\n"));
  std::vector<t::raw_client> clients;
  for (int i = 0; i < many; ++i) {
    ASSERT_TRUE(clients.emplace_back(server.port()).send("GET /stream HTTP/1.0\r\n\r\n"));
    ASSERT_TRUE(clients.back().read_until("retry: 3000\n\n"));
    clients.back().input().clear();
  }
  ASSERT_TRUE(t::eventually([&] { return news.stats().readers == many + 1; }));
  const std::string text(2'000, 'x');
  std::uint64_t published = 0;
  const auto round = [&] {
    for (int i = 0; i < batch; ++i) news.publish(text + '#' + std::to_string(published++));
    for (auto& c : clients) {
      ASSERT_TRUE(c.read_until("#" + std::to_string(published - 1) + "\n\n"));
      ASSERT_EQ(count(c.input(), "data: x"), static_cast<std::size_t>(batch)) << published;
      ASSERT_EQ(count(c.input(), "event: "), 0U) << "a gap";
      c.input().clear();
    }
  };
  for (int i = 0; i < batches / 2 && !HasFailure(); ++i) round();
  const auto before = t::allocated();
  for (int i = 0; i < batches / 2 && !HasFailure(); ++i) round();
  const auto after = t::allocated();
  std::printf("%zd bytes more after %d messages of %zu bytes\n",
              static_cast<ssize_t>(after) - static_cast<ssize_t>(before), batch * batches / 2, text.size());
  EXPECT_LT(after, before + 256 * 1024);
  EXPECT_GT(news.stats().slowest_lag, 2U * batch) << "its socket took all: the test tests nothing";
  ASSERT_TRUE(deaf.read_until("event: antiphon-gap\n")) << "it is told when it reads";
}

/// A stream that reads its first message and then no more, and one that reads all, in step with what is published.
class deaf_policy : public testing::Test {
 protected:
  void begin(ap::sse::slow_reader slow) {
    ap::router app;
    app.get("/stream", [log = news, slow](ap::request& req) {
      return ap::sse::stream(log, req, {.heartbeat = 0s, .slow = slow});
    });
    server.emplace(app);
    deaf.emplace(server->port(), 4096);
    reads.emplace(server->port());
    for (auto* c : {&*deaf, &*reads}) {
      ASSERT_TRUE(c->send("GET /stream HTTP/1.0\r\n\r\n"));
      ASSERT_TRUE(c->read_until("retry: 3000\n\n"));
    }
    ASSERT_TRUE(t::eventually([&] { return news.stats().readers == 2; }));
    publish();
    ASSERT_TRUE(deaf->read_until("#0\n\n"));
    feed();
  }
  void publish() {
    news.publish(std::to_string(published % 4) + std::string(20'000, 'x') + '#' + std::to_string(published));
    reads->input().clear();
    ASSERT_TRUE(reads->read_until("#" + std::to_string(published) + "\n\n"));
    ++published;
  }
  /// Takes what has come to the one that was deaf.
  void feed() {
    decoder.feed(std::exchange(deaf->input(), {}), [&](const ap::sse::event& e) {
      last_id = *e.id;
      if (e.type == "message") seen.push_back(std::stoull(e.data.substr(e.data.find('#') + 1)));
      if (e.type == "antiphon-gap") missed += t::number_behind(e.data, "\"at_most\":");
    });
  }
  template <class Done>
  void listen(Done done) {
    feed();
    while (!done() && deaf->receive()) feed();
  }
  bool rises() const {
    for (std::size_t i = 1; i < seen.size(); ++i)
      if (seen[i] <= seen[i - 1]) return false;
    return true;
  }

  const texts news{{.history = 64}, [](const std::string& s) { return s.substr(0, 1); }};
  std::optional<t::live_server> server;
  std::optional<t::raw_client> deaf, reads;
  std::uint64_t published = 0, missed = 0;
  ap::sse::decoder decoder;
  std::vector<std::uint64_t> seen;
  std::string last_id;
};

TEST_F(deaf_policy, skip_tells_it_what_it_has_missed) {
  begin(ap::sse::slow_reader::skip);
  while (published < 600 && !HasFailure()) publish();
  listen([&] { return !seen.empty() && seen.back() == published - 1; });
  EXPECT_TRUE(rises());
  EXPECT_GT(missed, 0U);
  EXPECT_EQ(seen.size() + missed, published);
}

TEST_F(deaf_policy, coalesce_gives_it_the_newest_of_each_key) {
  begin(ap::sse::slow_reader::coalesce);
  while (published < 600 && !HasFailure()) publish();
  listen([&] { return !seen.empty() && seen.back() == published - 1; });
  EXPECT_TRUE(rises());
  EXPECT_EQ(missed, 0U) << "all that is not there was superseded";
  ASSERT_GT(seen.size(), 4U);
  EXPECT_LT(seen.size(), published);
  for (std::size_t i = 1; i <= 4; ++i) EXPECT_EQ(seen[seen.size() - i], published - i);
}

TEST_F(deaf_policy, disconnect_cuts_it_and_it_comes_back_and_has_missed_nothing) {
  begin(ap::sse::slow_reader::disconnect);
  while (published < 1'000 && server->open() == 2 && !HasFailure()) publish();
  ASSERT_EQ(server->open(), 1U) << "it was not cut";
  listen([] { return false; }); // what its socket still holds
  EXPECT_LT(seen.size(), published);
  deaf.emplace(server->port());
  decoder = ap::sse::decoder();
  ASSERT_TRUE(deaf->send("GET /stream HTTP/1.0\r\nLast-Event-ID: " + last_id + "\r\n\r\n"));
  ASSERT_TRUE(deaf->read_until("\r\n\r\n"));
  deaf->input().erase(0, deaf->input().find("\r\n\r\n") + 4);
  listen([&] { return !seen.empty() && seen.back() == published - 1; });
  EXPECT_EQ(missed, 0U);
  EXPECT_EQ(seen.size(), published);
  EXPECT_TRUE(rises());
}

} // namespace
