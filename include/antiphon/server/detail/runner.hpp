// SPDX-License-Identifier: BSL-1.0
// What run() is made of.
#pragma once

#include <antiphon/server/detail/run_listeners.hpp>
#include <antiphon/server/run.hpp>
#include <antiphon/server/serve.hpp>

#include <asio/signal_set.hpp>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

namespace detail {

/// The contexts of a run(), the caller's first, and the servers on them. A context runs until the servers of all are
/// over: what is still served somewhere may need the others, and the caller's hears the signals.
class run_contexts {
 public:
  run_contexts(asio::io_context& io, const run_options& options)
      : options_(options), listeners_(options), signals_(io) {
    if (options.signals) { // before the first client can see that there is a server
      signals_.add(SIGINT);
      signals_.add(SIGTERM);
      signals_.async_wait(on_signal{alive_});
    }
    const unsigned threads = options.threads == 0 ? 1 : options.threads;
    parts_.emplace_back(io);
    for (unsigned i = 1; i < threads; ++i) parts_.emplace_back(contexts_.emplace_back(1));
  }
  run_contexts(const run_contexts&) = delete;
  run_contexts& operator=(const run_contexts&) = delete;
  ~run_contexts() {
    if (left_ != 0) stop(true); // it could not begin
    for (auto& context : contexts_) context.stop();
    join();
    *alive_ = nullptr;
    listeners_.remove_file();
  }

  /// All of them listen before one of them serves: where the last fails, nothing was begun. Throws system_error with a
  /// sentence.
  void listen(const router& app) {
    const auto totals = std::make_shared<server_totals>();
    for (auto& p : parts_)
      for (auto& acceptor : listeners_.open(p.io)) {
        if (&p == &parts_.front()) places_.push_back(place_of(acceptor));
        p.servers.push_back(make_server(std::move(acceptor), app, options_.serve, totals));
      }
  }

  /// The error of a server, after all contexts have ended; throws what has left one of them.
  error_code run() {
    begin();
    auto& own = parts_.front();
    try {
      if (own.io.stopped()) own.io.restart();
      const auto guard = asio::make_work_guard(own.io);
      own.io.run();
    } catch (const leave&) {
    } catch (...) {
      own.failure = std::current_exception();
    }
    if (own.left != 0) give_up(own); // an exception, or the program has stopped the context: then the others end too
    join();
    error_code ignored;
    signals_.cancel(ignored);
    std::exception_ptr first;
    for (auto& p : parts_) {
      if (!p.failure) continue;
      if (!first) {
        first = p.failure;
      } else {
        std::fputs("antiphon: an exception has ended a second thread too; only the first is passed on\n", stderr);
      }
    }
    if (first) std::rethrow_exception(first);
    return result_;
  }

 private:
  /// Leaves the caller's io_context::run(), which would else go on for whatever the program does besides, without
  /// stopping it.
  struct leave {};

  struct part {
    explicit part(asio::io_context& context) : io(context) {}
    asio::io_context& io;
    std::vector<counted_ptr<server_base>> servers;
    std::size_t left = 0; ///< servers that are not over; only its own thread asks
    std::exception_ptr failure;
  };

  void begin() {
    for (auto& p : parts_) {
      p.left = p.servers.size();
      left_ += p.left;
    }
    for (auto& p : parts_)
      for (auto& s : p.servers) {
        s->begin(*park<serve_wait>(
            [alive = alive_, &p](error_code ec) {
              if (auto* self = *alive) self->one_over(p, ec); // else the program stopped its context, and runs it again
            },
            s->executor, *s));
      }
    if (options_.banner) {
      for (const auto& place : places_) std::fprintf(stderr, "antiphon: listening on %s\n", place.c_str());
      std::fflush(stderr);
    }
    for (std::size_t i = 1; i < parts_.size(); ++i)
      threads_.emplace_back([this, &p = parts_[i]] {
        try {
          const auto guard = asio::make_work_guard(p.io);
          p.io.run();
        } catch (...) {
          p.failure = std::current_exception();
          give_up(p);
        }
      });
  }

  struct on_signal {
    std::shared_ptr<run_contexts*> alive;
    bool again = false;
    void operator()(error_code ec, int) {
      auto* self = *alive;
      if (ec || !self) return;
      if (self->options_.banner)
        std::fputs(again ? "antiphon: stopping at once\n" : "antiphon: stopping; a second signal stops at once\n",
                   stderr);
      self->stop(again);
      again = true;
      self->signals_.async_wait(*this);
    }
  };

  void stop(bool at_once) {
    {
      const std::lock_guard lock(mutex_);
      listeners_.remove_file();
    }
    for (auto& p : parts_)
      for (auto& s : p.servers) s->stop(at_once);
  }
  void one_over(part& p, error_code ec) {
    --p.left;
    if (ec) {
      const std::lock_guard lock(mutex_);
      result_ = ec;
    }
    over(1);
  }
  /// This context runs no more, so its servers never say that they are over; all others are to end.
  void give_up(part& p) {
    stop(true);
    over(std::exchange(p.left, 0));
  }
  void over(std::size_t servers) {
    if (left_.fetch_sub(servers) != servers) return;
    for (auto& context : contexts_) context.stop();
    asio::post(parts_.front().io, [alive = alive_] {
      if (*alive) throw leave();
    });
  }
  void join() {
    for (auto& t : threads_) t.join();
    threads_.clear();
  }

  const run_options& options_;
  std::shared_ptr<run_contexts*> alive_ = std::make_shared<run_contexts*>(this);
  std::deque<asio::io_context> contexts_; // those of the other threads
  std::deque<part> parts_;
  run_listeners listeners_;
  asio::basic_signal_set<asio::io_context::executor_type> signals_;
  std::vector<std::string> places_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> left_{0};
  std::mutex mutex_;
  error_code result_;
};

} // namespace detail

ANTIPHON_DECL int run(asio::io_context& io, router app, const run_options& options) {
  app.freeze();
  detail::run_contexts contexts(io, options);
  try {
    contexts.listen(app);
  } catch (const system_error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return contexts.run() ? 1 : 0;
}

} // namespace v0
} // namespace antiphon
