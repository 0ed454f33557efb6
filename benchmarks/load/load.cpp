// SPDX-License-Identifier: BSL-1.0
// The load client: one thread, epoll, 127.0.0.1 only, lighter than wrk, so that the server stays the bottleneck. Prints
// one line of JSON.
//   load http  --port P --pid S [--conns N] [--depth D] [--secs T | --requests R]
//       closed loop of GETs, D pipelined, on N connections, for T seconds or until R are answered; connects again where
//       the server says `Connection: close`
//   load close --port P --pid S [--conns N] [--secs T]
//       closed loop, a new connection for each request, N at a time
//   load idle  --port P --pid S [--conns N] [--quiet T]
//       opens N keep-alive connections with one request each, then reports what they cost the server: memory, and CPU
//       time over T quiet seconds
// For http and close also: --path /x, --head browser (700 bytes in 14 fields), --warm T (seconds before the measured
// ones), --counts FILE (the server runs under count.c and writes there). All answers must have the length of the first.
#include "client.hpp"
#include "counters.hpp"
#include "requests.hpp"

#include <csignal>
#include <sys/epoll.h>

namespace {

using namespace bench;

struct connection {
  int fd = -1;
  std::size_t left = 0;    // bytes of the answers under way
  std::uint64_t since = 0; // when their requests were sent
  bool answered = false;   // at least once on this connection
};

int port = 0;
char buffer[262144];

class readiness {
 public:
  void add(connection& c) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &c;
    epoll_ctl(set_, EPOLL_CTL_ADD, c.fd, &event);
  }
  /// Calls f for each connection that can be read.
  template <class F>
  void poll(F f) {
    // Sleeps rather than spins: some hosts throttle two spinning virtual CPUs.
    const int ready = epoll_wait(set_, events_, 512, 100);
    for (int i = 0; i < ready; ++i) f(*static_cast<connection*>(events_[i].data.ptr));
  }

 private:
  int set_ = epoll_create1(0);
  epoll_event events_[512];
};

/// What is measured between start() and print().
class measurement {
 public:
  measurement(int server, const std::string& counts) : server_(server), counters_(counts) { start(); }

  void start() {
    latencies_.clear();
    requests_ = 0;
    reconnects_ = 0;
    counts_ = counters_.read();
    server_cpu_ = cpu_of(server_);
    own_cpu_ = cpu_of(getpid());
    started_ = now();
  }
  void answered(std::uint64_t requests, std::uint64_t nanoseconds) {
    requests_ += requests;
    latencies_.add(nanoseconds);
  }
  void reconnected() { ++reconnects_; }
  std::uint64_t requests() const { return requests_; }

  void print() {
    const double seconds = static_cast<double>(now() - started_) / 1e9;
    const auto cpu = static_cast<double>(cpu_of(server_) - server_cpu_);
    const auto own = static_cast<double>(cpu_of(getpid()) - own_cpu_);
    const auto n = static_cast<double>(requests_);
    const std::string counts = counters_ ? counters::difference(counts_, counters_.read()) : "{}";
    std::printf("{\"requests\":%llu,\"rps\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"cpu_us\":%.3f,\"util\":%.2f,"
                "\"load_util\":%.2f,\"reconnects\":%llu,\"counts\":%s}\n",
                static_cast<unsigned long long>(requests_), n / seconds, latencies_.milliseconds_at(.5),
                latencies_.milliseconds_at(.99), cpu / 1e3 / n, cpu / 1e9 / seconds, own / 1e9 / seconds,
                static_cast<unsigned long long>(reconnects_), counts.c_str());
  }

 private:
  int server_;
  counters counters_;
  counters::snapshot counts_{};
  latencies latencies_;
  std::uint64_t requests_ = 0, reconnects_ = 0, server_cpu_ = 0, own_cpu_ = 0, started_ = 0;
};

std::string request_of(const arguments& given, std::string_view fields = {}) {
  if (given.text("head", "small") == "browser") return std::string(browser_get);
  return small_get(given.text("path", "/"), fields);
}

void dial_first(connection& c, std::string_view request, std::size_t& length) {
  c.fd = dial(port);
  give_up_after(c.fd, 5);
  put(c.fd, request);
  length = same_length(length, read_answer(c.fd).size());
  c.answered = true;
  fcntl(c.fd, F_SETFL, fcntl(c.fd, F_GETFL) | O_NONBLOCK);
}

int run_http(const arguments& given) {
  const auto depth = static_cast<std::size_t>(given.integer("depth", 1));
  const auto budget = static_cast<std::uint64_t>(given.number("requests", 0));
  const std::string one = request_of(given);
  std::string batch;
  for (std::size_t i = 0; i < depth; ++i) batch += one;

  readiness set;
  std::size_t length = 0;
  std::vector<connection> connections(static_cast<std::size_t>(given.integer("conns", 64)));
  for (auto& c : connections) {
    dial_first(c, one, length);
    set.add(c);
  }

  measurement measured(given.integer("pid", 0), given.text("counts", ""));
  std::uint64_t started = 0; // requests, when there is a budget
  const auto send = [&](connection& c) {
    if (budget != 0 && started >= budget) return;
    started += depth;
    c.left = length * depth;
    c.since = now();
    put(c.fd, batch); // when the server has hung up, the next read says so
  };
  const auto dial_again = [&](connection& c) {
    if (!c.answered) die("the server closes without an answer");
    close(c.fd);
    c = connection{dial(port)};
    fcntl(c.fd, F_SETFL, fcntl(c.fd, F_GETFL) | O_NONBLOCK);
    set.add(c);
    measured.reconnected();
  };
  for (auto& c : connections) send(c);

  bool warm = budget != 0;
  const auto begin = now();
  const auto measure_at = begin + static_cast<std::uint64_t>(given.number("warm", 0.1) * 1e9);
  const auto end_at = measure_at + static_cast<std::uint64_t>(given.number("secs", 4) * 1e9);
  while (budget != 0 ? measured.requests() < budget : now() < end_at) {
    if (!warm && now() >= measure_at) {
      warm = true;
      measured.start();
    }
    set.poll([&](connection& c) {
      const ssize_t got = read(c.fd, buffer, sizeof buffer);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) { // hung up after the last of its requests
        if (c.left != 0) started -= depth;
        dial_again(c);
        return send(c);
      }
      const auto bytes = static_cast<std::size_t>(got);
      const bool longer = bytes > c.left;
      c.left -= std::min(c.left, bytes);
      if (c.left != 0) return;
      if (c.since != 0) measured.answered(depth, now() - c.since);
      c.answered = true;
      c.since = 0;
      if (longer) { // the last answer of a connection has one field more
        if (std::string_view(buffer, bytes).find("Connection: close") == std::string_view::npos)
          die("answers differ in length");
        dial_again(c);
      }
      send(c);
    });
  }
  measured.print();
  return 0;
}

int run_close(const arguments& given) {
  const std::string request = request_of(given, "Connection: close\r\n");
  readiness set;
  std::size_t length = 0;
  {
    connection first;
    dial_first(first, request, length);
    close(first.fd);
  }
  const auto begin_one = [&](connection& c) {
    c.since = now();
    c.fd = dial(port);
    c.left = length;
    if (!put(c.fd, request)) die("the server closes without an answer");
    set.add(c);
  };
  std::vector<connection> connections(static_cast<std::size_t>(given.integer("conns", 64)));
  measurement measured(given.integer("pid", 0), given.text("counts", ""));
  for (auto& c : connections) begin_one(c);

  bool warm = false;
  const auto measure_at = now() + static_cast<std::uint64_t>(given.number("warm", 0.1) * 1e9);
  const auto end_at = measure_at + static_cast<std::uint64_t>(given.number("secs", 4) * 1e9);
  while (now() < end_at) {
    if (!warm && now() >= measure_at) {
      warm = true;
      measured.start();
    }
    set.poll([&](connection& c) {
      const ssize_t got = recv(c.fd, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) die("the server closes inside an answer");
      c.left -= std::min(c.left, static_cast<std::size_t>(got));
      if (c.left != 0) return;
      measured.answered(1, now() - c.since);
      close(c.fd); // as a client does that was told `Connection: close`: at once, without reading the end
      begin_one(c);
    });
  }
  measured.print();
  return 0;
}

int run_idle(const arguments& given) {
  const std::string request = request_of(given);
  const int server = given.integer("pid", 0), n = given.integer("conns", 10000);
  {
    connection first;
    std::size_t length = 0;
    dial_first(first, request, length);
    close(first.fd);
    rest(0.3);
  }
  const long before = memory_of(server);
  std::uint64_t cpu = cpu_of(server);
  const std::uint64_t begin = now();
  std::vector<int> open;
  for (int i = 0; i < n; ++i) {
    const int fd = dial(port);
    give_up_after(fd, 5);
    put(fd, request);
    read_answer(fd);
    open.push_back(fd);
  }
  const double connecting = static_cast<double>(now() - begin) / 1e9;
  const double cpu_us_per_conn = static_cast<double>(cpu_of(server) - cpu) / 1e3 / n;
  rest(1.5);
  const long after = memory_of(server);
  const double quiet = given.number("quiet", 1);
  cpu = cpu_of(server);
  rest(quiet);
  cpu = cpu_of(server) - cpu;
  // A server that has dropped them costs nothing either: all must still be there.
  int lost = 0;
  for (const int fd : open) lost += recv(fd, buffer, 1, MSG_DONTWAIT | MSG_PEEK) >= 0 || errno != EAGAIN ? 1 : 0;
  if (lost != 0) die(std::to_string(lost) + " idle connections were closed");
  std::printf("{\"conns\":%d,\"rss0_kb\":%ld,\"rss1_kb\":%ld,\"bytes_per_conn\":%.0f,\"connect_s\":%.2f,"
              "\"cpu_us_per_conn\":%.1f,\"quiet_cpu_ms_per_s\":%.2f}\n",
              n, before, after, static_cast<double>(after - before) * 1024 / n, connecting, cpu_us_per_conn,
              static_cast<double>(cpu) / 1e6 / quiet);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  static constexpr struct {
    std::string_view name;
    int (*run)(const arguments&);
  } modes[] = {{"http", run_http}, {"close", run_close}, {"idle", run_idle}};
  std::signal(SIGPIPE, SIG_IGN);
  const arguments given(argc, argv);
  port = given.integer("port", 0);
  allow_descriptors(given.integer("conns", 10000));
  for (const auto& mode : modes) {
    if (argc > 1 && argv[1] == mode.name) return mode.run(given);
  }
  std::fprintf(stderr, "usage: load http|close|idle --port P --pid SERVER [...]\n");
  return 2;
}
