// SPDX-License-Identifier: BSL-1.0
// Reads a topic of an antiphon server, in the best way that works or in the one that is asked for:
// `follow URL [--via sse|long|short|auto]`, where URL/stream, URL/next and URL are as in news.cpp. Without a URL it
// reads a server of its own, on which streams break, and long polls are missing.
#include <antiphon/live.hpp>
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>

#include <asio/ip/tcp.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

namespace ap = antiphon;
using namespace std::chrono_literals;

asio::awaitable<int> follow(ap::live::reader topic, int most) {
  try {
    for (int n = 0; most == 0 || n < most; ++n) {
      const auto d = co_await topic.async_receive(asio::use_awaitable);
      constexpr const char* names[] = {"-", "sse", "long", "short"};
      std::printf("%-5s ", names[static_cast<int>(topic.via())]);
      d.visit([](const ap::message<ap::live::item>& m) { std::printf("%s\n", m->data.c_str()); },
              [](const ap::gap& g) {
                std::printf("(missed %llu)\n", static_cast<unsigned long long>(g.at_most.value_or(0)));
              },
              [](ap::other_log) { std::printf("(another log)\n"); });
      std::fflush(stdout);
    }
    co_return 0;
  } catch (const ap::system_error& e) { // no way leads there
    std::printf("%s\n", e.code().message().c_str());
    co_return e.code() == asio::error::eof ? 0 : 1;
  }
}

int main(int argc, char** argv) {
  asio::io_context io;
  const ap::client client(io);
  std::string url;
  std::string_view via = "auto";
  for (int i = 1; i < argc; ++i) {
    const bool is_via = std::string_view(argv[i]) == "--via" && i + 1 < argc;
    is_via ? via = argv[++i] : url = argv[i];
  }

  asio::cancellation_signal stop;
  const bool own = url.empty();
  if (own) {
    const ap::topic<std::string> news;
    for (int i = 1; i <= 5; ++i) news.publish("message " + std::to_string(i));
    ap::router app;
    app.get("/", [=](ap::request& req) { return ap::polling::short_poll(news, req, {.max_items = 2}); });
    app.get("/stream", [](ap::request&) { return ap::status::bad_gateway; });
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
    url = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    ap::async_serve(std::move(acceptor), app, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
  }

  const std::string stream = url + "/stream", next = url + "/next";
  ap::live::reader_options how;
  if (via == "auto" || via == "sse") how.stream = stream;
  if (via == "auto" || via == "long") how.poll = next;
  if (via == "auto" || via == "short") how.short_poll = url;
  int result = 1;
  asio::co_spawn(io, follow(ap::live::reader(client, how), own ? 5 : 0), [&](const std::exception_ptr& e, int code) {
    result = e ? 1 : code;
    client.close_idle();
    stop.emit(asio::cancellation_type::terminal);
  });
  io.run();
  return result;
}
