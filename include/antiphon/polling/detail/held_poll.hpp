// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random.hpp>
#include <antiphon/http/flow.hpp>
#include <antiphon/polling/detail/reply.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace polling {
namespace detail {

struct poll_settings {
  duration hold;
  std::size_t parked, max_items, max_bytes;
  std::optional<std::uint32_t> wait; ///< whole seconds that the client asked for
};

/// A poll that waits: a place in a log, and a timer.
class held_poll final : public http::flow {
 public:
  held_poll(const log_view& log, const position& from, asked a, const poll_settings& s)
      : reader_(log.log(), log.what(), from), asked_(std::move(a)), hold_(s.hold), parked_most_(small(s.parked)),
        max_items_(asked_.as == form::raw ? 1 : small(s.max_items)), max_bytes_(small(s.max_bytes)) {
    if (!s.wait) return;
    // No longer than it asked for, and no longer than this server waits.
    hold_ = (std::min)(hold_, duration(std::chrono::seconds(*s.wait)));
    waits_ = static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(hold_).count());
  }
  ~held_poll() override {
    leave();
    if (parked_) log().parked.fetch_sub(1, std::memory_order_relaxed);
  }

  step run(http::exchange& to, event what) override {
    if (what == event::timer || what == event::drain || to.draining()) return answer(to, look());
    return go_on(to);
  }

 private:
  step go_on(http::exchange& to) {
    do {
      // Those who wait stand at one place, as a rule: their answer is made once.
      if (parked_ && asked_.as == form::json) {
        counted_ptr<v0::detail::encoded> run;
        gap missed;
        switch (reader_.read(json, max_items_, max_bytes_, run, missed)) {
        case log_reader::result::messages: return answer(to, static_cast<const detail::answer&>(*run));
        case log_reader::result::missed: {
          found f;
          f.miss(missed);
          return answer(to, look(std::move(f)));
        }
        case log_reader::result::other: // told when it began
        case log_reader::result::nothing:
        case log_reader::result::closed: break;
        }
      } else {
        const found f = look();
        if (f.anything() || hold_ <= duration::zero()) return answer(to, f);
      }
      if (!park(to)) return step::end;
    } while (!reader_.join(to.executor(), *this));
    return step::wait;
  }

  found look(found before = {}) { return detail::look(reader_, max_items_, max_bytes_, std::move(before)); }

  /// False: too many wait, and it has been refused.
  bool park(http::exchange& to) {
    if (parked_) return true;
    if (log().parked.fetch_add(1, std::memory_order_relaxed) >= parked_most_) {
      log().parked.fetch_sub(1, std::memory_order_relaxed);
      http::response res(http::status::service_unavailable, "too many requests wait here: come back later\n",
                         http::response::plain_text);
      const auto after = v0::detail::between(std::chrono::seconds(1), std::chrono::seconds(6));
      res.add("Retry-After", std::to_string(std::chrono::floor<std::chrono::seconds>(after).count()));
      to.reply(std::move(res));
      return false;
    }
    parked_ = true;
    // Never later than the client asked for; else around the hold, so that clients do not come back in step.
    to.timer(v0::detail::between(hold_ - hold_ / 10, waits_ != none ? hold_ : hold_ + hold_ / 10));
    return true;
  }

  step answer(http::exchange& to, const found& f) {
    http::response res = reply(asked_, reader_, f);
    res.add("Vary", "Prefer");
    if (!f.items.empty()) res.add("ETag", tag_of({reader_.at().log, f.items.back()->id}, reader_.what()));
    return send(to, std::move(res));
  }
  step answer(http::exchange& to, const detail::answer& made) {
    http::response res(http::status::ok, made.body, json_type);
    if (asked_.query) {
      add_common(res, asked_, reader_.at(), {});
      res.add("Vary", "Prefer");
    } else {
      res.add_unchecked(made.fields);
      if (asked_.resumes) res.add_unchecked(http::resume_field, "whole");
    }
    res.add_unchecked("ETag", reader_.what() ? tag_of(made.last, reader_.what()) : made.tag);
    return send(to, std::move(res));
  }
  step send(http::exchange& to, http::response&& res) {
    if (waits_ != none) res.add("Preference-Applied", "wait=" + std::to_string(waits_));
    to.reply(std::move(res));
    return step::end;
  }

  static constexpr std::uint32_t none = 0xffffffff;
  static std::uint32_t small(std::size_t n) noexcept {
    return static_cast<std::uint32_t>((std::min)(n, std::size_t{0xffffffff}));
  }
  v0::detail::log_base& log() noexcept { return reader_.store(); }

  // Kept small: there are as many of these as there are clients.
  [[no_unique_address]] log_reader reader_; // what follows stands in its tail
  bool parked_ = false;
  std::uint32_t waits_ = none; // seconds that the client has asked for and been granted
  const asked asked_;
  duration hold_;
  const std::uint32_t parked_most_, max_items_, max_bytes_;
};

} // namespace detail
} // namespace polling
} // namespace v0
} // namespace antiphon
