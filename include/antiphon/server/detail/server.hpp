// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/parked.hpp>
#include <antiphon/core/error.hpp>
#include <antiphon/server/detail/connection.hpp>
#include <antiphon/server/detail/file_limit.hpp>
#include <antiphon/server/detail/stream_connection.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
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
  explicit inline serve_wait(server_base& s) noexcept;
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
  server_base(asio::any_io_executor ex, bool one_executor, const router& r, const serve_options& o)
      : server_state(std::move(ex), one_executor, r, o),
        service_(asio::use_service<server_service>(context_of(executor))),
        most_(std::min(o.max_connections, connection_limit())) {}

  void begin(serve_wait& wait) {
    wait_ = &wait;
    service_.add(counted_ptr<server_base>(this));
    spare_.open();
    accept();
  }

  /// Drains; a second call, or `at_once`, cuts. Any thread.
  void stop(bool at_once) {
    asio::post(executor, [self = counted_ptr<server_base>(this), at_once] {
      at_once || self->draining.load() ? self->cut_all() : self->drain();
    });
  }

  /// The context goes.
  void abandon() noexcept {
    close_listener();
    time.remove(*this);
    to_tell_.clear();
    if (wait_) std::exchange(wait_, nullptr)->destroy();
    abandon_connections();
  }

 protected:
  ~server_base() override = default;

  virtual void accept() = 0;
  virtual void close_listener() noexcept = 0;

  /// What to do with one more connection.
  enum class admission { take, refuse, drop };
  admission admit_one() const noexcept {
    if (draining.load(std::memory_order_relaxed)) return admission::drop;
    if (open() < most_) return admission::take;
    return open() < most_ + 64 ? admission::refuse : admission::drop;
  }
  void run_connection(counted_ptr<connection> c, admission how) {
    add(*c);
    const auto go = [c, how] { how == admission::take ? c->start() : c->refuse_connection(); };
    serial ? go() : asio::post(c->executor(), go);
  }

  /// True: accept again at once.
  bool survive(const error_code& ec) {
    if (ec == asio::error::connection_aborted || ec == asio::error::interrupted) return true;
    if (ec == asio::error::no_descriptors && spare_.close())
      return true; // to refuse the next one instead of letting it wait
    back_off();
    return false;
  }
  void back_off() {
    if (draining.load() || resting_) return;
    resting_ = true;
    time.add(*this, time.now() + std::chrono::milliseconds(100));
  }
  bool sacrificed() {
    if (spare_.is_open()) return false;
    return true;
  }
  void recover() {
    spare_.open();
    back_off();
  }

 private:
  /// One file kept in reserve, so that a connection can still be refused when there are no more.
  class spare_file {
   public:
    explicit spare_file(const asio::any_io_executor& ex) : socket_(ex) {}
    void open() noexcept {
      error_code ignored;
      if (!socket_.is_open()) socket_.open(asio::ip::udp::v4(), ignored);
    }
    bool is_open() const noexcept { return socket_.is_open(); }
    bool close() noexcept {
      const bool was = socket_.is_open();
      error_code ignored;
      socket_.close(ignored);
      return was;
    }

   private:
    asio::ip::udp::socket socket_;
  };

  void on_due() noexcept override {
    asio::post(executor, [self = counted_ptr<server_base>(this)] { self->tick(); });
  }

  void tick() {
    if (!draining.load()) {
      if (std::exchange(resting_, false)) accept();
      return;
    }
    if (!wait_) return;
    const auto now = time.now();
    if (now >= stop_at_ + std::chrono::seconds(5)) return give_up();
    if (now >= stop_at_) {
      cut_all();
      return;
    }
    tell(now);
    time.remove(*this);
    time.add(*this, told_ < to_tell_.size() ? std::min(stop_at_, now + std::chrono::milliseconds(20)) : stop_at_);
  }

  void drain() {
    draining.store(true);
    time.remove(*this);
    close_listener();
    began_ = time.now();
    stop_at_ = began_ + options.drain;
    each([this](const counted_ptr<connection>& c) {
      to_tell_.push_back(c);
      on(c, [](connection& at) { at.begin_drain(); });
    });
    if (open() == 0) return finish(error_code());
    tick();
  }

  // Answers in progress are told one after the other, over most of the time there is: else all their clients would come
  // back at once.
  void tell(time_point now) {
    const auto spread = options.drain / 10 * 8;
    std::size_t upto = to_tell_.size();
    if (spread > duration::zero() && now - began_ < spread)
      upto =
          static_cast<std::size_t>(static_cast<double>(to_tell_.size()) * (static_cast<double>((now - began_).count()) /
                                                                           static_cast<double>(spread.count()))) +
          1;
    for (; told_ < std::min(upto, to_tell_.size()); ++told_)
      on(to_tell_[told_], [](connection& at) { at.drain_answer(); });
  }

  void cut_all() {
    if (!draining.load()) {
      draining.store(true);
      close_listener();
    }
    to_tell_.clear();
    told_ = 0;
    stop_at_ = std::min(stop_at_, time.now());
    each([this](const counted_ptr<connection>& c) { on(c, [](connection& at) { at.cut(); }); });
    if (open() == 0) return finish(error_code());
    time.remove(*this);
    time.add(*this, stop_at_ + std::chrono::seconds(5));
  }

  /// Handlers that ignore their cancellation must not keep the program: they are named, and destroyed with the context.
  void give_up() {
    each([](const counted_ptr<connection>& c) {
      const auto route = c->running();
      std::fprintf(stderr, "antiphon: stopped, but the handler of '%.*s' ignores its cancellation and still runs\n",
                   static_cast<int>(route.size()), route.data());
    });
    finish(error::handlers_still_running);
  }

  template <class F>
  void on(const counted_ptr<connection>& c, F f) {
    if (serial) return f(*c);
    asio::post(c->executor(), [c, f] { f(*c); });
  }

  void last_gone() noexcept override {
    if (!draining.load()) return;
    asio::post(executor, [self = counted_ptr<server_base>(this)] { self->finish(error_code()); });
  }

  void finish(error_code ec) {
    time.remove(*this);
    to_tell_.clear();
    spare_.close();
    const counted_ptr<server_base> self(this);
    if (wait_) std::exchange(wait_, nullptr)->finish(ec);
    if (open() == 0) service_.remove(*this);
  }

  server_service& service_;
  const std::size_t most_;
  serve_wait* wait_ = nullptr;
  spare_file spare_{executor};
  bool resting_ = false;
  time_point began_{}, stop_at_ = time_point::max() - std::chrono::hours(1);
  std::vector<counted_ptr<connection>> to_tell_;
  std::size_t told_ = 0;
};

inline serve_wait::serve_wait(server_base& s) noexcept : server_(&s) {}

inline void serve_wait::cancel(asio::cancellation_type type) noexcept {
  server_->stop((type & asio::cancellation_type::terminal) != asio::cancellation_type::none);
}

inline counted_ptr<server_base> server_service::remove(const server_base& s) noexcept {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(servers_.begin(), servers_.end(), [&](const auto& p) { return p.get() == &s; });
  if (at == servers_.end()) return {};
  auto removed = std::move(*at);
  servers_.erase(at);
  return removed;
}

inline void server_service::shutdown() {
  std::vector<counted_ptr<server_base>> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(servers_);
  }
  for (auto& s : all) s->abandon();
}

/// The part of a server that knows its listener.
template <class Listener>
class server final : public server_base {
  using executor_type = typename Listener::executor_type;

 public:
  server(Listener listener, bool one_executor, const router& r, const serve_options& o)
      : server_base(own_executor(listener.get_executor(), one_executor), one_executor, r, o),
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
  struct memory {
    alignas(std::max_align_t) std::array<std::byte, 1024> bytes;
    bool used = false;
  };
  template <class T>
  struct accept_allocator {
    using value_type = T;
    memory* from;
    explicit accept_allocator(memory* m) noexcept : from(m) {}
    template <class U>
    accept_allocator(const accept_allocator<U>& other) noexcept : from(other.from) {}
    T* allocate(std::size_t n) {
      if (n * sizeof(T) > sizeof(from->bytes) || from->used) return static_cast<T*>(::operator new(n * sizeof(T)));
      from->used = true;
      return reinterpret_cast<T*>(from->bytes.data());
    }
    void deallocate(T* p, std::size_t) noexcept {
      if (reinterpret_cast<std::byte*>(p) == from->bytes.data()) {
        from->used = false;
      } else {
        ::operator delete(p);
      }
    }
    template <class U>
    bool operator==(const accept_allocator<U>& other) const noexcept {
      return from == other.from;
    }
  };
  struct accepted {
    counted_ptr<server> self;
    using allocator_type = accept_allocator<void>;
    allocator_type get_allocator() const noexcept { return allocator_type(&self->memory_); }
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
    if (options.max_per_address != 0 && !admit(*c)) how = admission::refuse;
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
