// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/message.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace {

namespace ap = antiphon;

using shared = std::shared_ptr<int>;

template <class T>
ap::message<T> of(T value, const ap::event_id& id) {
  const ap::detail::counted_ptr<ap::detail::log_entry> entry(new ap::detail::log_value<T>(std::move(value)));
  entry->id = id;
  return ap::message<T>(entry);
}

TEST(message, is_a_handle_to_what_the_log_holds) {
  const auto witness = std::make_shared<int>(7);
  ap::message<shared> kept;
  EXPECT_FALSE(kept);
  {
    const auto first = of(witness, {0, 9});
    kept = first;
    EXPECT_EQ(&*kept, &*first) << "one value, however many read it";
  }
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept.id(), (ap::event_id{0, 9}));
  EXPECT_EQ(**kept, 7);
  EXPECT_EQ(kept->get(), witness.get());
  EXPECT_EQ(kept.subject(), "");
  EXPECT_EQ(witness.use_count(), 2);
  kept = {};
  EXPECT_EQ(witness.use_count(), 1) << "as long as the last handle";
}

TEST(message, has_bytes_that_live_in_it) {
  const ap::detail::log_value<std::string> text("words");
  EXPECT_EQ(text.bytes().bytes().data(), text.value.data());
  EXPECT_EQ(text.bytes().type(), ap::text_type);
  const ap::detail::log_value<int> number(42);
  EXPECT_EQ(number.bytes().bytes(), "42");
}

} // namespace
