// SPDX-License-Identifier: BSL-1.0
/// What tests of programs made with antiphon need: streams in memory, failures at every step, and virtual time.
#pragma once

#include <antiphon/testing/fail_after.hpp>
#include <antiphon/testing/memory_listener.hpp>
#include <antiphon/testing/memory_stream.hpp>
#include <antiphon/testing/test_client.hpp>
#include <antiphon/testing/virtual_time.hpp>
