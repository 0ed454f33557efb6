// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/flow.hpp>
#include <antiphon/server/detail/piece_writer.hpp>

#include <cassert>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Runs a flow on a connection. It holds the head until it is out and one piece that the socket had no room for, no
/// more.
class flow_answer final : public answer, public http::exchange, public http::flow::host, public timer_entry {
  using event = http::flow::event;
  using step_result = http::flow::step;

 public:
  /// `fields` are those that the handler and the layers have set on the response.
  flow_answer(connection& c, std::unique_ptr<http::flow> f, const http::fields& fields,
              std::unique_ptr<exchange_record> record)
      : c_(c), to_(c.taken()), flow_(std::move(f)), fields_(fields), record_(std::move(record)), out_(c) {
    flow_->attach(this);
  }
  ~flow_answer() override {
    cancel_timer();
    flow_.reset(); // leaves what it waits on before the rest of this goes
  }

  // answer
  void begin() override { run(event::start); }
  void drain() override {
    draining_ = true;
    if (!out_.blocked()) run(event::drain);
  }
  void timer() override {
    if (!timer_set_ || c_.server().time.now() < due_) return; // cancelled or moved meanwhile
    timer_set_ = false;
    if (out_.blocked()) {
      timer_missed_ = true;
    } else {
      run(event::timer);
    }
  }
  void writable(error_code, std::size_t n) override {
    if (!out_.writable(n)) return;
    if (ending_) return finish();
    run(event::drained);
    if (!ended_ && !out_.blocked() && std::exchange(timer_missed_, false)) run(event::timer);
    if (!ended_ && !out_.blocked() && draining_ && !drain_told_) run(event::drain);
  }
  void gone() override {
    if (running_) return; // it goes when run() has returned
    end(true);
  }
  bool over() const noexcept override { return ended_ && !running_; }

  // flow::host
  void flow_woken() noexcept override {
    const connection::step guard(c_);
    if (ended_ || c_.closed()) return;
    if (out_.blocked()) { // event::drained makes it look again
      if (flow_->keeps_up(*this)) return;
      end(true);
      return c_.die();
    }
    run(event::wake);
    if (!c_.closed()) c_.settle();
  }

  // exchange
  void start(http::status code, std::string_view content_type, const http::fields& extra) override {
    assert(!started_ && !reply_ && "antiphon: a flow starts or replies once");
    response head(code, std::string(), content_type);
    head.fields_of(with_ours(extra)); // throws where it may not be: nothing is started then
    started_ = true;
    if (c_.http_1_0()) c_.close_after_answer(); // its end is the end of the body
    c_.write_head(out_.text(), code, head, connection::length_kind::chunked, 0);
    if (record_) record_->summary.status = code;
  }
  bool write(const http::chunk& piece) override {
    assert(started_ && "antiphon: exchange::write() comes after start()");
    assert(!out_.blocked() && "antiphon: write no more until event::drained");
    if (c_.head_only()) return false; // it ends with this run(), and may loop until it is told to stop
    if (out_.blocked() || c_.closed() || piece.empty()) return !out_.blocked();
    return out_.write(piece);
  }
  void reply(response whole) override {
    assert(!started_ && !reply_ && "antiphon: a flow starts or replies once");
    if (whole.what() != response::kind::bytes && whole.what() != response::kind::shared)
      throw std::invalid_argument(
          "antiphon: a flow replies with bytes: the response holds a flow, a body or an upgrade");
    reply_.emplace(std::move(whole));
  }
  void timer(duration after) override {
    cancel_timer();
    timer_set_ = true;
    due_ = later(c_.server().time.now(), after);
    c_.server().time.add(*this, due_);
  }
  void cancel_timer() noexcept override {
    timer_set_ = timer_missed_ = false;
    c_.server().time.remove(*this);
  }
  time_point now() const noexcept override { return c_.server().time.now(); }
  asio::any_io_executor executor() const override { return c_.executor(); }
  bool draining() const noexcept override { return draining_ || c_.draining(); }

 private:
  http::fields with_ours(http::fields others) {
    for (const auto& f : std::exchange(fields_, {})) others.add_unchecked(f.name, f.value);
    return others;
  }

  void on_due() noexcept override {
    asio::post(c_.executor(), [c = counted_ptr<connection>(&c_)] { c->answer_timer(); });
  }

  void run(event what) {
    if (what == event::drain) drain_told_ = true;
    running_ = true;
    step_result result = step_result::end;
    bool failed = false;
    try {
      result = flow_->run(*this, what);
    } catch (...) {
      failed = true;
      c_.report(std::current_exception(), "a flow of", to_ ? to_->pattern : std::string_view());
    }
    running_ = false;
    if (c_.closed()) return end(true);
    if (result == step_result::cut) {
      end(true);
      return c_.die();
    }
    if (failed) {
      if (started_) {
        end(true);
        return c_.die(); // the client must see that it is cut short
      }
      reply_.emplace(http::status::internal_server_error);
      result = step_result::end;
    }
    if (reply_) {
      assert(result == step_result::end && "antiphon: a flow that has replied has ended");
      response whole = std::move(*reply_);
      whole.fields_of(with_ours(whole.fields()));
      end(false, false);
      c_.reply(std::move(whole), record_.get());
      if (record_) record_->complete(c_.server().time.now());
      return;
    }
    if (!started_) {
      if (result == step_result::wait) return;
      end(false, false);
      assert(false && "antiphon: a flow ended without start() or reply()");
      return c_.reply(response(http::status::internal_server_error), nullptr);
    }
    if (result == step_result::end || c_.head_only()) ending_ = true;
    if (!out_.push() && !c_.closed()) return;
    if (c_.closed()) return end(true);
    if (ending_) finish();
  }

  /// The last chunk, then the next request.
  void finish() {
    if (!std::exchange(last_sent_, true)) out_.end();
    if (!out_.push()) {
      if (c_.closed()) end(true);
      return;
    }
    end(false);
    c_.answer_over(!c_.http_1_0());
  }

  void end(bool cut, bool tell = true) {
    if (ended_) return;
    ended_ = true;
    cancel_timer();
    flow_.reset();
    if (record_ && tell) {
      record_->summary.cut = cut;
      record_->summary.bytes_out = out_.sent();
      record_->complete(c_.server().time.now());
    }
  }

  connection& c_;
  const route* const to_;
  std::unique_ptr<http::flow> flow_;
  http::fields fields_;
  std::unique_ptr<exchange_record> record_;
  std::optional<response> reply_;
  piece_writer out_;
  time_point due_{};
  bool started_ = false;
  bool running_ = false;
  bool ending_ = false;
  bool ended_ = false;
  bool last_sent_ = false;
  bool draining_ = false;
  bool drain_told_ = false;
  bool timer_set_ = false;
  bool timer_missed_ = false;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
