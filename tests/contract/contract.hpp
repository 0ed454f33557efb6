// SPDX-License-Identifier: BSL-1.0
// What every asynchronous operation of the library keeps to, as one typed suite.
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <asio/bind_allocator.hpp>
#include <asio/use_future.hpp>
#include <gtest/gtest.h>
#if __has_include(<asio/deferred.hpp>)
#include <asio/deferred.hpp>
#else
#include <asio/experimental/deferred.hpp>
#endif

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace contract {

namespace ap = antiphon;

#if __has_include(<asio/deferred.hpp>)
inline constexpr asio::deferred_t deferred{};
#else
inline constexpr asio::experimental::deferred_t deferred{};
#endif

/// An allocator that knows how much of its memory is out.
struct allocation_count {
  std::size_t made = 0;
  std::size_t live = 0;
};

template <class T>
struct counting_allocator {
  using value_type = T;
  allocation_count* count;

  explicit counting_allocator(allocation_count& c) noexcept : count(&c) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) noexcept : count(other.count) {}
  T* allocate(std::size_t n) {
    ++count->made;
    ++count->live;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, std::size_t n) {
    --count->live;
    std::allocator<T>().deallocate(p, n);
  }
  template <class U>
  bool operator==(const counting_allocator<U>& other) const noexcept {
    return count == other.count;
  }
};

/// The error behind the first argument of a completion handler.
inline ap::error_code code_of(const ap::error_code& ec) { return ec; }
inline ap::error_code code_of(const std::exception_ptr& e) {
  if (!e) return {};
  try {
    std::rethrow_exception(e);
  } catch (const ap::system_error& error) {
    return error.code();
  }
}

/// Counts calls and remembers the last outcome; can be moved only.
struct outcome {
  int calls = 0;
  ap::error_code ec;
  bool in_initiation = true;

  auto handler() {
    return [this, only_moved = std::make_unique<int>()](const auto& first, auto&&...) {
      EXPECT_FALSE(in_initiation) << "completed inside the initiating call";
      ++calls;
      ec = code_of(first);
    };
  }
};

/// An `Operation` is made with an io_context and has
///     auto start(token)     begins it; `token` always has an executor, the context's unless the test says otherwise
///     void finish()         lets it end well; may be called once
/// It must wait until finish(), and run on the context only when it is polled. One that has no cause to wait has
///     static constexpr bool never_waits = true;
/// and what is said of waiting does not apply to it.
template <class Operation>
inline constexpr bool waits = true;
template <class Operation>
requires(Operation::never_waits) inline constexpr bool waits<Operation> = false;

#define ANTIPHON_CONTRACT_OF_WAITING()                                                                                 \
  if (!waits<TypeParam>) GTEST_SKIP() << "it never waits: there is no moment at which it is outstanding"

template <class Operation>
class operation_contract : public ::testing::Test {
 protected:
  void settle() { settle(io_); }
  static void settle(asio::io_context& io) {
    do io.restart();
    while (io.poll() != 0);
  }
  template <class Token>
  void start(Operation& op, outcome& out, Token&& token) {
    out.in_initiation = true;
    op.start(std::forward<Token>(token));
    out.in_initiation = false;
  }
  asio::io_context::executor_type executor() { return io_.get_executor(); }

  asio::io_context io_;
};

TYPED_TEST_SUITE_P(operation_contract);

TYPED_TEST_P(operation_contract, completes_once_after_the_initiating_call) {
  ANTIPHON_CONTRACT_OF_WAITING();
  TypeParam op(this->io_);
  outcome out;
  this->start(op, out, asio::bind_executor(this->executor(), out.handler()));
  this->settle();
  EXPECT_EQ(out.calls, 0);
  op.finish();
  EXPECT_EQ(out.calls, 0) << "completed inside the call that made it possible";
  this->settle();
  EXPECT_EQ(out.calls, 1);
  EXPECT_FALSE(out.ec) << out.ec.message();
}

TYPED_TEST_P(operation_contract, never_completes_inside_when_it_could_at_once) {
  TypeParam op(this->io_);
  op.finish();
  outcome out;
  // Started from within the executor, where a careless dispatch would run it inline.
  asio::post(this->io_, [&] { this->start(op, out, asio::bind_executor(this->executor(), out.handler())); });
  this->settle();
  EXPECT_LE(out.calls, 1);
}

TYPED_TEST_P(operation_contract, completes_on_the_associated_executor) {
  TypeParam op(this->io_);
  const auto strand = asio::make_strand(this->io_);
  bool there = false;
  op.start(asio::bind_executor(strand, [&](auto&&...) { there = strand.running_in_this_thread(); }));
  op.finish();
  this->settle();
  EXPECT_TRUE(there);
}

TYPED_TEST_P(operation_contract, completes_on_another_context_and_keeps_it_at_work) {
  ANTIPHON_CONTRACT_OF_WAITING();
  asio::io_context other;
  TypeParam op(this->io_);
  outcome out;
  this->start(op, out, asio::bind_executor(other.get_executor(), out.handler()));
  other.poll();
  EXPECT_FALSE(other.stopped()) << "outstanding work";
  op.finish();
  this->settle();
  EXPECT_EQ(out.calls, 0);
  this->settle(other);
  EXPECT_EQ(out.calls, 1);
  other.restart();
  other.poll();
  EXPECT_TRUE(other.stopped());
}

TYPED_TEST_P(operation_contract, is_outstanding_work) {
  ANTIPHON_CONTRACT_OF_WAITING();
  TypeParam op(this->io_);
  outcome out;
  this->start(op, out, asio::bind_executor(this->executor(), out.handler()));
  this->settle();
  EXPECT_FALSE(this->io_.stopped());
  op.finish();
  this->settle();
  EXPECT_TRUE(this->io_.stopped());
}

TYPED_TEST_P(operation_contract, works_on_any_io_executor) {
  TypeParam op(this->io_);
  outcome out;
  this->start(op, out, asio::bind_executor(asio::any_io_executor(asio::make_strand(this->io_)), out.handler()));
  op.finish();
  this->settle();
  EXPECT_EQ(out.calls, 1);
}

TYPED_TEST_P(operation_contract, use_future) {
  ANTIPHON_CONTRACT_OF_WAITING();
  TypeParam op(this->io_);
  auto future = op.start(asio::bind_executor(this->executor(), asio::use_future));
  this->settle();
  EXPECT_NE(future.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  op.finish();
  this->settle();
  ASSERT_EQ(future.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_NO_THROW(static_cast<void>(future.get()));
}

TYPED_TEST_P(operation_contract, use_awaitable) {
  ANTIPHON_CONTRACT_OF_WAITING();
  TypeParam op(this->io_);
  bool over = false;
  const auto body = [&]() -> asio::awaitable<void> {
    static_cast<void>(co_await op.start(asio::use_awaitable));
    over = true;
  };
  std::exception_ptr failure;
  asio::co_spawn(this->io_, body, [&](std::exception_ptr e) { failure = e; });
  this->settle();
  EXPECT_FALSE(over);
  op.finish();
  this->settle();
  EXPECT_TRUE(over);
  EXPECT_FALSE(failure);
}

TYPED_TEST_P(operation_contract, use_awaitable_throws_when_cancelled) {
  ANTIPHON_CONTRACT_OF_WAITING();
  TypeParam op(this->io_);
  const auto body = [&]() -> asio::awaitable<void> { static_cast<void>(co_await op.start(asio::use_awaitable)); };
  asio::cancellation_signal signal;
  std::optional<std::exception_ptr> end;
  asio::co_spawn(this->io_, body, asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { end = e; }));
  this->settle();
  asio::post(this->io_, [&] { signal.emit(asio::cancellation_type::terminal); });
  this->settle();
  ASSERT_TRUE(end);
  EXPECT_EQ(code_of(*end), asio::error::operation_aborted);
}

TYPED_TEST_P(operation_contract, deferred_starts_when_it_is_called) {
  TypeParam op(this->io_);
  auto later = op.start(deferred);
  this->settle();
  EXPECT_TRUE(this->io_.stopped()) << "started too early";
  outcome out;
  out.in_initiation = true;
  std::move(later)(asio::bind_executor(this->executor(), out.handler()));
  out.in_initiation = false;
  op.finish();
  this->settle();
  EXPECT_EQ(out.calls, 1);
  EXPECT_FALSE(out.ec);
}

TYPED_TEST_P(operation_contract, honours_the_slot_for_every_type) {
  ANTIPHON_CONTRACT_OF_WAITING();
  for (const auto type :
       {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
    TypeParam op(this->io_);
    asio::cancellation_signal signal;
    outcome out;
    this->start(op, out,
                asio::bind_executor(this->executor(), asio::bind_cancellation_slot(signal.slot(), out.handler())));
    this->settle();
    signal.emit(asio::cancellation_type::none);
    this->settle();
    EXPECT_EQ(out.calls, 0);
    asio::post(this->io_, [&] {
      signal.emit(type);
      EXPECT_EQ(out.calls, 0) << "completed inside emit()";
      signal.emit(type); // once more changes nothing
    });
    this->settle();
    EXPECT_EQ(out.calls, 1);
    EXPECT_EQ(out.ec, asio::error::operation_aborted);
    op.finish();
    this->settle();
    EXPECT_EQ(out.calls, 1);
  }
}

TYPED_TEST_P(operation_contract, cancelling_after_it_was_possible_keeps_the_result) {
  TypeParam op(this->io_);
  asio::cancellation_signal signal;
  outcome out;
  this->start(op, out,
              asio::bind_executor(this->executor(), asio::bind_cancellation_slot(signal.slot(), out.handler())));
  this->settle();
  op.finish();
  // What finish() posted may or may not have come as far as the operation: one completion, and a sane one.
  signal.emit(asio::cancellation_type::terminal);
  this->settle();
  EXPECT_EQ(out.calls, 1);
  EXPECT_TRUE(!out.ec || out.ec == asio::error::operation_aborted) << out.ec.message();
}

TYPED_TEST_P(operation_contract, clears_the_slot_before_completing) {
  ANTIPHON_CONTRACT_OF_WAITING();
  TypeParam op(this->io_);
  asio::cancellation_signal signal;
  bool cleared = false;
  op.start(asio::bind_executor(this->executor(),
                               asio::bind_cancellation_slot(signal.slot(), [&cleared, slot = signal.slot()](auto&&...) {
                                 cleared = !slot.has_handler();
                               })));
  EXPECT_TRUE(signal.slot().has_handler());
  op.finish();
  this->settle();
  EXPECT_TRUE(cleared);
  signal.emit(asio::cancellation_type::terminal); // meets nobody
  this->settle();
}

TYPED_TEST_P(operation_contract, frees_its_memory_before_completing) {
  TypeParam op(this->io_);
  allocation_count count;
  std::optional<std::size_t> live;
  op.start(asio::bind_executor(
      this->executor(), asio::bind_allocator(counting_allocator<void>(count), [&](auto&&...) { live = count.live; })));
  EXPECT_GT(count.made, 0u) << "the associated allocator is not used";
  op.finish();
  this->settle();
  ASSERT_TRUE(live);
  EXPECT_EQ(*live, 0u);
}

TYPED_TEST_P(operation_contract, ends_with_its_context_without_being_called) {
  ANTIPHON_CONTRACT_OF_WAITING();
  const auto witness = std::make_shared<int>();
  bool called = false;
  asio::cancellation_signal outlives;
  {
    asio::io_context io;
    TypeParam op(io);
    op.start(asio::bind_executor(
        io.get_executor(),
        asio::bind_cancellation_slot(outlives.slot(), [&called, witness](auto&&...) { called = true; })));
    this->settle(io);
    EXPECT_EQ(witness.use_count(), 2);
  }
  EXPECT_FALSE(called);
  EXPECT_EQ(witness.use_count(), 1);
  outlives.emit(asio::cancellation_type::terminal); // what is left in the slot is harmless
}

TYPED_TEST_P(operation_contract, may_outlive_its_signal) {
  TypeParam op(this->io_);
  outcome out;
  auto signal = std::make_unique<asio::cancellation_signal>();
  this->start(op, out,
              asio::bind_executor(this->executor(), asio::bind_cancellation_slot(signal->slot(), out.handler())));
  signal.reset();
  op.finish();
  this->settle();
  EXPECT_EQ(out.calls, 1);
}

TYPED_TEST_P(operation_contract, a_completion_on_its_way_ends_with_its_context) {
  const auto witness = std::make_shared<int>();
  bool called = false;
  {
    asio::io_context io;
    TypeParam op(io);
    op.start(asio::bind_executor(io.get_executor(), [&called, witness](auto&&...) { called = true; }));
    op.finish(); // and nobody polls
  }
  EXPECT_FALSE(called);
  EXPECT_EQ(witness.use_count(), 1);
}

TYPED_TEST_P(operation_contract, a_handler_may_throw) {
  TypeParam op(this->io_);
  op.start(asio::bind_executor(this->executor(), [](auto&&...) { throw 7; }));
  op.finish();
  EXPECT_THROW(this->settle(), int);
  this->settle();
  EXPECT_TRUE(this->io_.stopped());
}

REGISTER_TYPED_TEST_SUITE_P(operation_contract, completes_once_after_the_initiating_call,
                            never_completes_inside_when_it_could_at_once, completes_on_the_associated_executor,
                            completes_on_another_context_and_keeps_it_at_work, is_outstanding_work,
                            works_on_any_io_executor, use_future, use_awaitable, use_awaitable_throws_when_cancelled,
                            deferred_starts_when_it_is_called, honours_the_slot_for_every_type,
                            cancelling_after_it_was_possible_keeps_the_result, clears_the_slot_before_completing,
                            frees_its_memory_before_completing, ends_with_its_context_without_being_called,
                            may_outlive_its_signal, a_completion_on_its_way_ends_with_its_context, a_handler_may_throw);

} // namespace contract
