// SPDX-License-Identifier: BSL-1.0
// What a job costs: allocations and memory.
#include "../server/layers/allocations.hpp"
#include "../support/allocated.hpp"
#include "store_world.hpp"

#include <functional>
#include <optional>

namespace {

using namespace job_tests;

asio::awaitable<void> empty(ap::job&) { co_return; }

TEST(job_steady_state, an_empty_job_allocates_little) {
  if (!ANTIPHON_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "the sanitizers have their own operator new";
  asio::io_context io(1);
  const ap::job_store<void> jobs(io, {.max_jobs = 100, .forget_ended = true});
  constexpr std::uint64_t rounds = 1000;
  std::uint64_t begun = 0, counted_from = 0;
  std::optional<ap::job_handle<void>> h;
  std::function<void()> turn = [&] { // within turns of the loop, where memory is used again
    if (h && !is_over(h->state())) return asio::post(io, std::ref(turn));
    if (begun == rounds) counted_from = layer_tests::allocations();
    if (begun == 2 * rounds) return;
    h = jobs.submit(empty);
    ++begun;
    asio::post(io, std::ref(turn));
  };
  asio::post(io, std::ref(turn));
  io.run();
  const auto spent = layer_tests::allocations() - counted_from;
  EXPECT_LE(static_cast<double>(spent) / rounds, 4.0);
  RecordProperty("allocations", std::to_string(static_cast<double>(spent) / rounds));
}

TEST(job_steady_state, memory_of_ten_thousand_that_wait) {
  asio::io_context io(1);
  const ap::job_store<void> jobs(io);
  const auto before = threat::allocated();
  for (int i = 0; i < 10'000; ++i) jobs.submit(empty);
  const auto each = (threat::allocated() - before) / 10'000;
  EXPECT_LE(each, 1024u);
  RecordProperty("bytes", std::to_string(each));
}

TEST(job_steady_state, memory_of_ten_thousand_that_are_kept) {
  asio::io_context io(1);
  const ap::job_store<void> jobs(io);
  const auto before = threat::allocated();
  for (int i = 0; i < 10'000; ++i) jobs.submit(empty);
  io.run();
  EXPECT_EQ(jobs.counts().over, 10'000u);
  EXPECT_LE((threat::allocated() - before) / 10'000, 1024u);
}

} // namespace
