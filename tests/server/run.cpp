// SPDX-License-Identifier: BSL-1.0
// run(): threads, their common limits and their common end; and Unix sockets.
#include "../support/running.hpp"
#include "../support/temporary_folder.hpp"

#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <sys/stat.h>
#include <thread>

namespace {

namespace ap = antiphon;
namespace t = threat;
using t::running;
using namespace std::chrono_literals;

std::string text_of(std::thread::id id) { return std::to_string(std::hash<std::thread::id>()(id)); }

class run_threads : public testing::Test {
 protected:
  run_threads() {
    r.app.get("/thread", [this](ap::request& req) {
      const std::lock_guard lock(mutex);
      executors.insert_or_assign(text_of(std::this_thread::get_id()), req.executor());
      return text_of(std::this_thread::get_id());
    });
    // Answers when two handlers are in here at the same time.
    r.app.get("/meet", [this] {
      ++met;
      return t::eventually([this] { return met >= 2; }) ? "met" : "alone";
    });
    r.app.get("/throw", [](ap::request& req) {
      asio::post(req.executor(), [] { throw std::runtime_error("thrown in a thread"); });
      return "";
    });
    // Waits for the bell, then for something on the other context.
    r.app.get("/other", [this](ap::request&) -> asio::awaitable<std::string> {
      const std::string own = text_of(std::this_thread::get_id());
      const auto seen = rung.count();
      ++waiting;
      if (!ringing) co_await rung.async_wait(seen, asio::use_awaitable);
      std::optional<asio::any_io_executor> other;
      {
        const std::lock_guard lock(mutex);
        for (const auto& [id, executor] : executors)
          if (id != own) other = executor;
      }
      if (!other) co_return "there is no other";
      co_await asio::post(*other, asio::use_awaitable);
      co_return "was there";
    });
  }

  t::raw_client connect() const { return path.empty() ? t::raw_client(r.port) : t::raw_client(path); }
  /// One connection to each of two threads.
  std::vector<t::raw_client> one_each() {
    std::map<std::string, t::raw_client> found;
    t::eventually([&] {
      auto client = connect();
      client.send(t::get("/thread"));
      found.emplace(client.response().body, std::move(client));
      return found.size() == 2;
    });
    std::vector<t::raw_client> out;
    for (auto& [id, client] : found) out.push_back(std::move(client));
    return out;
  }

  std::mutex mutex;
  std::map<std::string, asio::any_io_executor> executors;
  std::atomic<int> met{0}, waiting{0};
  std::atomic<bool> ringing{false};
  ap::notifier rung;
  std::string path;
  running r;
};

TEST_F(run_threads, serve_one_port_at_the_same_time) {
  r.start_on_a_port({.threads = 2, .banner = false});
  auto clients = one_each();
  ASSERT_EQ(clients.size(), 2U);
  EXPECT_TRUE(t::eventually([&] { return r.app.counts().open == 2; })) << r.app.counts().open;
  for (auto& c : clients) ASSERT_TRUE(c.send(t::get("/meet")));
  for (auto& c : clients) EXPECT_EQ(c.response().body, "met");
  r.signal();
  for (auto& c : clients) EXPECT_TRUE(c.closes());
  ASSERT_TRUE(r.ends());
  EXPECT_EQ(r.code, 0);
  EXPECT_EQ(r.app.counts().open, 0U);
}

// Every thread has its share, also where there are more than the machine runs at once.
TEST_F(run_threads, more_than_the_machine_has_share_a_port) {
  r.start_on_a_port({.threads = 5, .banner = false});
  for (int i = 0; i < 50; ++i) {
    auto client = connect();
    ASSERT_TRUE(client.send(t::get("/thread")));
    EXPECT_EQ(client.status(), 200);
  }
  r.signal();
  ASSERT_TRUE(r.ends());
  EXPECT_EQ(r.code, 0);
}

TEST_F(run_threads, a_context_runs_until_all_have_drained) {
  r.start_on_a_port({.threads = 2, .banner = false, .serve = {.drain = 1h}});
  auto clients = one_each();
  ASSERT_EQ(clients.size(), 2U);
  auto& busy = clients[0];
  ASSERT_TRUE(busy.send(t::get("/other")));
  ASSERT_TRUE(t::eventually([&] { return waiting == 1; }));
  r.signal();
  EXPECT_TRUE(clients[1].closes()); // so this thread's server is over
  EXPECT_TRUE(t::eventually([&] { return !connect().connected(); }));
  EXPECT_FALSE(r.over);
  ringing = true;
  rung.notify_all();
  EXPECT_EQ(busy.response().body, "was there");
  ASSERT_TRUE(r.ends());
  EXPECT_EQ(r.code, 0);
}

// Also where the caller's context, which hears the signals, has nothing left to serve.
TEST_F(run_threads, a_second_signal_cuts_whatever_thread_is_busy) {
  for (const std::size_t who : {0U, 1U}) {
    r.start_on_a_port({.threads = 2, .banner = false, .serve = {.drain = 1h}});
    waiting = 0;
    auto clients = one_each();
    ASSERT_EQ(clients.size(), 2U);
    ASSERT_TRUE(clients[who].send(t::get("/other")));
    ASSERT_TRUE(t::eventually([&] { return waiting == 1; }));
    r.signal();
    EXPECT_TRUE(clients[1 - who].closes());
    EXPECT_FALSE(r.over);
    r.signal();
    ASSERT_TRUE(r.ends());
    EXPECT_EQ(r.code, 0);
    EXPECT_EQ(r.app.counts().open, 0U);
    EXPECT_EQ(r.app.counts().handling, 0U);
  }
}

TEST_F(run_threads, an_exception_ends_all_and_is_thrown_by_run) {
  for (const std::size_t who : {0U, 1U}) {
    r.thrown.clear();
    r.start_on_a_port({.threads = 2, .banner = false});
    auto clients = one_each();
    ASSERT_EQ(clients.size(), 2U);
    ASSERT_TRUE(clients[who].send(t::get("/throw")));
    ASSERT_TRUE(r.ends());
    EXPECT_EQ(r.thrown, "thrown in a thread");
    EXPECT_FALSE(r.code);
    clients.clear();
    r.io.restart();
    r.io.poll(); // where it was the caller's, its connections are cut as soon as that context runs again
    EXPECT_EQ(r.app.counts().open, 0U);
  }
}

TEST_F(run_threads, a_program_that_stops_its_context_stops_all) {
  r.start_on_a_port({.threads = 3, .banner = false});
  auto clients = one_each();
  r.stop_context();
  ASSERT_TRUE(r.ends());
  EXPECT_EQ(r.code, 0);
}

TEST_F(run_threads, a_context_that_was_stopped_before_is_run) {
  r.io.stop();
  r.start_on_a_port({.banner = false});
  auto client = connect();
  ASSERT_TRUE(client.send(t::get("/thread")));
  EXPECT_EQ(client.status(), 200);
}

TEST_F(run_threads, limits_are_of_all_together) {
  for (const bool by_address : {true, false}) {
    ap::run_options options{.threads = 3, .banner = false};
    (by_address ? options.serve.max_per_address : options.serve.max_connections) = 4;
    r.start_on_a_port(options);
    ASSERT_TRUE(t::eventually([&] { return r.app.counts().open == 0; }));
    std::vector<t::raw_client> clients;
    for (int i = 0; i < 4; ++i) {
      clients.push_back(connect());
      ASSERT_TRUE(clients.back().send(t::get("/thread")));
      EXPECT_EQ(clients.back().status(), 200) << i;
    }
    for (int i = 0; i < 40; ++i) EXPECT_EQ(connect().status(), 503) << i;
    clients.clear();
    EXPECT_TRUE(t::eventually([&] {
      auto again = connect();
      again.send(t::get("/thread"));
      return again.status() == 200;
    }));
    r.signal();
    ASSERT_TRUE(r.ends());
  }
}

TEST_F(run_threads, say_that_their_port_is_taken) {
  asio::io_context io;
  // By a program that would share it, or not.
  for (const bool shares : {false, true}) {
    asio::ip::tcp::acceptor other(io, asio::ip::tcp::v4());
    other.set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(shares));
    other.bind({asio::ip::address_v4::loopback(), 0});
    other.listen();
    const auto port = other.local_endpoint().port();
    testing::internal::CaptureStderr();
    EXPECT_EQ(ap::run(r.io, r.app, {.port = port, .address = "127.0.0.1", .threads = 2}), 1);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("another program listens there"), std::string::npos);
  }
}

// --- Unix sockets

class run_on_a_unix_socket : public run_threads {
 protected:
  run_on_a_unix_socket() {
    path = folder / "s";
    r.app.get("/peer", [](ap::request& req) { return req.peer(); });
    options.path = path;
    options.banner = false;
  }
  std::string refused() {
    testing::internal::CaptureStderr();
    asio::io_context io;
    EXPECT_EQ(ap::run(io, r.app, options), 1);
    return testing::internal::GetCapturedStderr();
  }
  unsigned mode() const {
    struct stat s {};
    return ::lstat(path.c_str(), &s) == 0 && S_ISSOCK(s.st_mode) ? s.st_mode & 07777U : 0;
  }
  bool is_there(const std::string& name) const {
    struct stat s {};
    return ::lstat(name.c_str(), &s) == 0;
  }
  /// A socket that is left by a program that was killed.
  void leave_stale() {
    asio::io_context io;
    asio::local::stream_protocol::acceptor a(io, path);
  }

  antiphon_tests::temporary_folder folder;
  ap::run_options options;
};

TEST_F(run_on_a_unix_socket, serves_with_its_mode_and_removes_it) {
  for (const unsigned wanted : {0600U, 0660U, 0777U}) {
    options.mode = wanted;
    ASSERT_TRUE(r.start(options));
    EXPECT_EQ(mode(), wanted);
    auto client = connect();
    ASSERT_TRUE(client.send(t::get("/peer")));
    EXPECT_EQ(client.response().body, "unix:");
    r.signal();
    EXPECT_TRUE(client.closes());
    ASSERT_TRUE(r.ends());
    EXPECT_EQ(r.code, 0);
    EXPECT_FALSE(is_there(path));
  }
}

TEST_F(run_on_a_unix_socket, is_shared_by_threads) {
  options.threads = 2;
  ASSERT_TRUE(r.start(options));
  auto clients = one_each();
  ASSERT_EQ(clients.size(), 2U);
  for (auto& c : clients) ASSERT_TRUE(c.send(t::get("/meet")));
  for (auto& c : clients) EXPECT_EQ(c.response().body, "met");
  r.signal();
  ASSERT_TRUE(r.ends());
  EXPECT_FALSE(is_there(path));
}

TEST_F(run_on_a_unix_socket, is_removed_where_the_program_stops_its_context_too) {
  ASSERT_TRUE(r.start(options));
  r.stop_context();
  ASSERT_TRUE(r.ends());
  EXPECT_FALSE(is_there(path));
}

TEST_F(run_on_a_unix_socket, replaces_one_of_which_nobody_is_left) {
  leave_stale();
  ASSERT_TRUE(is_there(path));
  ASSERT_TRUE(r.start(options));
  EXPECT_EQ(mode(), 0600U);
}

TEST_F(run_on_a_unix_socket, does_not_replace_one_on_which_a_program_listens) {
  asio::io_context io;
  asio::local::stream_protocol::acceptor other(io, path);
  EXPECT_NE(refused().find("another program listens there"), std::string::npos);
  EXPECT_TRUE(t::raw_client(path).connected());
}

TEST_F(run_on_a_unix_socket, does_not_replace_a_file) {
  FILE* f = std::fopen(path.c_str(), "w");
  ASSERT_TRUE(f);
  std::fclose(f);
  EXPECT_NE(refused().find("a file that is no socket"), std::string::npos);
  EXPECT_TRUE(is_there(path));
  // Nor what a link names.
  const std::string target = path;
  path = folder / "link";
  ASSERT_EQ(::symlink(target.c_str(), path.c_str()), 0);
  options.path = path;
  EXPECT_NE(refused().find("a file that is no socket"), std::string::npos);
}

TEST_F(run_on_a_unix_socket, leaves_the_socket_of_whoever_came_after) {
  ASSERT_TRUE(r.start(options));
  auto client = connect();
  ASSERT_TRUE(client.send(t::get("/thread")));
  EXPECT_EQ(client.status(), 200);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  asio::io_context io;
  asio::local::stream_protocol::acceptor other(io, path);
  r.signal();
  ASSERT_TRUE(r.ends());
  EXPECT_TRUE(is_there(path));
}

TEST_F(run_on_a_unix_socket, fails_in_a_sentence) {
  struct {
    std::string where;
    unsigned mode;
    const char* sentence;
  } const cases[] = {
      {folder / "nowhere/s", 0600, "its directory does not exist"},
      {folder / std::string(100, 's'), 0600, "the path is too long for a socket"},
      {folder / std::string(10'000, 's'), 0600, "the path is too long for a socket"},
      {folder / std::string("a\0b", 3), 0600, "no NUL byte"},
      {folder / "s", 01777, "three octal digits"},
  };
  for (const auto& c : cases) {
    options.path = c.where;
    options.mode = c.mode;
    EXPECT_NE(refused().find(c.sentence), std::string::npos) << c.sentence;
  }
}

// The longest name that a socket can have.
TEST_F(run_on_a_unix_socket, has_a_path_of_107_bytes) {
  path = folder / "s";
  path.append(107 - path.size(), 's');
  options.path = path;
  ASSERT_TRUE(r.start(options));
}

TEST(inherited_listener, is_one_for_async_serve) {
  antiphon_tests::temporary_folder folder;
  const std::string path = folder / "s";
  asio::io_context io(1);
  asio::local::stream_protocol::acceptor made(io, path);
  const ap::inherited_listener given{made.release(), AF_UNIX, "web"};
  ap::router app;
  app.get("/", [](ap::request& req) { return req.peer(); });
  ap::async_serve(given.acceptor(io.get_executor()), app, [](ap::error_code) {});
  t::raw_client client(path);
  ASSERT_TRUE(client.send(t::get("/")));
  EXPECT_TRUE(t::eventually([&] {
    io.poll();
    client.receive(0ms);
    return client.input().ends_with("unix:");
  })) << client.input();
  EXPECT_TRUE(ap::inherited_listeners().empty()); // this process was given none
}

TEST(unix_listener, is_one_for_async_serve) {
  antiphon_tests::temporary_folder folder;
  const std::string path = folder / "s";
  asio::io_context io(1);
  ap::router app;
  app.get("/", [](ap::request& req) { return req.peer(); });
  asio::cancellation_signal stop;
  std::optional<ap::error_code> over;
  ap::async_serve(ap::unix_listener(io.get_executor(), path, 0660), app,
                  asio::bind_cancellation_slot(stop.slot(), [&](ap::error_code ec) { over = ec; }));
  t::raw_client client(path);
  ASSERT_TRUE(client.send(t::get("/")));
  ASSERT_TRUE(t::eventually([&] {
    io.poll();
    client.receive(0ms);
    return client.input().ends_with("unix:");
  })) << client.input();
  stop.emit(asio::cancellation_type::partial);
  EXPECT_TRUE(t::eventually([&] {
    io.poll();
    return over.has_value();
  }));
  EXPECT_FALSE(*over);
  EXPECT_FALSE(t::raw_client(path).connected());
  EXPECT_THROW(ap::unix_listener(io.get_executor(), folder / "no/s"), ap::system_error);
}

} // namespace
