// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/deflate/detail/coded.hpp>
#include <antiphon/http/flow.hpp>
#include <antiphon/http/response.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace deflate {
namespace detail {

/// What a flow's wrapper knows of the layer.
struct flow_coding {
  coding as;
  limits whole;
  bool streams, event_streams;
};

/// A flow whose answer is compressed: a reply as other bodies are, a stream piece by piece.
class coded_flow final : public http::flow, private http::flow::host, private http::exchange {
 public:
  coded_flow(std::unique_ptr<http::flow> plain, std::shared_ptr<encoder_pool> pool, const flow_coding& how)
      : plain_(std::move(plain)), pool_(std::move(pool)), how_(how) {
    plain_->attach(this);
  }

  step run(http::exchange& to, event what) override {
    to_ = &to;
    if (what == event::drained) blocked_ = false;
    if (!plain_) return blocked_ ? step::wait : last_piece();
    const step result = plain_->run(*this, what);
    if (result != step::end || !with_) return result;
    plain_.reset();
    return blocked_ ? step::wait : last_piece();
  }
  bool keeps_up(http::exchange& to) override {
    to_ = &to;
    return !plain_ || plain_->keeps_up(*this);
  }

 private:
  step last_piece() {
    std::string end;
    with_->finish({}, end);
    to_->write(http::chunk(end));
    return step::end;
  }

  // flow::host, of the flow inside
  void flow_woken() noexcept override { wake(); }

  // exchange, of the flow inside
  void start(http::status code, std::string_view type, const http::fields& extra) override {
    const bool wanted = is_event_stream(type) ? how_.event_streams : how_.streams && compressible(type);
    if (!wanted || http::bodiless(code) || code == http::status::partial_content || stays(extra))
      return to_->start(code, type, extra);
    auto with = pool_->small(how_.as);
    to_->start(code, type, coded_fields(extra, how_.as));
    with_ = std::move(with);
  }
  bool write(const http::chunk& piece) override {
    if (!with_ || piece.empty()) return to_->write(piece);
    std::string out;
    with_->write(piece.data(), out);
    const bool room = to_->write(http::chunk(out));
    blocked_ = !room;
    return room;
  }
  void reply(http::response whole) override {
    const bool of_bytes = whole.what() <= http::response::kind::shared;
    if (of_bytes && !http::bodiless(whole.status()) && whole.status() != http::status::partial_content &&
        compressible(type_of(whole)) && !stays(whole.fields()))
      code_whole(whole, how_.as, *pool_, how_.whole);
    to_->reply(std::move(whole));
  }
  void timer(duration after) override { to_->timer(after); }
  void cancel_timer() noexcept override { to_->cancel_timer(); }
  time_point now() const noexcept override { return to_->now(); }
  asio::any_io_executor executor() const override { return to_->executor(); }
  bool draining() const noexcept override { return to_->draining(); }

  std::unique_ptr<http::flow> plain_; // none: it has ended, and what is left is the end of the body
  std::unique_ptr<encoder> with_;     // once it has started, if its stream is compressed
  std::shared_ptr<encoder_pool> pool_;
  const flow_coding how_;
  http::exchange* to_ = nullptr;
  bool blocked_ = false; // no more may be written until event::drained
};

} // namespace detail
} // namespace deflate
} // namespace v0
} // namespace antiphon
