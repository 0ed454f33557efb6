// SPDX-License-Identifier: BSL-1.0
// A client that waits for jobs, and a server that can be made to fail, both in memory and in virtual time.
#pragma once

#include <antiphon/client/connector.hpp>
#include <antiphon/jobs.hpp>
#include <antiphon/jobs/await_job.hpp>
#include <antiphon/server.hpp>
#include <antiphon/testing.hpp>

#include <asio/detached.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace job_tests {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::client_request;
using ap::method;
using ap::jobs::await_options;

/// Accepts connections that break when the server has written so many bytes.
struct breaking_listener {
  using executor_type = asio::any_io_executor;
  ap::testing::memory_listener inner;
  std::function<std::optional<std::size_t>()>* budget;

  executor_type get_executor() const { return inner.get_executor(); }
  void close() { inner.close(); }
  template <class Handler>
  void async_accept(Handler h) {
    inner.async_accept([h = std::move(h), b = budget](ap::error_code ec, ap::testing::memory_stream end) mutable {
      if (!ec && *b)
        if (const auto bytes = (*b)()) end.cut_after(*bytes);
      h(ec, std::move(end));
    });
  }
};

/// How the waiting for a job has ended, if it has.
template <class T>
struct outcome {
  bool done = false;
  std::optional<T> value;
  ap::error_code ec;
  std::optional<ap::problem> problem; ///< of a job_failure
  std::string what;
  std::vector<std::string> progress, types;
  asio::cancellation_signal cancel;
};
template <class T>
using waiting = std::shared_ptr<outcome<T>>;

class job_client : public ::testing::Test {
 protected:
  job_client() {
    app.use([this](ap::request& req, ap::next next) -> asio::awaitable<ap::response> {
      std::string path(req.path());
      if (path.starts_with("/jobs/") && path.size() >= 38) path.replace(6, 32, "ID");
      std::string line = std::string(ap::http::to_string(req.method())) + " " + path;
      if (const auto prefer = req.header("Prefer"); !prefer.empty()) line += " " + std::string(prefer);
      if (req.has_header("If-None-Match")) line += " tag";
      asked.push_back(line);
      asked_at.push_back(time.now());
      co_return co_await next(req);
    });
    client.use(ap::make_connector([this](const ap::connect_target& to) {
      ++connections;
      hosts.emplace_back(to.host);
      if (down) throw ap::system_error(asio::error::connection_refused);
      auto end = listener->connect();
      end.read_size(read_size);
      return end;
    }));
  }
  ~job_client() override {
    client.close_idle();
    stop.emit(asio::cancellation_type::terminal);
    time.advance(1min);
  }

  void serve() {
    listener.emplace(io.get_executor(), 64 * 1024);
    ap::async_serve(breaking_listener{*listener, &budget}, app, serve_options,
                    asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
    time.settle();
  }
  /// Cuts the connections that there are; the jobs go on.
  void restart() {
    stop.emit(asio::cancellation_type::terminal);
    time.settle();
    serve();
  }
  void drain() { stop.emit(asio::cancellation_type::partial); }

  /// Mounts the routes of a store at /jobs and serves.
  template <class T>
  void open(const ap::job_store<T>& store) {
    app.mount("/jobs", store.routes());
    serve();
  }
  template <class T>
  static std::string url_of(const ap::job_handle<T>& job) {
    return "http://h/jobs/" + to_string(job.id());
  }

  template <class T = std::string>
  waiting<T> wait(std::string url, const await_options& options = {}, bool with_progress = true) {
    auto to = std::make_shared<outcome<T>>();
    asio::co_spawn(io, collect<T>(client, std::move(url), options, with_progress, to),
                   asio::bind_cancellation_slot(to->cancel.slot(), [to](std::exception_ptr e) {
                     to->done = true;
                     try {
                       if (e) std::rethrow_exception(e);
                     } catch (const ap::job_failure& f) {
                       to->problem = f.problem();
                     } catch (const ap::system_error& f) {
                       to->ec = f.code();
                     } catch (const std::exception& f) {
                       to->what = f.what();
                     }
                   }));
    time.settle();
    return to;
  }
  template <class T>
  static asio::awaitable<void> collect(ap::client c, std::string url, await_options options, bool with_progress,
                                       waiting<T> to) {
    auto* const out = to.get();
    auto hook = [out](const ap::payload& p) {
      out->progress.emplace_back(p.bytes());
      out->types.emplace_back(p.type());
    };
    if constexpr (std::is_same_v<T, bool>) { // stands for void
      if (with_progress) {
        co_await ap::jobs::await_job<void>(c, url, hook, options);
      } else {
        co_await ap::jobs::await_job<void>(c, url, options);
      }
      to->value = true;
    } else if (with_progress) {
      to->value = co_await ap::jobs::await_job<T>(c, url, hook, options);
    } else {
      to->value = co_await ap::jobs::await_job<T>(c, url, options);
    }
  }
  std::size_t count(std::string_view line) const {
    return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), line));
  }

  /// 10 … 90, one a second.
  static asio::awaitable<std::string> counts(ap::job& job) {
    for (int percent = 10; percent < 100; percent += 10) {
      co_await ap::sleep_for(1s);
      job.report(percent);
    }
    co_await ap::sleep_for(1s);
    co_return "counted";
  }
  static std::vector<std::string> tens() { return {"10", "20", "30", "40", "50", "60", "70", "80", "90"}; }

  asio::io_context io{1};
  ap::testing::virtual_time time{io};
  ap::router app;
  ap::serve_options serve_options;
  std::optional<ap::testing::memory_listener> listener;
  asio::cancellation_signal stop;
  ap::client client{io};
  bool down = false;
  std::size_t read_size = 0, connections = 0;
  std::function<std::optional<std::size_t>()> budget;
  std::vector<std::string> asked, hosts; ///< "GET /jobs/ID wait=30 tag"
  std::vector<ap::time_point> asked_at;
};

} // namespace job_tests
