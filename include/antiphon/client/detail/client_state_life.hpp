// SPDX-License-Identifier: BSL-1.0
// client_state: calls from their beginning to their end.
#pragma once

#include <antiphon/client/detail/initiate_call.hpp>
#include <antiphon/client/detail/streamed_body.hpp>
#include <antiphon/http/llhttp.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

ANTIPHON_DECL client_call::client_call(counted_ptr<client_layer_host> host, client_state& s, client_request r,
                                       bool bare_call, bool handler_is_here)
    : owner(std::move(host)), state(&s), req(std::move(r)), id(s.ids.fetch_add(1, std::memory_order_relaxed)),
      bare(bare_call), same_executor(handler_is_here) {}

ANTIPHON_DECL client_call::~client_call() = default;

ANTIPHON_DECL void client_call::cancel() noexcept { state->cancel(*this); }

ANTIPHON_DECL void client_call::on_deadline() noexcept { state->post_expired(id); }

ANTIPHON_DECL client_state::client_state(asio::any_io_executor ex, const client_options& o)
    : executor(std::move(ex)), options(o), time(time_of(executor)),
      agent_line(o.user_agent.empty() ? std::string() : "User-Agent: " + std::string(o.user_agent) + "\r\n"),
      unix_socket(o.unix_socket), parking_(parking_of(executor)),
      kind_(targets<asio::io_context::executor_type>(executor)       ? kind::context
            : targets<asio::strand<asio::any_io_executor>>(executor) ? kind::strand
                                                                     : kind::other) {
  static const bool strict = (http::check_llhttp_is_strict(), true); // once a program
  static_cast<void>(strict);
  if (!http::is_field_value(o.user_agent))
    throw std::invalid_argument("antiphon: client_options::user_agent has a control byte: it is sent in a field");
  if (!parking_.add(*this)) abandoned_ = true;
}

ANTIPHON_DECL client_state::~client_state() {
  if (!abandoned_) parking_.remove(*this);
}

ANTIPHON_DECL bool client_state::here() const noexcept {
  if (kind_ == kind::context) return executor.target<asio::io_context::executor_type>()->running_in_this_thread();
  if (kind_ == kind::strand) return executor.target<asio::strand<asio::any_io_executor>>()->running_in_this_thread();
  return false;
}

ANTIPHON_DECL void client_state::begin(client_call& c) {
  begun.store(true, std::memory_order_relaxed);
  if (here()) return enter([&] { begin_here(c); }, true);
  struct starter {
    explicit starter(client_call& at) noexcept : call(&at) {}
    starter(starter&& other) noexcept : call(std::exchange(other.call, nullptr)) {}
    ~starter() {
      if (call) call->destroy();
    }
    void operator()() {
      auto& at = *std::exchange(call, nullptr);
      auto& state = *at.state;
      state.enter([&] { state.begin_here(at); });
    }
    client_call* call;
  };
  asio::post(executor, starter(c));
}

ANTIPHON_DECL void client_state::begin_here(client_call& c) {
  if (abandoned_) return c.destroy();
  c.active = true;
  active_.add(c);
  ++calls_;
  if (closed_ || c.cancelled) return finish(c, asio::error::operation_aborted);
  const auto total = client_request_access::total(c.req, options.total);
  if (total != (duration::max)() || has_phases) {
    c.began = now();
    c.total_at = total == (duration::max)() ? time_point::max() : later(c.began, total);
  }
  if (waits && !c.bare) return run_layers(c);
  if (!prepare(c)) return;
  if (has_hooks && !c.bare) {
    std::optional<client_response> answer;
    try {
      answer = before(0, layers.size(), c.req);
    } catch (...) {
      return finish(c, client_error::layer_failed);
    }
    if (answer) {
      c.res = std::move(*answer);
      c.answered_by_hook = true;
      return finish(c, {});
    }
    if (!prepare(c)) return; // they may have changed it
  }
  c.redirects = client_request_access::redirects(c.req, options.redirects);
  acquire(c);
}

/// False: it is refused.
ANTIPHON_DECL bool client_state::prepare(client_call& c) {
  auto where = http::url::parse(c.req.url());
  client_error why{};
  if (!where) {
    why = client_error::bad_url;
  } else if (!links->takes(where->scheme())) {
    why = client_error::tls_missing;
  } else if (c.req.method() == http::method::connect) {
    why = client_error::bad_request;
  } else {
    for (const auto& line : c.req.fields())
      for (const std::string_view ours : {"host", "content-length", "transfer-encoding", "connection", "upgrade"})
        if (http::iequals(line.name, ours)) why = client_error::bad_request;
  }
  if (why != client_error{}) {
    finish(c, why);
    return false;
  }
  c.where = std::move(*where);
  return true;
}

ANTIPHON_DECL void client_state::run_layers(client_call& c) {
  c.at = client_call::stage::layered;
  struct chain {
    static asio::awaitable<client_response> run(counted_ptr<client_layer_host> host, client_request req) {
      co_return co_await client_next_layer::from(std::move(host), 0, &req);
    }
  };
  struct done {
    counted_ptr<client_state> self;
    std::uint64_t id;
    void operator()(std::exception_ptr e, client_response res) const {
      self->enter([&] {
        client_call* const c = self->find(id);
        if (!c) return;
        c->signal.slot().clear();
        c->res = std::move(res);
        c->at = client_call::stage::fresh;
        error_code ec;
        try {
          if (e) std::rethrow_exception(e);
        } catch (const system_error& known) {
          ec = known.code();
        } catch (...) {
          ec = client_error::layer_failed;
        }
        self->finish(*c, ec);
      });
    }
  };
  counted_ptr<client_layer_host> self(this);
  asio::co_spawn(executor, chain::run(self, std::move(c.req)),
                 asio::bind_cancellation_slot(c.signal.slot(), done{counted_ptr<client_state>(this), c.id}));
}

ANTIPHON_DECL asio::awaitable<client_response> client_state::perform(client_request& req) {
  client_request one = req.repeatable() ? client_request(req) : std::move(req);
  counted_ptr<client_state> self(this);
  auto [ec, res] = co_await asio::async_initiate<const decltype(tuple_awaitable)&, void(error_code, client_response)>(
      initiate_call{true}, tuple_awaitable, std::move(self), std::move(one));
  if (ec) throw system_error(ec);
  co_return std::move(res);
}

ANTIPHON_DECL void client_state::cancel(client_call& c) noexcept {
  if (here()) return enter([&] { cancel_here(c); }, true);
  // It may be over when this arrives: it is known by its number then. It has begun: that was posted before.
  asio::post(executor, [self = counted_ptr<client_state>(this), id = c.id] {
    self->enter([&] {
      if (auto* const at = self->find(id)) self->cancel_here(*at);
    });
  });
}

ANTIPHON_DECL void client_state::cancel_here(client_call& c) {
  if (!c.active) {
    c.cancelled = true;
  } else if (c.at == client_call::stage::layered) {
    c.signal.emit(asio::cancellation_type::terminal);
  } else {
    finish(c, asio::error::operation_aborted);
  }
}

ANTIPHON_DECL client_call* client_state::find(std::uint64_t id) const noexcept {
  for (auto* c = active_.first(); c; c = c->next)
    if (c->id == id) return c;
  return nullptr;
}

ANTIPHON_DECL void client_state::post_expired(std::uint64_t id) noexcept {
  asio::post(executor, [self = counted_ptr<client_state>(this), id] { self->enter([&] { self->expired(id); }); });
}

ANTIPHON_DECL void client_state::expired(std::uint64_t id) {
  using stage = client_call::stage;
  client_call* const c = find(id);
  if (!c || (c->at != stage::queued && c->at != stage::resolving && c->at != stage::connecting)) return;
  if (now() < c->due_at) return time.set(*c, c->due_at); // it was moved meanwhile
  finish(*c, c->due);
}

ANTIPHON_DECL void client_state::set_due(client_call& c, duration length, client_error why) {
  c.due_at = later(now(), length);
  c.due = why;
  if (c.total_at < c.due_at) c.due_at = c.total_at, c.due = client_error::total_timeout;
  c.linked = true;
  time.set(c, c.due_at);
}

/// Takes a call out of where it is.
ANTIPHON_DECL void client_state::detach(client_call& c) noexcept {
  using stage = client_call::stage;
  const auto was = std::exchange(c.at, stage::fresh);
  if (c.linked) time.unlink(c), c.linked = false;
  if (was == stage::queued) {
    c.from->remove(c);
    maybe_unused(*c.from);
  } else if (was == stage::resolving || was == stage::connecting) {
    c.attempt.reset();
    --c.from->open;
    serve_waiting(*c.from);
  } else if (c.on) {
    std::exchange(c.on, nullptr)->leave();
  }
}

ANTIPHON_DECL void client_state::finish(client_call& c, error_code ec) {
  using stage = client_call::stage;
  if (c.at == stage::over || c.at == stage::ending) return;
  detach(c);
  c.ec = ec;
  if (c.sender && c.sender->running()) { // it may refer to what the caller has
    c.at = stage::ending;
    return c.sender->stop();
  }
  complete(c);
}

ANTIPHON_DECL void client_state::sender_ended(client_call& c) {
  if (c.at == client_call::stage::ending) return complete(c);
  if (c.at == client_call::stage::moving) return redirect(c);
  if (c.sender->failure()) finish(c, c.sender->failure());
}

ANTIPHON_DECL void client_state::complete(client_call& c) {
  c.at = client_call::stage::over;
  try {
    if (!c.ec && has_hooks && !c.bare && !waits && !c.answered_by_hook) after(0, layers.size(), c.req, c.res);
  } catch (...) {
    c.ec = client_error::layer_failed;
  }
  c.progress.ec = c.ec;
  if (!c.where.empty()) {
    phase(c, client_phase::done);
    client_response_access::url(c.res, std::move(c.where).text());
  }
  if (c.ec) c.res = client_response();
  active_.remove(c);
  --calls_;
  over_.add(c);
}

ANTIPHON_DECL void client_state::deliver(bool posted) {
  entered_ = true;
  try {
    while (client_call* const c = over_.take()) {
      if (posted || !c->same_executor) {
        c->post();
      } else {
        now_known_ = false; // what it does may take a while
        c->arrive();
      }
    }
  } catch (...) { // of a handler: the others must not wait
    while (client_call* const c = over_.take()) c->post();
    entered_ = false;
    throw;
  }
  entered_ = false;
  if (!unused_.empty()) drop_unused();
}

ANTIPHON_DECL void client_state::phase(client_call& c, client_phase what) {
  if (!has_phases) return;
  auto& p = c.progress;
  p.method = c.req.method();
  p.url = c.where.text();
  p.origin = c.where.origin();
  p.took = now() - c.began;
  try {
    for (const auto& l : layers)
      if (l->has_phase) l->on_phase(what, p);
  } catch (...) {
    c.at == client_call::stage::over ? static_cast<void>(c.ec = client_error::layer_failed)
                                     : finish(c, client_error::layer_failed);
  }
}

ANTIPHON_DECL void client_state::redirect(client_call& c) {
  if (c.sender && c.sender->running()) { // it would go on over the next connection
    c.at = client_call::stage::moving;
    return c.sender->stop();
  }
  auto to = c.where.resolve(c.location);
  if (!to) return finish(c, client_error::bad_url);
  if (!links->takes(to->scheme())) return finish(c, client_error::tls_missing);
  if (c.where.secure() && !to->secure() && !options.allow_downgrade) return finish(c, client_error::insecure_redirect);
  // Fetch standard, HTTP-redirect fetch, steps 12 and 13.
  const auto code = http::code(c.res.status());
  const auto verb = c.req.method();
  if ((code <= 302 && verb == http::method::post) ||
      (code == 303 && verb != http::method::get && verb != http::method::head)) {
    c.req.method(http::method::get);
    client_request_access::drop_body(c.req);
    for (const std::string_view name :
         {"content-type", "content-encoding", "content-language", "content-location", "idempotency-key"})
      c.req.erase(name);
  }
  if (!c.req.repeatable()) return finish(c, client_error::body_not_repeatable);
  if (to->origin() != c.where.origin())
    for (const std::string_view name : {"authorization", "cookie", "proxy-authorization"}) c.req.erase(name);
  c.where = std::move(*to);
  --c.redirects;
  ++c.progress.redirects;
  c.progress.status = {};
  c.res = client_response();
  c.sender = {};
  c.fresh_only = false;
  c.at = client_call::stage::fresh;
  acquire(c);
}

ANTIPHON_DECL void client_state::close_all() noexcept {
  if (abandoned_) return;
  const auto all = [self = counted_ptr<client_state>(this)] {
    self->enter(
        [&] {
          self->closed_ = true;
          const auto next = [&] { // ending one may end others
            auto* c = self->active_.first();
            while (c && c->told) c = c->next;
            return c;
          };
          while (auto* const c = next()) {
            c->told = true;
            self->cancel_here(*c);
          }
          while (self->first_) self->first_->close();
        },
        true);
  };
  here() ? all() : asio::post(executor, all);
}

ANTIPHON_DECL void client_state::abandon() noexcept {
  const counted_ptr<client_state> keep(this);
  abandoned_ = true;
  while (auto* const c = first_) {
    first_ = c->next;
    c->abandon();
    c->release();
  }
  for (auto* list : {&active_, &over_}) {
    while (auto* const c = list->take()) {
      if (c->linked) time.unlink(*c);
      c->attempt.reset();
      if (c->sender) c->sender->abandon();
      c->destroy();
    }
  }
  origins_.clear();
  names.reset();
  links.reset();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
