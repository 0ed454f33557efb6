// SPDX-License-Identifier: BSL-1.0
// Compression, on zlib: a part of its own, CMake target antiphon::deflate.
#pragma once

#include <antiphon/deflate/compression.hpp>
#include <antiphon/deflate/encoder.hpp>
