// SPDX-License-Identifier: BSL-1.0
// What the threat suites share, compiled once.
#include "../support/threat_app.hpp"

#include <antiphon/core/race.hpp>
#include <antiphon/core/timeout.hpp>

namespace threat {

using namespace antiphon;
namespace {

/// A flow that sends a number every `pace`, and one last word when the server drains. `stubborn`: it does not end then.
class counter_flow final : public http::flow {
 public:
  counter_flow(threat_counts& counts, duration pace, bool stubborn = false)
      : alive_(counts.flows), counts_(counts), pace_(pace), stubborn_(stubborn) {}
  step run(http::exchange& to, event what) override {
    if (what == event::start) to.start(http::status::ok, "text/plain");
    if (what == event::drain) {
      ++counts_.drained;
      if (!stubborn_) {
        to.write(http::chunk("bye\n"));
        return step::end;
      }
    }
    if (what != event::drained && !to.write(http::chunk(std::to_string(n_++) + "\n"))) return step::wait;
    to.timer(pace_);
    return step::wait;
  }

 private:
  census::one alive_;
  threat_counts& counts_;
  duration pace_;
  bool stubborn_;
  int n_ = 0;
};

/// A flow that sends 16 KiB after 16 KiB, as fast as the client reads.
class flood_flow final : public http::flow {
 public:
  explicit flood_flow(threat_counts& counts) : alive_(counts.flows), piece_(std::string(16 * 1024, 'x')) {}
  step run(http::exchange& to, event what) override {
    if (what == event::start) to.start(http::status::ok, "text/plain");
    if (what == event::drain) return step::end;
    while (to.write(piece_)) {}
    return step::wait;
  }

 private:
  census::one alive_;
  http::chunk piece_;
};

/// A flow that says a word whenever the notifier rings.
class notified_flow final : public http::flow {
 public:
  explicit notified_flow(threat_counts& counts) : alive_(counts.flows), bell_(counts.bell) {}
  step run(http::exchange& to, event what) override {
    if (what == event::start) to.start(http::status::ok, "text/plain");
    if (what == event::drain) return step::end;
    if (what == event::wake) to.write(http::chunk("ding\n"));
    if (what == event::start || what == event::wake) bell_.join(to.executor(), *this);
    return step::wait;
  }
  ~notified_flow() override { leave(); }

 private:
  census::one alive_;
  notifier bell_;
};

} // namespace

void add_threat_routes(const router& app, threat_counts& counts) {
  auto* const c = &counts;
  app.get("/", [c] {
    ++c->requests;
    return "hello";
  });
  app.get("/big", [c] {
    ++c->requests;
    return http::text(std::string(300'000, 'b'));
  });
  app.post("/post", [c](request& req) {
    ++c->requests;
    return std::to_string(req.body().size());
  });
  app.get("/sleep", [c](request&) -> asio::awaitable<response> {
    ++c->requests;
    const census::one alive(c->handlers);
    try {
      co_await sleep_for(1h);
    } catch (const system_error&) {
      ++c->cancelled;
      throw;
    }
    co_return "slept";
  });
  app.get("/deaf/{ms}", [c](request& req) -> asio::awaitable<response> {
    ++c->requests;
    const census::one alive(c->handlers);
    const std::chrono::milliseconds length(std::atoi(std::string(req.param("ms")).c_str()));
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await sleep_for(length);
    co_return "did not hear";
  });
  app.get("/spawn", [c](request&) -> asio::awaitable<response> {
    ++c->requests;
    const census::one alive(c->handlers);
    struct inner {
      static asio::awaitable<void> run(threat_counts* counts) {
        const census::one inside(counts->handlers);
        co_await sleep_for(1h);
      }
    };
    const auto executor = co_await asio::this_coro::executor;
    try {
      co_await asio::co_spawn(executor, inner::run(c), asio::use_awaitable);
    } catch (const system_error&) {
      ++c->cancelled;
      throw;
    }
    co_return "slept";
  });
  app.get("/soon", [c](request&) -> asio::awaitable<response> {
    ++c->requests;
    const census::one alive(c->handlers);
    co_await sleep_for(20ms);
    co_return "soon";
  });
  app.get("/flow", [c](request&) {
    ++c->requests;
    return response(std::make_unique<counter_flow>(*c, 10ms));
  });
  app.get("/stubborn", [c](request&) {
    ++c->requests;
    return response(std::make_unique<counter_flow>(*c, 10ms, true));
  });
  app.get("/held", [c](request&) {
    ++c->requests;
    return response(std::make_unique<held_flow>(*c));
  });
  app.get("/flood", [c](request&) {
    ++c->requests;
    return response(std::make_unique<flood_flow>(*c));
  });
  app.get("/body", [c](request&) {
    ++c->requests;
    return stream_body([c](body_writer& out) -> asio::awaitable<void> {
      const census::one alive(c->bodies);
      while (!out.draining()) {
        co_await out.write("line\n");
        co_await sleep_for(10ms);
      }
      ++c->drained;
      co_await out.write("bye\n");
    });
  });
  app.get("/gush", [c](request&) {
    ++c->requests;
    return stream_body([c, text = std::string(16 * 1024, 'g')](body_writer& out) -> asio::awaitable<void> {
      const census::one alive(c->bodies);
      while (!out.draining()) co_await out.write(text);
    });
  });
  app.get("/talk", [c](request&) {
    ++c->requests;
    return upgrade("talk", [c](any_stream s) -> asio::awaitable<void> {
      const census::one alive(c->upgrades);
      char room[1024];
      bool draining = false;
      while (!draining) {
        std::size_t n = 0;
        try {
          n = co_await s.async_read_some(asio::buffer(room), asio::use_awaitable);
        } catch (const system_error& e) {
          if (e.code() != error::draining) throw;
          draining = true;
        }
        if (draining) {
          ++c->drained;
          co_await s.async_write_some(asio::buffer("bye\n", 4), asio::use_awaitable);
          co_return;
        }
        for (std::size_t done = 0; done < n;)
          done += co_await s.async_write_some(asio::buffer(room + done, n - done), asio::use_awaitable);
      }
    });
  });
  app.get("/mute", [c](request&) {
    ++c->requests;
    return upgrade("mute", [c](any_stream) -> asio::awaitable<void> {
      const census::one alive(c->upgrades);
      co_await sleep_for(1h);
    });
  });
  app.get("/hints", [c](request& req) -> asio::awaitable<response> {
    ++c->requests;
    const census::one alive(c->handlers);
    http::fields hints;
    hints.add("Link", std::string(4000, 'l'));
    while (true) co_await req.send_interim(http::status::early_hints, hints);
  });
  app.get("/race", [c](request&) -> asio::awaitable<response> {
    ++c->requests;
    const census::one alive(c->handlers);
    struct branch {
      static asio::awaitable<void> asleep(census::one) { co_await sleep_for(1h); }
      static asio::awaitable<void> notified(census::one, notifier n) { co_await n.async_wait(asio::use_awaitable); }
    };
    auto limited = with_timeout(1h, branch::asleep(alive));
    auto other = branch::notified(alive, c->bell);
    co_await race(std::move(limited), std::move(other));
    co_return "raced";
  });
  app.get("/notified", [c](request&) {
    ++c->requests;
    return response(std::make_unique<notified_flow>(*c));
  });
  app.get("/counts", [c] {
    std::string text;
    for (const auto* kind : {&c->handlers, &c->flows, &c->bodies, &c->upgrades})
      text.append(text.empty() ? "" : " ").append(std::to_string(kind->now()));
    return text;
  });
  // What tests do to clients is no news.
  app.on_error([](std::exception_ptr, std::string_view) {});
}

live_server::live_server(router app, const serve_options& options) : app_(app) {
  asio::ip::tcp::acceptor acceptor(io_, {asio::ip::address_v4::loopback(), 0});
  port_ = acceptor.local_endpoint().port();
  async_serve(std::move(acceptor), app, options, asio::bind_cancellation_slot(signal_.slot(), [this](error_code ec) {
                result_ = ec;
                over_ = true;
              }));
  thread_ = std::thread([this] { io_.run(); });
}

} // namespace threat
