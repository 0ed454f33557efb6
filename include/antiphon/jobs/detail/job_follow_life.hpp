// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/detail/hopeless.hpp>
#include <antiphon/core/detail/backoff.hpp>
#include <antiphon/http/link.hpp>
#include <antiphon/http/media_type.hpp>
#include <antiphon/http/retry_after.hpp>
#include <antiphon/http/url.hpp>
#include <antiphon/jobs/detail/job_follow.hpp>
#include <antiphon/jobs/error.hpp>
#include <antiphon/jobs/job_id.hpp>
#include <antiphon/sse/event_source.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

inline bool may_heal(http::status s) noexcept {
  const auto code = http::code(s);
  return code == 408 || code == 425 || code == 429 || code >= 500;
}

/// The URL of a field's reference; nothing where it leads to another server, which is shown nothing of ours.
inline std::optional<std::string> same_server(const client_response& res, std::string_view reference) {
  const auto here = http::url::parse(res.url());
  const auto to = here ? here->resolve(reference) : std::nullopt;
  if (!to || to->origin() != here->origin()) return std::nullopt;
  return to->text();
}

/// Where the events of a job are.
inline std::optional<std::string> monitor_of(const client_response& res) {
  for (const auto& f : res.fields())
    if (http::iequals(f.name, "Link"))
      if (const auto to = http::find_link(f.value, "monitor")) return same_server(res, *to);
  return std::nullopt;
}

/// What an event says of the progress; it does not tell the media type.
inline std::optional<job_event> progress_of(sse::event&& e) {
  job_event made{job_event::kind::progress, std::string(bytes_type), {}};
  if (e.type == "progress-base64") {
    auto bytes = http::base64_decode(e.data);
    if (!bytes) return std::nullopt;
    made.bytes = shared_buffer(*std::move(bytes));
  } else {
    http::json_scanner in(e.data);
    in.skip();
    made.type = in.finish() ? json_type : text_type;
    made.bytes = shared_buffer(std::move(e.data));
  }
  return made;
}

inline error_code problem_error(http::status s) noexcept {
  return s == http::status::not_found || s == http::status::gone ? error::no_such_job : error::bad_answer;
}

/// Throws for one that is over and has no result.
inline remote_status checked(remote_status&& s) {
  if (s.state == job_state::failed) throw job_failure(*s.error);
  if (s.state == job_state::cancelled)
    throw system_error(make_error_code(s.error->status() == http::status::service_unavailable ? error::shutting_down
                                                                                              : error::cancelled),
                       "a job");
  return std::move(s);
}

/// Waits for one job.
class job_follower {
 public:
  job_follower(client c, std::string url, const await_options& o, std::shared_ptr<progress_hook> hook)
      : client_(std::move(c)), url_(std::move(url)), options_(o), hook_(std::move(hook)), events_(o.events) {}

  asio::awaitable<remote_status> run() {
    while (true) {
      auto res = co_await ask();
      if (!res) continue;
      bool news = false;
      if (res->status() != http::status::not_modified) {
        auto s = remote_status::parse(res->body());
        if (!s) throw system_error(make_error_code(error::bad_answer), url_);
        if (is_over(s->state)) {
          tell(s->progress);
          co_return *std::move(s);
        }
        news = tag_ != res->header("ETag");
        tag_ = res->header("ETag");
        auto events = monitor_of(*res);
        if (events && events_) {
          auto end = co_await follow(*std::move(events));
          if (end) co_return *std::move(end);
          continue;
        }
        tell(s->progress);
      }
      co_await rest(*res, news);
    }
  }

 private:
  using answer = std::optional<client_response>;

  /// Nothing: it failed in a way that may heal, and the pause is over.
  asio::awaitable<answer> ask() {
    client_request req(http::method::get, url_);
    req.header("Accept", "application/json").max_body(options_.max_body);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(v0::detail::bounded(options_.wait));
    // The first one says where there are events, and how far the job is: it does not wait.
    // Nor does the next one where that has failed: perhaps the server lets nobody wait, or somebody on the way.
    waits_ = seconds.count() != 0 && failures_ == 0 && (asked_before_ || (!events_ && !hook_));
    asked_to_wait_ = asked_to_wait_ || waits_;
    if (waits_) req.header("Prefer", "wait=" + std::to_string(seconds.count())).first_byte(seconds * 2 + margin);
    // Who wants to hear of progress waits for any change.
    if (!tag_.empty() && (hook_ || !waits_)) req.header("If-None-Match", tag_);
    asked_at_ = now();
    error_code failed;
    duration at_least{};
    try {
      auto res = co_await client_.send(std::move(req));
      if (res.status() == http::status::ok || res.status() == http::status::not_modified) {
        failures_ = 0;
        asked_before_ = true;
        co_return std::move(res);
      }
      if (!may_heal(res.status())) throw system_error(problem_error(res.status()), url_);
      if (const auto said = http::parse_retry_after(res.header("Retry-After")))
        at_least = (std::min)(*said, options_.longest_pace);
    } catch (const system_error& e) {
      failed = e.code();
    }
    if (failed == asio::error::operation_aborted || failed.category() == error_category() ||
        failed == http::error::body_too_large || v0::detail::is_hopeless(failed))
      throw system_error(failed, url_);
    if (++failures_ == options_.attempts) throw system_error(make_error_code(error::lost), url_);
    const auto pause = v0::detail::backoff(options_.first_wait, options_.most_wait, failures_);
    co_await sleep_for((std::max)(pause, at_least));
    co_return answer();
  }

  /// The pace of the server, but where it has let this poll wait. `news`: the answer is another one than before.
  asio::awaitable<void> rest(const client_response& res, bool news) {
    const auto took = now() - asked_at_;
    const bool waited =
        waits_ && res.fields().contains("Preference-Applied") && ((news && hook_) || took >= std::chrono::seconds(1));
    const bool may_wait = options_.wait > duration::zero() && !asked_to_wait_; // the next one says whether it can
    duration pause{};
    if (!waited && !may_wait) {
      const auto said = http::parse_retry_after(res.header("Retry-After"));
      pause = said ? (std::min)(*said, options_.longest_pace) : options_.pace;
      pause = v0::detail::between(pause - pause / 10, pause + pause / 10);
    }
    // Whatever the server says: it is not asked more often than the program would, or ten times a second.
    pause = (std::max)(pause, (std::min)(options_.pace, duration(std::chrono::milliseconds(100))) - took);
    if (pause > duration::zero()) co_await sleep_for(pause);
  }

  /// Nothing: there are no events after all, so it waits or polls from now on.
  asio::awaitable<std::optional<remote_status>> follow(std::string url) {
    sse::event_source_options o;
    o.first_wait = options_.first_wait;
    o.most_wait = options_.most_wait;
    o.event = static_cast<std::size_t>(options_.max_body);
    o.line = o.event + 64; // a status is one line
    o.attempts = options_.attempts;
    sse::event_source events(client_, std::move(url), o);
    error_code ended;
    while (true) {
      std::optional<sse::event> e;
      try {
        e = co_await events.async_receive(asio::use_awaitable);
      } catch (const system_error& x) {
        ended = x.code();
        if (ended == asio::error::operation_aborted) throw;
      }
      if (!e) break;
      if (e->type == "progress" || e->type == "progress-base64") {
        const auto progress = progress_of(*std::move(e));
        if (!progress || !hook_) continue;
        told_ = progress->bytes;
        hook_->call(payload::view_of(progress->bytes.view(), progress->type));
      } else if (e->type == "state") {
        auto s = remote_status::parse(e->data);
        if (!s) break;
        if (is_over(s->state)) co_return s;
      }
    }
    events_ = false;
    // The server was tried often enough: one more time says whether it is the events alone.
    if (ended && ended.category() != sse::error_category() && options_.attempts != 0) failures_ = options_.attempts - 1;
    co_return std::nullopt;
  }

  void tell(const std::optional<job_event>& progress) {
    if (!progress || !hook_) return;
    if (told_ && told_->view() == progress->bytes.view()) return;
    told_ = progress->bytes;
    hook_->call(payload::view_of(progress->bytes.view(), progress->type));
  }
  time_point now() { return v0::detail::time_of(client_.get_executor()).now(); }

  static constexpr duration margin = std::chrono::seconds(15);

  const client client_;
  const std::string url_;
  const await_options options_;
  const std::shared_ptr<progress_hook> hook_;
  bool events_;
  bool asked_before_ = false, asked_to_wait_ = false, waits_ = false;
  std::string tag_;
  std::optional<shared_buffer> told_;
  time_point asked_at_{};
  unsigned failures_ = 0;
};

/// On the executor of the client, for itself.
inline asio::awaitable<void> ask_to_end(client c, std::string url) {
  try {
    co_await c.send(client_request(http::method::del, std::move(url)));
  } catch (const std::exception&) { // nobody is there to be told
  }
}

ANTIPHON_DECL asio::awaitable<remote_status> follow_job(client c, std::string url, await_options options,
                                                        std::shared_ptr<progress_hook> hook) {
  const auto cancelled = co_await asio::this_coro::cancellation_state;
  job_follower follower(c, url, options, std::move(hook));
  std::exception_ptr failed;
  try {
    auto s = co_await follower.run();
    co_return checked(std::move(s));
  } catch (...) {
    failed = std::current_exception();
  }
  if (options.cancel_job && cancelled.cancelled() != asio::cancellation_type::none)
    asio::co_spawn(c.get_executor(), ask_to_end(c, url), [](std::exception_ptr) {});
  std::rethrow_exception(failed);
}

ANTIPHON_DECL asio::awaitable<std::string> submit_job(client c, client_request req) {
  if (req.header("Idempotency-Key").empty()) req.idempotency_key('"' + to_string(id_source().next()) + '"');
  auto res = co_await c.send(std::move(req));
  const auto code = http::code(res.status());
  if (code >= 400) {
    const auto type = http::media_type::parse(res.header("Content-Type"));
    http::json_scanner in(res.body());
    auto problem = type && type->is_json() ? take_problem(in, res.status()) : http::problem(res.status());
    throw job_failure(in.finish() ? std::move(problem) : http::problem(res.status()));
  }
  const auto location = res.header("Location");
  const auto here = http::url::parse(res.url());
  const auto to = here && !location.empty() ? here->resolve(location) : std::nullopt;
  if (!to) throw system_error(make_error_code(error::bad_answer), "the answer has no Location");
  co_return to->text();
}

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
