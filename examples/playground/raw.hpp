// SPDX-License-Identifier: BSL-1.0
// What a browser cannot do by itself: sends bytes as they are to this very server, over a connection of their own, and
// tells when each byte went and came. It reaches the port that it was made for on this machine's loopback address, and
// nothing else: no address is ever taken from a request.
#pragma once

#include <antiphon/core/timeout.hpp>
#include <antiphon/http/response_reader.hpp>
#include <antiphon/server.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace playground {

namespace ap = antiphon;
using namespace std::chrono_literals;

/// Bytes, and how long to wait before they are sent.
struct piece {
  std::chrono::milliseconds pause{};
  std::string bytes;
};

/// What POST /raw carries: any number of "<pause in ms> <size>\n<size bytes>". Nothing where it is not well-formed.
inline std::optional<std::vector<piece>> parse_pieces(std::string_view body) {
  std::vector<piece> all;
  while (!body.empty()) {
    unsigned pause = 0;
    std::size_t size = 0;
    const char* const end = body.data() + body.size();
    const auto first = std::from_chars(body.data(), end, pause);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return {};
    const auto second = std::from_chars(first.ptr + 1, end, size);
    if (second.ec != std::errc() || second.ptr == end || *second.ptr != '\n') return {};
    body.remove_prefix(static_cast<std::size_t>(second.ptr + 1 - body.data()));
    if (size > body.size() || all.size() == 100) return {};
    all.push_back({std::chrono::milliseconds(std::min(pause, 10'000u)), std::string(body.substr(0, size))});
    body.remove_prefix(size);
  }
  return all;
}

/// One exchange, told as lines of JSON: {"t": milliseconds, "what": "sent", "size": n}, {..."received", "hex": "..."}.
class exchange {
 public:
  static constexpr auto longest = 10s;
  static constexpr std::size_t most_bytes = 1024 * 1024; ///< that are told of an answer

  /// `asked`: the methods of the requests in `pieces`: that many answers are awaited.
  exchange(std::uint16_t port, std::vector<piece> pieces, std::vector<ap::method> asked)
      : port_(port), pieces_(std::move(pieces)), asked_(std::move(asked)), answers_(asked_.front()) {}

  asio::awaitable<void> run(ap::body_writer& out) {
    asio::ip::tcp::socket socket(out.get_executor());
    began_ = ap::clock::now();
    std::string how;
    try {
      const asio::ip::tcp::endpoint self(asio::ip::address_v4::loopback(), port_);
      co_await socket.async_connect(self, asio::use_awaitable);
      socket.set_option(asio::ip::tcp::no_delay(true));
      began_ = ap::clock::now();
      co_await tell(out, "connected", "");
      how = co_await talk(socket, out);
    } catch (const ap::system_error& e) {
      if (e.code() == asio::error::operation_aborted) throw; // the page has hung up
      how = ap::is_disconnect(e.code()) ? "the server reset the connection" : e.code().message();
    }
    co_await tell(out, "over", ",\"how\":" + ap::http::json_quote(how));
  }

 private:
  /// Sends what is due, and reads until then. Returns how it ended.
  asio::awaitable<std::string> talk(asio::ip::tcp::socket& socket, ap::body_writer& out) {
    std::array<char, 16 * 1024> bytes;
    std::size_t sent = 0, received = 0;
    auto due = began_;
    if (!pieces_.empty()) due = ap::clock::now() + pieces_.front().pause;
    while (true) {
      const auto now = ap::clock::now();
      if (now >= began_ + longest) co_return "nothing more is awaited after 10 s";
      if (sent < pieces_.size() && now >= due) {
        const auto& bytes_out = pieces_[sent++].bytes;
        co_await asio::async_write(socket, asio::buffer(bytes_out), asio::use_awaitable);
        co_await tell(out, "sent", ",\"size\":" + std::to_string(bytes_out.size()));
        if (sent < pieces_.size()) due = ap::clock::now() + pieces_[sent].pause;
        continue;
      }
      // When all is answered, look for a moment whether the server closes the connection.
      const bool complete = sent == pieces_.size() && answered_ == asked_.size();
      const auto until = sent < pieces_.size() ? due : complete ? now + 60ms : began_ + longest;
      auto read = socket.async_read_some(asio::buffer(bytes), asio::use_awaitable);
      std::size_t n = 0;
      try {
        n = co_await ap::with_timeout(until - now, std::move(read));
      } catch (const ap::system_error& e) {
        if (e.code() == asio::error::eof) co_return "the server closed the connection";
        if (e.code() != asio::error::timed_out) throw;
      }
      if (n == 0 && complete) co_return "the server keeps the connection open for the next request";
      if (n == 0) continue;
      const std::string_view news(bytes.data(), n);
      co_await tell(out, "received", ",\"hex\":\"" + hex(news) + "\"");
      look_for_answers(news);
      if ((received += n) > most_bytes) co_return "more than 1 MiB came: the rest is not told";
    }
  }

  void look_for_answers(std::string_view news) {
    if (answered_ == asked_.size()) return;
    answers_.append(news);
    ap::error_code ignored;
    while (answered_ < asked_.size() && answers_.parse(ignored) == ap::http::parse_result::done) {
      if (!answers_.head().interim() && ++answered_ == asked_.size()) return;
      answers_.next(asked_[answered_]);
    }
  }

  asio::awaitable<void> tell(ap::body_writer& out, std::string_view what, std::string more) {
    const auto t = std::chrono::duration<double, std::milli>(ap::clock::now() - began_).count();
    std::array<char, 32> at{};
    std::snprintf(at.data(), at.size(), "%.3f", t);
    const std::string line =
        std::string("{\"t\":") + at.data() + ",\"what\":\"" + std::string(what) + "\"" + more + "}\n";
    co_await out.write(line);
  }

  static std::string hex(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
    return out;
  }

  std::uint16_t port_;
  std::vector<piece> pieces_;
  std::vector<ap::method> asked_;
  ap::http::response_reader answers_;
  std::size_t answered_ = 0;
  ap::time_point began_{};
};

/// The handler of POST /raw?asked=GET,HEAD. At most `most` exchanges run at a time, also those that ask for each other.
class raw {
 public:
  static constexpr std::size_t most = 32;
  static constexpr std::uint64_t max_body = 64 * 1024;

  explicit raw(std::uint16_t port) : port_(port), running_(std::make_shared<std::size_t>(0)) {}

  ap::response operator()(ap::request& req) const {
    auto pieces = parse_pieces(req.body());
    if (!pieces || pieces->empty())
      return ap::problem(ap::status::bad_request, "the body is a list of '<pause in ms> <size>\\n<bytes>'");
    std::vector<ap::method> asked;
    const std::string names = req.query("asked").value_or("");
    for (std::string_view rest = names; !rest.empty() && asked.size() < 64;) {
      const auto comma = std::min(rest.find(','), rest.size());
      asked.push_back(ap::http::parse_method(rest.substr(0, comma)).value_or(ap::method::get));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    if (asked.empty()) asked.push_back(ap::method::get);
    if (*running_ >= most)
      return ap::response(ap::problem(ap::status::service_unavailable, "too many exchanges run"))
          .set("Retry-After", "1");
    auto one = std::make_shared<exchange>(port_, std::move(*pieces), std::move(asked));
    return ap::stream_body([one = std::move(one), slot = std::make_shared<const ticket>(running_)](
                               ap::body_writer& out) { return one->run(out); },
                           "application/x-ndjson");
  }

 private:
  struct ticket {
    explicit ticket(std::shared_ptr<std::size_t> of) : count(std::move(of)) { ++*count; }
    ticket(const ticket&) = delete;
    ticket& operator=(const ticket&) = delete;
    ~ticket() { --*count; }
    std::shared_ptr<std::size_t> count;
  };

  std::uint16_t port_;
  std::shared_ptr<std::size_t> running_;
};

} // namespace playground
