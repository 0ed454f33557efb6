// SPDX-License-Identifier: BSL-1.0
// feed_state: what it does.
#pragma once

#include <antiphon/client/detail/hopeless.hpp>
#include <antiphon/core/detail/backoff.hpp>
#include <antiphon/http/link.hpp>
#include <antiphon/http/media_type.hpp>
#include <antiphon/http/retry_after.hpp>
#include <antiphon/http/url.hpp>
#include <antiphon/polling/detail/feed_answer.hpp>
#include <antiphon/polling/detail/feed_state.hpp>
#include <antiphon/polling/error.hpp>

#include <algorithm>
#include <stdexcept>

namespace antiphon {
inline namespace v0 {
namespace polling {
namespace detail {

inline feed_options in_bounds(feed_options o) noexcept {
  for (auto* const length : {&o.wait, &o.pace, &o.longest_pace, &o.first_wait, &o.most_wait})
    *length = v0::detail::bounded(*length);
  return o;
}

ANTIPHON_DECL feed_state::feed_state(client c, client_request req, const feed_options& options)
    : attempting<delivery<item>>(std::move(c), std::move(req),
                                 "antiphon: a feed sends its request again and again, and a coroutine's body is sent "
                                 "once: give it the bytes"),
      options_(in_bounds(options)) {
  if (options_.from.what() == position::kind::since)
    throw std::invalid_argument("antiphon: a feed begins at a cursor, at the oldest or at the latest message: polls "
                                "cannot ask for a time");
  if (options_.from.what() == position::kind::after) scanned_ = options_.from.last_seen();
}

ANTIPHON_DECL bool feed_state::next(delivery<item>& value) {
  if (ready_.empty()) return false;
  value = std::move(ready_.front().what);
  at_ = ready_.front().behind;
  ready_.pop_front();
  if (ready_.empty()) std::deque<place>().swap(ready_);
  return true;
}

ANTIPHON_DECL void feed_state::want() {
  if (step_ != step::ready) return;
  const auto time = now();
  if (time >= not_before_) return ask();
  step_ = step::resting;
  sleep(not_before_ - time);
}

ANTIPHON_DECL void feed_state::on_timer() {
  step_ = step::ready;
  go_on();
}

ANTIPHON_DECL void feed_state::drop() noexcept { give_up(); }

ANTIPHON_DECL void feed_state::ask() {
  step_ = step::hooking;
  client_request req(base_);
  if (!next_url_.empty()) req.url(next_url_);
  req.header("Accept", "application/json");
  if (const auto from = scanned_ ? to_string(*scanned_) : place_text(options_.from); !from.empty())
    req.header("Last-Event-ID", from);
  // Zero is said too: there is one resource for both kinds, perhaps.
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(options_.wait);
  req.header("Prefer", "wait=" + std::to_string(seconds.count()));
  if (seconds.count() == 0 && !etag_.empty()) req.header("If-None-Match", etag_);
  if (seconds.count() != 0) req.first_byte(seconds + std::chrono::seconds(15));
  req.max_body(options_.max_body);
  attempt(std::move(req));
}

ANTIPHON_DECL void feed_state::hook_failed() { end(error::hook_failed); }

ANTIPHON_DECL void feed_state::calling() {
  step_ = step::calling;
  asked_ = now();
}

ANTIPHON_DECL void feed_state::answered(error_code ec, client_response res) {
  step_ = step::ready;
  if (ec) {
    const bool hopeless = v0::detail::is_hopeless(ec) || ec == http::error::body_too_large;
    return hopeless ? end(ec) : failed(ec, {});
  }
  status_ = res.status();
  const auto code = http::code(status_);
  if (code == 200) return take(res);
  if (code == 304 && scanned_) return not_modified(res);
  if (code == 408 || code == 425 || code == 429 || code >= 500)
    return failed(error::unavailable, retry_after(res).value_or(duration::zero()));
  end(error::bad_status);
}

ANTIPHON_DECL void feed_state::not_modified(const client_response& res) {
  if (const auto link = http::find_link(res.header("Link"), "next"))
    if (const auto at = cursor_of_link(*link); at && at->log == scanned_->log && at->id >= scanned_->id) scanned_ = at;
  if (const auto tag = res.header("ETag"); !tag.empty()) etag_ = tag;
  rest_after(res, true);
  go_on();
}

ANTIPHON_DECL void feed_state::take(client_response& res) {
  const auto type = http::media_type::parse(res.header("Content-Type"));
  if (!type || !type->is_json()) return end(error::wrong_type);
  auto found = feed_answer::parse(res.body(), options_.max_items);
  if (!found) return end(error::bad_answer);
  const auto log = found->at.log;
  const bool other = found->other || (scanned_ && scanned_->log != log); // a server that forgets to say so
  if (ready_.empty()) at_ = scanned_;
  const cursor before = other || !scanned_ ? cursor{log, {}} : *scanned_;
  if (other) ready_.push_back({other_log{}, before});
  if (found->missed) ready_.push_back({*found->missed, before});
  for (auto& [id, m] : found->items) ready_.push_back({make_message(id, std::move(m)), {log, id}});
  if (!ready_.empty()) ready_.back().behind = found->at;
  scanned_ = found->at;
  etag_ = res.header("ETag");
  // Where the next one is, if that is the same server: others are not shown what the request has in it.
  if (const auto link = http::find_link(res.header("Link"), "next")) {
    const auto here = http::url::parse(res.url());
    const auto own = http::url::parse(base_.url());
    const auto to = here ? here->resolve(*link) : std::nullopt;
    if (to && own && to->origin() == own->origin()) next_url_ = to->text();
  }
  rest_after(res, found->items.empty());
  go_on();
}

/// When the next poll may be.
ANTIPHON_DECL void feed_state::rest_after(const client_response& res, bool empty) {
  failures_ = 0;
  works_ = true;
  if (const auto said = retry_after(res)) {
    not_before_ = v0::detail::later(now(), v0::detail::between(*said, *said + *said / 10));
    return;
  }
  // A long poll that waits needs no pace; a server that is stopping, for one, does not wait.
  const bool waits = options_.wait > duration::zero() && res.fields().contains("Preference-Applied") &&
                     now() - asked_ >= std::chrono::seconds(1);
  if (!empty || waits) return;
  not_before_ = v0::detail::later(
      now(), v0::detail::between(options_.pace - options_.pace / 10, options_.pace + options_.pace / 10));
}

ANTIPHON_DECL std::optional<duration> feed_state::retry_after(const client_response& res) const {
  const auto said = http::parse_retry_after(res.header("Retry-After"));
  return said ? std::optional((std::min)(*said, options_.longest_pace)) : std::nullopt;
}

ANTIPHON_DECL void feed_state::failed(error_code ec, duration at_least) {
  ++turn_;
  works_ = false;
  ++failures_;
  if (options_.attempts != 0 && failures_ >= options_.attempts) return end(ec);
  step_ = step::resting;
  sleep(at_least + v0::detail::backoff(options_.first_wait, options_.most_wait, failures_));
}

} // namespace detail
} // namespace polling
} // namespace v0
} // namespace antiphon
