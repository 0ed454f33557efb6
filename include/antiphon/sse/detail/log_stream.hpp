// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random.hpp>
#include <antiphon/core/log.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/chunk.hpp>
#include <antiphon/http/flow.hpp>
#include <antiphon/http/message_json.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/http/resume.hpp>
#include <antiphon/sse/detail/event_types.hpp>
#include <antiphon/sse/encoder.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace sse {

/// Where the subject of a message stands in its event, in a log that has subjects.
enum class subject_in : unsigned char {
  automatic, ///< `data` where the log has several subjects, else `nowhere`
  nowhere,   ///< the data is the payload as it is
  type,      ///< it is the type of the event, unless the payload has a name
  data,      ///< the data is {"subject","data"}, as in the items of polls
};

namespace detail {

using v0::detail::counted_ptr;
using v0::detail::log_reader;

/// Events, framed as a chunk of a body.
class event_run final : public v0::detail::encoded {
 public:
  explicit event_run(std::string_view events) : piece(events) {}
  const http::chunk piece;
};

/// The id of an event: its cursor.
inline void append_place(std::string& out, const cursor& at) {
  out.append("id: ");
  http::detail::append_cursor(out, at);
  out.push_back('\n');
}

/// Each message an event: its cursor, its type if it has one, and its payload as data.
class event_format final : public v0::detail::format {
 public:
  explicit constexpr event_format(subject_in s) noexcept : subject_(s) {}

  counted_ptr<v0::detail::encoded> encode(std::uint64_t log,
                                          std::span<const v0::detail::entry_ptr> run) const override {
    std::string out, item;
    for (const auto& m : run) {
      const payload bytes = m->bytes();
      append_place(out, {log, m->id});
      auto type = bytes.name();
      if (type.empty() && subject_ == subject_in::type) type = m->subject();
      if (!type.empty()) append_type(out, type);
      if (subject_ == subject_in::data) {
        item.assign("{");
        http::detail::append_member(item, "subject", m->subject());
        http::detail::append_data_member(item, bytes);
        item.push_back('}');
        append_data(out, item);
      } else {
        append_data(out, bytes.bytes());
      }
      out.push_back('\n');
    }
    return counted_ptr<v0::detail::encoded>(new event_run(out));
  }

 private:
  const subject_in subject_;
};
inline const event_format plain_events(subject_in::nowhere);
inline const event_format typed_events(subject_in::type);
inline const event_format events_with_subjects(subject_in::data);

/// The fields of every stream: nobody on the way keeps or collects it.
inline http::fields stream_fields() { return {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}; }

/// The settings of a stream that a flow keeps.
struct stream_settings {
  std::chrono::milliseconds heartbeat, retry;
  bool disconnect, coalesce;
  subject_in subject;
  bool until_closed;
};

/// One client of a log: a place in it, and a timer.
class log_stream final : public http::flow {
  using result = log_reader::result;

 public:
  log_stream(const log_view& log, const position& from, const stream_settings& s)
      : reader_(log.log(), log.what(), from, s.coalesce), disconnect_(s.disconnect), subject_(s.subject),
        resumes_(from.what() == position::kind::after), until_closed_(s.until_closed), heartbeat_(small(s.heartbeat)),
        retry_(small(s.retry)) {}
  ~log_stream() override { leave(); }

  step run(http::exchange& to, event what) override {
    switch (what) {
    case event::start: return start(to);
    case event::timer: return beat(to);
    case event::drain: return until_closed_ ? step::wait : say_goodbye(to);
    case event::drained: leave(); break; // a heartbeat was in the way, or keeps_up() has joined
    case event::wake: break;
    }
    return go_on(to);
  }

  bool keeps_up(http::exchange& to) override {
    while (disconnect_ && !reader_.join(to.executor(), *this)) // more was published while the socket is full
      if (reader_.lags()) return false;
    return true;
  }

 private:
  static constexpr std::size_t in_flight = 64 * 1024; // bytes
  static constexpr std::size_t most = 1024;           // messages, however small

  step start(http::exchange& to) {
    // The first read decides what the head says.
    gap missed;
    const auto first = reader_.read(events(), most, in_flight, first_, missed);
    if (first == result::closed) {
      to.reply(http::response(http::status::no_content));
      return step::end;
    }
    auto fields = stream_fields();
    if (resumes_)
      fields.add(http::resume_field,
                 http::detail::resume_value(first == result::missed ? &missed : nullptr, first == result::other));
    to.start(http::status::ok, stream_type, fields);
    std::string out = hint(retry());
    append_told(out, first, missed);
    if (heartbeat() > duration::zero()) to.timer(heartbeat());
    return send(to, http::chunk(out)) ? go_on(to) : full(to);
  }

  step go_on(http::exchange& to) {
    if (const auto run = std::exchange(first_, {}); run && !send(to, piece_of(*run))) return full(to);
    for (;;) {
      counted_ptr<v0::detail::encoded> run;
      gap missed;
      const auto found = reader_.read(events(), most, in_flight, run, missed);
      if (found == result::closed) return step::end;
      if (found == result::nothing) {
        if (reader_.join(to.executor(), *this)) return step::wait;
      } else if (found == result::messages) {
        if (!send(to, piece_of(*run))) return full(to);
      } else {
        std::string out;
        append_told(out, found, missed);
        if (!send(to, http::chunk(out))) return full(to);
      }
    }
  }

  /// The socket is full: event::drained comes when it is not. Who is to be cut if it falls behind is woken meanwhile,
  /// by what is published from now on: how far it is behind already says nothing of how fast it reads.
  step full(http::exchange& to) {
    while (disconnect_ && !reader_.join(to.executor(), *this)) reader_.lags();
    return step::wait;
  }

  /// An event for what is no message.
  void append_told(std::string& out, result found, const gap& missed) const {
    if (found != result::missed && found != result::other) return;
    append_place(out, reader_.at());
    append_type(out, found == result::missed ? gap_type : other_log_type);
    std::string data;
    if (found == result::missed) http::detail::append_gap(data, reader_.at().log, missed);
    append_data(out, data);
    out.push_back('\n');
  }

  step beat(http::exchange& to) {
    const auto due = last_ + heartbeat();
    const auto now = to.now();
    if (now < due) {
      to.timer(due - now);
      return step::wait;
    }
    // Where messages are picked out, the place moves on without one: a blank line behind an id tells it, and is no
    // event.
    std::string out;
    if (reader_.what()) {
      append_place(out, reader_.at());
    } else {
      append_comment(out);
    }
    out.push_back('\n');
    to.timer(heartbeat());
    send(to, http::chunk(out));
    return step::wait;
  }

  step say_goodbye(http::exchange& to) {
    send(to, http::chunk(hint(v0::detail::between(retry(), 2 * retry()))));
    return step::end;
  }

  const event_format& events() const noexcept {
    switch (subject_) {
    case subject_in::type: return typed_events;
    case subject_in::data: return events_with_subjects;
    case subject_in::automatic:
      if (reader_.what() && reader_.what()->several_subjects()) return events_with_subjects;
      break;
    case subject_in::nowhere: break;
    }
    return plain_events;
  }

  bool send(http::exchange& to, const http::chunk& piece) {
    last_ = to.now();
    return to.write(piece);
  }
  static const http::chunk& piece_of(const v0::detail::encoded& run) noexcept {
    return static_cast<const event_run&>(run).piece;
  }

  // Kept small: there are as many of these as there are clients.
  static std::uint32_t small(std::chrono::milliseconds length) noexcept {
    return static_cast<std::uint32_t>((std::clamp)(length.count(), std::int64_t{0}, std::int64_t{0xffffffff}));
  }
  duration heartbeat() const noexcept { return std::chrono::milliseconds(heartbeat_); }
  duration retry() const noexcept { return std::chrono::milliseconds(retry_); }

  [[no_unique_address]] log_reader reader_; // what follows stands in its tail
  const bool disconnect_;
  const subject_in subject_;
  const bool resumes_, until_closed_;
  const std::uint32_t heartbeat_, retry_;  // milliseconds
  counted_ptr<v0::detail::encoded> first_; // what the first read gave, until it is written
  time_point last_{};                      // when it wrote
};

} // namespace detail
} // namespace sse
} // namespace v0
} // namespace antiphon
