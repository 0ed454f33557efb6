// SPDX-License-Identifier: BSL-1.0
// What run() is made of.
#pragma once

#include <antiphon/server/run.hpp>
#include <antiphon/server/serve.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/signal_set.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

namespace detail {

using io_acceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type>;

/// Throws system_error with a sentence.
ANTIPHON_DECL io_acceptor listen_on(asio::io_context& io, const run_options& options, std::uint16_t port) {
  using asio::ip::tcp;
  const std::string where =
      (options.address.empty() ? "port " : std::string(options.address) + " port ") + std::to_string(port);
  const auto fail = [&](const error_code& ec) {
    std::string why = "antiphon cannot listen on " + where + ": ";
    if (ec == asio::error::address_in_use) {
      why += "another program listens there; stop it, or choose another port";
    } else if (ec == asio::error::access_denied) {
      why += "this user has no right to it; ports below 1024 want root or CAP_NET_BIND_SERVICE";
    } else {
      why += ec.message();
    }
    throw system_error(ec, why);
  };
  error_code ec;
  io_acceptor made(io);
  asio::ip::address address = asio::ip::address_v6::any();
  if (!options.address.empty()) address = asio::ip::make_address(std::string(options.address), ec);
  if (ec) throw system_error(ec, "antiphon: '" + std::string(options.address) + "' is no IP address");
  made.open(address.is_v6() ? tcp::v6() : tcp::v4(), ec);
  if (options.address.empty()) {
    if (!ec) made.set_option(asio::ip::v6_only(false), ec);
    if (ec) { // a machine without IPv6
      made.close(ec);
      address = asio::ip::address_v4::any();
      made.open(tcp::v4(), ec);
    }
  }
  if (ec) fail(ec);
#if !defined(_WIN32) // there it would let another program take the port over
  made.set_option(tcp::acceptor::reuse_address(true), ec);
#endif
#if defined(SO_REUSEPORT)
  if (options.threads > 1) made.set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true), ec);
#endif
  made.bind({address, port}, ec);
  if (ec && options.address.empty() && address.is_v6() && ec == asio::error::address_family_not_supported) fail(ec);
  if (ec) fail(ec);
  made.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) fail(ec);
  return made;
}

/// One context of run(): its server, and whether it is over.
struct run_part {
  /// Leaves io_context::run(), which would else go on for whatever the program does besides, without stopping it.
  struct leave {};

  explicit run_part(asio::io_context& context) : io(context) {}
  run_part(const run_part&) = delete;
  run_part& operator=(const run_part&) = delete;
  ~run_part() { *alive = nullptr; }

  void begin(io_acceptor acceptor, const router& app, const serve_options& options) {
    server = make_server(std::move(acceptor), app, options);
    server->begin(*park<serve_wait>(
        [part = alive](error_code ec) {
          if (!*part) return; // the program stopped `io`, and runs it again
          (*part)->over = true;
          (*part)->result = ec;
          throw leave();
        },
        server->executor, *server));
  }
  /// Runs the context until the server is over, or the program stops the context itself. One call of run(), not many of
  /// run_one(): that would set up Asio's memory for handlers anew for each.
  void run() {
    try {
      if (!over) io.run();
    } catch (const leave&) {}
  }

  std::shared_ptr<run_part*> alive = std::make_shared<run_part*>(this);
  asio::io_context& io;
  counted_ptr<server_base> server;
  bool over = false;
  error_code result;
  std::exception_ptr failure;
};

} // namespace detail

ANTIPHON_DECL int run(asio::io_context& io, router app, const run_options& options) {
  const unsigned threads = options.threads == 0 ? 1 : options.threads;
  std::deque<asio::io_context> contexts; // those of the other threads
  std::deque<detail::run_part> parts;
  std::vector<std::thread> running;
  std::uint16_t port = options.port;
  app.freeze();
  try {
    parts.emplace_back(io);
    for (unsigned i = 1; i < threads; ++i) parts.emplace_back(contexts.emplace_back(1));
    for (auto& part : parts) {
      auto acceptor = detail::listen_on(part.io, options, port);
      port = acceptor.local_endpoint().port();
      part.begin(std::move(acceptor), app, options.serve);
    }
  } catch (const system_error& e) {
    // what() would add the system's own words to the sentence.
    const std::string text = e.what();
    std::fprintf(stderr, "%s\n", text.c_str());
    return 1;
  }
  if (options.banner) {
    const bool all = options.address.empty();
    std::fprintf(stderr, "antiphon: listening on http://%s%s%s:%u%s\n",
                 options.address.find(':') != options.address.npos ? "[" : "",
                 all ? "localhost" : std::string(options.address).c_str(),
                 options.address.find(':') != options.address.npos ? "]" : "", static_cast<unsigned>(port),
                 all ? " (all addresses)" : "");
    std::fflush(stderr);
  }
  const auto stop = [&parts](bool at_once) {
    for (auto& part : parts) part.server->stop(at_once);
  };
  asio::basic_signal_set<asio::io_context::executor_type> signals(io);
  struct on_signal {
    decltype(stop)& stop_all;
    decltype(signals)& set;
    const run_options& options;
    bool again = false;
    void operator()(error_code ec, int) {
      if (ec) return;
      if (options.banner)
        std::fprintf(stderr,
                     again ? "antiphon: stopping at once\n" : "antiphon: stopping; a second signal stops at once\n");
      stop_all(again);
      again = true;
      set.async_wait(*this);
    }
  };
  if (options.signals) {
    signals.add(SIGINT);
    signals.add(SIGTERM);
    signals.async_wait(on_signal{stop, signals, options});
  }
  for (std::size_t i = 1; i < parts.size(); ++i)
    running.emplace_back([&part = parts[i], &stop] {
      try {
        part.run();
      } catch (...) {
        part.failure = std::current_exception();
        stop(true);
      }
    });
  const auto join = [&running] {
    for (auto& t : running) t.join();
  };
  try {
    parts.front().run();
  } catch (...) { // an exception of the program's own: the others end before it goes on
    stop(true);
    join();
    throw;
  }
  if (!parts.front().over) stop(true); // the program has stopped `io`
  join();
  error_code ignored;
  signals.cancel(ignored);
  int code = 0;
  for (auto& part : parts) {
    if (part.failure) std::rethrow_exception(part.failure);
    if (part.result) code = 1;
  }
  return code;
}

} // namespace v0
} // namespace antiphon
