// SPDX-License-Identifier: BSL-1.0
#include "server_harness.hpp"

#include <asio/ip/tcp.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <thread>

namespace antiphon_tests {
namespace {

using asio::ip::tcp;

/// A socket without what makes a readiness stream of it.
class plain_socket {
 public:
  using executor_type = tcp::socket::executor_type;
  explicit plain_socket(tcp::socket s) : socket_(std::move(s)) {}

  executor_type get_executor() { return socket_.get_executor(); }
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& b, Handler h) {
    socket_.async_read_some(b, std::move(h));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& b, Handler h) {
    socket_.async_write_some(b, std::move(h));
  }
  void shutdown(tcp::socket::shutdown_type what, ap::error_code& ec) { socket_.shutdown(what, ec); }
  void close(ap::error_code& ec) { socket_.close(ec); }
  tcp::endpoint remote_endpoint() const { return socket_.remote_endpoint(); }
  tcp::endpoint remote_endpoint(ap::error_code& ec) const { return socket_.remote_endpoint(ec); }

 private:
  tcp::socket socket_;
};
static_assert(!ap::readiness_stream<plain_socket> && ap::byte_stream<plain_socket>);
static_assert(ap::readiness_stream<tcp::socket>);

class plain_acceptor {
 public:
  using executor_type = tcp::acceptor::executor_type;
  explicit plain_acceptor(tcp::acceptor a) : acceptor_(std::move(a)) {}
  executor_type get_executor() { return acceptor_.get_executor(); }
  template <class Handler>
  void async_accept(Handler h) {
    acceptor_.async_accept([h](ap::error_code ec, tcp::socket s) { h(ec, plain_socket(std::move(s))); });
  }
  void close() {
    ap::error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  tcp::acceptor acceptor_;
};

template <class Stream>
struct end final : wire::impl {
  explicit end(Stream s) : stream(std::move(s)) {}
  std::size_t read(asio::mutable_buffer b, ap::error_code& ec) override { return stream.read_some(b, ec); }
  std::size_t write(asio::const_buffer b, ap::error_code& ec) override { return stream.write_some(b, ec); }
  void finish() override {
    ap::error_code ignored;
    stream.shutdown(asio::socket_base::shutdown_send, ignored);
  }
  void close() override {
    ap::error_code ignored;
    stream.close(ignored);
  }
  bool memory() const override { return std::is_same_v<Stream, ap::testing::memory_stream>; }
  void write_size(std::size_t n) override {
    if constexpr (requires { stream.write_size(n); }) stream.write_size(n);
  }
  Stream stream;
};

template <bool Readiness>
struct listening_memory final : served::listening {
  explicit listening_memory(ap::testing::basic_memory_listener<Readiness> l) : from(std::move(l)) {}
  std::unique_ptr<wire::impl> connect() override {
    return std::make_unique<end<ap::testing::memory_stream>>(from.connect());
  }
  bool closed() const override { return from.is_closed(); }
  void fail_next(ap::error_code ec) override { from.fail_next(ec); }
  ap::testing::basic_memory_listener<Readiness> from;
};

struct listening_tcp final : served::listening {
  listening_tcp(tcp::endpoint e, std::size_t c) : at(e), capacity(c) {}
  std::unique_ptr<wire::impl> connect() override {
    tcp::socket s(io);
    s.open(tcp::v4());
    if (capacity < 64 * 1024) s.set_option(asio::socket_base::receive_buffer_size(static_cast<int>(capacity)));
    s.connect(at);
    s.set_option(tcp::no_delay(true));
    s.non_blocking(true);
    return std::make_unique<end<tcp::socket>>(std::move(s));
  }
  bool closed() const override {
    tcp::socket s(io);
    ap::error_code ec;
    s.connect(at, ec);
    return static_cast<bool>(ec);
  }
  mutable asio::io_context io;
  tcp::endpoint at;
  std::size_t capacity;
};

constexpr std::string_view line_end = "\r\n";

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

template <class F>
void each_field(const std::string& head, F f) {
  std::size_t at = head.find(line_end);
  while (at != head.npos && at + 2 < head.size()) {
    at += 2;
    const auto stop = head.find(line_end, at);
    const auto line = std::string_view(head).substr(at, stop - at);
    const auto colon = line.find(": ");
    if (colon != line.npos) f(line.substr(0, colon), line.substr(colon + 2));
    at = stop;
  }
}

/// Takes a response from the front of `in`, as far as it is there. `ended`: no more comes.
bool parse(std::string& in, bool to_head, bool ended, reply& out) {
  out = reply();
  const auto head_end = in.find("\r\n\r\n");
  if (head_end == in.npos || in.compare(0, 9, "HTTP/1.1 ") != 0) return false;
  out.head = in.substr(0, head_end + 4);
  out.code = std::atoi(out.head.c_str() + 9);
  std::size_t at = out.head.size();
  const auto take = [&](bool whole) {
    out.whole = whole;
    in.erase(0, at);
    return true;
  };
  if (to_head || out.code < 200 || out.code == 204 || out.code == 304) return take(true);
  if (out.header("Transfer-Encoding") == "chunked") {
    for (;;) {
      const auto stop = in.find(line_end, at);
      if (stop == in.npos) break;
      const auto size = static_cast<std::size_t>(std::strtoull(in.c_str() + at, nullptr, 16));
      if (in.size() < stop + 2 + size + 2) break;
      if (in.compare(stop + 2 + size, 2, line_end) != 0) ADD_FAILURE() << "a chunk does not end with CRLF: " << in;
      at = stop + 2 + size + 2;
      if (size == 0) return take(true);
      out.chunks.push_back(in.substr(stop + 2, size));
      out.body += out.chunks.back();
    }
    at = in.size();
    return ended && take(false);
  }
  if (out.has("Content-Length")) {
    const auto size = static_cast<std::size_t>(std::strtoull(out.header("Content-Length").c_str(), nullptr, 10));
    const auto there = std::min(size, in.size() - at);
    out.body = in.substr(at, there);
    at += there;
    return there == size ? take(true) : ended && take(false);
  }
  out.body = in.substr(at);
  at = in.size();
  return ended && take(true);
}

} // namespace

std::string reply::header(std::string_view name) const {
  std::string found;
  each_field(head, [&](std::string_view n, std::string_view v) {
    if (same(n, name)) found += (found.empty() ? "" : ", ") + std::string(v);
  });
  return found;
}
bool reply::has(std::string_view name) const {
  bool found = false;
  each_field(head, [&](std::string_view n, std::string_view) { found |= same(n, name); });
  return found;
}

/// Reads what is there. True: something has come of it.
bool wire::pull() {
  if (end_ || held_) return false;
  std::array<char, 16 * 1024> room;
  ap::error_code ec;
  const auto n = impl_->read(asio::buffer(room), ec);
  if (n != 0) {
    in_.append(room.data(), n);
    return true;
  }
  if (ec == asio::error::would_block || ec == asio::error::try_again) return false;
  end_ = true;
  reset_ = ec != asio::error::eof;
  return true;
}

template <class Done>
bool wire::until(Done is_done) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  do {
    served_->settle();
    while (pull()) {}
    if (is_done()) return true;
    // Memory streams are as far as they get now; a kernel may need another look.
    served_->settle();
    if (!pull() && impl_->memory() && !is_done()) return false;
  } while (std::chrono::steady_clock::now() < limit);
  return false;
}

std::size_t wire::put(std::string_view bytes) {
  std::size_t sent = 0;
  ap::error_code ec;
  while (sent < bytes.size() && !ec) sent += impl_->write(asio::buffer(bytes.substr(sent)), ec);
  return sent;
}

bool wire::send(std::string_view bytes) {
  std::size_t sent = 0;
  for (bool again = true; again && sent < bytes.size();) {
    const auto before = sent;
    again = until([&] {
      sent += put(bytes.substr(sent));
      return sent != before || end_;
    });
    again = again && !end_;
  }
  served_->settle();
  return sent == bytes.size();
}

reply wire::next(bool head) {
  reply out;
  if (!until([&] { return parse(in_, head, end_, out) || end_; })) out.whole = false;
  return out;
}

std::string wire::read(std::size_t n) {
  until([&] { return in_.size() >= n || end_; });
  const auto taken = in_.substr(0, n);
  in_.erase(0, taken.size());
  return taken;
}

std::string wire::rest() {
  if (!until([&] { return end_; })) ADD_FAILURE() << "the connection does not end; so far came: " << in_;
  return std::exchange(in_, {});
}

const std::string& wire::now() {
  int quiet = 0;
  while (quiet < (impl_->memory() ? 1 : 20)) { // a kernel may need another look
    served_->settle();
    bool came = false;
    while (pull()) came = true;
    quiet = came ? 0 : quiet + 1;
    if (!impl_->memory()) std::this_thread::yield();
  }
  return in_;
}
std::string wire::take() {
  now();
  return std::exchange(in_, {});
}

bool wire::ended() {
  now();
  return end_;
}

void wire::finish() {
  impl_->finish();
  served_->settle();
}
void wire::close() {
  impl_->close();
  end_ = true;
  served_->settle();
  if (!impl_->memory()) now();
}

served::served(kind k, std::size_t c) : what(k), capacity(c) {
  app.on_error([this](std::exception_ptr e, std::string_view where) {
    try {
      std::rethrow_exception(std::move(e));
    } catch (const std::exception& x) {
      errors.push_back(std::string(where) + ": " + x.what());
    } catch (...) {
      errors.push_back(std::string(where) + ": something");
    }
  });
}
served::~served() {
  clients_.clear();
  listener.reset();
}

template <class Listener>
void served::serve(Listener l) {
  ap::async_serve(std::move(l), app, options,
                  asio::bind_cancellation_slot(stop_.slot(), [this](ap::error_code ec) { done = ec; }));
}

void served::start() {
  if (std::exchange(started_, true)) return;
  const auto memory = [this](auto l) {
    if (failure) l.fail(*failure);
    listener = std::make_unique<std::conditional_t<std::is_same_v<decltype(l), ap::testing::memory_listener>,
                                                   listening_memory<true>, listening_memory<false>>>(l);
    serve(l);
  };
  switch (what) {
  case kind::memory: return memory(ap::testing::memory_listener(io.get_executor(), capacity));
  case kind::plain_memory: return memory(ap::testing::plain_memory_listener(io.get_executor(), capacity));
  default: break;
  }
  tcp::acceptor a(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  if (capacity < 64 * 1024) a.set_option(asio::socket_base::send_buffer_size(static_cast<int>(capacity)));
  listener = std::make_unique<listening_tcp>(a.local_endpoint(), capacity);
  if (what == kind::tcp) {
    serve(std::move(a));
  } else {
    serve(plain_acceptor(std::move(a)));
  }
}

wire served::connect() {
  start();
  wire made(listener->connect(), *this);
  settle();
  return made;
}
wire& served::client() {
  const auto before = open();
  clients_.push_back(std::make_unique<wire>(connect()));
  for (int i = 0; i < 1000 && open() == before && what != kind::memory && what != kind::plain_memory; ++i) settle();
  return *clients_.back();
}

void served::settle() { time.settle(); }

void served::finish() {
  if (std::exchange(finished_, true) || !started_) return;
  if (!done) cut();
  for (int i = 0; i < 10; ++i) settle();
  EXPECT_TRUE(done.has_value()) << "async_serve has not completed";
  EXPECT_EQ(open(), 0U) << "connections are left";
  EXPECT_EQ(app.counts().handling, 0U);
  EXPECT_EQ(app.counts().answering, 0U);
}

} // namespace antiphon_tests
