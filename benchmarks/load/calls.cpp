// SPDX-License-Identifier: BSL-1.0
// The client as a load client: GETs through the pool, so that its CPU time a request stands beside that of `load`,
// which does the same by hand. Prints one line of JSON.
//   calls --port P [--conns N] [--requests R] [--path /x] [--coroutines]
#include <antiphon/client.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/resource.h>

namespace ap = antiphon;

namespace {

std::uint64_t left = 0, done = 0, failed = 0;

void next(const ap::client& client, const std::string& url) {
  if (left == 0) return;
  --left;
  client.async_send(ap::client_request(ap::method::get, url), [&](ap::error_code ec, ap::client_response res) {
    ++done;
    failed += ec || res.status() != ap::status::ok;
    next(client, url);
  });
}

asio::awaitable<void> loop(const ap::client& client, const std::string& url) {
  while (left != 0) {
    --left;
    const auto res = co_await client.get(url);
    ++done;
    failed += res.status() != ap::status::ok;
  }
}

double cpu() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

} // namespace

int main(int argc, char** argv) {
  std::string port = "8080", path = "/";
  std::size_t conns = 64;
  left = 1'000'000;
  bool coroutines = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--coroutines") {
      coroutines = true;
    } else if (i + 1 < argc) {
      const char* value = argv[++i];
      if (name == "--port") port = value;
      if (name == "--path") path = value;
      if (name == "--conns") conns = static_cast<std::size_t>(std::atoll(value));
      if (name == "--requests") left = static_cast<std::uint64_t>(std::atoll(value));
    }
  }
  asio::io_context io(ASIO_CONCURRENCY_HINT_UNSAFE); // one thread is all that there is
  ap::client client(io, {.connections = conns});
  const std::string url = "http://127.0.0.1:" + port + path;
  const double before = cpu();
  for (std::size_t i = 0; i < conns; ++i) {
    if (coroutines) {
      asio::co_spawn(io, loop(client, url), [&](std::exception_ptr e) { failed += e ? 1u : 0u; });
    } else {
      next(client, url);
    }
  }
  const auto wanted = left + conns;
  while (done < wanted && failed == 0 && io.run_one() != 0) {
    if (left == 0 && client.figures().calls == 0) break;
  }
  const double spent = cpu() - before;
  std::printf("{\"requests\":%llu,\"failed\":%llu,\"client_cpu_ns\":%.0f}\n", static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(failed), spent / static_cast<double>(done) * 1e9);
  return failed != 0;
}
