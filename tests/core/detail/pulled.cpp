// SPDX-License-Identifier: BSL-1.0
#include "../../contract/contract.hpp"

#include <antiphon/core/detail/backoff.hpp>
#include <antiphon/core/detail/pulled.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;

class numbers final : public ap::detail::pulled<int> {
 public:
  explicit numbers(asio::io_context& io) : pulled<int>(io.get_executor()) {}
  void put(int n) {
    there = n;
    go_on();
  }
  void fail(ap::error_code ec) { end(ec); }
  std::optional<int> there;
  int wanted = 0;
  bool dropped = false;

 private:
  bool next(int& value) override {
    if (there) value = *std::exchange(there, std::nullopt);
    return value != 0;
  }
  void want() override { ++wanted; }
  void on_timer() override {}
  void drop() noexcept override { dropped = true; }
};

class pull_operation {
 public:
  explicit pull_operation(asio::io_context& io) : owner_(new numbers(io)) {}
  template <class Token>
  auto start(Token&& token) {
    return asio::async_initiate<Token, void(ap::error_code, int)>(
        ap::detail::initiate_pull<int>(), token, ap::detail::counted_ptr<ap::detail::pulled<int>>(owner_.get()));
  }
  void finish() { owner_->put(1); }

 private:
  ap::detail::pulled_owner<numbers> owner_;
};

struct got {
  int calls = 0, value = 0;
  ap::error_code ec;
  auto handler() {
    return [this](ap::error_code e, int v) { ++calls, ec = e, value = v; };
  }
};
template <class Token>
void pull(numbers* from, Token token) {
  ap::detail::initiate_pull<int>()(std::move(token), ap::detail::counted_ptr<ap::detail::pulled<int>>(from));
}

TEST(pulled, what_was_found_comes_before_the_end_and_nothing_after_close) {
  asio::io_context io;
  ap::detail::pulled_owner<numbers> owner(new numbers(io));
  auto* const of = owner.get().get();
  got a, b, c;
  of->put(1);
  of->fail(asio::error::host_not_found);
  EXPECT_TRUE(of->dropped && of->ended());
  pull(of, a.handler());
  io.poll();
  EXPECT_EQ(a.value, 1);
  pull(of, b.handler());
  io.restart(), io.poll();
  EXPECT_EQ(b.ec, asio::error::host_not_found);
  EXPECT_EQ(of->wanted, 0);
  of->there = 2;
  of->close();
  pull(of, c.handler());
  io.restart(), io.poll();
  EXPECT_EQ(c.ec, asio::error::operation_aborted);
  EXPECT_EQ(a.calls + b.calls + c.calls, 3);
}

TEST(pulled, the_last_owner_ends_what_waits) {
  asio::io_context io;
  got a;
  {
    ap::detail::pulled_owner<numbers> owner(new numbers(io));
    pull(owner.get().get(), a.handler());
    EXPECT_TRUE(owner->waiting());
  }
  io.poll();
  EXPECT_EQ(a.ec, asio::error::operation_aborted);
}

TEST(pulled, may_be_made_after_its_context_has_begun_to_end) {
  std::optional<ap::detail::pulled_owner<numbers>> owner;
  int calls = 0;
  {
    asio::io_context io;
    owner.emplace(new numbers(io));
    pull(owner->get().get(), [&calls, keep = std::make_shared<int>()](ap::error_code, int) { ++calls; });
  }
  owner.reset();
  EXPECT_EQ(calls, 0);
}

TEST(backoff, doubles_up_to_the_most) {
  const auto cap = [](unsigned failures) { return ap::detail::backoff_cap(1s, 30s, failures); };
  EXPECT_EQ(cap(0), 1s);
  EXPECT_EQ(cap(1), 1s);
  EXPECT_EQ(cap(2), 2s);
  EXPECT_EQ(cap(5), 16s);
  EXPECT_EQ(cap(6), 30s);
  EXPECT_EQ(cap(4'000'000'000U), 30s);
  EXPECT_EQ(ap::detail::backoff_cap(0s, 30s, 9), 0s);
  EXPECT_EQ(ap::detail::backoff_cap(5s, 2s, 1), 2s);
  EXPECT_EQ(ap::detail::backoff_cap(-1s, -1s, 3), 0s);
  for (int i = 0; i < 100; ++i) {
    const auto wait = ap::detail::backoff(1s, 30s, 3);
    EXPECT_TRUE(wait >= 0s && wait <= 4s);
  }
}

} // namespace

namespace contract {
INSTANTIATE_TYPED_TEST_SUITE_P(pulled, operation_contract, ::testing::Types<pull_operation>);
} // namespace contract
