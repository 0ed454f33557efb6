// SPDX-License-Identifier: BSL-1.0
#include "../contract/contract.hpp"

#include <antiphon/core/notifier.hpp>
#include <antiphon/core/offload.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <chrono>
#include <optional>
#include <utility>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;

class sleep_operation {
 public:
  explicit sleep_operation(asio::io_context& io) : io_(io), time_(ap::detail::time_of(io.get_executor())) {
    time_.manual();
  }
  template <class Token>
  auto start(Token&& token) {
    return ap::async_sleep_for(io_.get_executor(), 1s, std::forward<Token>(token));
  }
  void finish() { time_.advance_to(time_.now() + 1s); }

 private:
  asio::io_context& io_;
  ap::detail::time_service& time_;
};

class notified_operation {
 public:
  explicit notified_operation(asio::io_context&) {}
  template <class Token>
  auto start(Token&& token) {
    return notifier_.async_wait(std::forward<Token>(token));
  }
  void finish() { notifier_.notify_all(); }

 private:
  ap::notifier notifier_;
};

class notified_since_operation {
 public:
  explicit notified_since_operation(asio::io_context&) {}
  template <class Token>
  auto start(Token&& token) {
    return notifier_.async_wait(seen_, std::forward<Token>(token));
  }
  void finish() { notifier_.notify_all(); }

 private:
  ap::notifier notifier_;
  std::uint64_t seen_ = notifier_.count();
};

// The pool is a context that is run when the test says so.
class offload_operation {
 public:
  explicit offload_operation(asio::io_context&) {}
  template <class Token>
  auto start(Token&& token) {
    return ap::async_offload(
        pool_.get_executor(), [] { return 42; }, std::forward<Token>(token));
  }
  void finish() {
    pool_.restart();
    pool_.poll();
  }

 private:
  asio::io_context pool_;
};

using core_operations =
    ::testing::Types<sleep_operation, notified_operation, notified_since_operation, offload_operation>;

} // namespace

namespace contract {
INSTANTIATE_TYPED_TEST_SUITE_P(core, operation_contract, core_operations);
} // namespace contract
