// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/detail/typed_state.hpp>
#include <antiphon/http/request.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace ap = antiphon;

struct user {
  std::string name;
};
struct session {
  static constexpr std::string_view set_by = "my::sessions";
  int id = 0;
};
template <int>
struct leaves {
  std::shared_ptr<std::vector<int>> log;
  int id = 0;
  leaves(std::shared_ptr<std::vector<int>> l, int i) : log(std::move(l)), id(i) {}
  leaves(leaves&&) = default;
  ~leaves() {
    if (log) log->push_back(id);
  }
};

std::string said(ap::request& req, auto ask) {
  try {
    ask(req);
  } catch (const std::logic_error& e) {
    return e.what();
  }
  return "(nothing)";
}

TEST(typed_state, holds_one_value_of_each_type) {
  ap::request req;
  EXPECT_EQ(req.find_state<user>(), nullptr);
  req.set_state(user{"ada"}).name += "!";
  req.set_state<int>(7);
  req.set_state(std::make_unique<int>(8));
  EXPECT_EQ(req.state<user>().name, "ada!");
  EXPECT_EQ(req.state<int>(), 7);
  EXPECT_EQ(*std::as_const(req).state<std::unique_ptr<int>>(), 8);
  EXPECT_EQ(std::as_const(req).find_state<long>(), nullptr);
  req.set_state(user{"bob"}); // in the place of ada, behind which others stand
  EXPECT_EQ(req.find_state<user>()->name, "bob");
  EXPECT_EQ(req.state<int>(), 7);
}

TEST(typed_state, that_is_missing_names_the_layer_that_sets_it) {
  ap::request req;
  const auto plain = said(req, [](ap::request& r) { r.state<user>(); });
  EXPECT_NE(plain.find("user': use the layer that sets it"), plain.npos) << plain;
  const auto named = said(req, [](const ap::request& r) { static_cast<void>(r.state<session>()); });
  EXPECT_NE(named.find("session': use the layer my::sessions around this route"), named.npos) << named;
}

TEST(typed_state, names_types) {
  using ap::http::detail::name_of_type;
  EXPECT_EQ(name_of_type<int>(), "int");
  EXPECT_EQ(name_of_type<double>(), "double");
  EXPECT_TRUE(name_of_type<session>().ends_with("session")) << name_of_type<session>();
}

TEST(typed_state, is_destroyed_the_last_one_first_and_where_it_is_replaced) {
  const auto log = std::make_shared<std::vector<int>>();
  ap::http::detail::typed_state all;
  all.set(leaves<1>(log, 1));
  all.set(leaves<2>(log, 2));
  all.set(leaves<3>(log, 3));
  all.set(leaves<2>(log, 4));
  EXPECT_EQ(*log, std::vector<int>{2});
  auto moved = std::move(all);
  EXPECT_TRUE(all.empty());
  EXPECT_FALSE(moved.empty());
  moved = std::move(moved);
  EXPECT_EQ(log->size(), 1U);
  moved = ap::http::detail::typed_state();
  EXPECT_EQ(*log, (std::vector<int>{2, 4, 3, 1}));
}

} // namespace
