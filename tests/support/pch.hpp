// SPDX-License-Identifier: BSL-1.0
// Compiled once for all test programs: what changes rarely and takes long. Tests include what they need all the same.
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>
