// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/server/layer.hpp>
#include <antiphon/server/layers/detail/log_line.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdio>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// How a line of the log is written.
enum class log_format : unsigned char {
  text, ///< ten columns, see access_log
  json, ///< one object: {"time","peer","method","target","route","status","bytes_in","bytes_out","seconds","id","cut"}
};

struct access_log_options {
  log_format format = log_format::text;
};
static_assert(std::is_trivially_destructible_v<access_log_options>);

/// A layer that writes one line for every exchange that ends, to stderr or to a sink of the program's. A handle: a copy
/// is the same log.
///
///   2026-01-31T12:00:00.000Z 127.0.0.1:51324 GET /jobs/7?x=1 200 78 151 0.000213 4bf92f3577b34da6a3ce929d0e0e4736 ok
///
/// That is, each followed by one space: the end of the exchange (UTC), the peer, the method, the target, the status,
/// the bytes that came and went (heads included), the seconds that it took, the request id, and "ok" or "cut" (the
/// connection ended before the answer did). What is not known is "-". Every byte of peer, target and id that is no
/// visible ASCII character, and '"' and '\', is written as \xHH, so a client can neither forge a line or a column nor
/// reach the terminal; of a long one the beginning is written, and "...".
///
/// As JSON the same are members of one object, and the route's pattern; the same bytes are written as \u00HH, so a line
/// is ASCII and valid whatever a client sends, and what is not known is "".
///
/// Put ap::request_id outside of it or inside, as you like. Thread-safe; while it is off it costs a request an atomic
/// load. No lock of its own: a line to stderr is one write.
///
/// Example: app.use(ap::access_log()); app.use(ap::access_log({.format = ap::log_format::json}));
class access_log {
 public:
  /// To stderr.
  explicit access_log(access_log_options options = {}) : access_log([](std::string_view) {}, options) {
    state_->to_stderr = true;
  }

  /// To `sink(std::string_view line)`, without the line's end. Called on the thread that ended the exchange (on several
  /// at once, where several serve), within the server's work: it must not block for long, nor keep the view. One that
  /// throws loses its line; stderr is told, once.
  template <class Sink>
  requires std::invocable<Sink&, std::string_view>
  explicit access_log(Sink sink, access_log_options options = {})
      : state_(std::make_shared<state_with<Sink>>(std::move(sink))), format_(options.format) {}

  /// Switches it on (as it begins) or off, also while it is served.
  const access_log& enable(bool on) const noexcept {
    state_->on.store(on, std::memory_order_relaxed);
    return *this;
  }
  bool enabled() const noexcept { return state_->on.load(std::memory_order_relaxed); }

  /// Hooks of the layer.
  bool keeps_target() const noexcept { return enabled(); }
  void complete(const exchange_summary& s) const noexcept {
    if (!enabled()) return;
    detail::log_line line;
    if (format_ == log_format::json) {
      line.member("time").quoted_time(std::chrono::system_clock::now());
      line.member("peer").quoted(s.peer, 256);
      line.member("method").quoted(http::to_string(s.method), 32);
      line.member("target").quoted(s.target, 3'072);
      line.member("route").quoted(s.route, 1'024);
      line.member("status").number(static_cast<std::uint64_t>(http::code(s.status)));
      line.member("bytes_in").number(s.bytes_in);
      line.member("bytes_out").number(s.bytes_out);
      line.member("seconds").seconds(s.took);
      line.member("id").quoted(s.id, 512);
      line.member("cut").word(s.cut ? "true" : "false");
      state_->write(line.finish_object());
      return;
    }
    line.time(std::chrono::system_clock::now());
    line.text(s.peer, 256);
    line.text(http::to_string(s.method), 32);
    line.text(s.target, 4096);
    line.number(static_cast<std::uint64_t>(http::code(s.status)));
    line.number(s.bytes_in);
    line.number(s.bytes_out);
    line.seconds(s.took);
    line.text(s.id, 512);
    line.text(s.cut ? "cut" : "ok", 8);
    state_->write(line.finish());
  }

 private:
  struct state {
    virtual ~state() = default;
    virtual void call(std::string_view line) = 0;

    /// The line comes with its end.
    void write(std::string_view line) noexcept {
      if (to_stderr) {
        std::fwrite(line.data(), 1, line.size(), stderr); // unbuffered, so lines of several threads do not mix
        return;
      }
      try {
        call(line.substr(0, line.size() - 1));
      } catch (...) {
        if (!failed.exchange(true, std::memory_order_relaxed))
          std::fputs("antiphon: the sink of the access log has thrown an exception: lines are lost\n", stderr);
      }
    }

    std::atomic<bool> on{true}, failed{false};
    bool to_stderr = false;
  };
  template <class Sink>
  struct state_with final : state {
    explicit state_with(Sink s) : sink(std::move(s)) {}
    void call(std::string_view line) override { sink(line); }
    Sink sink;
  };

  std::shared_ptr<state> state_;
  log_format format_ = log_format::text;
};

} // namespace v0
} // namespace antiphon
