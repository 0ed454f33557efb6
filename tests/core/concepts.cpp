// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/concepts.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

namespace ap = antiphon;

static_assert(ap::awaitable_value<asio::awaitable<void>>);
static_assert(ap::awaitable_value<asio::awaitable<std::string>&&>);
static_assert(!ap::awaitable_value<int>);
static_assert(!ap::awaitable_value<asio::awaitable<void> (*)()>);

static_assert(ap::executor<asio::io_context::executor_type>);
static_assert(ap::executor<asio::any_io_executor&>);
static_assert(ap::executor<asio::strand<asio::thread_pool::executor_type>>);
static_assert(!ap::executor<asio::io_context>);
static_assert(ap::has_executor<asio::io_context&>);
static_assert(ap::has_executor<asio::thread_pool>);
static_assert(!ap::has_executor<asio::any_io_executor>);

struct trivial {
  int a;
};
static_assert(ap::safe_in_co_await<trivial>);
static_assert(ap::safe_in_co_await<std::string&>);
#if defined(ANTIPHON_CO_AWAIT_DESTROYS_TEMPORARIES_TWICE)
static_assert(!ap::safe_in_co_await<std::string>);
#else
static_assert(ap::safe_in_co_await<std::string>);
#endif

TEST(core_concepts, capturing_closures_are_told_apart) {
  const std::string text = "captured";
  auto owning = [text] { return text.size(); };
  auto borrowing = [&text] { return text.size(); };
  EXPECT_EQ(owning(), borrowing());
  static_assert(ap::safe_in_co_await<decltype(borrowing)>);
  static_assert(ap::safe_in_co_await<decltype(owning)&>);
#if defined(ANTIPHON_CO_AWAIT_DESTROYS_TEMPORARIES_TWICE)
  static_assert(!ap::safe_in_co_await<decltype(owning)>);
#endif
}

} // namespace
