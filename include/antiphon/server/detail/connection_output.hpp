// SPDX-License-Identifier: BSL-1.0
// The answering half of connection: handlers, answers, and the end.
#pragma once

#include <antiphon/server/detail/body_answer.hpp>
#include <antiphon/server/detail/connection.hpp>
#include <antiphon/server/detail/flow_answer.hpp>
#include <antiphon/server/detail/upgrade_answer.hpp>

#include <array>
#include <charconv>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// True if a hook has answered, or has thrown; the answer is in the work.
inline bool connection::run_before(work& w) {
  if (w.to->first_waiting == 0) return false;
  try {
    return w.to->before(0, w.to->first_waiting, w.req, w.res);
  } catch (...) {
    report(std::current_exception(), http::to_string(w.req.method()), w.to->pattern);
    w.res.assign(response(http::status::internal_server_error));
    return true;
  }
}

inline void connection::dispatch(work& w) {
  if (w.to->waits) return start_handler(w);
  try {
    w.to->handle->call(w.req, w.res);
  } catch (...) {
    report(std::current_exception(), http::to_string(w.req.method()), w.to->pattern);
    w.res.assign(response(http::status::internal_server_error));
  }
  if (w.to->first_waiting != 0) run_after(w);
  emit(w);
}

inline void connection::run_after(work& w) {
  try {
    w.to->after(0, w.to->first_waiting, w.req, w.res);
  } catch (...) {
    report(std::current_exception(), http::to_string(w.req.method()), w.to->pattern);
    w.res.assign(response(http::status::internal_server_error));
  }
}

/// An answer of the server's own to a request that is routed: the layers' `after` see it.
inline void connection::fail_request(work& w, http::status code) {
  w.res.assign(response(code, std::string(http::reason(code)) + "\n", response::plain_text));
  phase_ = phase::idle;
  run_after(w);
  emit(w);
}

/// The completion of a handler's coroutine.
struct handler_done {
  counted_ptr<connection> self;
  void operator()(std::exception_ptr e) const { self->handler_ended(std::move(e)); }
};

inline void connection::start_handler(work& w) {
  own_request(w);
  phase_ = phase::handling;
  timed_out_ = abandoned_ = false;
  w.due = w.to->timeout > duration::zero() ? w.now + w.to->timeout : time_point::max();
  if (!waiting_write_) set_deadline(w.due);
  server_->counts.handling.fetch_add(1, std::memory_order_relaxed);
  handler_running_ = starting_ = true;
  ended_inline_ = false;
  // The coroutine is a plain function with parameters: nothing of a closure can dangle.
  struct coroutine {
    static asio::awaitable<void> run(work* at) {
      // Named first, then moved: a temporary would be destroyed twice by some compilers.
      response made = co_await next_layer::from(*at->to, at->to->first_waiting, at->req);
      at->res.assign(std::move(made));
    }
    static asio::awaitable<void> run_handler(work* at) {
      response made = co_await at->to->handle->start(at->req);
      at->res.assign(std::move(made));
    }
  };
  const bool bare = w.to->first_waiting == w.to->layers.size();
  asio::co_spawn(executor(), bare ? coroutine::run_handler(&w) : coroutine::run(&w),
                 asio::bind_cancellation_slot(w.cancel.slot(), handler_done{counted_ptr<connection>(this)}));
  starting_ = false;
  if (ended_inline_) handler_ended(nullptr);
}

inline void connection::handler_ended(std::exception_ptr e) {
  const step guard(*this);
  if (starting_) { // it completed inside co_spawn: its exception was kept in the work's response
    ended_inline_ = true;
    if (e) {
      report(e, http::to_string(work_->req.method()), work_->to->pattern);
      work_->res.assign(response(http::status::internal_server_error));
    }
    return;
  }
  handler_running_ = false;
  server_->counts.handling.fetch_sub(1, std::memory_order_relaxed);
  work& w = *work_;
  w.cancel.slot().clear();
  if (closed() || abandoned_) {
    w.res = response(); // what it made goes now, and not when this work is used next
    if (w.to->completes && !abandoned_) complete(w, http::status(), 0, true);
    return die();
  }
  w.now = server_->time.now();
  if (timed_out_) {
    w.res.assign(response(http::status::service_unavailable));
  } else if (e) {
    report(std::move(e), http::to_string(w.req.method()), w.to->pattern);
    w.res.assign(response(http::status::internal_server_error));
  }
  run_after(w);
  emit(w);
  settle();
}

/// Writes the answer that is in the work, or begins it.
inline void connection::emit(work& w) {
  response& res = w.res;
  ++w.answered;
  if (res.what() == response::kind::bytes) [[likely]]
    return emit_whole(w, res, nullptr);
  switch (res.what()) {
  case response::kind::bytes:
  case response::kind::shared: return emit_whole(w, res, nullptr);
  case response::kind::flow:
    answer_ = std::make_unique<flow_answer>(*this, res.take_flow(), res.fields(), record_of(w, http::status::ok));
    break;
  case response::kind::body:
    if (head_only_) {
      const std::size_t before = w.out.text().size();
      write_head(w.out.text(), res.status(), res, length_kind::chunked, 0);
      if (w.to->completes) complete(w, res.status(), w.out.text().size() - before);
      res = response();
      return finish_exchange(w);
    }
    if (http_1_0_) keep_ = false;
    answer_ = std::make_unique<body_answer>(*this, res, record_of(w, res.status()));
    break;
  case response::kind::upgrade:
    if (!request_access::head(w.req).upgrade) {
      res = response(http::status::upgrade_required, "this resource is reached by an Upgrade request\n",
                     response::plain_text);
      return emit_whole(w, res, nullptr);
    }
    answer_ = std::make_unique<upgrade_answer>(*this, w, record_of(w, http::status::switching_protocols));
    break;
  }
  phase_ = phase::answering;
  answer_begun_ = false;
  if (!waiting_write_) set_deadline(time_point::max()); // else earlier answers wait to go out: their time runs
  server_->counts.answering.fetch_add(1, std::memory_order_relaxed);
  if (w.reserved != 0) release_body(w);
}

inline void connection::emit_whole(work& w, response& res, exchange_record* record) {
  auto code = res.status();
  if (http::is_informational(code)) [[unlikely]] { // a handler cannot end an exchange with an interim response
    res.assign(response(http::status::internal_server_error));
    code = res.status();
  }
  const std::size_t size = res.body().size();
  const bool bare = http::bodiless(code);
  const bool sends = !bare && !head_only_;
  const bool joins = sends && size <= outbox::small_body;
  auto& text = w.out.text();
  const std::size_t before = text.size();
  write_head(text, code, res, bare ? length_kind::none : length_kind::known, size, joins ? res.body() : std::string_view());
  std::uint64_t bytes_out = text.size() - before;
  if (sends && !joins) {
    bytes_out += size;
    if (res.what() == response::kind::shared) {
      w.out.body(res.take_shared());
    } else {
      w.out.body(res.take_bytes());
    }
  }
  if (!sends) res = response(); // a large body is not kept in the pool
  if (record) {
    record->summary.status = code;
    record->summary.bytes_out += bytes_out;
  } else if (w.to && w.to->completes) {
    complete(w, code, bytes_out);
  }
  finish_exchange(w);
}

inline void connection::finish_exchange(work& w) {
  if (w.reserved != 0) release_body(w);
  if (!keep()) close_behind();
  phase_ = skipping_ ? phase::body : phase::idle;
  if (skipping_) {
    set_deadline(w.now + server_->options.body_idle);
  } else {
    answered_ = true; // settle() sets the deadline, once for all that was answered
  }
}

/// The collected body was used. A large one is not kept in the pool.
inline void connection::release_body(work& w) noexcept {
  server_->unreserve(std::exchange(w.reserved, 0));
  auto& kept = request_access::owned_body(w.req);
  if (kept.capacity() > scratch::size) kept = std::string();
}

/// An answer to what is no request: no layer sees it.
inline void connection::refuse(work& w, http::status code, std::string_view why) {
  server_->counts.refused.fetch_add(1, std::memory_order_relaxed);
  if (w.reserved != 0) release_body(w);
  w.res.assign(response(code, std::string(why) + "\n", response::plain_text));
  phase_ = phase::idle;
  w.to = nullptr;
  linger_ = true;
  emit_whole(w, w.res, nullptr);
  closing_ = true;
}

inline void connection::refuse_connection() {
  const step guard(*this);
  server_->time.link(*this, server_->time.now() + server_->options.head_time);
  work& w = need_work();
  w.now = server_->time.now();
  keep_ = false;
  refuse(w, http::status::service_unavailable, "the server has as many connections as it takes: try again later");
  settle();
}

/// One reservation, then plain copies: this is what most of an answer's instructions are spent on.
inline void connection::write_head(byte_buffer& out, http::status code, const response& res, length_kind how,
                                   std::uint64_t length, std::string_view body) {
  const auto fields = res.fields().wire();
  const auto type = res.content_type();
  char* const begin = out.prepare(server_->status_room() + type.size() + fields.size() + 128 + body.size());
  char* at = server_->put_status(begin, code, work_ ? work_->now : server_->time.now());
  if (!type.empty()) at = put(put(put(at, "Content-Type: "), type), "\r\n");
  if (!fields.empty()) at = put(at, fields);
  if (how == length_kind::known) {
    at = put(at, "Content-Length: ");
    at = put(std::to_chars(at, at + 24, length).ptr, "\r\n");
  } else if (how == length_kind::chunked && !http_1_0_) {
    at = put(at, "Transfer-Encoding: chunked\r\n");
  }
  if (!keep()) [[unlikely]] {
    at = put(at, "Connection: close\r\n");
  } else if (http_1_0_) {
    at = put(at, "Connection: keep-alive\r\n");
  }
  at = put(at, "\r\n");
  if (!body.empty()) at = put(at, body);
  out.commit(static_cast<std::size_t>(at - begin));
}

inline void connection::append_upgrade_head(byte_buffer& out, const response& res, std::string_view protocol) {
  char* const begin = out.prepare(server_->status_room());
  out.commit(static_cast<std::size_t>(
      server_->put_status(begin, http::status::switching_protocols, server_->time.now()) - begin));
  out.append(res.fields().wire()).append("Connection: Upgrade\r\nUpgrade: ").append(protocol).append("\r\n\r\n");
}

inline void connection::complete(work& w, http::status code, std::uint64_t bytes_out, bool cut) {
  exchange_summary s;
  s.method = w.req.method();
  s.status = code;
  s.cut = cut;
  s.route = w.to->pattern;
  s.bytes_in = w.bytes_in;
  s.bytes_out = bytes_out;
  s.took = server_->time.now() - w.began;
  std::string peer;
  if (w.to->wants_target()) {
    s.target = w.req.target();
    if (const auto id = w.req.notes().get("request-id")) s.id = *id;
    peer = io_peer();
    s.peer = peer;
  }
  for (auto* l : w.to->layers)
    if (l->has_complete) l->complete(s);
}

inline std::unique_ptr<exchange_record> connection::record_of(work& w, http::status code) {
  if (!w.to->completes) return nullptr;
  auto made = std::make_unique<exchange_record>();
  made->to = w.to;
  made->began = w.began;
  made->summary.method = w.req.method();
  made->summary.status = code;
  made->summary.route = w.to->pattern;
  made->summary.bytes_in = w.bytes_in;
  if (w.to->wants_target()) {
    made->target = w.req.target();
    if (const auto id = w.req.notes().get("request-id")) made->id = *id;
    made->peer = io_peer();
  }
  return made;
}

inline void connection::report(std::exception_ptr e, std::string_view verb, std::string_view pattern) const noexcept {
  try {
    std::string where(verb);
    where.append(" ").append(pattern.empty() ? std::string_view("(no route)") : pattern);
    server_->routes.report(std::move(e), where);
  } catch (...) { // no memory for the name
    server_->routes.report(std::move(e), verb);
  }
}

inline void connection::answer_over(bool keep_on) {
  server_->counts.answering.fetch_sub(1, std::memory_order_relaxed);
  if (!keep_on || !keep()) close_behind();
  phase_ = skipping_ ? phase::body : phase::idle;
  set_deadline(server_->time.now() + (skipping_ ? server_->options.body_idle : server_->options.keep_alive));
}

inline void connection::reply(response&& whole, exchange_record* record) {
  work& w = need_work();
  w.now = server_->time.now();
  w.to = nullptr;
  w.res.assign(std::move(whole));
  server_->counts.answering.fetch_sub(1, std::memory_order_relaxed);
  emit_whole(w, w.res, record);
}

inline void connection::answer_timer() {
  const step guard(*this);
  if (closed() || !answer_) return;
  answer_->timer();
  settle();
}

/// Writes what is to be written; true when all of it is out.
inline bool connection::flush() {
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

inline void connection::on_writable(error_code ec, std::size_t n) {
  const step guard(*this);
  waiting_write_ = false;
  if (closed()) return;
  if (ec) return die();
  if (work_ && !work_->out.empty()) {
    work_->out.advance(n);
    if (!flush()) return;
    if (phase_ == phase::idle) set_deadline(server_->time.now() + server_->options.keep_alive);
    if (phase_ == phase::handling && !timed_out_) set_deadline(work_->due);
  } else if (answer_ && answer_begun_) {
    answer_->writable(ec, n);
  }
  settle();
}

/// After every entry: what is next.
inline void connection::settle() {
  while (!closed() && phase_ != phase::lingering) {
    if (!flush()) return; // on_writable goes on
    if (phase_ == phase::answering) {
      if (!answer_begun_) {
        answer_begun_ = true;
        answer_->begin();
        if (draining() && !closed() && phase_ == phase::answering) answer_->drain();
        continue;
      }
      if (answer_->takes_input()) return;
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
  if (read_closed_) return;
  if (phase_ == phase::idle && draining() && !work_ && !looking_) return receive(false); // closes, if nothing is there
  if (work_ && work_->in.size() >= server_->options.max_ahead &&
      (phase_ == phase::handling || phase_ == phase::answering))
    return; // enough was read ahead
  if (!looking_) wait_read();
}

/// All that was to be said is out.
inline void connection::finish_close() {
  const bool unread = work_ && !work_->in.empty(); // closing would reset the connection, and destroy the answer
  if ((!linger_ && !unread) || read_closed_) return die();
  io_shutdown_send();
  phase_ = phase::lingering;
  served_ = 0;
  if (work_) server_->give_back(std::move(work_));
  set_deadline(server_->time.now() + server_->options.linger);
  wait_read();
}

inline void connection::begin_drain() {
  const step guard(*this);
  if (closed() || phase_ != phase::idle || looking_ || waiting_write_ || (work_ && !work_->in.empty())) return;
  receive(false); // a request may be here already; if not, the connection closes
}

inline void connection::drain_answer() {
  const step guard(*this);
  if (phase_ != phase::answering || !answer_begun_) return;
  answer_->drain();
  settle();
}

inline void connection::cut() {
  const step guard(*this);
  die();
}

/// Closes the stream and cancels what runs. What is in use is destroyed when the step ends.
inline void connection::die() noexcept {
  if (closed()) return;
  const bool was_answering = phase_ == phase::answering;
  phase_ = phase::closed;
  io_close();
  if (was_answering) server_->counts.answering.fetch_sub(1, std::memory_order_relaxed);
  if (handler_running_) work_->cancel.emit(asio::cancellation_type::terminal);
  if (answer_) answer_->gone();
}

/// The end of a step: a closed connection of which nothing runs any more leaves the server.
inline void connection::tidy() {
  if (!closed() || removed_) return;
  if (work_ && work_->interim) std::exchange(work_->interim, nullptr)->finish(asio::error::connection_reset);
  if (handler_running_) return;
  if (answer_ && !answer_->over()) return;
  removed_ = true;
  answer_.reset();
  if (work_) {
    release_body(*work_);
    work_->in.clear();
    work_->out.clear();
    server_->give_back(std::move(work_));
  }
  server_->time.unlink(*this);
  server_->remove(*this);
}

inline void server_state::add(connection& c) {
  c.retain();
  open_.fetch_add(1, std::memory_order_relaxed);
  counts.open.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  c.next = first_;
  if (first_) first_->previous = &c;
  first_ = &c;
}

inline void server_state::remove(connection& c) noexcept {
  {
    const std::lock_guard lock(mutex_);
    (c.previous ? c.previous->next : first_) = c.next;
    if (c.next) c.next->previous = c.previous;
    if (options.max_per_address != 0) dismiss(c);
  }
  counts.open.fetch_sub(1, std::memory_order_relaxed);
  const counted_ptr<server_state> self(this); // last_gone may end the server
  const bool last = open_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  c.release();
  if (last) last_gone();
}

template <class F>
void server_state::each(F f) {
  std::vector<counted_ptr<connection>> all;
  {
    const std::lock_guard lock(mutex_);
    for (auto* c = first_; c; c = c->next) all.emplace_back(c);
  }
  for (auto& c : all) f(c);
}

inline bool server_state::admit(const connection& c) {
  std::string address = c.io_peer();
  address.resize(std::min(address.size(), address.rfind(':')));
  const std::lock_guard lock(mutex_);
  auto& n = addresses_[address];
  if (n >= options.max_per_address) return false;
  ++n;
  address_of_.emplace(&c, std::move(address));
  return true;
}

inline void server_state::dismiss(const connection& c) noexcept {
  const auto known = address_of_.find(&c);
  if (known == address_of_.end()) return;
  const auto at = addresses_.find(known->second);
  if (--at->second == 0) addresses_.erase(at);
  address_of_.erase(known);
}

inline void server_state::abandon_connections() noexcept {
  while (auto* c = first_) {
    first_ = c->next;
    counts.open.fetch_sub(1, std::memory_order_relaxed);
    time.unlink(*c);
    c->abandon();
    c->release();
  }
  lookers_.clear();
  batch_.clear();
}

inline void connection::abandon() noexcept {
  const counted_ptr<connection> self(this);
  phase_ = phase::closed;
  removed_ = true;
  if (work_ && work_->interim) std::exchange(work_->interim, nullptr)->destroy();
  if (answer_) answer_->abandon();
}

inline void server_state::look_later(connection& c) {
  lookers_.emplace_back(&c);
  if (std::exchange(look_posted_, true)) return;
  asio::post(executor, [self = counted_ptr<server_state>(this)] { self->look_pass(); });
}

inline void server_state::look_pass() {
  look_posted_ = false;
  std::swap(lookers_, batch_);
  for (auto& c : batch_) c->look();
  batch_.clear();
}

inline asio::any_io_executor work::request_executor() const { return owner->executor(); }
inline std::string work::request_peer() const { return owner->io_peer(); }
inline bool work::request_secure() const noexcept { return owner->server().options.secure; }

inline void work::body_wait(http::detail::parked_write& w) noexcept {
  if (owner->closed()) return w.finish(asio::error::connection_reset);
  interim = &w;
}

inline asio::awaitable<void> work::request_interim(http::status code, http::fields extra) {
  if (owner->http_1_0()) co_return; // RFC 9110, section 15.2: never to an HTTP/1.0 client
  std::array<char, 8> digits;
  const auto* end = std::to_chars(digits.data(), digits.data() + digits.size(), http::code(code)).ptr;
  out.text().append("HTTP/1.1 ").append(digits.data(), static_cast<std::size_t>(end - digits.data())).append(" ");
  out.text().append(http::reason(code)).append("\r\n").append(extra.wire()).append("\r\n");
  error_code ec;
  {
    const connection::step guard(*owner);
    if (owner->closed()) ec = asio::error::connection_reset;
    if (!ec && owner->flush()) co_return;
  }
  if (!ec) ec = co_await http::detail::wait_written(*this);
  if (ec) throw system_error(ec, "sending an interim response");
}

} // namespace detail
} // namespace v0
} // namespace antiphon
