// SPDX-License-Identifier: BSL-1.0
/// Server-sent events: encoder, decoder, and logs as streams.
#pragma once

#include <antiphon/sse/decoder.hpp>
#include <antiphon/sse/encoder.hpp>
#include <antiphon/sse/event.hpp>
#include <antiphon/sse/stream.hpp>
