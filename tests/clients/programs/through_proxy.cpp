// SPDX-License-Identifier: BSL-1.0
// Asks through a proxy: through_proxy PROXY URL [URL ...]. A URL with "body=N" is posted so many bytes.
#include <antiphon/client.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

namespace ap = antiphon;

namespace {

asio::awaitable<void> ask(ap::client client, int count, char** urls) {
  for (int i = 0; i < count; ++i) {
    const std::string url = urls[i];
    ap::client_request req(ap::method::get, url);
    if (const auto at = url.find("body="); at != url.npos)
      req.method(ap::method::post).body(std::string(std::strtoul(&url[at + 5], nullptr, 10), 'x'), "text/plain");
    try {
      const auto res = co_await client.send(std::move(req));
      std::printf("%d %s\n", ap::http::code(res.status()), res.body().c_str());
    } catch (const ap::system_error& e) {
      std::printf("error %s\n", e.code().message().c_str());
    }
  }
  client.close_idle();
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  asio::io_context io;
  ap::client client(io);
  client.use(ap::make_proxy_connector(argv[1]));
  asio::co_spawn(io, ask(std::move(client), argc - 2, argv + 2), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  io.run();
}
