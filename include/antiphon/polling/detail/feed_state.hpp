// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/detail/attempting.hpp>
#include <antiphon/core/detail/decl.hpp>
#include <antiphon/core/position.hpp>
#include <antiphon/polling/item.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace polling {

/// How a feed polls.
struct feed_options {
  position from = position::oldest;         ///< where it begins; `now`: where the server lets it begin. Not since()
  duration wait = std::chrono::seconds(30); ///< long polls, by `Prefer: wait`; whole seconds. Zero: short ones
  duration pace = std::chrono::seconds(5);  ///< between short polls, give or take a tenth, where nothing came and the
                                            ///< server does not say; and where a long poll does not wait
  duration longest_pace = std::chrono::minutes(5);  ///< what the server says (Retry-After) is bounded by it
  duration first_wait = std::chrono::seconds(1);    ///< after a failure: at random up to this,
  duration most_wait = std::chrono::seconds(30);    ///< doubled with each one in a row, up to that
  std::uint64_t max_body = std::uint64_t{16} << 20; ///< bytes of an answer. More: http::error::body_too_large
  std::size_t max_items = 10'000;                   ///< messages in an answer. More: error::bad_answer
  unsigned attempts = 0; ///< so many failures in a row end it with the error of the last; 0: never
};
static_assert(std::is_aggregate_v<feed_options> && std::is_trivially_destructible_v<feed_options>);

namespace detail {

using v0::detail::counted_ptr;

/// What a place in a log is called in a request; empty: nothing is said.
inline std::string place_text(const position& p) {
  switch (p.what()) {
  case position::kind::oldest: return "earliest";
  case position::kind::latest: return "latest";
  case position::kind::after: return to_string(p.last_seen());
  default: return {};
  }
}

class feed_state final : public v0::detail::attempting<delivery<item>> {
 public:
  using item = polling::item; // the base has another one
  feed_state(client c, client_request req, const feed_options& options);

  std::optional<cursor> at() const noexcept { return ready_.empty() ? scanned_ : at_; }
  http::status status() const noexcept { return status_; }
  /// Whether the last poll was answered.
  bool works() const noexcept { return works_; }

 private:
  enum class step : unsigned char { ready, hooking, calling, resting };
  struct place {
    delivery<item> what;
    cursor behind; ///< where the reader is when it has that
  };

  bool next(delivery<item>& value) override;
  void want() override;
  void on_timer() override;
  void drop() noexcept override;

  void calling() override;
  void answered(error_code ec, client_response res) override;
  void attempt_failed(error_code ec) override { failed(ec, {}); }
  void hook_failed() override;

  void ask();
  void not_modified(const client_response& res);
  void take(client_response& res);
  void rest_after(const client_response& res, bool empty);
  void failed(error_code ec, duration at_least);
  std::optional<duration> retry_after(const client_response& res) const;

  const feed_options options_;
  std::string next_url_; // empty: that of the request
  std::string etag_;
  std::deque<place> ready_;
  std::optional<cursor> scanned_, at_;
  unsigned failures_ = 0;
  time_point asked_{}, not_before_ = (time_point::min)();
  http::status status_{};
  step step_ = step::ready;
  bool works_ = false;
};

} // namespace detail
} // namespace polling
} // namespace v0
} // namespace antiphon
