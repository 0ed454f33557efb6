// SPDX-License-Identifier: BSL-1.0
// Compression, on zlib: a part of its own, CMake target antiphon::deflate.
#pragma once

#include <antiphon/deflate/compression.hpp>
#include <antiphon/deflate/decoder.hpp>
#include <antiphon/deflate/decompression.hpp>
#include <antiphon/deflate/encoder.hpp>
#include <antiphon/deflate/error.hpp>
