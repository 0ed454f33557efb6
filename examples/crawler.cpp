// SPDX-License-Identifier: BSL-1.0
// Follows the links of a site from its first page on, eight pages at a time, and never leaves its origin. Without an
// argument it crawls a site of its own, of eighty-one links.
#include <antiphon/client.hpp>
#include <antiphon/server.hpp>

#include <asio/ip/tcp.hpp>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace ap = antiphon;

struct crawl {
  explicit crawl(ap::client c) : client(std::move(c)) {}
  ap::client client;
  std::set<std::string> seen;
  std::deque<ap::http::url> open;
  std::size_t running = 0, pages = 0, broken = 0;

  void found(const std::optional<ap::http::url>& link, std::string_view origin) {
    if (link && link->origin() == origin && seen.size() < 1000 && seen.insert(link->text()).second)
      open.push_back(*link);
  }
  void read(const ap::http::url& page, std::string_view text) {
    for (auto at = text.find("href=\""); at != text.npos; at = text.find("href=\"", at)) {
      at += 6;
      found(page.resolve(text.substr(at, text.find('"', at) - at)), page.origin());
    }
  }
  /// Begins as many calls as it may; the last one that ends leaves nothing to do.
  static void next(const std::shared_ptr<crawl>& self) {
    while (self->running < 8 && !self->open.empty()) {
      const auto page = self->open.front();
      self->open.pop_front();
      ++self->running;
      self->client.async_send({ap::method::get, page.text()}, [=](ap::error_code ec, ap::client_response res) {
        --self->running;
        ++self->pages;
        if (ec || res.status() != ap::status::ok) ++self->broken;
        if (ec) std::printf("%s: %s\n", page.text().c_str(), ec.message().c_str());
        self->read(page, res.body());
        next(self);
        if (self->running == 0) self->client.close_idle();
      });
    }
  }
};

int main(int argc, char** argv) {
  asio::io_context io;
  ap::router site;
  site.get("/{n}", [](ap::request& req) -> ap::response {
    const int n = std::atoi(std::string(req.param("n")).c_str());
    if (n >= 40) return ap::status::not_found;
    return ap::html("<a href=\"" + std::to_string(2 * n + 1) + "\"><a href=\"/" + std::to_string(2 * n + 2) +
                    "#top\"><a href=\"http://elsewhere.example/\"><a href=\"mailto:me\">");
  });
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
  const auto first = ap::http::url::parse(
      argc > 1 ? argv[1] : "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) + "/0");
  if (!first) return std::printf("usage: crawler http://host/path\n"), 2;
  asio::cancellation_signal stop;
  ap::async_serve(std::move(acceptor), site, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));

  const auto job = std::make_shared<crawl>(ap::client(io));
  job->found(first, first->origin());
  crawl::next(job);
  while (job->running != 0) io.run_one();
  std::printf("%zu pages, %zu of them broken\n", job->pages, job->broken);
  return argc > 1 || (job->pages == 81 && job->broken == 41) ? 0 : 1;
}
