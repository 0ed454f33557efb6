// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/jobs/detail/job_table.hpp>

#include <utility>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

/// What the handles of a store share: when the last one goes, what still runs is cancelled.
struct job_store_state {
  job_store_state(asio::any_io_executor executor, const job_store_options& o)
      : table(new job_table(std::move(executor), o)) {}
  ~job_store_state() { table->close(); }
  job_store_state(const job_store_state&) = delete;
  job_store_state& operator=(const job_store_state&) = delete;

  const counted_ptr<job_table> table;
};

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
