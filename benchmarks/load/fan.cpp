// SPDX-License-Identifier: BSL-1.0
// The client of the log's readers: one thread, epoll, 127.0.0.1 only. Prints one line of JSON.
//   fan stream --port P --pid S [--conns N] [--msgs M] [--size B] [--pubs U] [--rate R | --window W] [--deaf K]
//       N subscribers of GET /sub, and U publishers who POST M messages of B bytes to /pub, each waiting for its
//       answer: as fast as they can, or R deliveries a second, or W messages ahead of the slowest subscriber. Each
//       message has the time at which it was sent, and a number. K more subscribers never read.
//   fan park   --port P --pid S [--conns N] [--times T]
//       N long polls of GET /lp wait; one message releases them; T times
//   fan quiet  --port P --pid S [--conns N] [--path /x]
//       N clients that send GET /x and then wait: what memory they cost the server
//   fan held   --port P --pid S [--conns N]
//       N jobs of POST /jobs, and N clients that each wait for one by `Prefer: wait`: likewise
// Every subscriber must get every message once, and every poll its answer: if not, that is all that is reported.
#include "client.hpp"
#include "counters.hpp"
#include "requests.hpp"

#include <csignal>
#include <cstring>
#include <sys/epoll.h>

namespace {

using namespace bench;

int port = 0;
char buffer[1 << 20];

/// What follows the mark in a message: 12 digits of nanoseconds since the start, 7 of its number.
constexpr char mark = '~';
constexpr int digits = 19;
constexpr std::uint64_t numbers = 10'000'000;

struct peer {
  int fd = -1;
  bool publishes = false, busy = false;
  // of a subscriber: the message that is being read, what it has got, and the sum of their numbers
  std::uint8_t left = 0;
  std::uint64_t value = 0, got = 0, sum = 0;
  std::string answer; // of a publisher or poll, as far as it has come
};

class readiness {
 public:
  void add(peer& p) const {
    fcntl(p.fd, F_SETFL, fcntl(p.fd, F_GETFL) | O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &p;
    epoll_ctl(set_, EPOLL_CTL_ADD, p.fd, &event);
  }
  /// Calls f(peer, bytes) for what has come.
  template <class F>
  void poll(int milliseconds, F f) {
    const int ready = epoll_wait(set_, events_, 1024, milliseconds); // it sleeps, as load.cpp does
    for (int i = 0; i < ready; ++i) {
      auto& p = *static_cast<peer*>(events_[i].data.ptr);
      const ssize_t got = read(p.fd, buffer, sizeof buffer);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) die("the server has hung up on a client that reads");
      f(p, std::string_view(buffer, static_cast<std::size_t>(got)));
    }
  }

 private:
  int set_ = epoll_create1(0);
  epoll_event events_[1024];
};

void read_head(int fd) {
  std::string text;
  while (text.find("\r\n\r\n") == text.npos) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got <= 0) die("no head of a stream");
    text.append(buffer, static_cast<std::size_t>(got));
  }
  if (text.compare(9, 3, "200") != 0) die("the server answers " + text.substr(0, text.find('\r')));
}

/// Reads on behind what has come of an answer with a Content-Length; true when it is whole, and it is empty then.
bool whole_answer(std::string& come, std::string_view more) {
  come.append(more);
  const auto head = come.find("\r\n\r\n");
  if (head == come.npos) return false;
  if (come.compare(9, 1, "2") != 0) die("the server answers " + come.substr(0, come.find('\r')));
  const char* const field = strcasestr(come.c_str(), "\r\ncontent-length:");
  if (field == nullptr || field > come.c_str() + head) die("an answer without Content-Length");
  if (come.size() < head + 4 + static_cast<std::size_t>(std::atol(field + 17))) return false;
  come.clear();
  return true;
}

int subscribe(std::string_view request, int segment = 0) {
  const int fd = dial(port, segment);
  give_up_after(fd, 5);
  put(fd, request);
  return fd;
}

class messages {
 public:
  explicit messages(std::size_t size) : size_(size) {}
  std::string request(std::uint64_t number) const {
    char stamp[digits + 2];
    std::snprintf(stamp, sizeof stamp, "%c%019llu", mark,
                  static_cast<unsigned long long>((now() - start_) * numbers + number));
    std::string text = "POST /pub HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: ";
    text.append(std::to_string(size_)).append("\r\n\r\n");
    return text.append(size_ - digits - 1, 'x').append(stamp);
  }
  /// Calls f(nanoseconds since it was sent, number) for each message that ends in what has come.
  template <class F>
  void read(peer& p, std::string_view come, F f) const {
    const std::uint64_t when = now() - start_;
    const char* at = come.data();
    const char* const end = at + come.size();
    while (at != end) {
      if (p.left == 0) {
        at = static_cast<const char*>(std::memchr(at, mark, static_cast<std::size_t>(end - at)));
        if (at == nullptr) return;
        ++at;
        p.left = digits;
        p.value = 0;
      }
      for (; p.left != 0 && at != end; --p.left) p.value = p.value * 10 + static_cast<std::uint64_t>(*at++ - '0');
      if (p.left == 0) f(when - p.value / numbers, p.value % numbers);
    }
  }

 private:
  std::size_t size_;
  std::uint64_t start_ = now();
};

int run_stream(const arguments& given) {
  const int server = given.integer("pid", 0), n = given.integer("conns", 1000), deaf = given.integer("deaf", 0),
            publishers = given.integer("pubs", 4);
  const auto count = static_cast<std::uint64_t>(given.number("msgs", 200));
  const auto window = static_cast<std::uint64_t>(given.number("window", 0));
  const double per_second = given.number("rate", 0) / n;
  const std::uint64_t readers = static_cast<std::uint64_t>(n), every = readers * count;
  const std::string get = small_get("/sub", "Accept: text/event-stream\r\n");

  const long before = memory_of(server);
  readiness set;
  std::vector<peer> peers(readers + static_cast<std::size_t>(publishers));
  for (std::size_t i = 0; i < peers.size(); ++i) {
    auto& p = peers[i];
    p.publishes = i >= readers;
    p.fd = p.publishes ? dial(port) : subscribe(get);
    if (!p.publishes) read_head(p.fd);
    set.add(p);
  }
  std::vector<int> unread;
  for (int i = 0; i < deaf; ++i) {
    // As over Ethernet: for segments of 64 KiB the kernel would hold 2.6 MB for each of them, and soon be out of
    // memory.
    unread.push_back(subscribe(get, 1460));
    read_head(unread.back());
  }
  rest(1);

  const long quiet = memory_of(server);
  latencies latency;
  const messages text(static_cast<std::size_t>(given.integer("size", 100)));
  const counters counted(given.text("counts", ""));
  const auto counts = counted.read();
  std::uint64_t cpu = cpu_of(server), own = cpu_of(getpid()), measured_from = now(), unmeasured = 0;
  const std::uint64_t start = measured_from, warm = readers * static_cast<std::uint64_t>(given.number("warm", 0));
  const std::uint64_t deadline = start + static_cast<std::uint64_t>(given.number("limit", 60) * 1e9);
  std::uint64_t sent = 0, answered = 0, delivered = 0, late = 0, last = start;
  std::vector<std::uint64_t> behind(window != 0 ? count + 1 : 0); // how many subscribers have got so many messages
  std::uint64_t slowest = 0;
  const auto due = [&](std::uint64_t i) {
    return start + static_cast<std::uint64_t>(static_cast<double>(i) * 1e9 / per_second);
  };
  const auto publish = [&] {
    for (auto p = peers.begin() + n; p != peers.end() && sent != count; ++p) {
      if (p->busy) continue;
      if (window != 0 && sent >= slowest + window) return;
      if (per_second > 0) {
        const auto when = due(sent), t = now();
        if (when > t) return;
        late = std::max(late, t - when);
      }
      p->busy = true;
      const std::string request = text.request(sent++);
      std::string_view left = request; // may be larger than the socket's buffer
      while (!left.empty()) {
        const ssize_t taken = write(p->fd, left.data(), left.size());
        if (taken > 0)
          left.remove_prefix(static_cast<std::size_t>(taken));
        else if (errno != EAGAIN)
          die("write");
      }
    }
  };
  while (delivered != every || answered != count) {
    if (now() > deadline) die(std::to_string(delivered) + " of " + std::to_string(every) + " deliveries came");
    publish();
    int wait = 100;
    if (per_second > 0 && sent != count) {
      const auto when = due(sent), t = now();
      wait = when > t ? static_cast<int>((when - t) / 1'000'000) : 0;
    }
    set.poll(wait, [&](peer& p, std::string_view come) {
      if (p.publishes) {
        if (!whole_answer(p.answer, come)) return;
        p.busy = false;
        ++answered;
        return publish();
      }
      text.read(p, come, [&](std::uint64_t nanoseconds, std::uint64_t number) {
        latency.add(nanoseconds);
        ++p.got;
        p.sum += number;
        ++delivered;
        if (window == 0) return;
        ++behind[p.got];
        while (slowest < count && behind[slowest + 1] == readers) ++slowest;
      });
      last = now();
    });
    if (delivered < warm || unmeasured != 0 || warm == 0) continue;
    unmeasured = delivered;
    latency.clear();
    cpu = cpu_of(server);
    own = cpu_of(getpid());
    measured_from = now();
  }
  const auto busy = static_cast<double>(cpu_of(getpid()) - own);
  rest(0.05); // what the server does behind the last delivery is part of it
  const auto used = static_cast<double>(cpu_of(server) - cpu);
  const auto counts_after = counted.read();
  for (std::size_t i = 0; i < readers; ++i) {
    if (peers[i].got != count || peers[i].sum != count * (count - 1) / 2)
      die("a subscriber got " + std::to_string(peers[i].got) + " of " + std::to_string(count) + " messages, or others");
  }
  const double seconds = static_cast<double>(last - measured_from) / 1e9, all = static_cast<double>(every - unmeasured);
  std::printf("{\"deliveries\":%llu,\"per_s\":%.0f,\"cpu_us\":%.4f,\"util\":%.2f,\"load_util\":%.2f,\"p50_ms\":%.3f,"
              "\"p99_ms\":%.3f,\"late_ms\":%.2f,\"seconds\":%.3f,\"rss0_kb\":%ld,\"rss1_kb\":%ld,\"rss2_kb\":%ld,"
              "\"peak_kb\":%ld,\"counts\":%s}\n",
              static_cast<unsigned long long>(every), all / seconds, used / 1e3 / all, used / 1e9 / seconds,
              busy / 1e9 / seconds, latency.milliseconds_at(.5), latency.milliseconds_at(.99),
              static_cast<double>(late) / 1e6, seconds, before, quiet, memory_of(server), memory_of(server, "VmHWM"),
              counted ? counters::difference(counts, counts_after).c_str() : "{}");
  return 0;
}

int run_park(const arguments& given) {
  const int server = given.integer("pid", 0), n = given.integer("conns", 5000), times = given.integer("times", 1);
  const std::string poll = small_get("/lp");
  const messages text(100);
  readiness set;
  std::vector<peer> peers(static_cast<std::size_t>(n));
  for (auto& p : peers) {
    p.fd = subscribe(poll);
    set.add(p);
  }
  peer publisher;
  publisher.fd = dial(port);
  publisher.publishes = true;
  set.add(publisher);

  std::vector<double> took, cpu_us;
  const counters counted(given.text("counts", ""));
  std::string counts = "{}"; // of the last time
  for (int i = 0; i < times; ++i) {
    if (i != 0) {
      for (auto& p : peers) put(p.fd, poll);
    }
    rest(1); // until all wait
    latencies latency;
    const std::uint64_t cpu = cpu_of(server), start = now();
    std::uint64_t last = start;
    int released = 0, published = 0;
    const auto counts_before = counted.read();
    put(publisher.fd, text.request(static_cast<std::uint64_t>(i)));
    while (released != n || published == 0) {
      if (now() > start + 20'000'000'000U) die(std::to_string(released) + " of " + std::to_string(n) + " polls ended");
      set.poll(100, [&](peer& p, std::string_view come) {
        if (!p.publishes) {
          text.read(p, come, [&](std::uint64_t, std::uint64_t number) {
            ++p.got;
            if (number != static_cast<std::uint64_t>(i)) die("a poll was answered with another message");
          });
        }
        if (!whole_answer(p.answer, come)) return;
        (p.publishes ? published : released) += 1;
        if (!p.publishes) last = now();
      });
    }
    for (const auto& p : peers) {
      if (p.got != static_cast<std::uint64_t>(i) + 1) die("a poll was answered without the message");
    }
    took.push_back(static_cast<double>(last - start) / 1e6);
    rest(0.05);
    if (counted) counts = counters::difference(counts_before, counted.read());
    cpu_us.push_back(static_cast<double>(cpu_of(server) - cpu) / 1e3 / n);
  }
  const auto list = [](const std::vector<double>& values) {
    std::string json = "[";
    for (const double v : values) json.append(json.size() > 1 ? "," : "").append(std::to_string(v));
    return json + "]";
  };
  std::printf("{\"conns\":%d,\"release_ms\":%s,\"cpu_us\":%s,\"counts\":%s}\n", n, list(took).c_str(),
              list(cpu_us).c_str(), counts.c_str());
  return 0;
}

/// What N clients that wait cost the server, the first of which has come and gone before; `request(i)`: what they send.
template <class F>
int waiting_clients(const arguments& given, F request) {
  const int server = given.integer("pid", 0), n = given.integer("conns", 10000);
  const auto come = [](int fd) { // the head of a stream; of a parked poll nothing
    char byte[4096];
    ssize_t got;
    while ((got = recv(fd, byte, sizeof byte, MSG_DONTWAIT)) > 0) {}
    if (got == 0 || errno != EAGAIN) die("the server has hung up on a client that waits");
  };
  {
    const int first = subscribe(request(0));
    rest(0.3);
    come(first);
    close(first);
    rest(0.3);
  }
  const long before = memory_of(server);
  std::vector<int> open;
  for (int i = 0; i < n; ++i) open.push_back(subscribe(request(i)));
  rest(1.5);
  for (const int fd : open) come(fd);
  const long after = memory_of(server);
  std::printf("{\"conns\":%d,\"rss0_kb\":%ld,\"rss1_kb\":%ld,\"bytes_per_conn\":%.0f}\n", n, before, after,
              static_cast<double>(after - before) * 1024 / n);
  return 0;
}

int run_quiet(const arguments& given) {
  const std::string request = small_get(given.text("path", "/sub"));
  return waiting_clients(given, [&](int) -> const std::string& { return request; });
}

int run_held(const arguments& given) {
  std::vector<std::string> requests;
  const int fd = dial(port);
  for (int i = 0; i < given.integer("conns", 10000); ++i) {
    put(fd, "POST /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    const std::string answer = read_answer(fd);
    const auto at = answer.find("Location: ");
    if (at == answer.npos) die("no job was made");
    const auto begin = at + std::string_view("Location: ").size();
    requests.push_back(small_get(answer.substr(begin, answer.find('\r', begin) - begin), "Prefer: wait=30\r\n"));
  }
  return waiting_clients(given, [&](int i) -> const std::string& { return requests[static_cast<std::size_t>(i)]; });
}

} // namespace

int main(int argc, char** argv) {
  static constexpr struct {
    std::string_view name;
    int (*run)(const arguments&);
  } modes[] = {{"stream", run_stream}, {"park", run_park}, {"quiet", run_quiet}, {"held", run_held}};
  std::signal(SIGPIPE, SIG_IGN);
  const arguments given(argc, argv);
  port = given.integer("port", 0);
  allow_descriptors(given.integer("conns", 10000) + given.integer("deaf", 0));
  for (const auto& mode : modes) {
    if (argc > 1 && argv[1] == mode.name) return mode.run(given);
  }
  std::fprintf(stderr, "usage: fan stream|park|quiet|held --port P --pid SERVER [...]\n");
  return 2;
}
