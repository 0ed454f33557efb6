// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/server/layer.hpp>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace antiphon {
inline namespace v0 {

/// Where the time of a request went: the state that server_timing leaves on it, for handlers to add to.
///
///     if (auto* t = req.find_state<ap::timings>()) t->add("db", took, "two queries");
class timings {
 public:
  static constexpr std::string_view set_by = "antiphon::server_timing";
  static constexpr std::size_t most = 32; ///< entries: those beyond are left out

  explicit timings(time_point began) noexcept : began_(began) {}

  /// Throws std::invalid_argument for a name that is no token, and for a description with control bytes.
  void add(std::string_view name, duration took, std::string_view description = {}) {
    if (!http::is_token(name))
      throw std::invalid_argument("antiphon: the name of a timing is a token: letters, digits and hyphens");
    const auto quoted = description.empty() ? std::string() : http::quote(description);
    if (count_ == most) return;
    ++count_;
    entries_.append(", ").append(name).append(";dur=");
    append_milliseconds(entries_, took);
    if (!quoted.empty()) entries_.append(";desc=").append(quoted);
  }

  /// The value of the field, with the time since the layer was entered first.
  std::string text(std::string_view total, time_point now) const {
    std::string out(total);
    out.append(";dur=");
    append_milliseconds(out, now - began_);
    return out.append(entries_);
  }

 private:
  static void append_milliseconds(std::string& out, duration d) {
    const auto us = std::chrono::floor<std::chrono::microseconds>(d).count();
    char digits[32];
    const auto put = [&](long long n) { out.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr); };
    const long long all = us > 0 ? us : 0;
    put(all / 1000);
    out.push_back('.');
    for (long long unit = 100; unit != 0; unit /= 10) put(all / unit % 10);
  }

  time_point began_;
  std::size_t count_ = 0;
  std::string entries_;
};

struct server_timing_options {
  std::string_view total = "total"; ///< the name of the entry for all that is inside the layer. Must outlive it
};
static_assert(std::is_trivially_destructible_v<server_timing_options>);

/// A layer that tells the client where the time went, in the field Server-Timing, which browsers show: the time that
/// all inside of it took, until there was an answer (of a stream: until it began), and what handlers have added.
///
/// It tells strangers as well what takes long: use it around what they do not reach, or while you look for something.
/// Thread-safe. Throws std::invalid_argument for a name that is no token.
///
/// Source: W3C, Server Timing. Example: app.use(ap::server_timing());
class server_timing {
 public:
  explicit server_timing(server_timing_options options = {}) : options_(options) {
    if (!http::is_token(options.total))
      throw std::invalid_argument("antiphon: server_timing: the name of the total is no token");
  }

  /// Hooks of the layer.
  std::optional<response> before(request& req) const {
    if (!req.find_state<timings>()) req.set_state(timings(req.now())); // one further out tells for all
    return std::nullopt;
  }
  void after(request& req, response& res) const {
    if (res.fields().contains("Server-Timing")) return;
    if (const auto* t = req.find_state<timings>()) res.add("Server-Timing", t->text(options_.total, req.now()));
  }

 private:
  server_timing_options options_;
};

} // namespace v0
} // namespace antiphon
