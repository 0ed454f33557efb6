// SPDX-License-Identifier: BSL-1.0
#include "allocations.hpp"
#include "served.hpp"

#include <antiphon/server/layers/access_log.hpp>
#include <antiphon/server/layers/metrics.hpp>
#include <antiphon/server/layers/request_id.hpp>

#include <array>
#include <chrono>
#include <string>

namespace {

namespace ap = antiphon;

// The three layers, with the log on as well as off, 200 routes and a parameter.
TEST(layer_allocations, are_none_in_steady_state) {
  if (!ANTIPHON_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer has its own operator new";
  for (const bool logs : {false, true}) {
    std::size_t logged = 0;
    ap::router app;
    const ap::access_log log([&](std::string_view line) { logged += line.size(); });
    log.enable(logs);
    app.use(ap::request_id()).use(log).use(ap::metrics());
    for (int i = 0; i < 200; ++i)
      app.get("/api/v1/thing" + std::to_string(i) + "/{id}", [] { return ap::status::no_content; });
    layer_tests::driven d(app);
    std::array<std::string, 200> heads;
    for (std::size_t i = 0; i < heads.size(); ++i)
      heads[i] = "GET /api/v1/thing" + std::to_string(i) + "/12345 HTTP/1.1\r\nHost: a\r\n\r\n";
    ap::exchange_summary s;
    s.took = std::chrono::microseconds(50);
    for (const auto& head : heads) d.exchange(head, s);
    const auto before = layer_tests::allocations();
    for (int round = 0; round < 10; ++round)
      for (const auto& head : heads) d.exchange(head, s);
    EXPECT_EQ(layer_tests::allocations() - before, 0U);
    EXPECT_EQ(logged > 0, logs);
    EXPECT_GT(before, 200U) << "nothing is counted";
  }
}

} // namespace
