// SPDX-License-Identifier: BSL-1.0
// event_source_state: what it does.
#pragma once

#include <antiphon/client/detail/hopeless.hpp>
#include <antiphon/core/detail/backoff.hpp>
#include <antiphon/http/detail/waiting.hpp>
#include <antiphon/http/media_type.hpp>
#include <antiphon/sse/detail/event_source_state.hpp>
#include <antiphon/sse/error.hpp>

#include <algorithm>

namespace antiphon {
inline namespace v0 {
namespace sse {
namespace detail {

inline event_source_options in_bounds(event_source_options o) noexcept {
  for (auto* const length : {&o.first_wait, &o.most_wait, &o.longest_retry}) *length = v0::detail::bounded(*length);
  return o;
}

/// Whether it is no text that comes: it would be read for ever, and no event found. There are servers that say `none`,
/// so that nobody on the way compresses.
inline bool is_compressed(const http::fields& fields) noexcept {
  for (const std::string_view coding : {"gzip", "x-gzip", "deflate", "br", "zstd", "compress"})
    if (fields.has_token("Content-Encoding", coding)) return true;
  return false;
}

ANTIPHON_DECL event_source_state::event_source_state(client c, client_request req, const event_source_options& options)
    : attempting<event>(std::move(c), std::move(req),
                        "antiphon: an event_source sends its request again and again, and a coroutine's body is sent "
                        "once: give it the bytes"),
      options_(in_bounds(options)), decoder_({options.line, options.event}, std::string(options.last_id)) {}

ANTIPHON_DECL bool event_source_state::next(event& value) {
  if (events_.empty()) return false;
  value = std::move(events_[taken_]);
  given_id_ = value.id.value_or(std::string());
  if (++taken_ == events_.size()) {
    taken_ = 0;
    events_.clear();
    if (events_.capacity() > 8) events_.shrink_to_fit();
  }
  return true;
}

ANTIPHON_DECL void event_source_state::want() {
  if (step_ == step::begin) return begin();
  if (step_ == step::reading) read();
}

ANTIPHON_DECL void event_source_state::on_timer() {
  step_ = step::begin;
  go_on();
}

ANTIPHON_DECL void event_source_state::drop() noexcept {
  give_up();
  res_.reset();
}

ANTIPHON_DECL void event_source_state::begin() {
  step_ = step::hooking;
  client_request req(base_);
  req.header("Accept", "text/event-stream").header("Cache-Control", "no-cache");
  const auto& id = decoder_.last_event_id();
  // What cannot stand in a field cannot be said.
  if (!id.empty() && id.size() <= options_.longest_id && http::is_field_value(id)) req.header("Last-Event-ID", id);
  req.stream_response().idle(options_.read_idle).total((duration::max)());
  attempt(std::move(req));
}

ANTIPHON_DECL void event_source_state::hook_failed() { end(error::hook_failed); }

ANTIPHON_DECL void event_source_state::answered(error_code ec, client_response res) {
  if (ec) return v0::detail::is_hopeless(ec) ? end(ec) : lost(ec);
  status_ = res.status();
  if (status_ == http::status::no_content) return end(error::no_content);
  if (status_ != http::status::ok) return end(error::bad_status);
  const auto type = http::media_type::parse(res.header("Content-Type"));
  if (!type || !type->is("text/event-stream")) return end(error::wrong_type);
  if (is_compressed(res.fields())) return end(error::compressed);
  res_ = std::make_unique<client_response>(std::move(res));
  decoder_.reset();
  heard_ = got_event_ = false;
  opened_ = last_byte_ = now();
  step_ = step::reading;
  go_on();
}

ANTIPHON_DECL void event_source_state::read() {
  auto* const port = v0::detail::client_response_access::port(*res_);
  if (!port) { // a layer's own answer, or an empty one
    const auto all = res_->take_body();
    take(all);
    if (!ended()) lost({});
    return go_on();
  }
  for (int turn = 0; turn < 16; ++turn) {
    std::string_view piece;
    error_code ec;
    if (!port->read(piece, ec)) {
      step_ = step::waiting;
      auto woken = [self = counted_ptr<event_source_state>(this), at = turn_](error_code failure) {
        if (at != self->turn_) return;
        self->step_ = step::reading;
        if (failure) return self->lost(failure);
        self->go_on();
      };
      return port->body_wait(
          *v0::detail::park<http::detail::parked_wait>(std::move(woken), port->body_executor(), *port));
    }
    if (ec || piece.empty()) return lost(ec);
    take(piece);
    if (ended()) return;
    if (!events_.empty()) return go_on();
  }
  // Others have their turn.
  step_ = step::waiting;
  asio::post(executor(), [self = counted_ptr<event_source_state>(this), at = turn_] {
    if (at != self->turn_) return;
    self->step_ = step::reading;
    self->go_on();
  });
}

ANTIPHON_DECL void event_source_state::take(std::string_view bytes) {
  heard_ = true;
  last_byte_ = now();
  if (events_.empty()) given_id_ = decoder_.last_event_id();
  const bool fits = decoder_.feed(bytes, [this](const event& e) { events_.push_back(e); });
  got_event_ = got_event_ || !events_.empty();
  if (!fits) end(error::too_large);
}

ANTIPHON_DECL void event_source_state::lost(error_code ec) {
  ++turn_;
  if (res_ && (got_event_ || last_byte_ - opened_ >= options_.healthy)) failures_ = 0;
  res_.reset();
  if (!ec) ec = asio::error::eof;
  ++failures_;
  if (options_.attempts != 0 && failures_ >= options_.attempts) return end(ec);
  step_ = step::resting;
  const auto said = (std::clamp)(decoder_.retry().value_or(duration::zero()), duration::zero(), options_.longest_retry);
  sleep(said + v0::detail::backoff(options_.first_wait, options_.most_wait, failures_));
}

} // namespace detail
} // namespace sse
} // namespace v0
} // namespace antiphon
