// SPDX-License-Identifier: BSL-1.0
// A store in virtual time, work of all kinds, and what can be seen of jobs from outside.
#pragma once

#include <antiphon/core/notifier.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/jobs/job_store.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
inline void PrintTo(job_state s, std::ostream* out) { *out << to_string(s); }
} // namespace v0
} // namespace antiphon

namespace job_tests {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::job_state;

// --- work

template <class R>
auto gives(R value) {
  return [value](ap::job&) -> asio::awaitable<R> { co_return value; };
}
inline auto sleeps(ap::duration length, int value = 1) {
  return [length, value](ap::job&) -> asio::awaitable<int> {
    co_await ap::sleep_for(length);
    co_return value;
  };
}
/// Does not hear that it is to end.
inline auto deaf(ap::duration length, int value = 1) {
  return [length, value](ap::job&) -> asio::awaitable<int> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await ap::sleep_for(length);
    co_return value;
  };
}
/// Fails `times` times, each after `length`.
inline auto fails(unsigned times, ap::duration length = {}) {
  return [times, length](ap::job& j) -> asio::awaitable<int> {
    if (length != ap::duration{}) co_await ap::sleep_for(length);
    if (j.attempt() <= times) throw std::runtime_error("attempt " + std::to_string(j.attempt()));
    co_return static_cast<int>(j.attempt());
  };
}

// --- what is seen

inline std::string what_of(const std::exception_ptr& e) {
  if (!e) return {};
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "no std::exception";
  }
}
inline ap::error_code code_of(const std::exception_ptr& e) {
  if (!e) return {};
  try {
    std::rethrow_exception(e);
  } catch (const ap::system_error& known) {
    return known.code();
  } catch (...) {
    return {};
  }
}

template <class R>
struct awaited {
  std::optional<ap::detail::stored<R>> value;
  std::exception_ptr failure;
  int calls = 0;
  asio::cancellation_signal stop;
};
/// Waits for the result, on a context.
template <class R>
std::shared_ptr<awaited<R>> await_result(asio::io_context& io, ap::job_handle<R> of) {
  const auto out = std::make_shared<awaited<R>>();
  asio::co_spawn(
      io,
      [](ap::job_handle<R> h, std::shared_ptr<awaited<R>> to) -> asio::awaitable<void> {
        if constexpr (std::is_void_v<R>) {
          co_await h.result();
          to->value.emplace();
        } else {
          auto value = co_await h.result();
          to->value.emplace(std::move(value));
        }
      }(std::move(of), out),
      asio::bind_cancellation_slot(out->stop.slot(), [out](std::exception_ptr e) {
        ++out->calls;
        out->failure = std::move(e);
      }));
  return out;
}

/// The state that a status says.
inline std::string state_in(std::string_view json) {
  const std::string_view name = "\"state\":\"";
  const auto at = json.find(name);
  if (at == json.npos) return "?";
  json.remove_prefix(at + name.size());
  return std::string(json.substr(0, json.find('"')));
}

/// A follower of a job: "10" for progress, ":running" for a state, "gap 3"; and whether the log has ended.
class follower {
 public:
  explicit follower(const ap::topic<ap::job_event>& of, const ap::position& from = ap::position::oldest)
      : from_(of.subscribe(from, ap::on_gap::report)) {}

  std::vector<std::string> take() {
    std::vector<std::string> seen;
    ap::error_code ec;
    while (const auto d = from_.try_receive(ec)) seen.push_back(text(*d));
    if (ec) ended = ec == asio::error::eof;
    return seen;
  }
  bool ended = false;
  std::string last_json;

 private:
  std::string text(const ap::delivery<ap::job_event>& d) {
    return d.visit(
        [this](const ap::message<ap::job_event>& m) {
          if (m->what == ap::job_event::kind::progress) return std::string(m->bytes.view());
          last_json = std::string(m->bytes.view());
          return ':' + state_in(last_json);
        },
        [](const ap::gap& g) { return "gap " + std::to_string(*g.at_most); },
        [](ap::other_log) { return std::string("other log"); });
  }
  ap::subscription<ap::job_event, ap::on_gap::report_type> from_;
};
using seen = std::vector<std::string>;

template <class R = int>
struct world {
  explicit world(const ap::job_store_options& o = {}) : jobs(io, o) {
    jobs.on_error([this](const ap::job_status& s, std::exception_ptr e) {
      told.push_back(std::to_string(s.attempt) + ' ' + std::string(to_string(s.state)) + ' ' + what_of(e));
    });
  }
  /// "pending running over abandoned".
  std::string counts() const {
    const auto c = jobs.counts();
    return std::to_string(c.pending) + ' ' + std::to_string(c.running) + ' ' + std::to_string(c.over) + ' ' +
           std::to_string(c.abandoned);
  }

  std::vector<std::string> told; ///< by on_error
  asio::io_context io{1};
  ap::testing::virtual_time time{io};
  ap::job_store<R> jobs;
};

} // namespace job_tests
