// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/parked.hpp>
#include <antiphon/core/detail/slot_memory.hpp>
#include <antiphon/core/error.hpp>
#include <antiphon/server/detail/connection.hpp>
#include <antiphon/server/detail/stream_connection.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>

#include <array>
#include <cstddef>
#include <deque>
#include <tuple>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

class server_base;

/// Keeps the servers of a context: when the context goes, their connections are destroyed, and no handler is called.
class server_service final : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;
  explicit server_service(asio::execution_context& context) : service(context) {}

  void add(counted_ptr<server_base> s) {
    const std::lock_guard lock(mutex_);
    servers_.push_back(std::move(s));
  }
  counted_ptr<server_base> remove(const server_base& s) noexcept;

 private:
  void shutdown() override;

  std::mutex mutex_;
  std::vector<counted_ptr<server_base>> servers_;
};

/// What waits for a server's end.
class serve_wait : public parked_base {
 public:
  explicit serve_wait(server_base& s) noexcept;
  std::tuple<error_code> result() const { return {ec_}; }
  void finish(error_code ec) noexcept {
    ec_ = ec;
    post();
  }
  void cancel(asio::cancellation_type type) noexcept;

 private:
  const counted_ptr<server_base> server_; // it may be cancelled when the server has ended, and it is on its way
  error_code ec_;
};

/// A server's life: it accepts, stops accepting, drains, cuts.
class server_base : public server_state, public timer_entry {
 public:
  server_base(asio::any_io_executor ex, bool one_executor, const router& r, const serve_options& o,
              std::shared_ptr<server_totals> all);

  void begin(serve_wait& wait);
  /// Drains; a second call, or `at_once`, cuts. Any thread.
  void stop(bool at_once);
  /// The context goes.
  void abandon() noexcept;

 protected:
  ~server_base() override = default;

  virtual void accept() = 0;
  virtual void close_listener() noexcept = 0;

  /// What to do with one more connection.
  enum class admission { take, refuse, drop };
  admission admit_one() const noexcept;
  void run_connection(counted_ptr<connection> c, admission how);

  /// True: accept again at once.
  bool survive(const error_code& ec);
  void back_off();
  bool sacrificed() const noexcept { return !spare_.is_open(); }
  void recover();

 private:
  /// One file kept in reserve, so that a connection can still be refused when there are no more.
  class spare_file {
   public:
    explicit spare_file(const asio::any_io_executor& ex) : socket_(ex) {}
    void open() noexcept;
    bool is_open() const noexcept { return socket_.is_open(); }
    bool close() noexcept;

   private:
    asio::ip::udp::socket socket_;
  };

  void on_due() noexcept override;
  void last_gone() noexcept override;
  void tick();
  void drain();
  void tell(time_point now);
  void cut_all();
  void give_up();
  void finish(error_code ec);
  void begin_drain_hooks();
  bool over() const noexcept { return open() == 0 && hooks_left_ == 0; }

  server_service& service_;
  const std::size_t most_;
  serve_wait* wait_ = nullptr;
  spare_file spare_{executor};
  bool resting_ = false;
  time_point began_{}, stop_at_ = time_point::max() - std::chrono::hours(1);
  std::vector<counted_ptr<connection>> to_tell_;
  std::size_t told_ = 0;
  std::deque<asio::cancellation_signal> hooks_; // of router::on_drain(), which run
  std::size_t hooks_left_ = 0;
};

/// The part of a server that knows its listener.
template <class Listener>
class server final : public server_base {
  using executor_type = typename Listener::executor_type;

 public:
  server(Listener listener, bool one_executor, const router& r, const serve_options& o,
         std::shared_ptr<server_totals> all)
      : server_base(own_executor(listener.get_executor(), one_executor), one_executor, r, o, std::move(all)),
        listener_(std::move(listener)) {
    // Accepted sockets take this over on Linux, so it costs no call a connection.
    if constexpr (requires(error_code & ec) { listener_.set_option(asio::ip::tcp::no_delay(true), ec); }) {
      error_code ignored;
      listener_.set_option(asio::ip::tcp::no_delay(true), ignored);
    }
  }

 private:
  // Where several threads run the executor, the server does its own things on a strand.
  static asio::any_io_executor own_executor(const executor_type& ex, bool one_executor) {
    if (one_executor) return ex;
    return asio::make_strand(ex);
  }

  // Memory of its own for the accept operation: Asio would hand the large block on to the small wait of the new
  // connection, which then lives for ever (208 bytes a connection).
  using memory = slot_memory<1024>;
  struct accepted {
    counted_ptr<server> self;
    using allocator_type = slot_allocator<void, memory>;
    allocator_type get_allocator() const noexcept { return allocator_type(self->memory_); }
    template <class Stream>
    void operator()(error_code ec, Stream stream) const {
      self->on_accept(ec, std::move(stream));
    }
  };

  void accept() override {
    if (draining.load(std::memory_order_relaxed)) return;
    if constexpr (requires { listener_.async_accept(asio::make_strand(listener_.get_executor()), accepted{}); }) {
      if (!serial)
        return listener_.async_accept(asio::make_strand(listener_.get_executor()),
                                      asio::bind_executor(executor, accepted{counted_ptr<server>(this)}));
    }
    listener_.async_accept(accepted{counted_ptr<server>(this)});
  }

  template <class Stream>
  void on_accept(error_code ec, Stream stream) {
    if (draining.load(std::memory_order_relaxed) || ec == asio::error::operation_aborted) return;
    if (ec) {
      if (survive(ec)) accept();
      return;
    }
    if (sacrificed()) { // it took the last file there was
      error_code ignored;
      stream.close(ignored);
      return recover();
    }
    try {
      take(std::move(stream));
    } catch (...) { // no memory for it
      routes.report(std::current_exception(), "accepting a connection");
    }
    accept();
  }

  template <class Stream>
  void take(Stream stream) {
    auto how = admit_one();
    if (how == admission::drop) return;
    counted_ptr<stream_connection<Stream>> c(new stream_connection<Stream>(*this, std::move(stream)));
    if (!c->open()) return;
    // Behind a proxy the header says whose it is.
    if (options.max_per_address != 0 && !options.proxy_protocol && !admit(*c)) how = admission::refuse;
    run_connection(counted_ptr<connection>(c.get()), how);
  }

  void close_listener() noexcept override {
    error_code ignored;
    if constexpr (requires { listener_.close(ignored); }) {
      listener_.close(ignored);
    } else {
      listener_.close();
    }
  }

  Listener listener_;
  memory memory_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/server/detail/definitions.hpp>
#endif
