// SPDX-License-Identifier: BSL-1.0
#include "support/temporary_folder.hpp"

#include <antiphon/core/directory.hpp>
#include <antiphon/core/file.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

namespace {

using namespace antiphon;

std::string read_from(const file& from, std::uint64_t at = 0, std::size_t n = 100) {
  std::string out(n, '\0');
  error_code ec;
  out.resize(from.read_at(at, asio::buffer(out), ec));
  EXPECT_FALSE(ec) << ec.message();
  return out;
}

TEST(file, says_what_it_is_and_reads) {
  const antiphon_tests::temporary_folder at;
  at.write("a.txt", "0123456789");
  at.touch("a.txt", 1000, 250);
  const directory folder(at.path());
  error_code ec = asio::error::eof;
  file f = folder.open("a.txt", ec);
  ASSERT_TRUE(f.is_open());
  EXPECT_FALSE(ec);
  EXPECT_EQ(f.size(), 10u);
  EXPECT_EQ(f.modified().time_since_epoch().count(), 1'000'000'250'000);
  EXPECT_NE(f.id(), 0u);
  EXPECT_EQ(read_from(f), "0123456789");
  EXPECT_EQ(read_from(f, 4, 3), "456");
  EXPECT_EQ(read_from(f, 8, 3), "89");
  EXPECT_EQ(read_from(f, 10), "");
  EXPECT_EQ(read_from(f, 1'000'000'000'000), "");
  file g = std::move(f);
  EXPECT_FALSE(f.is_open()); // NOLINT: it says so
  EXPECT_EQ(read_from(g, 9), "9");
  EXPECT_EQ(g.size(), 10u);
  g = file();
  EXPECT_FALSE(g.is_open());
  std::array<char, 1> room;
  EXPECT_EQ(g.read_at(0, asio::buffer(room), ec), 0u);
  EXPECT_EQ(ec, std::errc::bad_file_descriptor);
}

TEST(file, reads_at_once_what_is_in_memory) {
  const antiphon_tests::temporary_folder at;
  at.write("a.txt", "0123456789");
  error_code ec;
  const file f = directory(at.path()).open("a.txt", ec);
  EXPECT_EQ(read_from(f), "0123456789"); // in memory from now on
  std::array<char, 4> room{};
  const auto n = f.read_now(8, asio::buffer(room), ec);
  if (ec == std::errc::operation_not_supported) return; // a system, or a disk, that cannot tell
  ASSERT_FALSE(ec) << ec.message();
  EXPECT_EQ(std::string(room.data(), n), "89");
  EXPECT_TRUE(f.is_in_memory(9));
  EXPECT_TRUE(f.is_in_memory(1'000'000)) << "there is nothing to wait for";
}

} // namespace
