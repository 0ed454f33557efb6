// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/limits.hpp>
#include <antiphon/server/detail/route_table.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// How many connections the servers of a router have: for metrics. A parked answer counts where it waits.
struct connection_counts {
  std::atomic<std::size_t> open{0};      ///< all connections
  std::atomic<std::size_t> handling{0};  ///< of which a waiting handler runs
  std::atomic<std::size_t> answering{0}; ///< of which an answer is in progress: a flow, a body, an upgrade
  std::atomic<std::uint64_t> refused{0}; ///< messages that were no requests, since the start
};

/// What one route may do beyond the defaults.
struct route_options {
  std::uint64_t max_body = 1024 * 1024; ///< bytes of a body, collected or streamed; more is answered with 413
  bool streamed = false;                ///< the handler, a coroutine, reads the body as it comes: request::read_some()
  duration timeout{};                   ///< of a waiting handler: it is cancelled and 503 is sent; zero: none
};

/// Finds the handler of a request by its path and method. A handle: a copy is the same router.
///
/// Patterns are "/jobs/{id}" and "/files/{path...}"; fixed text beats {x} beats {x...} whatever the order of
/// registration; HEAD, OPTIONS and 405 with Allow come by themselves. Registering is not thread-safe and ends when the
/// router is served: from then on it is frozen, registering throws std::logic_error, and handlers may run on several
/// threads at once (run's option `threads`). Bad patterns throw std::invalid_argument where they are registered,
/// duplicates when the router is served; both name the pattern. Example: examples/rest_api.cpp
class router {
 public:
  router() : state_(std::make_shared<state>()) {}

  template <class F>
  const router& get(std::string_view path, F f, route_options options = {}) const {
    return on(http::method::get, path, std::move(f), options);
  }
  template <class F>
  const router& post(std::string_view path, F f, route_options options = {}) const {
    return on(http::method::post, path, std::move(f), options);
  }
  template <class F>
  const router& put(std::string_view path, F f, route_options options = {}) const {
    return on(http::method::put, path, std::move(f), options);
  }
  template <class F>
  const router& patch(std::string_view path, F f, route_options options = {}) const {
    return on(http::method::patch, path, std::move(f), options);
  }
  /// DELETE.
  template <class F>
  const router& del(std::string_view path, F f, route_options options = {}) const {
    return on(http::method::del, path, std::move(f), options);
  }
  /// Any method.
  template <class F>
  const router& on(http::method verb, std::string_view path, F f, route_options options = {}) const {
    detail::require_handler<F>();
    if constexpr (detail::callable_handler<F>) {
      state_->require_open();
      if (options.streamed && !detail::handler_traits<F>::answer::waits)
        throw std::invalid_argument("antiphon: the route '" + std::string(path) +
                                    "' is streamed, but its handler is no coroutine: return "
                                    "asio::awaitable<antiphon::response>, or leave `streamed` out");
      state_->entries.push_back(
          {detail::pattern(path), verb, std::make_shared<detail::handler_of<F>>(std::move(f)), options});
    }
    return *this;
  }

  /// A router whose routes stand below `prefix`, within this router's layers and then its own.
  router group(std::string_view prefix) const {
    router made;
    mount(prefix, made);
    return made;
  }
  /// Puts all routes of `other` below `prefix`, also those that it gets later. Its "/" becomes the prefix itself.
  const router& mount(std::string_view prefix, const router& other) const {
    state_->require_open();
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    if (!prefix.empty()) static_cast<void>(detail::pattern(prefix));
    if (other.state_->reaches(*state_))
      throw std::invalid_argument("antiphon: a router is mounted in itself, at '" + std::string(prefix) + "'");
    state_->mounts.push_back({std::string(prefix), other.state_});
    return *this;
  }

  /// Adds a layer inside those added before, around every route of this router (also those registered earlier, and the
  /// answers 404, 405 and OPTIONS of the router that is served; a CORS preflight goes through the layers of the route
  /// that it asks about).
  template <class L>
  const router& use(L l) const {
    detail::require_layer<L>();
    state_->require_open();
    state_->layers.push_back(std::make_shared<detail::layer_of<L>>(std::move(l)));
    return *this;
  }

  /// Called with every exception that escapes a handler, a layer, a flow, a body or an upgrade, and with where it came
  /// from ("GET /jobs/{id}"); the client gets a 500, or a cut answer. Default: a line on stderr. On the router that is
  /// served; must be thread-safe where several threads serve.
  template <class F>
  const router& on_error(F f) const {
    static_assert(std::is_invocable_v<F&, std::exception_ptr, std::string_view>,
                  "antiphon: on_error takes a function (std::exception_ptr, std::string_view where)");
    struct hook final : error_hook {
      explicit hook(F callable) : f(std::move(callable)) {}
      void call(std::exception_ptr e, std::string_view where) override { f(std::move(e), where); }
      F f;
    };
    state_->require_open();
    state_->on_error = std::make_shared<hook>(std::move(f));
    return *this;
  }

  /// Adds something that ends when a server does: `asio::awaitable<void> f(ap::duration limit)`. Each server of the
  /// router calls it on its executor when it begins to drain, and is not over before that has ended; `limit` is the
  /// time it drains for. It is cancelled (terminal) when the server cuts.
  template <class F>
  const router& on_drain(F f) const {
    static_assert(std::is_invocable_r_v<asio::awaitable<void>, F&, duration>,
                  "antiphon: on_drain takes a coroutine: asio::awaitable<void> f(antiphon::duration limit)");
    struct hook final : drain_hook {
      explicit hook(F callable) : f(std::move(callable)) {}
      asio::awaitable<void> run(duration limit) override { return f(limit); }
      F f;
    };
    state_->require_open();
    state_->drains.push_back(std::make_shared<hook>(std::move(f)));
    return *this;
  }

  /// Freezes the router and everything mounted in it, and checks it: what serving does first. Throws
  /// std::invalid_argument for a duplicate route.
  void freeze() const { static_cast<void>(state_->table()); }

  /// All routes, a line each, sorted by path: method, pattern, and what is not as by default. For a log at the start,
  /// or for a test that nothing was forgotten.
  std::string describe() const {
    std::vector<std::string> lines;
    state_->describe(lines, {}, 0, 0);
    std::sort(lines.begin(), lines.end());
    std::string all;
    for (const auto& l : lines) {
      const auto tab = l.find('\t'); // the path stands first, to be sorted by
      all.append(l, tab + 1).append("\n");
    }
    return all;
  }

  /// Of all servers that serve this router, now. Thread-safe.
  connection_counts& counts() const noexcept { return *state_->counts; }
  /// The same, for handlers: one that kept the router itself would keep it, and itself, for ever.
  std::shared_ptr<const connection_counts> shared_counts() const noexcept { return state_->counts; }

  /// Private to sessions.
  struct error_hook {
    virtual ~error_hook() = default;
    virtual void call(std::exception_ptr, std::string_view where) = 0;
  };
  struct drain_hook {
    virtual ~drain_hook() = default;
    virtual asio::awaitable<void> run(duration limit) = 0;
  };

 private:
  struct state {
    struct entry {
      detail::pattern path;
      http::method verb;
      std::shared_ptr<detail::handler> handle;
      route_options options;
    };
    struct mounted {
      std::string prefix;
      std::shared_ptr<state> from;
    };
    std::vector<entry> entries;
    std::vector<mounted> mounts;
    std::vector<std::shared_ptr<detail::layer>> layers;
    std::shared_ptr<error_hook> on_error;
    std::vector<std::shared_ptr<drain_hook>> drains;
    std::shared_ptr<connection_counts> counts = std::make_shared<connection_counts>();
    std::mutex freezing;
    std::unique_ptr<detail::route_table> made;
    bool served = false;

    void require_open() const {
      if (served) throw std::logic_error("antiphon: the router is being served: register routes and layers before");
    }
    bool reaches(const state& s) const {
      if (this == &s) return true;
      for (const auto& m : mounts)
        if (m.from->reaches(s)) return true;
      return false;
    }
    template <class F>
    void each_drain(F&& f) const {
      for (const auto& d : drains) f(*d);
      for (const auto& m : mounts) m.from->each_drain(f);
    }
    const detail::route_table& table() {
      const std::lock_guard lock(freezing);
      if (made) return *made;
      auto table = std::make_unique<detail::route_table>();
      collect(*table, {}, {});
      std::vector<detail::layer*> outer;
      for (const auto& l : layers) outer.push_back(l.get());
      table->finish(outer);
      made = std::move(table);
      return *made;
    }

    void describe(std::vector<std::string>& to, const std::string& prefix, std::size_t around,
                  std::size_t waiting) const {
      around += layers.size();
      for (const auto& l : layers) waiting += l->waits ? std::size_t{1} : 0;
      for (const auto& e : entries) {
        const std::string path = path_of(e, prefix);
        std::string line = path + '\t' + std::string(http::to_string(e.verb));
        line.resize((std::max)(line.size() + 1, path.size() + 1 + 8), ' ');
        line += path;
        std::string notes;
        const auto note = [&](const std::string& text) { notes += (notes.empty() ? "" : ", ") + text; };
        const route_options usual;
        if (e.options.streamed) note("streamed");
        if (e.options.max_body != usual.max_body)
          note(e.options.max_body == http::body_limits::unlimited
                   ? std::string("body of any size")
                   : "body up to " + std::to_string(e.options.max_body) + " bytes");
        if (e.options.timeout > duration::zero())
          note("time-out " +
               std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(e.options.timeout).count()) +
               " ms");
        if (e.handle->waits()) note("coroutine");
        if (around != 0) note(std::to_string(around) + (around == 1 ? " layer" : " layers"));
        if (waiting != 0) note(std::to_string(waiting) + " of them wait");
        if (!notes.empty()) {
          line.resize((std::max)(line.size() + 2, path.size() + 1 + 8 + 32), ' ');
          line += notes;
        }
        to.push_back(std::move(line));
      }
      for (const auto& m : mounts) m.from->describe(to, prefix + m.prefix, around, waiting);
    }

   private:
    static std::string path_of(const entry& e, const std::string& prefix) {
      return e.path.text() == "/" && !prefix.empty() ? prefix : prefix + e.path.text();
    }
    void collect(detail::route_table& to, const std::string& prefix, std::vector<detail::layer*> around) {
      served = true;
      for (const auto& l : layers) around.push_back(l.get());
      for (const auto& e : entries) {
        detail::route r;
        r.verb = e.verb;
        r.handle = e.handle;
        r.max_body = e.options.max_body;
        r.timeout = e.options.timeout;
        r.streamed = e.options.streamed;
        r.layers = around;
        to.add(detail::pattern(path_of(e, prefix)), std::move(r));
      }
      for (const auto& m : mounts) m.from->collect(to, prefix + m.prefix, around);
    }
  };

 public:
  class frozen {
   public:
    explicit frozen(const router& r) : state_(r.state_), table_(&state_->table()) {}
    const detail::route& find(request& req) const { return table_->find(req); }
    template <class F>
    void each_drain(F&& f) const {
      state_->each_drain(f);
    }
    void report(std::exception_ptr e, std::string_view where) const noexcept {
      try {
        if (state_->on_error) return state_->on_error->call(std::move(e), where);
        std::rethrow_exception(std::move(e));
      } catch (const std::exception& escaped) {
        std::fprintf(stderr, "antiphon: %.*s failed: %s\n", static_cast<int>(where.size()), where.data(),
                     escaped.what());
      } catch (...) {
        std::fprintf(stderr, "antiphon: %.*s failed with an exception that is no std::exception\n",
                     static_cast<int>(where.size()), where.data());
      }
    }

   private:
    std::shared_ptr<state> state_;
    const detail::route_table* table_;
  };

 private:
  std::shared_ptr<state> state_;
};

} // namespace v0
} // namespace antiphon
