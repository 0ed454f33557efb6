// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/detail/parked.hpp>
#include <antiphon/core/detail/parking.hpp>
#include <antiphon/testing/fail_after.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace testing {
namespace detail {

using antiphon::detail::parked_base;
using antiphon::detail::parking;

/// Up to 16 pieces of memory to read into or to write from.
struct memory_pieces {
  struct piece {
    char* data;
    std::size_t size;
  };
  std::array<piece, 16> pieces{};
  std::size_t count = 0;
  std::size_t total = 0;

  template <class Buffers>
  explicit memory_pieces(const Buffers& buffers) {
    const auto end = asio::buffer_sequence_end(buffers);
    for (auto it = asio::buffer_sequence_begin(buffers); it != end && count < pieces.size(); ++it) {
      const asio::const_buffer b(*it);
      // Only written through where the caller gave a mutable buffer.
      pieces[count++] = {const_cast<char*>(static_cast<const char*>(b.data())), b.size()};
      total += b.size();
    }
  }
};

class memory_link;

/// A read, a write or a wait for readiness that waits.
class memory_op : public parked_base, public parking::item {
 public:
  enum class kind : unsigned char { read, write, wait_read, wait_write, wait_error };

  memory_op(parking& home, std::shared_ptr<memory_link> link, int side, kind what, const memory_pieces& memory)
      : home_(home), link_(std::move(link)), side_(side), kind_(what), memory_(memory) {}

  inline void cancel();

 protected:
  ~memory_op() = default;
  error_code ec_;
  std::size_t transferred_ = 0;

 private:
  friend class memory_link;
  inline void abandon() noexcept final;

  parking& home_;
  const std::shared_ptr<memory_link> link_;
  const int side_;
  const kind kind_;
  const memory_pieces memory_;
};

struct memory_transfer : memory_op {
  using memory_op::memory_op;
  std::tuple<error_code, std::size_t> result() const { return {ec_, transferred_}; }
};
struct memory_wait : memory_op {
  using memory_op::memory_op;
  std::tuple<error_code> result() const { return {ec_}; }
};

/// What two connected ends share: the bytes on the way, and who waits for them.
class memory_link : public std::enable_shared_from_this<memory_link> {
 public:
  using kind = memory_op::kind;
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  explicit memory_link(std::size_t capacity) noexcept : capacity_(capacity) {}

  // The settings of an end.
  void read_size(int side, std::size_t n) { locked(side).end.read_size = n == 0 ? unlimited : n; }
  void write_size(int side, std::size_t n) { locked(side).end.write_size = n == 0 ? unlimited : n; }
  void fail(int side, const fail_after& failure) { locked(side).end.failure.emplace(failure); }
  void cut_after(int side, std::size_t n, error_code seen) {
    auto held = locked(side);
    held.end.cut_in = n;
    held.end.cut_seen = seen;
    if (n == 0) cut(held.end);
  }
  bool is_open(int side) { return locked(side).end.open; }

  /// Tries at once: would_block where it would have to wait.
  std::size_t now(int side, kind what, const memory_pieces& memory, error_code& ec) {
    auto held = locked(side);
    std::size_t n = 0;
    if (!attempt(side, what, memory, ec, n)) {
      ec = asio::error::would_block;
      return 0;
    }
    if (held.end.failure) {
      // Counted only now: a call that would have blocked is no step. The bytes are lost, as they are on a real failure.
      if (const auto failure = held.end.failure->step()) {
        ec = failure;
        return 0;
      }
    }
    return n;
  }

  /// Starts an operation that is made and in nobody's list.
  void start(memory_op& op) {
    const auto keep = shared_from_this(); // the operation may be gone, and with it the last end, when it is posted
    if (!op.home_.add(op)) return op.destroy();
    auto held = locked(op.side_);
    if (held.end.failure) op.ec_ = held.end.failure->step();
    if (op.ec_ || attempt(op)) {
      op.home_.complete(op, op);
    } else {
      held.end.waiting.push_back(&op);
    }
  }

  void cancel(int side) {
    auto held = locked(side);
    abort_all(held.end);
  }
  void cancel(memory_op& op) {
    auto held = locked(op.side_);
    if (!erase(held.end, op)) return;
    op.ec_ = asio::error::operation_aborted;
    op.home_.complete(op, op);
  }
  void forget(memory_op& op) noexcept {
    auto held = locked(op.side_);
    erase(held.end, op);
  }

  void shutdown(int side, bool receive, bool send, error_code& ec) {
    auto held = locked(side);
    ec = held.end.open ? error_code() : error_code(asio::error::bad_descriptor);
    if (ec) return;
    held.end.receive_shut = held.end.receive_shut || receive;
    held.end.send_shut = held.end.send_shut || send;
  }
  void close(int side) {
    auto held = locked(side);
    abort_all(held.end);
    held.end.open = false;
    held.end.send_shut = true;
    held.end.incoming.clear();
  }

 private:
  struct end {
    std::string incoming; // on the way to this end
    bool open = true;
    bool receive_shut = false;
    bool send_shut = false;
    error_code gone; // the connection was cut: what this end sees of it, when it has read what came before
    std::size_t read_size = unlimited;
    std::size_t write_size = unlimited;
    std::size_t cut_in = unlimited;
    error_code cut_seen;
    std::optional<fail_after> failure;
    std::vector<memory_op*> waiting;
  };

  // The lock, and on giving it back whatever has become possible meanwhile is done.
  struct access {
    memory_link& link;
    std::unique_lock<std::mutex> lock;
    struct end& end;
    ~access() { link.progress(); }
  };
  access locked(int side) { return {*this, std::unique_lock(mutex_), ends_[static_cast<std::size_t>(side)]}; }

  void progress() {
    for (bool again = true; again;) {
      again = false;
      for (auto& e : ends_) {
        for (std::size_t i = 0; i < e.waiting.size();) {
          memory_op& op = *e.waiting[i];
          if (!attempt(op)) {
            ++i;
            continue;
          }
          e.waiting.erase(e.waiting.begin() + static_cast<std::ptrdiff_t>(i));
          op.home_.complete(op, op);
          again = true;
        }
      }
    }
  }
  bool attempt(memory_op& op) { return attempt(op.side_, op.kind_, op.memory_, op.ec_, op.transferred_); }

  // True: it is done, well or badly. False: it must wait.
  bool attempt(int side, kind what, const memory_pieces& memory, error_code& ec, std::size_t& n) {
    auto& self = ends_[static_cast<std::size_t>(side)];
    auto& peer = ends_[static_cast<std::size_t>(1 - side)];
    const auto with = [&ec](error_code result) {
      ec = result;
      return true;
    };
    if (!self.open) return with(asio::error::bad_descriptor);
    const bool readable = !self.incoming.empty() || self.gone || self.receive_shut || peer.send_shut;
    const bool broken = self.gone || self.send_shut || !peer.open;
    const bool writable = broken || peer.incoming.size() < capacity_;
    switch (what) {
    case kind::wait_read: return readable && with({});
    case kind::wait_write: return writable && with({});
    case kind::wait_error: return self.gone && with({});
    case kind::read:
      if (memory.total == 0) return with({});
      if (!self.incoming.empty() && !self.receive_shut) {
        n = take(self, memory);
        return with({});
      }
      if (self.gone) return with(self.gone);
      return readable && with(asio::error::eof);
    case kind::write:
      if (memory.total == 0) return with({});
      if (self.gone) return with(self.gone == asio::error::eof ? asio::error::broken_pipe : self.gone);
      if (broken) return with(asio::error::broken_pipe);
      if (!writable) return false;
      n = give(self, peer, memory);
      return with({});
    }
    return false;
  }

  std::size_t take(end& self, const memory_pieces& memory) {
    const std::size_t most = std::min({memory.total, self.incoming.size(), self.read_size});
    std::size_t n = 0;
    for (std::size_t i = 0; i < memory.count && n < most; ++i) {
      const std::size_t size = std::min(memory.pieces[i].size, most - n);
      if (size != 0) std::memcpy(memory.pieces[i].data, self.incoming.data() + n, size);
      n += size;
    }
    self.incoming.erase(0, n);
    return n;
  }
  std::size_t give(end& self, end& peer, const memory_pieces& memory) {
    const std::size_t most = std::min({memory.total, capacity_ - peer.incoming.size(), self.write_size, self.cut_in});
    std::size_t n = 0;
    for (std::size_t i = 0; i < memory.count && n < most; ++i) {
      const std::size_t size = std::min(memory.pieces[i].size, most - n);
      peer.incoming.append(memory.pieces[i].data, size);
      n += size;
    }
    if (self.cut_in != unlimited && (self.cut_in -= n) == 0) cut(self);
    return n;
  }
  void cut(end& self) {
    self.incoming.clear();
    self.gone = asio::error::connection_reset;
    ends_[&self == &ends_[0] ? 1 : 0].gone = self.cut_seen;
  }

  void abort_all(end& e) {
    for (auto* op : std::exchange(e.waiting, {})) {
      op->ec_ = asio::error::operation_aborted;
      op->home_.complete(*op, *op);
    }
  }
  static bool erase(end& e, memory_op& op) noexcept {
    const auto at = std::find(e.waiting.begin(), e.waiting.end(), &op);
    if (at == e.waiting.end()) return false;
    e.waiting.erase(at);
    return true;
  }

  std::mutex mutex_;
  const std::size_t capacity_;
  std::array<end, 2> ends_;
};

inline void memory_op::cancel() {
  const auto link = link_;
  link->cancel(*this);
}
inline void memory_op::abandon() noexcept {
  const auto link = link_;
  link->forget(*this);
  destroy();
}

} // namespace detail
} // namespace testing
} // namespace v0
} // namespace antiphon
