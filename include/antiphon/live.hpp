// SPDX-License-Identifier: BSL-1.0
/// Topics of other programs, read in the best way that works; and each of the ways by itself.
#pragma once

#include <antiphon/client.hpp>
#include <antiphon/live/reader.hpp>
#include <antiphon/polling/feed.hpp>
#include <antiphon/sse/event_source.hpp>
