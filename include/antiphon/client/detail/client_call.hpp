// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/error.hpp>
#include <antiphon/client/layer.hpp>
#include <antiphon/core/detail/parked.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/url.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

class client_state;
class client_connection;
class request_sender;
struct origin;

/// One call from its beginning to its end, redirects and the repetition included: the operation that its handler is
/// parked in. It belongs to the client_state, and all but cancel() and on_deadline() is used on that one's executor.
class client_call : public parked_base, public wheel_entry {
 public:
  enum class stage : unsigned char { fresh, layered, queued, resolving, connecting, connected, moving, ending, over };

  client_call(counted_ptr<client_layer_host> host, client_state& s, client_request r, bool bare_call,
              bool handler_is_here);

  std::tuple<error_code, client_response> result() { return {ec, std::move(res)}; }
  void cancel() noexcept;

  const counted_ptr<client_layer_host> owner; // keeps `state`
  client_state* const state;
  client_request req;
  client_response res;
  http::url where;
  error_code ec;
  const std::uint64_t id;
  client_call* next = nullptr; // of the list that it is in: those that are active, those that are over
  client_call* previous = nullptr;
  client_call* behind = nullptr; // in the queue of its origin

  origin* from = nullptr;
  client_connection* on = nullptr;
  std::shared_ptr<void> attempt;
  counted_ptr<request_sender> sender;
  std::string location;             // of a redirect whose body is being read
  asio::cancellation_signal signal; // of waiting layers

  time_point began{}, total_at = time_point::max(), due_at = time_point::max();
  client_error due{};
  client_progress progress;
  unsigned redirects = 0; // still to be followed
  unsigned interim = 0;
  stage at = stage::fresh;
  const bool bare;          // without layers: they are around it
  const bool same_executor; // the handler's is the client's: it may be called from there
  bool active = false;      // it has begun
  bool cancelled = false;   // before it began
  bool told = false;        // that the client has gone
  bool answered_by_hook = false;
  bool fresh_only = false; // the repetition wants a new connection
  bool linked = false;     // perhaps in the wheel

 protected:
  ~client_call();

 private:
  void on_deadline() noexcept override;
};

/// A list of calls.
class call_list {
 public:
  bool empty() const noexcept { return !first_; }
  client_call* first() const noexcept { return first_; }
  void add(client_call& c) noexcept {
    c.next = nullptr;
    c.previous = last_;
    (last_ ? last_->next : first_) = &c;
    last_ = &c;
  }
  void remove(client_call& c) noexcept {
    (c.previous ? c.previous->next : first_) = c.next;
    (c.next ? c.next->previous : last_) = c.previous;
  }
  client_call* take() noexcept {
    client_call* const c = first_;
    if (c) remove(*c);
    return c;
  }

 private:
  client_call* first_ = nullptr;
  client_call* last_ = nullptr;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
