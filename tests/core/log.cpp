// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/log.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

namespace ap = antiphon;

struct right {
  using value_type = std::string;
  ap::cursor head() const;
  ap::log_view view() const;
};
struct without_type {
  ap::cursor head() const;
  ap::log_view view() const;
};
struct not_const {
  using value_type = std::string;
  ap::cursor head();
  ap::log_view view() const;
};
struct another_view {
  using value_type = std::string;
  ap::cursor head() const;
  int view() const;
};
static_assert(ap::log<right>);
static_assert(!ap::log<without_type> && !ap::log<not_const> && !ap::log<another_view> && !ap::log<int>);

/// Of the log: only what its readers ask of it, and who they are.
class made_up final : public ap::detail::log_base {
 public:
  using reader = ap::detail::log_reader;
  using log_base::log_base;
  int readers = 0;
  ap::position::kind opened = ap::position::kind::now;

  ap::event_id head() const override { return {3, 4}; }

 private:
  void open(reader&, const ap::position& from) override {
    ++readers;
    opened = from.what();
  }
  void leave(reader&) noexcept override { --readers; }
  result read(reader&, std::size_t most, std::size_t, std::vector<ap::detail::entry_ptr>&, ap::gap& missed) override {
    missed.at_most = most;
    return result::missed;
  }
  result read(reader&, const ap::detail::format&, std::size_t, std::size_t,
              ap::detail::counted_ptr<ap::detail::encoded>&, ap::gap&) override {
    return result::closed;
  }
  bool join(reader&, const asio::any_io_executor&, ap::waiter&) override { return false; }
  std::uint64_t lag(const reader&) const noexcept override { return 5; }
  bool lags(reader&) const noexcept override { return true; }
};

TEST(log_view, is_a_handle_to_a_log) {
  ap::detail::counted_ptr<made_up> log(new made_up(77));
  const ap::log_view view(log);
  auto* const raw = log.get();
  log = {};
  EXPECT_EQ(view.head(), (ap::cursor{77, {3, 4}}));
  EXPECT_EQ(view.log().get(), raw);
  EXPECT_FALSE(view.what());
}

TEST(log_reader, is_with_its_log_from_its_making_to_its_end) {
  const ap::detail::counted_ptr<made_up> log(new made_up(77));
  {
    ap::detail::log_reader reader(log, {}, ap::position::oldest);
    EXPECT_EQ(log->readers, 1);
    EXPECT_EQ(log->opened, ap::position::kind::oldest);
    EXPECT_EQ(reader.at(), (ap::cursor{77, {}}));
    EXPECT_EQ(&reader.store(), log.get());
    EXPECT_EQ(reader.what(), nullptr);
    std::vector<ap::detail::entry_ptr> out;
    ap::gap missed;
    EXPECT_EQ(reader.read(9, 1, out, missed), ap::detail::log_reader::result::missed);
    EXPECT_EQ(missed.at_most, 9U);
    EXPECT_EQ(reader.lag(), 5U);
    EXPECT_TRUE(reader.lags());
  }
  EXPECT_EQ(log->readers, 0);
}

} // namespace
