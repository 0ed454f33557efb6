// SPDX-License-Identifier: BSL-1.0
// server_base: accepting, draining, the end.
#pragma once

#include <antiphon/server/detail/connection_list.hpp>
#include <antiphon/server/detail/file_limit.hpp>
#include <antiphon/server/detail/server.hpp>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Does something with a connection on its executor.
template <class F>
void on(const counted_ptr<connection>& c, F f) {
  if (c->server().serial) return f(*c);
  asio::post(c->executor(), [c, f] { f(*c); });
}

ANTIPHON_DECL server_base::server_base(asio::any_io_executor ex, bool one_executor, const router& r,
                                       const serve_options& o, std::shared_ptr<server_totals> all)
    : server_state(std::move(ex), one_executor, r, o, std::move(all)),
      service_(asio::use_service<server_service>(context_of(executor))),
      most_(std::min(o.max_connections, connection_limit())) {}

ANTIPHON_DECL void server_base::begin(serve_wait& wait) {
  wait_ = &wait;
  service_.add(counted_ptr<server_base>(this));
  spare_.open();
  accept();
}

ANTIPHON_DECL void server_base::stop(bool at_once) {
  asio::post(executor, [self = counted_ptr<server_base>(this), at_once] {
    at_once || self->draining.load() ? self->cut_all() : self->drain();
  });
}

ANTIPHON_DECL void server_base::abandon() noexcept {
  close_listener();
  time.remove(*this);
  to_tell_.clear();
  if (wait_) std::exchange(wait_, nullptr)->destroy();
  abandon_connections();
}

ANTIPHON_DECL server_base::admission server_base::admit_one() const noexcept {
  if (draining.load(std::memory_order_relaxed)) return admission::drop;
  const std::size_t there = totals->open.load(std::memory_order_relaxed);
  if (there < most_) return admission::take;
  return there < most_ + 64 ? admission::refuse : admission::drop;
}

ANTIPHON_DECL void server_base::run_connection(counted_ptr<connection> c, admission how) {
  add(*c);
  const auto go = [how](connection& at) { how == admission::take ? at.start() : at.refuse_connection(); };
  on(c, go);
}

ANTIPHON_DECL bool server_base::survive(const error_code& ec) {
  if (ec == asio::error::connection_aborted || ec == asio::error::interrupted) return true;
  if (ec == asio::error::no_descriptors && spare_.close())
    return true; // to refuse the next one instead of letting it wait
  back_off();
  return false;
}

ANTIPHON_DECL void server_base::back_off() {
  if (draining.load() || resting_) return;
  resting_ = true;
  time.add(*this, time.now() + std::chrono::milliseconds(100));
}

ANTIPHON_DECL void server_base::recover() {
  spare_.open();
  back_off();
}

ANTIPHON_DECL void server_base::spare_file::open() noexcept {
  error_code ignored;
  if (!socket_.is_open()) socket_.open(asio::ip::udp::v4(), ignored);
}

ANTIPHON_DECL bool server_base::spare_file::close() noexcept {
  const bool was = socket_.is_open();
  error_code ignored;
  socket_.close(ignored);
  return was;
}

ANTIPHON_DECL void server_base::on_due() noexcept {
  asio::post(executor, [self = counted_ptr<server_base>(this)] { self->tick(); });
}

ANTIPHON_DECL void server_base::tick() {
  if (!draining.load()) {
    if (std::exchange(resting_, false)) accept();
    return;
  }
  if (!wait_) return;
  const auto now = time.now();
  if (now >= stop_at_ + std::chrono::seconds(5)) return give_up();
  if (now >= stop_at_) return cut_all();
  tell(now);
  time.remove(*this);
  time.add(*this, told_ < to_tell_.size() ? std::min(stop_at_, now + std::chrono::milliseconds(20)) : stop_at_);
}

ANTIPHON_DECL void server_base::drain() {
  draining.store(true);
  time.remove(*this);
  close_listener();
  began_ = time.now();
  stop_at_ = began_ + options.drain;
  each([this](const counted_ptr<connection>& c) {
    to_tell_.push_back(c);
    on(c, [](connection& at) { at.begin_drain(); });
  });
  begin_drain_hooks();
  if (over()) return finish(error_code());
  tick();
}

ANTIPHON_DECL void server_base::begin_drain_hooks() {
  std::vector<const router::drain_hook*> begun; // a router may be mounted more than once
  routes.each_drain([&](router::drain_hook& hook) {
    if (std::find(begun.begin(), begun.end(), &hook) != begun.end()) return;
    begun.push_back(&hook);
    ++hooks_left_;
    auto& signal = hooks_.emplace_back();
    auto ended = [self = counted_ptr<server_base>(this)](std::exception_ptr e) {
      if (e) self->routes.report(std::move(e), "a drain hook");
      --self->hooks_left_;
      if (self->wait_ && self->over()) self->finish(error_code());
    };
    try {
      auto running = hook.run(options.drain);
      asio::co_spawn(executor, std::move(running), asio::bind_cancellation_slot(signal.slot(), ended));
    } catch (...) { // it need not be a coroutine that throws
      asio::post(executor, [ended, e = std::current_exception()] { ended(e); });
    }
  });
}

/// Answers in progress are told one after the other, over most of the time there is: else all their clients would come
/// back at once.
ANTIPHON_DECL void server_base::tell(time_point now) {
  const auto spread = options.drain / 10 * 8;
  std::size_t upto = to_tell_.size();
  if (spread > duration::zero() && now - began_ < spread) {
    const auto part = static_cast<double>((now - began_).count()) / static_cast<double>(spread.count());
    upto = static_cast<std::size_t>(static_cast<double>(upto) * part) + 1;
  }
  for (; told_ < std::min(upto, to_tell_.size()); ++told_)
    on(to_tell_[told_], [](connection& at) { at.drain_answer(); });
}

ANTIPHON_DECL void server_base::cut_all() {
  if (!draining.load()) {
    draining.store(true);
    close_listener();
  }
  to_tell_.clear();
  told_ = 0;
  stop_at_ = std::min(stop_at_, time.now());
  each([](const counted_ptr<connection>& c) { on(c, [](connection& at) { at.cut(); }); });
  for (auto& hook : hooks_) hook.emit(asio::cancellation_type::terminal);
  if (over()) return finish(error_code());
  time.remove(*this);
  time.add(*this, stop_at_ + std::chrono::seconds(5));
}

/// Handlers that ignore their cancellation must not keep the program: they are named, and destroyed with the context.
ANTIPHON_DECL void server_base::give_up() {
  each([](const counted_ptr<connection>& c) {
    const auto route = c->running();
    std::fprintf(stderr, "antiphon: stopped, but the handler of '%.*s' ignores its cancellation and still runs\n",
                 static_cast<int>(route.size()), route.data());
  });
  if (hooks_left_ != 0)
    std::fputs("antiphon: stopped, but a drain hook ignores its cancellation and still runs\n", stderr);
  finish(error::handlers_still_running);
}

ANTIPHON_DECL void server_base::last_gone() noexcept {
  if (!draining.load()) return;
  asio::post(executor, [self = counted_ptr<server_base>(this)] {
    if (self->over()) self->finish(error_code());
  });
}

ANTIPHON_DECL void server_base::finish(error_code ec) {
  time.remove(*this);
  to_tell_.clear();
  spare_.close();
  const counted_ptr<server_base> self(this);
  if (wait_) std::exchange(wait_, nullptr)->finish(ec);
  if (open() == 0) service_.remove(*this);
}

ANTIPHON_DECL serve_wait::serve_wait(server_base& s) noexcept : server_(&s) {}

ANTIPHON_DECL void serve_wait::cancel(asio::cancellation_type type) noexcept {
  server_->stop((type & asio::cancellation_type::terminal) != asio::cancellation_type::none);
}

ANTIPHON_DECL counted_ptr<server_base> server_service::remove(const server_base& s) noexcept {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(servers_.begin(), servers_.end(), [&](const auto& p) { return p.get() == &s; });
  if (at == servers_.end()) return {};
  auto removed = std::move(*at);
  servers_.erase(at);
  return removed;
}

ANTIPHON_DECL void server_service::shutdown() {
  std::vector<counted_ptr<server_base>> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(servers_);
  }
  for (auto& s : all) s->abandon();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
