// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/detail/attempting.hpp>
#include <antiphon/core/detail/decl.hpp>
#include <antiphon/sse/decoder.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace sse {

/// How an event_source reads, and how it comes back. The wait before an attempt is what the stream said last (`retry`)
/// and a time at random up to a cap, which begins with `first_wait` and doubles with each attempt that came to nothing.
struct event_source_options {
  std::string_view last_id{};                       ///< copied; where to go on from, as Last-Event-ID
  duration first_wait = std::chrono::seconds(1);    ///< the cap of the first wait
  duration most_wait = std::chrono::seconds(30);    ///< the cap of all others
  duration longest_retry = std::chrono::minutes(5); ///< what the stream says is bounded by it
  duration healthy = std::chrono::seconds(10);      ///< bytes for so long, or an event: the next wait is the first
  duration read_idle = std::chrono::seconds(45);    ///< without a byte, then the connection is made anew
  std::size_t line = std::size_t{1} << 20;          ///< bytes of a line. More: error::too_large
  std::size_t event = std::size_t{4} << 20;         ///< bytes of an event's data. More: error::too_large
  std::size_t longest_id = 4096;                    ///< bytes; a longer id is not sent back
  unsigned attempts = 0; ///< so many that came to nothing, in a row, end it with the error of the last; 0: never
};
static_assert(std::is_aggregate_v<event_source_options> && std::is_trivially_destructible_v<event_source_options>);

/// As readyState of the standard.
enum class ready_state : unsigned char { connecting, open, closed };

namespace detail {

using v0::detail::counted_ptr;

class event_source_state final : public v0::detail::attempting<event> {
 public:
  event_source_state(client c, client_request req, const event_source_options& options);

  ready_state state() const noexcept {
    return ended() ? ready_state::closed : res_ ? ready_state::open : ready_state::connecting;
  }
  /// Whether bytes of a body have come over the connection that there is.
  bool heard() const noexcept { return res_ && heard_; }
  const std::string& last_id() const noexcept { return events_.empty() ? decoder_.last_event_id() : given_id_; }
  http::status status() const noexcept { return status_; }

 private:
  enum class step : unsigned char { begin, hooking, calling, reading, waiting, resting };

  bool next(event& value) override;
  void want() override;
  void on_timer() override;
  void drop() noexcept override;

  void calling() override { step_ = step::calling; }
  void answered(error_code ec, client_response res) override;
  void attempt_failed(error_code ec) override { lost(ec); }
  void hook_failed() override;

  void begin();
  void read();
  void take(std::string_view bytes);
  void lost(error_code ec);

  const event_source_options options_;
  std::unique_ptr<client_response> res_;
  decoder decoder_;
  std::vector<event> events_; // that nobody has taken yet, from taken_ on
  std::size_t taken_ = 0;
  std::string given_id_;
  unsigned failures_ = 0;
  time_point opened_{}, last_byte_{};
  http::status status_{};
  step step_ = step::begin;
  bool heard_ = false, got_event_ = false;
};

} // namespace detail
} // namespace sse
} // namespace v0
} // namespace antiphon
