// SPDX-License-Identifier: BSL-1.0
// What a job costs inside a program.
//
//   jobs run [N]       submits N (100,000) empty coroutines one after the other and runs each: nanoseconds a job, as
//                      JSON; also to count allocations (under load/count.c)
//   jobs wait [N]      N (10,000) jobs with an empty result wait: bytes a job
#include <antiphon/jobs.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <string_view>

namespace ap = antiphon;

namespace {

asio::awaitable<void> nothing(ap::job&) { co_return; }

/// On the context, as handlers do.
struct submitter {
  asio::io_context& io;
  const ap::job_store<void>& jobs;
  long left;

  void operator()() {
    jobs.submit(nothing);
    if (--left > 0) asio::post(io, *this);
  }
};

int run(long count) {
  asio::io_context io(ASIO_CONCURRENCY_HINT_UNSAFE);
  const ap::job_store<void> jobs(io, {.keep_for = {}});
  const auto start = std::chrono::steady_clock::now();
  asio::post(io, submitter{io, jobs, count});
  io.run();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  const auto left = jobs.counts();
  if (left.pending != 0 || left.running != 0) return 1;
  std::printf("{\"ns\":%.0f}\n", took.count() / static_cast<double>(count));
  return 0;
}

int wait(long count) {
  asio::io_context io;
  const ap::job_store<void> jobs(io, {.max_jobs = static_cast<std::size_t>(count)});
  const auto before = mallinfo2();
  for (long i = 0; i < count; ++i) jobs.submit(nothing);
  const auto after = mallinfo2();
  std::printf("{\"bytes\":%.0f}\n",
              static_cast<double>(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) /
                  static_cast<double>(count));
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "run";
  if (what == "wait") return wait(argc > 2 ? std::atol(argv[2]) : 10'000);
  return run(argc > 2 ? std::atol(argv[2]) : 100'000);
}
