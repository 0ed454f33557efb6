// SPDX-License-Identifier: BSL-1.0
/// Work behind the answer: a handle at once, then ask, wait, follow, cancel. Of servers; the client's half is
/// jobs/await_job.hpp.
#pragma once

#include <antiphon/jobs/error.hpp>
#include <antiphon/jobs/job.hpp>
#include <antiphon/jobs/job_event.hpp>
#include <antiphon/jobs/job_handle.hpp>
#include <antiphon/jobs/job_id.hpp>
#include <antiphon/jobs/job_status.hpp>
#include <antiphon/jobs/job_store.hpp>
#include <antiphon/jobs/offloaded.hpp>
#include <antiphon/jobs/options.hpp>
