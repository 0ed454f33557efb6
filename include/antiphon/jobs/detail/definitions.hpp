// SPDX-License-Identifier: BSL-1.0
// All that jobs compile once.
#pragma once

#include <antiphon/jobs/detail/job_routes_life.hpp>
#include <antiphon/jobs/detail/job_table_life.hpp>
