// SPDX-License-Identifier: BSL-1.0
// job_store in this program: what results may be, on what it runs, what it tells.
#include "store_world.hpp"

#include <array>
#include <set>

namespace {

using namespace job_tests;

// --- results

/// Neither made from nothing nor copied; and no bytes of it.
class only_moved {
 public:
  explicit only_moved(int v) : value(std::make_unique<int>(v)) {}
  only_moved(only_moved&&) = default;
  std::unique_ptr<int> value;
};
/// Not made from nothing.
struct counted_copies {
  explicit counted_copies(int& c) : copies(&c) {}
  counted_copies(const counted_copies& other) : copies(other.copies) { ++*copies; }
  counted_copies(counted_copies&&) = default;
  int* copies;
};
struct converted {
  converted(int v) : value(v) {}
  int value;
};

TEST(job_result, none) {
  world<void> w;
  bool called = false;
  const auto h = w.jobs.submit([&called](ap::job&) -> asio::awaitable<void> {
    co_await ap::sleep_for(1s);
    called = true;
  });
  const auto failed = w.jobs.submit([](ap::job&) -> asio::awaitable<void> {
    throw std::runtime_error("no");
    co_return;
  });
  const auto result = await_result(w.io, h), failure = await_result(w.io, failed);
  follower f(h.events());
  w.time.advance(1s);
  EXPECT_TRUE(called);
  EXPECT_TRUE(result->value);
  EXPECT_EQ(what_of(failure->failure), "no");
  f.take();
  EXPECT_NE(f.last_json.find("\"result\":null"), std::string::npos) << f.last_json;
}

TEST(job_result, can_be_moved_only) {
  world<only_moved> w;
  const auto h = w.jobs.submit([](ap::job&) -> asio::awaitable<only_moved> { co_return only_moved(5); });
  follower f(h.events());
  w.time.settle();
  EXPECT_EQ(h.state(), job_state::succeeded);
  EXPECT_EQ(f.take().back(), ":succeeded") << "for this program only: null";
}

TEST(job_result, is_copied_for_each_who_asks_and_not_before) {
  int copies = 0;
  world<counted_copies> w;
  const auto h =
      w.jobs.submit([&copies](ap::job&) -> asio::awaitable<counted_copies> { co_return counted_copies(copies); });
  w.time.settle();
  EXPECT_EQ(copies, 0);
  const auto one = await_result(w.io, h), two = await_result(w.io, h);
  w.time.settle();
  EXPECT_TRUE(one->value && two->value);
  EXPECT_EQ(copies, 2);
}

TEST(job_result, is_what_converts_to_it) {
  world<converted> w;
  const auto h = w.jobs.submit(gives(5));
  w.time.settle();
  const auto result = await_result(w.io, h);
  w.time.settle();
  EXPECT_EQ(result->value->value, 5);
}

TEST(job_result, waiting_for_it_is_cancelled_and_the_job_is_not) {
  world<> w;
  const auto h = w.jobs.submit(sleeps(10s));
  const auto waiting = await_result(w.io, h), other = await_result(w.io, h);
  w.time.settle();
  waiting->stop.emit(asio::cancellation_type::terminal);
  w.time.settle();
  EXPECT_EQ(code_of(waiting->failure), asio::error::operation_aborted);
  EXPECT_EQ(h.state(), job_state::running);
  EXPECT_FALSE(h.status().cancelling);
  w.time.advance(10s);
  EXPECT_EQ(other->value, 1);
}

TEST(job_result, many_wait_on_several_contexts) {
  world<> w;
  asio::io_context other(1);
  const auto h = w.jobs.submit(sleeps(10s, 3));
  std::vector<std::shared_ptr<awaited<int>>> all;
  for (int i = 0; i < 2000; ++i) all.push_back(await_result(i % 2 ? w.io : other, h));
  w.time.settle();
  other.poll();
  w.time.advance(10s);
  other.restart();
  other.poll();
  for (const auto& each : all) ASSERT_EQ(each->value, 3);
}

// --- work

TEST(job_work, that_can_be_moved_only_and_is_called_for_each_attempt) {
  world<> w;
  const auto h = w.jobs.submit(
      [own = std::make_unique<int>(0)](ap::job& j) mutable -> asio::awaitable<int> {
        ++*own;
        if (j.attempt() < 3) throw std::runtime_error("again");
        co_return *own;
      },
      {.attempts = 3});
  w.time.advance(1min);
  const auto result = await_result(w.io, h);
  w.time.settle();
  EXPECT_EQ(result->value, 3);
}

asio::awaitable<int> free_function(ap::job& j) {
  co_await ap::sleep_for(1s);
  co_return static_cast<int>(j.attempt());
}
struct function_object {
  asio::awaitable<int> operator()(ap::job&) const { return step(4); }
  static asio::awaitable<int> step(int n) { co_return n; }
};

TEST(job_work, of_all_kinds) {
  world<> w;
  const std::function<asio::awaitable<int>(ap::job&)> held = free_function;
  const auto a = await_result(w.io, w.jobs.submit(free_function));
  const auto b = await_result(w.io, w.jobs.submit(function_object()));
  const auto c = await_result(w.io, w.jobs.submit(held));
  w.time.advance(1s);
  EXPECT_EQ(a->value, 1);
  EXPECT_EQ(b->value, 4);
  EXPECT_EQ(c->value, 1);
}

TEST(job_work, sees_its_job) {
  world<> w;
  std::optional<ap::job_id> seen_id;
  const auto h = w.jobs.submit([&](ap::job& j) -> asio::awaitable<int> {
    seen_id = j.id();
    EXPECT_EQ(j.get_executor(), asio::any_io_executor(w.io.get_executor()));
    const auto here = co_await asio::this_coro::executor;
    EXPECT_EQ(here, j.get_executor());
    co_return 1;
  });
  w.time.settle();
  EXPECT_EQ(seen_id, h.id());
}

TEST(job_work, submits_to_its_own_store) {
  world<> w({.max_running = 1});
  std::string order;
  w.jobs.submit([&](ap::job&) -> asio::awaitable<int> {
    order += 'a';
    w.jobs.submit([&](ap::job&) -> asio::awaitable<int> {
      order += 'b';
      co_return 1;
    });
    co_await ap::sleep_for(1s);
    order += 'a';
    co_return 1;
  });
  w.time.advance(1s);
  EXPECT_EQ(order, "aab");
}

TEST(job_work, is_destroyed_when_it_has_ended_not_with_its_result) {
  world<> w;
  const auto witness = std::make_shared<int>();
  const auto h = w.jobs.submit([witness](ap::job&) -> asio::awaitable<int> { co_return 1; });
  EXPECT_EQ(witness.use_count(), 2);
  w.time.settle();
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(w.counts(), "0 0 1 0");
}

// --- where it runs

template <class Executor>
void runs_on(asio::io_context& io, const Executor& executor) {
  ap::testing::virtual_time time(io);
  ap::job_store<int> jobs(executor);
  const auto h = jobs.submit(sleeps(10s, 6), {.deadline = 1min});
  const auto slow = jobs.submit(sleeps(1h), {.deadline = 1min});
  const auto result = await_result(io, h);
  time.advance(1min);
  EXPECT_EQ(result->value, 6);
  EXPECT_EQ(slow.state(), job_state::failed);
}

TEST(job_store_executor, is_a_context_a_strand_or_any) {
  asio::io_context io(1);
  runs_on(io, io.get_executor());
  runs_on(io, asio::any_io_executor(io.get_executor()));
  runs_on(io, asio::make_strand(io));
  runs_on(io, asio::make_strand(asio::any_io_executor(io.get_executor())));
  const asio::any_io_executor any(io.get_executor());
  EXPECT_EQ(ap::job_store<int>(io).get_executor(), any);
  EXPECT_EQ(ap::job_store<int>(any).get_executor(), any);
  const auto strand = asio::make_strand(io);
  EXPECT_EQ(ap::job_store<int>(strand).get_executor(), asio::any_io_executor(strand)) << "as it is";
  const auto outer = asio::make_strand(any);
  EXPECT_EQ(ap::job_store<int>(outer).get_executor(), asio::any_io_executor(outer));
  asio::thread_pool pool(2);
  const auto of_pool = asio::make_strand(pool);
  EXPECT_EQ(ap::job_store<int>(of_pool).get_executor(), asio::any_io_executor(of_pool));
  EXPECT_NE(ap::job_store<int>(pool).get_executor(), asio::any_io_executor(pool.get_executor())) << "one at a time";
}

TEST(job_store_handle, copies_are_one_store) {
  world<> w;
  const auto copy = w.jobs;
  ap::job_store<int> other(w.io);
  const auto h = copy.submit(gives(1));
  EXPECT_TRUE(w.jobs.find(h.id()));
  EXPECT_FALSE(other.find(h.id()));
  other = copy;
  EXPECT_TRUE(other.find(h.id()));
}

// --- what it tells

TEST(job_store_list, newest_first_and_by_state) {
  world<> w({.max_running = 2});
  std::vector<ap::job_id> ids;
  ids.push_back(w.jobs.submit(gives(1)).id());
  ids.push_back(w.jobs.submit(fails(1)).id());
  w.time.settle();
  for (int i = 0; i < 4; ++i) ids.push_back(w.jobs.submit(sleeps(1h)).id());
  w.time.settle();
  const auto all = [&](std::optional<job_state> state = {}, std::size_t most = 100) {
    std::vector<std::size_t> found;
    for (const auto& s : w.jobs.list(state, most))
      found.push_back(static_cast<std::size_t>(std::find(ids.begin(), ids.end(), s.id) - ids.begin()));
    return found;
  };
  using numbers = std::vector<std::size_t>;
  EXPECT_EQ(all(), (numbers{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(all({}, 2), (numbers{5, 4}));
  EXPECT_EQ(all({}, 0), numbers{});
  EXPECT_EQ(all(job_state::pending), (numbers{5, 4}));
  EXPECT_EQ(all(job_state::pending, 1), numbers{5});
  EXPECT_EQ(all(job_state::running), (numbers{3, 2}));
  EXPECT_EQ(all(job_state::failed), numbers{1});
  EXPECT_EQ(all(job_state::succeeded), numbers{0});
  EXPECT_EQ(all(job_state::cancelled), numbers{});
  EXPECT_EQ(w.jobs.list(job_state::failed)[0].what, "attempt 1");
}

TEST(job_store_find, only_what_there_is) {
  world<> w;
  const auto h = w.jobs.submit(gives(3));
  const auto found = w.jobs.find(h.id());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id(), h.id());
  auto other = h.id();
  other.high ^= 1;
  EXPECT_FALSE(w.jobs.find(other));
  EXPECT_FALSE(w.jobs.find({}));
  const auto result = await_result(w.io, *found);
  w.time.settle();
  EXPECT_EQ(result->value, 3);
}

TEST(job_store_on_error, default_is_a_line_on_stderr) {
  asio::io_context io(1);
  ap::testing::virtual_time time(io);
  ap::job_store<int> jobs(io);
  const auto h = jobs.submit(fails(1), {.attempts = 2});
  ::testing::internal::CaptureStderr();
  time.settle();
  const auto said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("attempt 1 of job " + to_string(h.id())), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1);
}

TEST(job_store_on_error, may_use_the_store) {
  asio::io_context io(1);
  ap::testing::virtual_time time(io);
  ap::job_store<int> jobs(io);
  int called = 0;
  jobs.on_error([&](const ap::job_status& s, std::exception_ptr e) {
    ++called;
    EXPECT_EQ(what_of(e), "attempt 1");
    EXPECT_TRUE(s.error);
    EXPECT_EQ(s.what, "attempt 1");
    EXPECT_EQ(jobs.find(s.id)->state(), job_state::failed);
    EXPECT_EQ(jobs.counts().running, 0u);
    jobs.submit(gives(1));
  });
  jobs.submit(fails(1));
  time.settle();
  EXPECT_EQ(called, 1);
  EXPECT_EQ(jobs.counts().over, 2u);
}

// --- handles, states, errors

TEST(job_id, is_32_digits_and_random) {
  ap::jobs::detail::id_source source;
  std::set<ap::job_id> ids;
  std::array<int, 32> zeros{};
  for (int i = 0; i < 1000; ++i) {
    const auto id = source.next();
    EXPECT_TRUE(ids.insert(id).second);
    const auto text = to_string(id);
    ASSERT_EQ(text.size(), 32u);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), text.npos);
    EXPECT_EQ(ap::parse_job_id(text), id);
    for (std::size_t at = 0; at < 32; ++at) zeros[at] += text[at] == '0';
  }
  for (const int n : zeros) { // 62.5 of 1000
    EXPECT_GT(n, 20);
    EXPECT_LT(n, 120);
  }
  EXPECT_EQ(to_string(ap::job_id{0x0123456789abcdef, 0xfedcba9876543210}), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(std::hash<ap::job_id>()({1, 2}), 2u);
}

TEST(job_id, nothing_else_is_one) {
  const std::string good(32, 'a');
  EXPECT_TRUE(ap::parse_job_id(good));
  EXPECT_FALSE(ap::parse_job_id(""));
  EXPECT_FALSE(ap::parse_job_id(good.substr(1)));
  EXPECT_FALSE(ap::parse_job_id(good + 'a'));
  for (int c = 0; c < 256; ++c) {
    auto text = good;
    text[31] = static_cast<char>(c);
    EXPECT_EQ(ap::parse_job_id(text).has_value(), (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) << c;
  }
}

TEST(job_state, as_text_and_back) {
  for (const auto s :
       {job_state::pending, job_state::running, job_state::succeeded, job_state::failed, job_state::cancelled}) {
    EXPECT_EQ(ap::parse_job_state(to_string(s)), s);
    EXPECT_EQ(is_over(s), s != job_state::pending && s != job_state::running);
  }
  EXPECT_FALSE(ap::parse_job_state(""));
  EXPECT_FALSE(ap::parse_job_state("Pending"));
  EXPECT_EQ(to_string(static_cast<job_state>(99)), "");
}

TEST(job_failure, is_its_problem) {
  const ap::job_failure f(ap::problem(ap::status::gone).detail("no picture"));
  EXPECT_FALSE(f.is_for_good());
  EXPECT_EQ(f.problem().status(), ap::status::gone);
  EXPECT_EQ(std::string(f.what()), f.problem().to_json());
  EXPECT_TRUE(ap::job_failure(ap::problem(ap::status::gone)).for_good().is_for_good());
}

TEST(jobs_error, each_has_a_sentence_of_its_own) {
  std::set<std::string> texts;
  for (int i = 1; i <= static_cast<int>(ap::jobs::error::lost); ++i) {
    const auto ec = make_error_code(static_cast<ap::jobs::error>(i));
    EXPECT_STREQ(ec.category().name(), "antiphon.jobs");
    EXPECT_TRUE(texts.insert(ec.message()).second) << i;
  }
  EXPECT_FALSE(texts.contains(ap::error_code(99, ap::jobs::error_category()).message()));
}

TEST(job_event, as_payload_and_weight) {
  const ap::job_event progress{ap::job_event::kind::progress, "text/plain", ap::shared_buffer("half")};
  const ap::job_event state{ap::job_event::kind::state, "application/json", ap::shared_buffer("{}")};
  EXPECT_EQ(to_payload(progress).bytes(), "half");
  EXPECT_EQ(to_payload(progress).type(), "text/plain");
  EXPECT_EQ(to_payload(progress).name(), "progress");
  EXPECT_EQ(to_payload(state).name(), "state");
  EXPECT_GE(weight(progress), 4u);
  EXPECT_EQ(weight(state), 0u);
}

} // namespace
