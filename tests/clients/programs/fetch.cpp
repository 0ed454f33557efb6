// SPDX-License-Identifier: BSL-1.0
// A small curl over antiphon's client, for servers that are not of this project. A line of standard input is a task:
// words `name=value`, separated by tabs, \xHH for what a line cannot hold. Each answer is a line of JSON. Connections
// stay from task to task; between two of them nothing runs, so that a connection may go stale unnoticed.
//
//     printf 'url=http://localhost:8080/{n}\trepeat=100\tparallel=8\n' | antiphon_clients_fetch connections=4
#include <antiphon/client.hpp>
#include <antiphon/http/json_escape.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ap = antiphon;
using words = std::multimap<std::string, std::string>;

/// zlib's crc32, which Python has as well.
class checksum {
 public:
  void add(std::string_view bytes) noexcept {
    for (const char c : bytes) value_ = table()[(value_ ^ static_cast<unsigned char>(c)) & 255] ^ (value_ >> 8);
  }
  std::uint32_t value() const noexcept { return ~value_; }

 private:
  static const std::array<std::uint32_t, 256>& table() {
    static const auto made = [] {
      std::array<std::uint32_t, 256> all{};
      for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t c = i;
        for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320 ^ (c >> 1) : c >> 1;
        all[i] = c;
      }
      return all;
    }();
    return made;
  }
  std::uint32_t value_ = 0xffffffff;
};

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    if (text.substr(i, 2) == "\\x" && i + 4 <= text.size() &&
        std::from_chars(text.data() + i + 2, text.data() + i + 4, byte, 16).ec == std::errc()) {
      out += static_cast<char>(byte);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

void read_word(words& to, std::string_view word) {
  const auto equals = word.find('=');
  if (equals == word.npos) throw std::invalid_argument("a word is name=value: " + std::string(word));
  to.emplace(word.substr(0, equals), unescaped(word.substr(equals + 1)));
}
words read_words(std::string_view line) {
  words all;
  while (!line.empty()) {
    const auto tab = line.find('\t');
    read_word(all, line.substr(0, tab));
    line.remove_prefix(tab == line.npos ? line.size() : tab + 1);
  }
  return all;
}

std::string text(const words& from, const std::string& name, std::string otherwise = {}) {
  const auto at = from.find(name);
  return at == from.end() ? otherwise : at->second;
}
bool has(const words& from, const std::string& name) { return from.contains(name); }
std::uint64_t number(const words& from, const std::string& name, std::uint64_t otherwise = 0) {
  return has(from, name) ? std::stoull(text(from, name)) : otherwise;
}
ap::duration time_of(const words& from, const std::string& name, ap::duration otherwise = {}) {
  return has(from, name) ? ap::duration(std::chrono::milliseconds(number(from, name))) : otherwise;
}

/// "name":value pairs of an answer, in the order in which they were put.
class json_line {
 public:
  json_line& put(std::string_view name, std::string_view value) { return raw(name, ap::http::json_quote(value)); }
  json_line& put(std::string_view name, std::uint64_t value) { return raw(name, std::to_string(value)); }
  json_line& put(std::string_view name, const ap::http::fields& all) {
    std::string list;
    for (const auto& f : all)
      list += (list.empty() ? "[" : ",[") + ap::http::json_quote(f.name) + "," + ap::http::json_quote(f.value) + "]";
    return raw(name, "[" + list + "]");
  }
  json_line& raw(std::string_view name, const std::string& value) {
    out_ += (out_.empty() ? "{" : ",") + ap::http::json_quote(name) + ":" + value;
    return *this;
  }
  void print() const { std::puts((out_ + "}").c_str()), std::fflush(stdout); }
  std::string take() const { return out_ + "}"; }

 private:
  std::string out_;
};

/// What all calls so far have come to.
struct totals {
  std::uint64_t made = 0, reused = 0, repeated = 0, sent = 0;
};
struct counting { // a layer
  std::shared_ptr<totals> to;
  void on_phase(ap::client_phase what, const ap::client_progress& so_far) const {
    if (what == ap::client_phase::connect) ++to->made;
    if (what != ap::client_phase::done) return;
    to->reused += so_far.reused;
    to->repeated += so_far.repeated;
    to->sent += so_far.bytes_out;
  }
};

/// The most memory that this process has had, in KiB.
std::uint64_t peak() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:" && status >> word) return std::stoull(word);
  return 0;
}

ap::client_request request_of(const words& task, const std::string& index) {
  auto url = text(task, "url");
  if (const auto at = url.find("{n}"); at != url.npos) url.replace(at, 3, index);
  const auto verb = ap::http::parse_method(text(task, "method", "GET"));
  if (!verb) throw std::invalid_argument("no such method");
  ap::client_request req(*verb, url);
  for (auto [at, end] = task.equal_range("header"); at != end; ++at) {
    const auto colon = at->second.find(": ");
    if (colon == std::string::npos) throw std::invalid_argument("a header is 'Name: value'");
    req.add(at->second.substr(0, colon), at->second.substr(colon + 2));
  }
  const auto type = text(task, "type");
  if (has(task, "body")) req.body(text(task, "body"), type);
  if (has(task, "whole")) req.body(std::string(number(task, "whole"), 'u'), type); // that many bytes at once
  if (has(task, "upload")) {                                                       // in pieces
    auto upload = [left = number(task, "upload")](ap::body_writer& out) mutable -> asio::awaitable<void> {
      const std::string piece(16 * 1024, 'u');
      for (std::uint64_t n = 0; left != 0; left -= n) {
        n = left < piece.size() ? left : piece.size();
        co_await out.write(std::string_view(piece).substr(0, n));
      }
      ap::http::fields trailers;
      trailers.add("X-Sum", "done");
      out.trailers(std::move(trailers));
    };
    req.stream_body(upload, type);
  }
  if (has(task, "stream") || has(task, "leave")) req.stream_response();
  if (has(task, "redirects")) req.redirects(static_cast<unsigned>(number(task, "redirects")));
  if (has(task, "unix")) req.unix_socket(text(task, "unix"));
  if (has(task, "upgrade")) req.upgrade(text(task, "upgrade"));
  if (has(task, "max_body")) req.max_body(number(task, "max_body"));
  if (has(task, "total")) req.total(time_of(task, "total"));
  if (has(task, "idle")) req.idle(time_of(task, "idle"));
  if (has(task, "first_byte")) req.first_byte(time_of(task, "first_byte"));
  return req;
}

class fetcher {
 public:
  fetcher(asio::io_context& io, const ap::client_options& options) : io_(io), client_(io, options) {
    client_.use(counting{totals_});
  }

  void run(const words& task) {
    io_.restart();                 // it has stopped where no connection was left
    if (has(task, "until_idle")) { // the context runs until so many connections are idle
      while (client_.figures().idle != number(task, "until_idle")) io_.run_one();
      return json_line().put("idle", client_.figures().idle).print();
    }
    const auto repeat = number(task, "repeat", 1), parallel = number(task, "parallel", 1);
    std::uint64_t next = 0, running = parallel;
    std::exception_ptr failure;
    for (std::uint64_t i = 0; i < parallel; ++i)
      asio::co_spawn(io_, some(task, next, repeat), [&](std::exception_ptr e) {
        --running;
        if (e) failure = e;
      });
    while (running != 0 && !failure) io_.run_one();
    if (failure) std::rethrow_exception(failure);
  }

 private:
  asio::awaitable<void> some(const words& task, std::uint64_t& next, std::uint64_t end) {
    while (next < end) co_await one(task, next++);
  }

  asio::awaitable<void> one(const words& task, std::uint64_t n) {
    json_line line;
    line.put("n", n);
    std::string interim, bytes;
    checksum sum;
    std::uint64_t size = 0;
    try {
      auto req = request_of(task, std::to_string(n));
      req.on_interim([&](ap::status s, const ap::http::fields& f) {
        json_line one;
        one.put("status", static_cast<std::uint64_t>(ap::http::code(s))).put("fields", f);
        interim += (interim.empty() ? "" : ",") + one.take();
      });
      auto res = co_await client_.send(std::move(req));
      line.put("status", static_cast<std::uint64_t>(ap::http::code(res.status())));
      line.put("url", res.url()).put("fields", res.fields());
      if (res.switched()) {
        bytes = co_await talk(res, text(task, "say"));
        size = bytes.size();
      }
      while (!res.switched()) {
        const auto piece = co_await res.read_some();
        if (piece.empty()) break;
        size += piece.size();
        sum.add(piece);
        if (bytes.size() < 4096) bytes += piece.substr(0, 4096 - bytes.size());
        if (has(task, "leave") && size >= number(task, "leave")) break;
      }
      line.put("trailers", res.trailers());
    } catch (const ap::system_error& e) {
      line.put("error", e.code().message()).put("category", e.code().category().name());
    } catch (const std::logic_error& e) {
      line.put("refused", e.what());
    }
    line.put("size", size).put("crc", sum.value()).raw("interim", "[" + interim + "]");
    if (size <= 4096) line.put("body", bytes);
    const auto now = client_.figures();
    line.put("made", totals_->made).put("reused", totals_->reused).put("repeated", totals_->repeated);
    line.put("sent", totals_->sent).put("connections", now.connections).put("idle", now.idle).put("peak", peak());
    line.print();
  }

  /// Says something in the other protocol, and listens until the server hangs up.
  static asio::awaitable<std::string> talk(ap::client_response& res, std::string say) {
    auto stream = res.stream();
    for (std::size_t n = 0; n < say.size();)
      n += co_await stream.async_write_some(asio::buffer(say.data() + n, say.size() - n), asio::use_awaitable);
    std::string heard;
    std::array<char, 4096> room;
    while (true) {
      try {
        heard.append(room.data(), co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable));
      } catch (const ap::system_error& e) {
        if (e.code() != asio::error::eof) throw;
        co_return heard;
      }
    }
  }

  asio::io_context& io_;
  const std::shared_ptr<totals> totals_ = std::make_shared<totals>();
  ap::client client_;
};

int main(int argc, char** argv) {
  words all;
  for (int i = 1; i < argc; ++i) read_word(all, argv[i]);
  ap::client_options options;
  options.connections = number(all, "connections", options.connections);
  options.wait = time_of(all, "wait", options.wait);
  options.idle_expiry = time_of(all, "idle_expiry", options.idle_expiry);
  const auto agent = text(all, "user_agent", std::string(options.user_agent)), socket = text(all, "unix");
  options.user_agent = agent;
  options.unix_socket = socket;

  asio::io_context io(1);
  fetcher one(io, options);
  for (std::string line; std::getline(std::cin, line);) one.run(read_words(line));
}
