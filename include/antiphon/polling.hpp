// SPDX-License-Identifier: BSL-1.0
/// Short and long polling of a log.
#pragma once

#include <antiphon/polling/long_poll.hpp>
#include <antiphon/polling/short_poll.hpp>
