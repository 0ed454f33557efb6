// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/connector.hpp>
#include <antiphon/client/detail/client_call.hpp>
#include <antiphon/client/detail/client_connection.hpp>
#include <antiphon/client/options.hpp>
#include <antiphon/core/detail/parking.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// The connections to one origin, and the calls that wait for one.
struct origin {
  std::string key;
  std::size_t open = 0;                 // connections, and those that are being made
  std::vector<client_connection*> idle; // the last was used last
  client_call* first = nullptr;         // the queue
  client_call* last = nullptr;
  std::size_t waiting = 0;

  void push(client_call& c) noexcept {
    c.behind = nullptr;
    (last ? last->behind : first) = &c;
    last = &c;
    ++waiting;
  }
  client_call* pop() noexcept {
    client_call* const c = first;
    if (c) remove(*c);
    return c;
  }
  void remove(client_call& c) noexcept {
    client_call* before = nullptr;
    for (client_call* at = first; at; before = at, at = at->behind) {
      if (at != &c) continue;
      (before ? before->behind : first) = c.behind;
      if (last == &c) last = before;
      --waiting;
      return;
    }
  }
};

/// Some figures of a client, for metrics and tests.
struct client_figures {
  std::size_t calls = 0;       ///< active, those that wait included
  std::size_t waiting = 0;     ///< for a connection
  std::size_t connections = 0; ///< open
  std::size_t idle = 0;        ///< of these
  std::size_t origins = 0;
};

/// What the handles of one client share. All but begin(), cancel(), close_all() and figures of it is used on its
/// executor.
class client_state final : public client_layer_host, public parking::item {
 public:
  client_state(asio::any_io_executor ex, const client_options& o);
  ~client_state() override;

  // Any thread.
  void begin(client_call& c);
  void cancel(client_call& c) noexcept;
  void post_expired(std::uint64_t id) noexcept;
  /// Cancels all calls and closes all connections: the last handle has gone.
  void close_all() noexcept;
  bool here() const noexcept;

  /// Runs an entry from outside, and then completes the calls that have ended in it: here, or `posted`.
  template <class F>
  void enter(F f, bool posted = false) {
    const counted_ptr<client_state> keep(this);
    const bool outer = !std::exchange(entered_, true);
    if (outer) now_known_ = false;
    try {
      f();
    } catch (...) { // a hook's
      if (outer) entered_ = false;
      throw;
    }
    if (!outer) return;
    entered_ = false;
    if (!unused_.empty()) drop_unused();
    if (!over_.empty()) deliver(posted);
  }

  // For connections.
  void connection_free(client_connection& c, bool keep);
  void connection_gone(client_connection& c, bool was_idle) noexcept;
  void finish(client_call& c, error_code ec);
  void redirect(client_call& c);
  void repeat(client_call& c, client_connection& gone);
  void sender_ended(client_call& c);
  void phase(client_call& c, client_phase what);
  time_point expiry_of(const client_connection& c) noexcept;
  /// The time of this entry: asked for once.
  time_point now() noexcept {
    if (!std::exchange(now_known_, true)) now_ = time.now();
    return now_;
  }
  bool may_repeat(const client_call& c) const noexcept {
    return !c.progress.repeated && c.req.repeatable() && c.req.idempotent();
  }

  asio::awaitable<client_response> perform(client_request& req) override;
  void abandon() noexcept override;
  client_figures figures() const noexcept;
  void close_idle();

  const asio::any_io_executor executor;
  const client_options options;
  time_service& time;
  const std::string agent_line; // "User-Agent: x\r\n"
  const std::string unix_socket;
  std::shared_ptr<resolver> names;
  std::shared_ptr<connector> links;
  std::atomic<bool> begun{false};
  std::atomic<std::uint64_t> ids{0};
  using scratch = std::array<char, 64 * 1024>;
  scratch& room() {
    if (!scratch_) scratch_.reset(new scratch); // never filled with zeros
    return *scratch_;
  }

 private:
  void deliver(bool posted);
  void begin_here(client_call& c);
  void run_layers(client_call& c);
  client_call* find(std::uint64_t id) const noexcept;
  void cancel_here(client_call& c);
  void expired(std::uint64_t id);
  bool prepare(client_call& c);
  void acquire(client_call& c);
  void connect(client_call& c);
  void connect_to(client_call& c, resolver::addresses found);
  void connected(client_call& c, error_code ec, std::unique_ptr<client_stream> stream);
  void detach(client_call& c) noexcept;
  void serve_waiting(origin& o);
  void complete(client_call& c);
  void drop_unused() noexcept;
  void maybe_unused(origin& o);
  bool aged(const client_connection& c) noexcept;
  void set_due(client_call& c, duration length, client_error why);

  parking& parking_;
  enum class kind : unsigned char { context, strand, other };
  kind kind_;
  time_point now_{};
  bool now_known_ = false;
  bool entered_ = false, abandoned_ = false, closed_ = false;
  std::size_t calls_ = 0, idle_ = 0, connections_ = 0;
  call_list active_, over_;
  std::vector<origin*> unused_; // perhaps
  client_connection* first_ = nullptr;
  std::map<std::string, std::unique_ptr<origin>, std::less<>> origins_;
  std::unique_ptr<scratch> scratch_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
