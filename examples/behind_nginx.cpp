// SPDX-License-Identifier: BSL-1.0
// A server behind nginx, which has examples/behind_nginx.conf: requests, uploads, events and long polls go through it,
// and the handlers see the client's address and scheme. Without nginx it is a server as any other.
//
//   $ curl -s localhost:8080/who
//   > ^127\.0\.0\.1:\d+ http
//   $ curl -s -H 'X-Forwarded-For: 192.0.2.7' -H 'X-Forwarded-Proto: https' localhost:8080/who
//   > ^192\.0\.2\.7 https localhost|^192\.0\.2\.7 https 127
//   $ curl -s -H 'X-Forwarded-For: 6.6.6.6, 192.0.2.7' localhost:8080/who
//   > ^192\.0\.2\.7 http
//   $ (sleep 0.5; curl -s -d 'tick' localhost:8080/news) & curl -s -N -m 2 localhost:8080/news/stream
//   > data: tick
//   $ head -c 5000000 /dev/zero | curl -s --data-binary @- localhost:8080/upload
//   > 5000000 bytes
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/server/layers/access_log.hpp>
#include <antiphon/server/layers/trusted_proxies.hpp>
#include <antiphon/sse.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace ap = antiphon;

/// Any protocol of your own that begins with an Upgrade: here the client gets back what it says.
asio::awaitable<void> echo(ap::any_stream s) {
  char room[1024];
  for (;;) {
    const auto n = co_await s.async_read_some(asio::buffer(room), asio::use_awaitable);
    for (std::size_t done = 0; done < n;)
      done += co_await s.async_write_some(asio::buffer(room + done, n - done), asio::use_awaitable);
  }
}

int main(int argc, char** argv) {
  asio::io_context io;
  ap::topic<std::string> news;

  ap::router app;
  app.use(ap::access_log());
  app.use(ap::trusted_proxies({"127.0.0.1", "::1", "unix:"})); // nobody else is believed
  app.get("/who", [](ap::request& req) {
    return req.peer() + " " + std::string(req.scheme()) + " " + std::string(req.authority()) + "\n";
  });
  app.post("/upload", [](ap::request& req) { return std::to_string(req.body().size()) + " bytes\n"; },
           {.max_body = 64 * 1024 * 1024});
  app.post("/news", [news](ap::request& req) {
    news.publish(req.take_body());
    return ap::status::no_content;
  });
  app.get("/news/stream", [news](ap::request& req) { return ap::sse::stream(news, req); });
  app.get("/news/next", [news](ap::request& req) { return ap::polling::long_poll(news, req); });
  app.get("/news/readers", [news] { return std::to_string(news.stats().readers); });
  app.get("/talk", [] { return ap::upgrade("echo", echo); });

  // Given a path in place of a port, it listens there: nginx then has `server unix:/run/app/app.sock;`.
  const std::string where = argc > 1 ? argv[1] : "8080";
  if (where.find('/') != where.npos) return ap::run(io, app, {.path = where, .mode = 0660, .inherited = true});
  const auto port = static_cast<std::uint16_t>(std::atoi(where.c_str()));
  return ap::run(io, app, {.port = port, .address = "127.0.0.1", .inherited = true});
}
