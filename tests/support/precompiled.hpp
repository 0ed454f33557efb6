// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include <string>
#include <vector>
