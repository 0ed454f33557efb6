// SPDX-License-Identifier: BSL-1.0
// What a call costs when its connection is there: allocations.
#include "../server/layers/allocations.hpp"
#include "client/harness.hpp"

namespace client_tests {
namespace {

TEST(client_steady_state, a_call_allocates_little) {
  if (!ANTIPHON_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "the sanitizers have their own operator new";
  world w;
  std::size_t calls = 0;
  std::uint64_t before = 0, spent = 0;
  const auto& c = w.client();
  asio::co_spawn(
      w.io,
      [](const ap::client& at, std::size_t& n) -> asio::awaitable<void> {
        while (n < 1000) {
          const auto res = co_await at.get("http://h/a/path/of/some/length?x=1");
          EXPECT_EQ(res.body(), "hello");
          ++n;
        }
      }(c, calls),
      [](std::exception_ptr e) { EXPECT_FALSE(e); });
  w.time.settle();
  std::array<char, 4096> room;
  const std::string answer = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello";
  while (calls < 1000) {
    auto& s = w.at(0).stream();
    ap::error_code ec;
    s.read_some(asio::buffer(room), ec);
    s.write_some(asio::buffer(answer), ec);
    before = layer_tests::allocations();
    w.time.settle(); // the client reads the answer and sends the next request
    if (calls > 500) spent += layer_tests::allocations() - before;
  }
  EXPECT_LE(spent / 499, 4u); // those of the streams in memory among them
}

} // namespace
} // namespace client_tests
