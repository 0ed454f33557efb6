// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/counted.hpp>
#include <antiphon/core/detail/slot_memory.hpp>
#include <antiphon/core/stream.hpp>

#include <array>
#include <cstddef>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What a client_stream reports to: kept alive while anything waits.
class stream_user : public counted {
 public:
  virtual void on_readable(error_code ec) = 0;
  virtual void on_writable(error_code ec, std::size_t n) = 0;

 protected:
  ~stream_user() override = default;
};

/// The part of a client's connection that knows its stream. Used on the stream's executor, which is the client's.
class client_stream {
 public:
  virtual ~client_stream() = default;
  /// Before all else. Harmless a second time: who connects may have spoken to the peer before.
  virtual void open(error_code& ec) = 0;
  virtual std::size_t read(asio::mutable_buffer to, error_code& ec) = 0;
  /// Nothing has come, and it has not ended: whether it can be used again.
  virtual bool quiet() = 0;
  virtual std::size_t write(const gather& from, error_code& ec) = 0;
  virtual void wait_read(counted_ptr<stream_user> user) = 0;
  virtual void wait_write(const gather& from, counted_ptr<stream_user> user) = 0;
  virtual void shutdown_send() noexcept = 0;
  virtual void close() noexcept = 0;
};

/// Writes are tried at once. A read is always under way while the client waits, into a KiB that is held: a client
/// has few connections, and Asio then needs no call of the system to wait for the next answer.
template <class Stream>
class client_stream_of final : public client_stream {
 public:
  explicit client_stream_of(Stream stream) : transport_(std::move(stream)), held_(new held) {}

  void open(error_code& ec) override { transport_.open(ec); }
  std::size_t read(asio::mutable_buffer to, error_code& ec) override {
    if constexpr (!direct) return transport_.read_now(to, ec);
    held& h = *held_;
    if (h.size == 0) {
      ec = h.failure ? h.failure : error_code(asio::error::would_block);
      return 0;
    }
    ec = error_code();
    std::size_t n = asio::buffer_copy(to, asio::buffer(h.bytes.data() + h.begin, h.size));
    h.begin += n;
    h.size -= n;
    if (h.size == 0 && std::exchange(h.full, false) && n < to.size()) { // more may be there
      error_code later;
      const std::size_t more = transport_.read_now(to + n, later);
      if (more == 0 && later != asio::error::would_block && later != asio::error::try_again) h.failure = later;
      n += more;
    }
    return n;
  }
  /// Whether there is nothing to be read, as far as can be told.
  bool quiet() override {
    if (held_->size != 0 || held_->failure) return false;
    if constexpr (requires(Stream & s, error_code & ec, asio::mutable_buffer to) {
                    s.receive(to, asio::socket_base::message_peek, ec);
                  }) {
      char byte = 0;
      error_code ec;
      transport_.stream().receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, ec);
      return ec == asio::error::would_block || ec == asio::error::try_again;
    }
    return true;
  }
  void wait_read(counted_ptr<stream_user> user) override {
    readable done{std::move(user), held_};
    if constexpr (!direct) {
      transport_.wait_read(std::move(done));
    } else if (held_->size != 0 || held_->failure) {
      asio::post(transport_.stream().get_executor(), [done = std::move(done)] { done(error_code()); });
    } else {
      auto to = asio::buffer(held_->bytes);
      transport_.stream().async_read_some(to, std::move(done));
    }
  }
  std::size_t write(const gather& from, error_code& ec) override { return transport_.write_now(from, ec); }
  void wait_write(const gather& from, counted_ptr<stream_user> user) override {
    transport_.wait_write(from, [user = std::move(user)](error_code ec, std::size_t n) { user->on_writable(ec, n); });
  }
  void shutdown_send() noexcept override {
    if constexpr (requires(Stream & s, error_code & ec) { s.shutdown(asio::socket_base::shutdown_send, ec); }) {
      error_code ignored;
      transport_.stream().shutdown(asio::socket_base::shutdown_send, ignored);
    }
  }
  void close() noexcept override {
    error_code ignored;
    transport_.stream().close(ignored);
  }

 private:
  static constexpr bool direct = readiness_stream<Stream>;

  // What is read, and the memory of the read, in which a connection spends its time. The read keeps both.
  struct held final : counted, slot_memory<192> {
    std::array<char, direct ? 1024 : 1> bytes;
    std::size_t begin = 0, size = 0;
    error_code failure;
    bool full = false;
  };
  struct readable {
    counted_ptr<stream_user> user;
    counted_ptr<held> from;
    using allocator_type = slot_allocator<void, held>;
    allocator_type get_allocator() const noexcept { return allocator_type(*from); }
    void operator()(error_code ec, std::size_t n) const {
      from->begin = 0;
      from->size = n;
      from->full = n == from->bytes.size();
      if (ec != asio::error::operation_aborted) from->failure = ec, ec = error_code();
      user->on_readable(ec);
    }
    void operator()(error_code ec) const { user->on_readable(ec); }
  };

  transport<Stream> transport_;
  counted_ptr<held> held_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
