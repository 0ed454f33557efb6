// SPDX-License-Identifier: BSL-1.0
// connection: what is next after every entry, and the end.
#pragma once

#include <antiphon/server/detail/connection.hpp>

#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

ANTIPHON_DECL void connection::answer_timer() {
  const step guard(*this);
  if (closed() || !answer_) return;
  answer_->timer();
  settle();
}

/// Writes what is to be written; true when all of it is out.
ANTIPHON_FORCE_INLINE bool connection::flush_now() {
  if (!work_) return true;
  work& w = *work_;
  while (!w.out.empty()) {
    if (waiting_write_) return false;
    error_code ec;
    const auto buffers = w.out.buffers();
    const std::size_t n = io_write(buffers, ec);
    w.out.advance(n);
    if (!ec) continue;
    if (ec != asio::error::would_block && ec != asio::error::try_again) {
      die();
      return false;
    }
    wait_write(w.out.buffers());
    return false;
  }
  w.answered = 0;
  if (w.interim) std::exchange(w.interim, nullptr)->finish(error_code());
  return true;
}

ANTIPHON_DECL bool connection::flush() { return flush_now(); }

ANTIPHON_DECL void connection::on_writable(error_code ec, std::size_t n) {
  const step guard(*this);
  waiting_write_ = false;
  if (closed()) return;
  if (ec) return die();
  if (work_ && !work_->out.empty()) {
    work_->out.advance(n);
    if (!flush()) return;
    if (phase_ == phase::idle)
      set_deadline(server_->time.now() + (partial_head_ ? server_->options.head_time : server_->options.keep_alive));
    if (phase_ == phase::handling && !timed_out_) set_deadline(work_->due);
  } else if (answer_ && answer_begun_) {
    answer_->writable(ec, n);
  }
  settle();
}

/// After every entry: what is next.
ANTIPHON_DECL void connection::settle() {
  while (!closed() && phase_ != phase::lingering) {
    if (!flush_now()) return; // on_writable goes on
    if (phase_ == phase::answering) {
      if (!answer_begun_) {
        answer_begun_ = true;
        answer_->begin();
        if (draining() && !closed() && phase_ == phase::answering) answer_->drain();
        continue;
      }
      if (answer_->takes_input()) return watch();
    } else {
      if (answer_ && answer_->over()) answer_.reset();
      if (closing_ && phase_ != phase::body) {
        if (handler_running_) return;
        return finish_close();
      }
      if ((phase_ == phase::idle || phase_ == phase::body) && work_ && !work_->in.empty()) {
        const std::size_t left = work_->in.size();
        work_->now = server_->time.now();
        consume_buffered();
        if (phase_ != phase::idle || closing_ || work_->in.size() != left || !work_->out.empty()) continue;
      }
      if (phase_ == phase::idle && read_closed_ && !closing_) { // a client with one half left: no more will come
        closing_ = true;
        continue;
      }
    }
    break;
  }
  if (closed()) return;
  if (answered_) {
    answered_ = false;
    if (phase_ == phase::idle && !partial_head_) set_deadline(work_->now + server_->options.keep_alive);
  }
  if (work_ && work_->in.empty() && work_->out.empty() &&
      ((phase_ == phase::idle && work_->parser.idle()) || (phase_ == phase::answering && answer_begun_))) {
    server_->give_back(std::move(work_));
  }
  if (phase_ == phase::idle && server_->worth_looking() && !looking_ && !waiting_read_ && !work_) {
    looking_ = true;
    return server_->look_later(*this);
  }
  if (reading()) return work_->stream->reader ? wait_body() : watch();
  if (read_closed_) return watch();
  if (phase_ == phase::idle && draining() && !work_ && !looking_) return receive(false); // closes, if nothing is there
  if (work_ && work_->in.size() >= server_->options.max_ahead &&
      (phase_ == phase::handling || phase_ == phase::answering))
    return watch(); // enough was read ahead
  if (!looking_) wait_read();
}

ANTIPHON_DECL void connection::watch() noexcept {
  if ((phase_ != phase::handling && phase_ != phase::answering) || waiting_read_ || waiting_write_ || abandoned_)
    return;
  const auto at = server_->time.now() + std::chrono::seconds(1);
  if (at < server_->time.deadline(*this))
    set_deadline(at); // one that is nearer is the handler's, or of an earlier call
}

/// All that was to be said is out.
ANTIPHON_DECL void connection::finish_close() {
  const bool unread = work_ && !work_->in.empty(); // closing would reset the connection, and destroy the answer
  if ((!linger_ && !unread) || read_closed_) return die();
  io_shutdown_send();
  phase_ = phase::lingering;
  served_ = 0;
  if (work_) server_->give_back(std::move(work_));
  set_deadline(server_->time.now() + server_->options.linger);
  wait_read();
}

ANTIPHON_DECL void connection::begin_drain() {
  const step guard(*this);
  if (closed() || phase_ != phase::idle || looking_ || waiting_write_ || (work_ && !work_->in.empty())) return;
  receive(false); // a request may be here already; if not, the connection closes
}

ANTIPHON_DECL void connection::drain_answer() {
  const step guard(*this);
  if (phase_ != phase::answering || !answer_begun_) return;
  answer_->drain();
  settle();
}

ANTIPHON_DECL void connection::cut() {
  const step guard(*this);
  die();
}

/// Closes the stream and cancels what runs. What is in use is destroyed when the step ends.
ANTIPHON_DECL void connection::die() noexcept {
  if (closed()) return;
  const bool was_answering = phase_ == phase::answering;
  phase_ = phase::closed;
  io_close();
  if (was_answering) server_->counts.answering.fetch_sub(1, std::memory_order_relaxed);
  if (handler_running_) work_->cancel.emit(asio::cancellation_type::terminal);
  if (answer_) answer_->gone();
}

/// The end of a step: a closed connection of which nothing runs any more leaves the server.
ANTIPHON_DECL void connection::tidy() {
  if (!closed() || removed_) return;
  if (work_ && work_->interim) std::exchange(work_->interim, nullptr)->finish(asio::error::connection_reset);
  if (work_ && work_->stream) wake_reader(asio::error::connection_reset);
  if (handler_running_) return;
  if (answer_ && !answer_->over()) return;
  removed_ = true;
  answer_.reset();
  if (work_) {
    release_body(*work_);
    work_->in.clear();
    work_->out.clear();
    work_->stream.reset();
    server_->give_back(std::move(work_));
  }
  server_->time.unlink(*this);
  server_->remove(*this);
}

ANTIPHON_DECL void connection::abandon() noexcept {
  const counted_ptr<connection> self(this);
  phase_ = phase::closed;
  removed_ = true;
  if (work_ && work_->interim) std::exchange(work_->interim, nullptr)->destroy();
  if (work_ && work_->stream && work_->stream->reader) std::exchange(work_->stream->reader, nullptr)->destroy();
  if (answer_) answer_->abandon();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
