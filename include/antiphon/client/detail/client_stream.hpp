// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/counted.hpp>
#include <antiphon/core/detail/slot_memory.hpp>
#include <antiphon/core/stream.hpp>

#include <cstddef>
#include <exception>
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
  virtual void open(error_code& ec) = 0;
  virtual std::size_t read(asio::mutable_buffer to, error_code& ec) = 0;
  virtual std::size_t write(const gather& from, error_code& ec) = 0;
  virtual void wait_read(counted_ptr<stream_user> user) = 0;
  virtual void wait_write(const gather& from, counted_ptr<stream_user> user) = 0;
  virtual void shutdown_send() noexcept = 0;
  virtual void close() noexcept = 0;
};

template <class Stream>
class client_stream_of final : public client_stream {
 public:
  explicit client_stream_of(Stream stream) : transport_(std::move(stream)), memory_(new memory) {}

  void open(error_code& ec) override { transport_.open(ec); }
  std::size_t read(asio::mutable_buffer to, error_code& ec) override { return transport_.read_now(to, ec); }
  std::size_t write(const gather& from, error_code& ec) override { return transport_.write_now(from, ec); }
  void wait_read(counted_ptr<stream_user> user) override { transport_.wait_read(readable{std::move(user), memory_}); }
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
  // The wait in which a connection spends its time has memory of its own, which the wait keeps.
  struct memory final : counted, slot_memory<160> {};
  struct readable {
    counted_ptr<stream_user> user;
    counted_ptr<memory> from;
    using allocator_type = slot_allocator<void, memory>;
    allocator_type get_allocator() const noexcept { return allocator_type(*from); }
    void operator()(error_code ec) const { user->on_readable(ec); }
  };

  transport<Stream> transport_;
  counted_ptr<memory> memory_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
