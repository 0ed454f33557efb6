// SPDX-License-Identifier: BSL-1.0
// connection: layers and handlers.
#pragma once

#include <antiphon/server/detail/connection.hpp>
#include <antiphon/server/detail/connection_output.hpp>
#include <antiphon/server/detail/error_page.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What a request_error says; nothing for any other exception.
inline error_code wrong_request(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const http::request_error& wrong) {
    return wrong.code();
  } catch (...) {
    return {};
  }
}

ANTIPHON_DECL void connection::answer_wrong(work& w, const error_code& why) {
  w.res.assign(response(http::status_of(why), why.message() + "\n", response::plain_text));
}

/// True if a hook has answered, or has thrown; the answer is in the work.
ANTIPHON_DECL bool connection::run_before(work& w) {
  if (w.to->first_waiting == 0) return false;
  try {
    return w.to->before(0, w.to->first_waiting, w.req, w.res);
  } catch (...) {
    fail_handler(w, std::current_exception());
    return true;
  }
}

/// True if a hook has answered in the handler's place; the answer is in the work. Of a streamed body it is too late.
ANTIPHON_DECL bool connection::body_received(work& w) {
  for (auto* l : w.to->receiving) {
    try {
      auto answer = l->received(w.req, w.bytes_in - request_access::head(w.req).size);
      if (!answer || w.req.streamed()) continue;
      w.res.assign(std::move(*answer));
      w.to->after(0, w.to->outside(l), w.req, w.res);
      return true;
    } catch (...) {
      report(std::current_exception(), http::to_string(w.req.method()), w.to->pattern);
    }
  }
  // What a layer has made of the body counts as what came does.
  const std::uint64_t size = w.to->receiving.empty() ? 0 : request_access::owned_body(w.req).size();
  if (size <= w.reserved) return false;
  if (server_->reserve(size - w.reserved)) {
    w.reserved = size;
    return false;
  }
  w.res.assign(response(http::status::service_unavailable));
  run_after(w);
  return true;
}

/// What has escaped is reported, and the answer is a 500; but a request_error is the client's mistake, and answered.
ANTIPHON_DECL void connection::fail_handler(work& w, std::exception_ptr e) {
  if (const auto wrong = wrong_request(e)) return answer_wrong(w, wrong);
  w.res.assign(server_->options.error_page ? error_page(e, w.req) : response(http::status::internal_server_error));
  report(std::move(e), http::to_string(w.req.method()), w.to->pattern);
}

ANTIPHON_FORCE_INLINE void connection::dispatch_now(work& w) {
  if (w.to->waits) return start_handler(w);
  try {
    w.to->handle->call(w.req, w.res);
  } catch (...) {
    fail_handler(w, std::current_exception());
  }
  if (w.to->first_waiting != 0) run_after(w);
  emit_now(w);
}

ANTIPHON_DECL void connection::dispatch(work& w) { dispatch_now(w); }

ANTIPHON_DECL void connection::run_after(work& w) {
  try {
    w.to->after(0, w.to->first_waiting, w.req, w.res);
  } catch (...) {
    fail_handler(w, std::current_exception());
  }
}

/// An answer of the server's own to a request that is routed: the layers' `after` see it. `why`: where the status does
/// not say it all.
ANTIPHON_DECL void connection::fail_request(work& w, http::status code, std::string_view why) {
  w.res.assign(response(code, std::string(why.empty() ? http::reason(code) : why) + "\n", response::plain_text));
  phase_ = phase::idle;
  run_after(w);
  emit(w);
}

/// The completion of a handler's coroutine.
struct handler_done {
  counted_ptr<connection> self;
  void operator()(std::exception_ptr e) const { self->handler_ended(std::move(e)); }
};

ANTIPHON_DECL void connection::start_handler(work& w) {
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

ANTIPHON_DECL void connection::handler_ended(std::exception_ptr e) {
  const step guard(*this);
  // Nobody waits for it any more: what ends it then is no failure, unless it is one of its own.
  if (e && (closed() || timed_out_) && is_normal_end(e)) e = nullptr;
  if (starting_) { // it completed inside co_spawn: its exception was kept in the work's response
    ended_inline_ = true;
    if (e) fail_handler(*work_, std::move(e));
    return;
  }
  handler_running_ = false;
  server_->counts.handling.fetch_sub(1, std::memory_order_relaxed);
  work& w = *work_;
  w.cancel.slot().clear();
  // A body that could not be read is the client's mistake, if the handler let it through.
  const bool unreadable = e && w.stream && w.stream->failed && code_of(e) == w.stream->failed;
  if (unreadable) {
    answer_wrong(w, w.stream->failed);
  } else if (e) {
    fail_handler(w, std::move(e));
  }
  if (closed() || abandoned_) {
    w.res = response(); // what it made goes now, and not when this work is used next
    if (w.to->completes() && !abandoned_) complete(w, http::status(), 0, true);
    return die();
  }
  w.now = server_->time.now();
  if (timed_out_) {
    w.res.assign(response(http::status::service_unavailable));
  }
  if (w.stream) leave_stream(w);
  run_after(w);
  emit(w);
  settle();
}

ANTIPHON_DECL asio::any_io_executor work::request_executor() const { return owner->executor(); }
ANTIPHON_DECL std::string work::request_peer() const { return owner->peer(); }
ANTIPHON_DECL bool work::request_secure() const noexcept { return owner->server().options.secure; }
ANTIPHON_DECL time_point work::request_now() const noexcept { return owner->server().time.now(); }

ANTIPHON_DECL void work::body_wait(http::detail::parked_wait& w) noexcept {
  if (owner->closed()) return w.finish(asio::error::connection_reset);
  interim = &w;
}

ANTIPHON_DECL asio::awaitable<void> work::request_interim(http::status code, http::fields extra) {
  if (owner->http_1_0()) co_return; // RFC 9110, section 15.2: never to an HTTP/1.0 client
  std::array<char, 8> digits;
  const auto* end = std::to_chars(digits.data(), digits.data() + digits.size(), http::code(code)).ptr;
  const std::size_t before = out.text().size();
  out.text().append("HTTP/1.1 ").append(digits.data(), static_cast<std::size_t>(end - digits.data())).append(" ");
  out.text().append(http::reason(code)).append("\r\n").append(extra.wire()).append("\r\n");
  const std::size_t size = out.text().size() - before;
  error_code ec;
  bool waits = false;
  {
    const connection::step guard(*owner);
    if (owner->closed()) ec = asio::error::connection_reset;
    waits = !ec && !owner->flush();
  }
  if (!ec && !waits) {
    if (!turn.over(size)) co_return;
    const auto executor = request_executor();
    co_return co_await asio::post(executor, asio::use_awaitable);
  }
  if (!ec) ec = co_await http::detail::wait_for(*this);
  if (ec) throw system_error(ec, "sending an interim response");
}

} // namespace detail
} // namespace v0
} // namespace antiphon
