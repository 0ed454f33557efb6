// SPDX-License-Identifier: BSL-1.0
#include "../contract/contract.hpp"

#include <antiphon/testing/memory_stream.hpp>

#include <string>
#include <utility>

namespace {

namespace ap = antiphon;
using ap::testing::memory_pair;

template <bool Readiness>
class read_operation {
 public:
  explicit read_operation(asio::io_context& io) : ends_(memory_pair<Readiness, true>(io.get_executor())) {}
  template <class Token>
  auto start(Token&& token) {
    return ends_.first.async_read_some(asio::buffer(to_), std::forward<Token>(token));
  }
  void finish() {
    ap::error_code ec;
    ends_.second.write_some(asio::buffer("ball", 4), ec);
  }

 private:
  char to_[8] = {};
  std::pair<ap::testing::basic_memory_stream<Readiness>, ap::testing::memory_stream> ends_;
};

template <bool Readiness>
class write_operation {
 public:
  explicit write_operation(asio::io_context& io) : ends_(memory_pair<Readiness, true>(io.get_executor(), 4)) {
    // Full, so that it must wait: a settled write of as much as there is room for.
    ends_.first.async_write_some(asio::buffer(from_, 4), [](ap::error_code, std::size_t) {});
    do io.restart();
    while (io.poll() != 0);
  }
  template <class Token>
  auto start(Token&& token) {
    return ends_.first.async_write_some(asio::buffer(from_), std::forward<Token>(token));
  }
  void finish() {
    ap::error_code ec;
    ends_.second.read_some(asio::buffer(to_), ec);
  }

 private:
  std::string from_ = "some bytes";
  char to_[4] = {};
  std::pair<ap::testing::basic_memory_stream<Readiness>, ap::testing::memory_stream> ends_;
};

class readable_operation {
 public:
  explicit readable_operation(asio::io_context& io) : ends_(memory_pair(io.get_executor())) {}
  template <class Token>
  auto start(Token&& token) {
    return ends_.first.async_wait(asio::socket_base::wait_read, std::forward<Token>(token));
  }
  void finish() {
    ap::error_code ec;
    ends_.second.write_some(asio::buffer("ball", 4), ec);
  }

 private:
  std::pair<ap::testing::memory_stream, ap::testing::memory_stream> ends_;
};

class writable_operation {
 public:
  explicit writable_operation(asio::io_context& io) : ends_(memory_pair(io.get_executor(), 4)) {
    ap::error_code ec;
    ends_.first.write_some(asio::buffer("full", 4), ec);
  }
  template <class Token>
  auto start(Token&& token) {
    return ends_.first.async_wait(asio::socket_base::wait_write, std::forward<Token>(token));
  }
  void finish() {
    ap::error_code ec;
    char to[4];
    ends_.second.read_some(asio::buffer(to), ec);
  }

 private:
  std::pair<ap::testing::memory_stream, ap::testing::memory_stream> ends_;
};

using memory_operations = ::testing::Types<read_operation<true>, read_operation<false>, write_operation<true>,
                                           write_operation<false>, readable_operation, writable_operation>;

} // namespace

namespace contract {
INSTANTIATE_TYPED_TEST_SUITE_P(memory_stream, operation_contract, memory_operations);
} // namespace contract
