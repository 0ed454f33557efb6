// SPDX-License-Identifier: BSL-1.0
// Everything that adds no dependency beyond Asio and llhttp.
#pragma once

#include <antiphon/core.hpp>
#include <antiphon/http.hpp>
#include <antiphon/jobs.hpp>
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>
#include <antiphon/version.hpp>
