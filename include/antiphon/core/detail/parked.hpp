// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What an operation leaves in its handler's cancellation slot. Either may be destroyed first: at the end of a context
/// frames, signals and operations go in no useful order.
template <class Op>
class canceller {
 public:
  explicit canceller(Op& op) noexcept : op_(&op) { op_->canceller_ = this; }
  canceller(const canceller&) = delete;
  canceller& operator=(const canceller&) = delete;
  ~canceller() { forget(); }

  void operator()(asio::cancellation_type_t type) {
    if (!op_ || type == asio::cancellation_type::none) return;
    if constexpr (requires { op_->cancel(type); }) {
      op_->cancel(type);
    } else {
      op_->cancel();
    }
  }
  void forget() noexcept {
    if (op_) op_->canceller_ = nullptr;
    op_ = nullptr;
  }

 private:
  Op* op_;
};

/// An asynchronous operation of ours while it waits: what whoever parked it knows of it. Derived classes add what they
/// need, `cancel()` and `result()`, a tuple of what the handler is called with.
///
/// It belongs to one list, and to whoever takes it out of there, who calls exactly one of post(), arrive() and
/// destroy().
class parked_base {
 public:
  parked_base(const parked_base&) = delete;
  parked_base& operator=(const parked_base&) = delete;

  /// Completes: the handler is called on its executor, never in here, when the slot is cleared and the memory is free.
  virtual void post() noexcept = 0;
  /// Completes here and now: only on the handler's executor, and not within the initiating call.
  virtual void arrive() = 0;
  /// Ends it without calling the handler: the shutdown of a context.
  virtual void destroy() noexcept = 0;

 protected:
  parked_base() = default;
  ~parked_base() = default;
};

/// `Base` derives from parked_base. The operation lives, its canceller with it, until it is back on the handler's
/// executor: so a cancellation that comes while it is being completed elsewhere meets a living object.
template <class Base, class Handler, class IoExecutor>
class parked final : public Base {
  using executor_type = asio::associated_executor_t<Handler, IoExecutor>;
  using work_type = std::decay_t<
      typename asio::prefer_result<const executor_type&, asio::execution::outstanding_work_t::tracked_t>::type>;
  using allocator_type =
      typename std::allocator_traits<asio::associated_allocator_t<Handler>>::template rebind_alloc<parked>;
  using traits = std::allocator_traits<allocator_type>;

 public:
  /// Made, and its canceller in place; not yet in a list.
  template <class... Args>
  static parked* make(Handler& handler, const IoExecutor& executor, Args&&... args) {
    allocator_type allocator(asio::get_associated_allocator(handler));
    auto slot = asio::get_associated_cancellation_slot(handler);
    parked* const memory = traits::allocate(allocator, 1);
    parked* op;
    try {
      op = ::new (static_cast<void*>(std::to_address(memory))) parked(handler, executor, std::forward<Args>(args)...);
    } catch (...) {
      traits::deallocate(allocator, memory, 1);
      throw;
    }
    if (slot.is_connected()) slot.template emplace<canceller<parked>>(*op);
    return op;
  }

  void post() noexcept override {
    // Copies: the operation may be gone before the call returns.
    const work_type executor = work_;
    asio::post(executor, arrival(this, asio::get_associated_allocator(handler_)));
  }

  void arrive() override {
    // A slot that has lost our canceller may have lost its signal too.
    if (canceller_) asio::get_associated_cancellation_slot(handler_).clear();
    auto result = Base::result();
    Handler handler = extract();
    std::apply(std::move(handler), std::move(result));
  }

  void destroy() noexcept override {
    if (canceller_) canceller_->forget();
    [[maybe_unused]] const Handler handler = extract();
  }

 private:
  friend class canceller<parked>;

  class arrival {
   public:
    using allocator_type = asio::associated_allocator_t<Handler>;
    arrival(parked* op, const allocator_type& allocator) noexcept : op_(op), allocator_(allocator) {}
    arrival(arrival&& other) noexcept : op_(std::exchange(other.op_, nullptr)), allocator_(other.allocator_) {}
    ~arrival() {
      if (op_) op_->destroy();
    }
    allocator_type get_allocator() const noexcept { return allocator_; }
    void operator()() { std::exchange(op_, nullptr)->arrive(); }

   private:
    parked* op_;
    allocator_type allocator_;
  };

  template <class... Args>
  parked(Handler& handler, const IoExecutor& executor, Args&&... args)
      : Base(std::forward<Args>(args)...), handler_(std::move(handler)),
        work_(asio::prefer(asio::get_associated_executor(handler_, executor),
                           asio::execution::outstanding_work.tracked)) {}
  ~parked() = default;

  Handler extract() noexcept {
    allocator_type allocator(asio::get_associated_allocator(handler_));
    Handler handler = std::move(handler_);
    this->~parked();
    traits::deallocate(allocator, this, 1);
    return handler;
  }

  Handler handler_;
  work_type work_;
  canceller<parked>* canceller_ = nullptr;
};

/// Parks a handler: makes the operation, which the caller puts in its list as the last thing.
template <class Base, class Handler, class IoExecutor, class... Args>
Base* park(Handler&& handler, const IoExecutor& executor, Args&&... args) {
  static_assert(!std::is_lvalue_reference_v<Handler>);
  return parked<Base, Handler, IoExecutor>::make(handler, executor, std::forward<Args>(args)...);
}

} // namespace detail
} // namespace v0
} // namespace antiphon
