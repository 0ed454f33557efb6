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
      : to_(c.taken()), flow_(std::move(f)), record_(std::move(record)), out_(c) {
    if (!fields.empty()) head_ = std::make_unique<before_all>(before_all{fields, {}});
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
    if (!timer_set_ || c().server().time.now() < due()) return; // cancelled or moved meanwhile
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
    const connection::step guard(c());
    if (ended_ || c().closed()) return;
    if (out_.blocked()) { // event::drained makes it look again
      if (!out_.gives_way() && !flow_->keeps_up(*this)) cut();
      return;
    }
    run(event::wake);
    if (!c().closed()) c().settle();
  }

  // exchange
  void start(http::status code, std::string_view content_type, const http::fields& extra) override {
    assert(!started_ && !replied() && "antiphon: a flow starts or replies once");
    response head(code, std::string(), content_type);
    head.fields_of(with_ours(extra)); // throws where it may not be: nothing is started then
    head_.reset();
    started_ = true;
    if (c().http_1_0()) c().close_after_answer(); // its end is the end of the body
    c().write_head(out_.text(), code, head, connection::length_kind::chunked, 0);
    if (record_) record_->summary.status = code;
  }
  bool write(const http::chunk& piece) override {
    assert(started_ && "antiphon: exchange::write() comes after start()");
    assert(!out_.blocked() && "antiphon: write no more until event::drained");
    if (c().head_only()) return false; // it ends with this run(), and may loop until it is told to stop
    if (out_.blocked() || c().closed() || piece.empty()) return !out_.blocked();
    return out_.write(piece);
  }
  void reply(response whole) override {
    assert(!started_ && !replied() && "antiphon: a flow starts or replies once");
    if (whole.what() != response::kind::bytes && whole.what() != response::kind::shared)
      throw std::invalid_argument(
          "antiphon: a flow replies with bytes: the response holds a flow, a body, an upgrade or files");
    answer_with(std::move(whole));
  }
  void timer(duration after) override {
    cancel_timer();
    timer_set_ = true;
    auto& time = c().server().time;
    time.add(*this, later(time.now(), after));
  }
  void cancel_timer() noexcept override {
    timer_missed_ = false;
    if (std::exchange(timer_set_, false)) c().server().time.remove(*this);
  }
  time_point now() const noexcept override { return c().server().time.now(); }
  asio::any_io_executor executor() const override { return c().executor(); }
  bool draining() const noexcept override { return draining_ || c().draining(); }

 private:
  connection& c() const noexcept { return out_.owner(); }

  /// What there is to say before anything is sent.
  struct before_all {
    http::fields fields;
    std::optional<response> reply;
  };

  void answer_with(response&& whole) {
    if (!head_) head_ = std::make_unique<before_all>();
    head_->reply.emplace(std::move(whole));
  }
  bool replied() const noexcept { return head_ && head_->reply; }
  http::fields with_ours(http::fields others) const {
    if (head_)
      for (const auto& f : head_->fields) others.add_unchecked(f.name, f.value);
    return others;
  }

  void on_due() noexcept override {
    asio::post(c().executor(), [c = counted_ptr<connection>(&c())] { c->answer_timer(); });
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
      c().report(std::current_exception(), "a flow of", to_ ? to_->pattern : std::string_view());
    }
    running_ = false;
    if (c().closed()) return end(true);
    // The client must see that the answer is not whole.
    if (result == step_result::cut) return cut();
    if (failed) {
      if (started_) return cut();
      answer_with(http::status::internal_server_error);
      result = step_result::end;
    }
    if (replied()) {
      assert(result == step_result::end && "antiphon: a flow that has replied has ended");
      response& whole = *head_->reply;
      if (!head_->fields.empty()) whole.fields_of(with_ours(whole.fields()));
      end(false, false);
      c().reply(std::move(whole), record_.get());
      if (record_) record_->complete(c().server().time.now());
      return;
    }
    if (!started_) {
      if (result == step_result::wait) return;
      end(false, false);
      assert(false && "antiphon: a flow ended without start() or reply()");
      return c().reply(response(http::status::internal_server_error), nullptr);
    }
    if (result == step_result::end || c().head_only()) ending_ = true;
    if (!out_.push() && !c().closed()) return;
    if (c().closed()) return end(true);
    if (ending_) finish();
  }

  /// The last chunk, then the next request.
  void finish() {
    if (!std::exchange(last_sent_, true)) out_.end();
    if (!out_.push()) {
      if (c().closed()) end(true);
      return;
    }
    end(false);
    c().answer_over(!c().http_1_0());
  }

  void cut() {
    end(true);
    c().die();
  }
  void end(bool was_cut, bool tell = true) {
    if (ended_) return;
    ended_ = true;
    cancel_timer();
    flow_.reset();
    if (record_ && tell) {
      record_->summary.cut = was_cut;
      record_->summary.bytes_out = out_.sent();
      record_->complete(c().server().time.now());
    }
  }

  const route* const to_;
  std::unique_ptr<http::flow> flow_;
  std::unique_ptr<before_all> head_;
  std::unique_ptr<exchange_record> record_;
  piece_writer out_;
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
