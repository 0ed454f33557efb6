// SPDX-License-Identifier: BSL-1.0
#include "allocations.hpp"
#include "served.hpp"

#include <antiphon/server/layers/access_log.hpp>
#include <antiphon/server/layers/metrics.hpp>
#include <antiphon/server/layers/request_id.hpp>

#include <array>
#include <chrono>
#include <cstdlib>
#include <new>
#include <string>

namespace {
thread_local std::uint64_t calls = 0;
}

std::uint64_t layer_tests::allocations() noexcept { return calls; }

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(std::size_t n) {
  ++calls;
  if (void* p = std::malloc(n)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t n, std::align_val_t a) {
  ++calls;
  const auto align = static_cast<std::size_t>(a);
  if (void* p = std::aligned_alloc(align, (n + align - 1) / align * align)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
#endif

namespace {

namespace ap = antiphon;

// The three layers, with the log on as well as off, 200 routes and a parameter.
TEST(layer_allocations, are_none_in_steady_state) {
  if (!layer_tests::allocations_are_counted) GTEST_SKIP() << "a sanitizer has its own operator new";
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
    const std::string counted = "anew, of more than fifteen characters";
    EXPECT_GT(layer_tests::allocations(), before) << "nothing is counted";
  }
}

} // namespace
