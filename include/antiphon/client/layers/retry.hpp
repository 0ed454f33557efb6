// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/error.hpp>
#include <antiphon/client/layer.hpp>
#include <antiphon/core/detail/backoff.hpp>
#include <antiphon/core/error.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/error.hpp>
#include <antiphon/http/retry_after.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// How the layer `retry` repeats.
struct retry_options {
  unsigned attempts = 3;                           ///< in all, for one call
  duration first = std::chrono::milliseconds(100); ///< the longest first pause; each later one is doubled
  duration most = std::chrono::seconds(10);        ///< the longest pause
  duration patience = std::chrono::seconds(30);    ///< a longer Retry-After: the answer is given as it is
  unsigned budget = 10;                            ///< repetitions, of all calls, ahead of what they earn
  unsigned percent = 10;                           ///< of a repetition that each call earns
};
static_assert(std::is_aggregate_v<retry_options> && std::is_trivially_destructible_v<retry_options>);

/// A layer of a client that repeats what failed and may succeed: 429, 502, 503, 504, and lost connections, where the
/// request is idempotent and can be sent again; connections that were never made whatever the request is. Pauses are
/// random up to a bound that doubles, or what Retry-After says. A budget keeps a client whose server is down from
/// sending a multiple of its load: when it is used up, calls fail as they would without this layer.
///
///     client.use(ap::retry({.attempts = 4}));
///
/// Source: RFC 9110, section 10.2.3.
class retry {
 public:
  explicit retry(retry_options options = {}) : options_(options), budget_(std::make_shared<budget>()) {
    budget_->tokens = options.budget * 100;
  }

  asio::awaitable<client_response> operator()(client_request& req, client_next next) {
    earn();
    for (unsigned attempt = 1;; ++attempt) {
      client_response res;
      error_code failed;
      try {
        res = co_await next(req);
      } catch (const system_error& e) {
        failed = e.code();
      }
      const bool may = attempt < options_.attempts && req.repeatable() &&
                       (failed ? is_worth_it(failed, req) : is_worth_it(res.status()) && req.idempotent());
      auto pause = detail::backoff(options_.first, options_.most, attempt);
      if (may && !failed)
        if (const auto told = http::parse_retry_after(res.header("Retry-After")))
          pause = (std::min)(*told, duration(std::chrono::seconds(1'000'000)));
      if (!may || pause > options_.patience || !spend()) {
        if (failed) throw system_error(failed, "a call of a client");
        co_return res;
      }
      res = client_response(); // gives a streamed answer's connection back
      co_await sleep_for(pause);
    }
  }

 private:
  struct budget {
    std::mutex mutex;
    unsigned tokens = 0; // hundredths
  };

  static bool is_worth_it(http::status s) noexcept {
    const auto code = http::code(s);
    return code == 429 || (code >= 502 && code <= 504);
  }
  static bool is_worth_it(const error_code& ec, const client_request& req) noexcept {
    if (ec == asio::error::connection_refused || ec == client_error::connect_timeout ||
        ec == client_error::dns_timeout || ec == asio::error::host_not_found_try_again ||
        ec == client_error::proxy_closed)
      return true; // the server has not seen it
    // Nor here: 502 and 504 say that the proxy does not reach it.
    if (const auto status = proxy_status(ec)) return is_worth_it(*status);
    return req.idempotent() && (is_disconnect(ec) || ec == client_error::closed_early ||
                                ec == http::error::incomplete_message || ec == client_error::first_byte_timeout);
  }
  void earn() const {
    const std::lock_guard lock(budget_->mutex);
    budget_->tokens = (std::min)(budget_->tokens + options_.percent, options_.budget * 100);
  }
  bool spend() const {
    const std::lock_guard lock(budget_->mutex);
    if (budget_->tokens < 100) return false;
    budget_->tokens -= 100;
    return true;
  }

  retry_options options_;
  std::shared_ptr<budget> budget_;
};

} // namespace v0
} // namespace antiphon
