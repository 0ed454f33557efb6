// SPDX-License-Identifier: BSL-1.0
// Threat suite: every input of the table, in every way to split it, without a socket.
#include "request_smuggling_cases.hpp"

#include <antiphon/http/request_reader.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace {

namespace http = antiphon::http;
using antiphon::testing::request_case;

struct outcome {
  int status = request_case::accepted;
  int error = 0;
  std::vector<std::string> bodies;
  std::vector<std::string> targets;

  friend bool operator==(const outcome&, const outcome&) = default;
  friend std::ostream& operator<<(std::ostream& out, const outcome& o) {
    return out << "status " << o.status << " error " << o.error << " after " << o.bodies.size() << " requests";
  }
};

/// Reads a connection whose bytes come in pieces that end at the offsets `cuts`, and at the end.
outcome outcome_of(std::string_view input, const std::vector<std::size_t>& cuts) {
  outcome out;
  http::request_reader reader;
  antiphon::error_code ec;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const auto end = i < cuts.size() ? cuts[i] : input.size();
    reader.append(input.substr(begin, end - begin));
    begin = end;
    for (;;) {
      const auto result = reader.parse(ec);
      if (result == http::parse_result::more) break;
      if (result == http::parse_result::failed) {
        out.status = http::code(http::status_of(ec));
        out.error = ec.value();
        return out;
      }
      out.bodies.push_back(reader.body());
      out.targets.emplace_back(reader.head().raw_target(reader.base()));
      if (!reader.head().keep_alive) return out;
      reader.next();
    }
  }
  if (!reader.finish(ec)) out.status = request_case::waiting;
  return out;
}

std::vector<std::size_t> every(std::size_t step, std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t at = step; at < size; at += step) cuts.push_back(at);
  return cuts;
}

void check_every_split(const request_case& c) {
  SCOPED_TRACE(c.name);
  const auto whole = outcome_of(c.input, {});
  EXPECT_EQ(whole.status, c.status) << "error " << whole.error;
  EXPECT_EQ(whole.bodies, c.bodies);
  EXPECT_EQ(std::count(whole.targets.begin(), whole.targets.end(), "/smuggled"), 0);

  EXPECT_EQ(outcome_of(c.input, every(1, c.input.size())), whole) << "byte by byte";
  EXPECT_EQ(outcome_of(c.input, every(7, c.input.size())), whole) << "seven bytes at a time";
  // The long ones repeat themselves: their ends and a part of the middle will do.
  const auto size = c.input.size();
  for (std::size_t at = 1; at < size; at += (size > 4000 && at > 600 && at + 600 < size ? 97 : 1))
    ASSERT_EQ(outcome_of(c.input, {at}), whole) << "cut at " << at;
}

// One test for all: there are hundreds, and each as a process of its own would take longer than all of them here.
TEST(request_smuggling, every_input_has_one_meaning_in_every_split) {
  for (const auto& c : antiphon::testing::request_smuggling_cases()) check_every_split(c);
}

TEST(request_smuggling, table_is_large_and_its_names_differ) {
  const auto cases = antiphon::testing::request_smuggling_cases();
  std::set<std::string> names;
  for (const auto& c : cases) EXPECT_TRUE(names.insert(c.name).second) << c.name;
  EXPECT_GE(cases.size(), 150U);
}

} // namespace
