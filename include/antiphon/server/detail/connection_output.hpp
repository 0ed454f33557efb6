// SPDX-License-Identifier: BSL-1.0
// connection: answers, on their way to the output.
#pragma once

#include <antiphon/server/detail/body_answer.hpp>
#include <antiphon/server/detail/connection.hpp>
#include <antiphon/server/detail/file_answer.hpp>
#include <antiphon/server/detail/flow_answer.hpp>
#include <antiphon/server/detail/upgrade_answer.hpp>

#include <array>
#include <charconv>
#include <memory>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// One reservation, then plain copies: this is what most of an answer's instructions are spent on.
ANTIPHON_FORCE_INLINE void connection::write_head_now(byte_buffer& out, http::status code, const response& res,
                                                      length_kind how, std::uint64_t length, std::string_view body) {
  const auto fields = res.fields().wire();
  const auto type = res.content_type();
  char* const begin = out.prepare(server_->status_room() + type.size() + fields.size() + 128 + body.size());
  char* at = server_->put_status(begin, code, work_ ? work_->now : server_->time.now());
  if (!type.empty()) at = put(put(put(at, "Content-Type: "), type), "\r\n");
  if (!fields.empty()) at = put(at, fields);
  if (how == length_kind::known) {
    at = put(at, "Content-Length: ");
    at = put(put_number(at, length), "\r\n");
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

ANTIPHON_DECL void connection::write_head(byte_buffer& out, http::status code, const response& res, length_kind how,
                                          std::uint64_t length, std::string_view body) {
  write_head_now(out, code, res, how, length, body);
}

ANTIPHON_FORCE_INLINE void connection::finish_exchange(work& w) {
  if (w.reserved != 0) release_body(w);
  if (auto& state = request_access::state(w.req); !state.empty()) [[unlikely]]
    state.clear();
  if (!keep()) close_behind();
  phase_ = skipping_ ? phase::body : phase::idle;
  if (skipping_) {
    set_deadline(w.now + server_->options.body_idle);
  } else {
    answered_ = true; // settle() sets the deadline, once for all that was answered
  }
}

ANTIPHON_FORCE_INLINE void connection::emit_whole_now(work& w, response& res, exchange_record* record) {
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
  write_head_now(text, code, res, bare ? length_kind::none : length_kind::known, size,
                 joins ? res.body() : std::string_view());
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
  } else if (w.to && w.to->completes()) {
    complete(w, code, bytes_out);
  }
  finish_exchange(w);
}

ANTIPHON_DECL void connection::emit_whole(work& w, response& res, exchange_record* record) {
  emit_whole_now(w, res, record);
}

/// Writes the answer that is in the work, or begins it.
ANTIPHON_FORCE_INLINE void connection::emit_now(work& w) {
  ++w.answered;
  w.res.what() == response::kind::bytes ? emit_whole_now(w, w.res, nullptr) : emit_kept(w);
}
ANTIPHON_DECL void connection::emit(work& w) { emit_now(w); }

ANTIPHON_DECL void connection::emit_kept(work& w) {
  response& res = w.res;
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
      if (w.to->completes()) complete(w, res.status(), w.out.text().size() - before);
      res = response();
      return finish_exchange(w);
    }
    if (http_1_0_) keep_ = false;
    answer_ = std::make_unique<body_answer>(*this, res, record_of(w, res.status()));
    break;
  case response::kind::file:
    if (head_only_ || http::bodiless(res.status())) {
      const std::size_t before = w.out.text().size();
      write_head(w.out.text(), res.status(), res, http::bodiless(res.status()) ? length_kind::none : length_kind::known,
                 res.file_size());
      if (w.to->completes()) complete(w, res.status(), w.out.text().size() - before);
      res = response();
      return finish_exchange(w);
    }
    answer_ = std::make_unique<file_answer>(*this, res, record_of(w, res.status()));
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

/// The collected body was used. A large one is not kept in the pool.
ANTIPHON_DECL void connection::release_body(work& w) noexcept {
  server_->unreserve(std::exchange(w.reserved, 0));
  auto& kept = request_access::owned_body(w.req);
  if (kept.capacity() > scratch::size) kept = std::string();
}

/// An answer to what is no request: no layer sees it.
ANTIPHON_DECL void connection::refuse(work& w, http::status code, std::string_view why) {
  server_->counts.refused.fetch_add(1, std::memory_order_relaxed);
  if (w.reserved != 0) release_body(w);
  w.res.assign(response(code, std::string(why) + "\n", response::plain_text));
  phase_ = phase::idle;
  w.to = nullptr;
  linger_ = true;
  emit_whole(w, w.res, nullptr);
  closing_ = true;
}

ANTIPHON_DECL void connection::refuse_connection() {
  const step guard(*this);
  server_->time.link(*this, server_->time.now() + server_->options.head_time);
  work& w = need_work();
  w.now = server_->time.now();
  refuse_full(w);
  settle();
}

ANTIPHON_DECL void connection::refuse_full(work& w) {
  keep_ = false;
  refuse(w, http::status::service_unavailable, "the server has as many connections as it takes: try again later");
}

ANTIPHON_DECL void connection::append_upgrade_head(byte_buffer& out, const response& res, std::string_view protocol) {
  char* const begin = out.prepare(server_->status_room());
  out.commit(static_cast<std::size_t>(
      server_->put_status(begin, http::status::switching_protocols, server_->time.now()) - begin));
  out.append(res.fields().wire()).append("Connection: Upgrade\r\nUpgrade: ").append(protocol).append("\r\n\r\n");
}

ANTIPHON_DECL void connection::complete(work& w, http::status code, std::uint64_t bytes_out, bool cut) {
  exchange_summary s;
  s.method = w.req.method();
  s.status = code;
  s.cut = cut;
  s.route = w.to->pattern;
  s.bytes_in = w.bytes_in;
  s.bytes_out = bytes_out;
  s.took = server_->time.now() - w.began;
  const auto tell = [&] {
    for (auto* l : w.to->completing) l->complete(s);
  };
  if (!w.to->wants_target()) return tell();
  s.target = w.req.target();
  if (const auto id = w.req.notes().get("request-id")) s.id = *id;
  const std::string peer = w.req.peer();
  s.peer = peer;
  tell();
}

ANTIPHON_DECL std::unique_ptr<exchange_record> connection::record_of(work& w, http::status code) {
  auto& state = request_access::state(w.req);
  if (!w.to->completes() && state.empty()) return nullptr;
  auto made = std::make_unique<exchange_record>();
  made->to = w.to;
  made->began = w.began;
  made->state = std::move(state);
  made->summary.method = w.req.method();
  made->summary.status = code;
  made->summary.route = w.to->pattern;
  made->summary.bytes_in = w.bytes_in;
  if (w.to->wants_target()) {
    made->target = w.req.target();
    if (const auto id = w.req.notes().get("request-id")) made->id = *id;
    made->peer = w.req.peer();
  }
  return made;
}

ANTIPHON_DECL void connection::report(std::exception_ptr e, std::string_view verb,
                                      std::string_view pattern) const noexcept {
  try {
    std::string where(verb);
    where.append(" ").append(pattern.empty() ? std::string_view("(no route)") : pattern);
    server_->routes.report(std::move(e), where);
  } catch (...) { // no memory for the name
    server_->routes.report(std::move(e), verb);
  }
}

ANTIPHON_DECL void connection::answer_over(bool keep_on) {
  server_->counts.answering.fetch_sub(1, std::memory_order_relaxed);
  if (!keep_on || !keep()) close_behind();
  phase_ = skipping_ ? phase::body : phase::idle;
  set_deadline(server_->time.now() + (skipping_ ? server_->options.body_idle : server_->options.keep_alive));
}

ANTIPHON_DECL void connection::reply(response&& whole, exchange_record* record) {
  work& w = need_work();
  w.now = server_->time.now();
  w.to = nullptr;
  w.res.assign(std::move(whole));
  server_->counts.answering.fetch_sub(1, std::memory_order_relaxed);
  emit_whole(w, w.res, record);
}

} // namespace detail
} // namespace v0
} // namespace antiphon
