// SPDX-License-Identifier: BSL-1.0
// What the two that are awaited keep to: job_handle::result() and job_store::drain().
#include "store_world.hpp"

namespace {

using namespace job_tests;

struct job_awaited : ::testing::TestWithParam<bool> {
  /// Begins to wait for a job that runs.
  std::shared_ptr<awaited<void>> begin(const asio::any_io_executor& ex, std::function<void()> at_end = {}) {
    const auto out = std::make_shared<awaited<void>>();
    asio::co_spawn(
        ex,
        [](bool drains, ap::job_store<int> store, ap::job_handle<int> of,
           std::function<void()> then) -> asio::awaitable<void> {
          co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
          if (drains) {
            co_await store.drain(1h);
          } else {
            co_await of.result();
          }
          if (then) then();
        }(GetParam(), *jobs, *h, std::move(at_end)),
        asio::bind_cancellation_slot(out->stop.slot(), [out](std::exception_ptr e) {
          ++out->calls;
          out->failure = std::move(e);
        }));
    return out;
  }
  void SetUp() override {
    io.emplace(1);
    time.emplace(*io);
    jobs.emplace(*io);
    h = jobs->submit(sleeps(10s));
    time->settle();
  }
  std::optional<asio::io_context> io;
  std::optional<ap::testing::virtual_time> time;
  std::optional<ap::job_store<int>> jobs;
  std::optional<ap::job_handle<int>> h;
};

TEST_P(job_awaited, completes_once) {
  const auto out = begin(io->get_executor());
  time->settle();
  EXPECT_EQ(out->calls, 0);
  time->advance(10s);
  EXPECT_EQ(out->calls, 1);
  EXPECT_FALSE(out->failure);
  const auto again = begin(io->get_executor()); // which is over already
  time->settle();
  EXPECT_EQ(again->calls, 1);
}

TEST_P(job_awaited, on_the_executor_of_who_waits) {
  const auto strand = asio::make_strand(*io);
  bool there = false;
  begin(strand, [&] { there = strand.running_in_this_thread(); });
  time->advance(10s);
  EXPECT_TRUE(there);
  asio::io_context other(1);
  ap::testing::virtual_time others(other);
  there = false;
  begin(other.get_executor(), [&] { there = other.get_executor().running_in_this_thread(); });
  others.settle();
  EXPECT_TRUE(there);
}

TEST_P(job_awaited, is_outstanding_work_of_who_waits) {
  asio::io_context other(1);
  ap::testing::virtual_time others(other);
  const auto out = begin(other.get_executor());
  other.poll();
  EXPECT_FALSE(other.stopped());
  time->advance(10s);
  others.settle();
  EXPECT_EQ(out->calls, 1);
  EXPECT_TRUE(other.stopped());
}

TEST_P(job_awaited, is_cancelled_by_every_type) {
  for (const auto type :
       {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
    const auto out = begin(io->get_executor());
    time->settle();
    out->stop.emit(asio::cancellation_type::none);
    time->settle();
    EXPECT_EQ(out->calls, 0);
    out->stop.emit(type);
    EXPECT_EQ(out->calls, 0) << "completed inside emit()";
    time->settle();
    EXPECT_EQ(out->calls, 1);
    EXPECT_EQ(code_of(out->failure), asio::error::operation_aborted);
    if (GetParam()) SetUp(); // it has cancelled the job
  }
}

TEST_P(job_awaited, ends_with_its_context_without_a_word) {
  for (const bool own : {true, false}) {
    std::optional<asio::io_context> other(1);
    const auto witness = std::make_shared<int>();
    const auto out = own ? begin(io->get_executor(), [witness] {}) : begin(other->get_executor(), [witness] {});
    time->settle();
    other->poll();
    EXPECT_EQ(witness.use_count(), 2);
    if (own) {
      jobs.reset();
      h.reset();
      io.reset();
    } else {
      other.reset();
    }
    EXPECT_EQ(witness.use_count(), 1);
    EXPECT_EQ(out->calls, 0);
    if (own) SetUp();
  }
}

TEST_P(job_awaited, may_not_be_begun) {
  if (GetParam()) {
    auto lost = jobs->drain(1h);
  } else {
    auto lost = h->result();
  }
  time->advance(10s);
  EXPECT_EQ(h->state(), job_state::succeeded);
}

INSTANTIATE_TEST_SUITE_P(both, job_awaited, ::testing::Values(false, true),
                         [](const auto& at) { return at.param ? "drain" : "result"; });

} // namespace
