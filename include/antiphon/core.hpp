// SPDX-License-Identifier: BSL-1.0
/// The ground that everything stands on: executors, streams, time, waiting, composing. Needs Asio only.
#pragma once

#include <antiphon/core/any_stream.hpp>
#include <antiphon/core/concepts.hpp>
#include <antiphon/core/cursor.hpp>
#include <antiphon/core/delivery.hpp>
#include <antiphon/core/directory.hpp>
#include <antiphon/core/error.hpp>
#include <antiphon/core/event_id.hpp>
#include <antiphon/core/file.hpp>
#include <antiphon/core/log.hpp>
#include <antiphon/core/message.hpp>
#include <antiphon/core/notifier.hpp>
#include <antiphon/core/offload.hpp>
#include <antiphon/core/payload.hpp>
#include <antiphon/core/pipe.hpp>
#include <antiphon/core/position.hpp>
#include <antiphon/core/race.hpp>
#include <antiphon/core/shared_buffer.hpp>
#include <antiphon/core/stream.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/core/timeout.hpp>
