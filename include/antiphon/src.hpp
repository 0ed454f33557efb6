// SPDX-License-Identifier: BSL-1.0
// Compiles once what the headers otherwise compile into every file. Define ANTIPHON_SEPARATE_COMPILATION for the whole
// program, and include this header in exactly one of its files.
#pragma once

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#error "antiphon: <antiphon/src.hpp> is of use only where ANTIPHON_SEPARATE_COMPILATION is defined, for every file."
#endif

#include <antiphon/client.hpp>
#include <antiphon/client/detail/definitions.hpp>
#include <antiphon/client/detail/proxy_connector.hpp>
#include <antiphon/jobs.hpp>
#include <antiphon/jobs/detail/definitions.hpp>
#include <antiphon/jobs/detail/job_follow_life.hpp>
#include <antiphon/live/detail/reader_life.hpp>
#include <antiphon/polling/detail/feed_life.hpp>
#include <antiphon/server.hpp>
#include <antiphon/server/detail/definitions.hpp>
#include <antiphon/server/detail/inherited.hpp>
#include <antiphon/server/detail/runner.hpp>
#include <antiphon/server/detail/socket_file_listen.hpp>
#include <antiphon/sse/detail/event_source_life.hpp>
