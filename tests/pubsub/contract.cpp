// SPDX-License-Identifier: BSL-1.0
#include "../contract/contract.hpp"

#include <antiphon/pubsub/topic.hpp>

#include <chrono>
#include <utility>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;

class receive_operation {
 public:
  explicit receive_operation(asio::io_context&) {}
  template <class Token>
  auto start(Token&& token) {
    return subscription_.async_receive(std::forward<Token>(token));
  }
  void finish() { topic_.publish(1); }

 private:
  const ap::topic<int> topic_;
  ap::subscription<int> subscription_ = topic_.subscribe();
};

// What is not chosen wakes it, and it waits on.
class chosen_operation {
 public:
  explicit chosen_operation(asio::io_context&) {}
  template <class Token>
  auto start(Token&& token) {
    topic_.publish(1);
    return subscription_.async_receive(std::forward<Token>(token));
  }
  void finish() {
    topic_.publish(3);
    topic_.publish(2);
  }

 private:
  const ap::topic<int> topic_;
  ap::subscription<int, ap::on_gap::skip_type> subscription_ =
      topic_.filtered("even", [](int i) { return i % 2 == 0; }).subscribe(ap::position::now, ap::on_gap::skip);
};

class collect_operation {
 public:
  explicit collect_operation(asio::io_context&) {}
  template <class Token>
  auto start(Token&& token) {
    return subscription_.async_collect(2, 1h, std::forward<Token>(token));
  }
  void finish() {
    topic_.publish(1);
    topic_.publish(2);
  }

 private:
  const ap::topic<int> topic_;
  ap::subscription<int> subscription_ = topic_.subscribe();
};

// One is there when it begins: it has a timer.
class collect_more_operation {
 public:
  explicit collect_more_operation(asio::io_context&) { topic_.publish(1); }
  template <class Token>
  auto start(Token&& token) {
    return subscription_.async_collect(2, 1h, std::forward<Token>(token));
  }
  void finish() { topic_.publish(2); }

 private:
  const ap::topic<int> topic_;
  ap::subscription<int> subscription_ = topic_.subscribe(ap::position::oldest);
};

class send_operation {
 public:
  static constexpr bool never_waits = true;
  explicit send_operation(asio::io_context&) {}
  template <class Token>
  auto start(Token&& token) {
    return topic_.async_send(1, std::forward<Token>(token));
  }
  void finish() {}

 private:
  const ap::topic<int> topic_;
};

using pubsub_operations =
    ::testing::Types<receive_operation, chosen_operation, collect_operation, collect_more_operation, send_operation>;

} // namespace

namespace contract {
INSTANTIATE_TYPED_TEST_SUITE_P(pubsub, operation_contract, pubsub_operations);
} // namespace contract
