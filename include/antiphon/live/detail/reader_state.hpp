// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/client.hpp>
#include <antiphon/core/detail/decl.hpp>
#include <antiphon/core/detail/pulled.hpp>
#include <antiphon/core/position.hpp>
#include <antiphon/polling/feed.hpp>
#include <antiphon/sse/event_source.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace live {

/// The ways to read a topic, the best first.
enum class way : unsigned char { none, sse, long_poll, short_poll };

/// Where a topic is read, and how. The URLs are copied; one that is empty is a way that there is not.
struct reader_options {
  std::string_view stream{};        ///< of its server-sent events
  std::string_view poll{};          ///< of its long polls
  std::string_view short_poll{};    ///< of its short polls; empty: those of `poll` that do not wait
  position from = position::oldest; ///< where it begins; `now`: where the server lets each way begin
  bool subjects = false;            ///< the events' data is {"subject","data"}: that of a log with several subjects
  duration read_idle = std::chrono::seconds(45);   ///< as event_source_options::read_idle
  duration wait = std::chrono::seconds(30);        ///< as feed_options::wait, of long polls
  duration pace = std::chrono::seconds(5);         ///< as feed_options::pace, of short polls
  duration prove = std::chrono::seconds(10);       ///< a stream that brings no byte in that time does not work
  unsigned attempts = 2;                           ///< failures in a row, then the next way is taken
  duration first_probe = std::chrono::seconds(30); ///< a better way is tried again after this,
  duration most_probe = std::chrono::minutes(10);  ///< doubled each time that it did not work, up to this
  duration first_wait = std::chrono::seconds(1);   ///< when no way works: at random up to this,
  duration most_wait = std::chrono::seconds(30);   ///< doubled each time, up to this
};
static_assert(std::is_aggregate_v<reader_options> && std::is_trivially_destructible_v<reader_options>);

namespace detail {

using polling::item;
using v0::detail::counted_ptr;

class reader_state final : public v0::detail::pulled<delivery<item>> {
 public:
  using item = polling::item; // the base has another one
  reader_state(client c, const reader_options& options);

  way via() const noexcept;
  std::optional<cursor> at() const noexcept { return given_; }
  std::uint64_t switches() const noexcept { return switches_; }
  using hook = v0::detail::callback<void(client_request&)>;
  void before_attempt(hook h) noexcept { hook_ = std::move(h); }

 private:
  struct lane {
    way kind;
    std::string url;
    bool hopeless; // it was refused, the last time
  };

  bool next(delivery<item>& value) override;
  void want() override;
  void on_timer() override;
  void drop() noexcept override;

  void begin();
  void leave();
  void receive();
  void arrived(error_code ec, const sse::event& e);
  void arrived(error_code ec, delivery<item> d);
  void give(delivery<item> what, const std::optional<cursor>& behind);
  void failed(error_code ec);
  void worked();
  std::string place() const;

  const client client_;
  const reader_options options_;
  hook hook_;
  std::vector<lane> lanes_;
  std::size_t at_ = 0; // the lane in use
  std::optional<sse::event_source> stream_;
  std::optional<polling::feed> feed_;
  std::optional<delivery<item>> ready_;
  std::optional<cursor> read_, given_; // with what is in ready_, and without
  std::uint64_t switches_ = 0;
  std::uint32_t turn_ = 0; // of what is under way: what arrives with another number is of the past
  unsigned rounds_ = 0;    // all ways failed so often
  duration probe_{};       // until a better way is tried
  time_point probe_at_ = (time_point::max)(), began_{};
  bool receiving_ = false, worked_ = false, resting_ = false;
};

} // namespace detail
} // namespace live
} // namespace v0
} // namespace antiphon
