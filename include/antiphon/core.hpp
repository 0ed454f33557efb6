// SPDX-License-Identifier: BSL-1.0
/// The ground that everything stands on: executors, streams, time, waiting, composing. Needs Asio only.
#pragma once

#include <antiphon/core/any_stream.hpp>
#include <antiphon/core/concepts.hpp>
#include <antiphon/core/error.hpp>
#include <antiphon/core/notifier.hpp>
#include <antiphon/core/offload.hpp>
#include <antiphon/core/race.hpp>
#include <antiphon/core/shared_buffer.hpp>
#include <antiphon/core/stream.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/core/timeout.hpp>
