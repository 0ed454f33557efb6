// SPDX-License-Identifier: BSL-1.0
// What jobs are over HTTP, whatever their results are.
#pragma once

#include <antiphon/core/detail/decl.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/jobs/detail/job_store_state.hpp>
#include <antiphon/server/router.hpp>

#include <memory>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

using job_store_ptr = std::shared_ptr<const job_store_state>;

/// Who may see the list of all jobs.
struct job_list_hook {
  virtual ~job_list_hook() = default;
  virtual bool allows(const http::request& req) = 0;
};

ANTIPHON_DECL http::response accept_job(const job_store_ptr& store, const http::request& req,
                                        counted_ptr<job_record> r);
ANTIPHON_DECL router job_routes(job_store_ptr store, std::shared_ptr<job_list_hook> may_list);
ANTIPHON_DECL asio::awaitable<void> drain_jobs(job_store_ptr store, duration limit, duration grace);

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
