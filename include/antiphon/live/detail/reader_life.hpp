// SPDX-License-Identifier: BSL-1.0
// reader_state: what it does.
#pragma once

#include <antiphon/client/detail/hopeless.hpp>
#include <antiphon/core/detail/backoff.hpp>
#include <antiphon/live/detail/reader_state.hpp>

#include <algorithm>
#include <stdexcept>

namespace antiphon {
inline namespace v0 {
namespace live {
namespace detail {

inline reader_options in_bounds(reader_options o) noexcept {
  for (auto* const length : {&o.wait, &o.pace, &o.prove, &o.first_probe, &o.most_probe, &o.first_wait, &o.most_wait})
    *length = v0::detail::bounded(*length);
  return o;
}

ANTIPHON_DECL reader_state::reader_state(client c, const reader_options& options)
    : pulled<delivery<item>>(c.get_executor()), client_(std::move(c)), options_(in_bounds(options)),
      probe_(options_.first_probe) {
  if (!options.stream.empty()) lanes_.push_back({way::sse, std::string(options.stream), false});
  if (!options.poll.empty()) lanes_.push_back({way::long_poll, std::string(options.poll), false});
  if (const auto url = options.short_poll.empty() ? options.poll : options.short_poll; !url.empty())
    lanes_.push_back({way::short_poll, std::string(url), false});
  if (lanes_.empty())
    throw std::invalid_argument("antiphon: live::reader has no URL: give it reader_options::stream, ::poll, or both");
  if (options.from.what() == position::kind::since)
    throw std::invalid_argument("antiphon: live::reader begins at a cursor, at the oldest or at the latest message: it "
                                "cannot ask for a time");
  if (options.from.what() == position::kind::after) read_ = given_ = options.from.last_seen();
}

ANTIPHON_DECL way reader_state::via() const noexcept {
  if (ended()) return way::none;
  if (stream_) return stream_->shared()->heard() ? way::sse : way::none;
  return feed_ && feed_->shared()->works() ? lanes_[at_].kind : way::none;
}

ANTIPHON_DECL bool reader_state::next(delivery<item>& value) {
  if (!ready_) return false;
  value = std::move(*ready_);
  ready_.reset();
  given_ = read_;
  return true;
}

ANTIPHON_DECL void reader_state::want() {
  if (resting_) return;
  if (at_ != 0 && now() >= probe_at_) { // a better way, perhaps; nothing that was read waits to be given
    leave();
    at_ = 0;
  }
  if (!stream_ && !feed_) begin();
  if (!receiving_ && !ended()) receive();
}

ANTIPHON_DECL void reader_state::on_timer() {
  resting_ = false;
  if (stream_ && !stream_->shared()->heard()) {
    if (receiving_) return failed(asio::error::timed_out); // somebody on the way collects it
    sleep(options_.prove);                                 // nobody wants it: it was not read either
  }
  go_on();
}

ANTIPHON_DECL void reader_state::drop() noexcept {
  ++turn_;
  stream_.reset();
  feed_.reset();
}

/// What a request says of where to go on.
ANTIPHON_DECL std::string reader_state::place() const {
  return read_ ? to_string(*read_) : polling::detail::place_text(options_.from);
}

ANTIPHON_DECL void reader_state::begin() {
  const auto& l = lanes_[at_];
  worked_ = false;
  began_ = now();
  client_request req(http::method::get, l.url);
  if (l.kind == way::sse) {
    const auto from = place();
    sse::event_source_options how;
    how.last_id = from;
    how.read_idle = options_.read_idle;
    how.first_wait = options_.first_wait;
    how.most_wait = options_.most_wait;
    how.attempts = lanes_.size() > 1 ? options_.attempts : 0;
    stream_.emplace(client_, std::move(req), how);
    if (hook_) stream_->before_attempt([self = this](client_request& r) { self->hook_(r); }); // it has the source
    if (lanes_.size() > 1) sleep(options_.prove);
    return;
  }
  polling::feed_options how;
  how.from = read_ ? position::after(*read_) : options_.from;
  how.wait = l.kind == way::long_poll ? options_.wait : duration::zero();
  how.pace = options_.pace;
  how.first_wait = options_.first_wait;
  how.most_wait = options_.most_wait;
  how.attempts = lanes_.size() > 1 ? options_.attempts : 0;
  feed_.emplace(client_, std::move(req), how);
  if (hook_) feed_->before_attempt([self = this](client_request& r) { self->hook_(r); });
  if (at_ == 0) return;
  probe_at_ = v0::detail::later(began_, v0::detail::between(probe_, probe_ + probe_ / 10));
  probe_ = (std::min)(2 * probe_, (std::max)(options_.most_probe, options_.first_probe));
  sleep(probe_at_ - began_);
}

/// Gives up the way in use. Where nothing that it has found is on its way here, its place is ours: it may have passed
/// over messages that were not for us.
ANTIPHON_DECL void reader_state::leave() {
  ++turn_;
  wake_early();
  probe_at_ = (time_point::max)();
  std::optional<cursor> place;
  if (stream_) {
    if (!receiving_ || stream_->shared()->waiting()) place = parse_cursor(stream_->last_id());
  } else if (feed_) {
    if (!receiving_ || feed_->shared()->waiting()) place = feed_->at();
  }
  if (place && (!read_ || place->log == read_->log)) {
    read_ = place;
    if (!ready_) given_ = read_;
  }
  receiving_ = false;
  stream_.reset();
  feed_.reset();
  ++switches_;
}

ANTIPHON_DECL void reader_state::receive() {
  receiving_ = true;
  const auto then = [self = counted_ptr<reader_state>(this), turn = turn_](error_code ec, auto&& value) {
    if (turn != self->turn_) return;
    self->receiving_ = false;
    self->arrived(ec, std::forward<decltype(value)>(value));
  };
  if (stream_) {
    stream_->async_receive([then](error_code ec, const sse::event& e) { then(ec, e); });
  } else {
    feed_->async_receive([then](error_code ec, delivery<item> d) { then(ec, std::move(d)); });
  }
}

ANTIPHON_DECL void reader_state::arrived(error_code ec, const sse::event& e) {
  if (ec) return ec == sse::error::no_content ? end(asio::error::eof) : failed(ec);
  worked();
  const auto place = e.id ? parse_cursor(*e.id) : std::nullopt;
  if (const auto missed = sse::gap_of(e)) return give(*missed, place);
  if (sse::is_other_log(e)) return give(other_log{}, place);
  if (place && read_ && place->log == read_->log && place->id <= read_->id) return go_on(); // it was read before
  const event_id id = place ? place->id : event_id{};
  std::string type = e.type == "message" ? std::string() : e.type;
  if (options_.subjects) {
    http::json_scanner in(e.data);
    auto m = http::detail::take_message(in);
    if (in.finish()) {
      m.event = std::move(type);
      return give(polling::detail::make_message(id, std::move(m)), place);
    }
  }
  give(polling::detail::make_message(id, {e.data, std::move(type), item::form::text}, {}), place);
}

ANTIPHON_DECL void reader_state::arrived(error_code ec, delivery<item> d) {
  if (ec) return failed(ec);
  worked();
  const auto place = feed_->at();
  give(std::move(d), place);
}

ANTIPHON_DECL void reader_state::give(delivery<item> what, const std::optional<cursor>& behind) {
  ready_ = std::move(what);
  if (behind) read_ = behind;
  go_on();
}

ANTIPHON_DECL void reader_state::worked() {
  worked_ = true;
  rounds_ = 0;
  for (auto& l : lanes_) l.hopeless = false;
  if (at_ == 0 && now() - began_ >= std::chrono::minutes(1)) probe_ = options_.first_probe;
}

ANTIPHON_DECL void reader_state::failed(error_code ec) {
  const auto& category = ec.category();
  auto& l = lanes_[at_];
  l.hopeless = category == sse::error_category() || v0::detail::is_hopeless(ec) ||
               (category == polling::error_category() && ec != polling::error::unavailable);
  leave();
  if (at_ + 1 < lanes_.size()) {
    ++at_;
    return go_on();
  }
  at_ = 0;
  if (std::all_of(lanes_.begin(), lanes_.end(), [](const lane& one) { return one.hopeless; })) return end(ec);
  resting_ = true;
  sleep(v0::detail::backoff(options_.first_wait, options_.most_wait, ++rounds_));
}

} // namespace detail
} // namespace live
} // namespace v0
} // namespace antiphon
