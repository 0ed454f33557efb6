// SPDX-License-Identifier: BSL-1.0
#pragma once

// CMakeLists.txt reads the version from here.
#define ANTIPHON_VERSION_MAJOR 0
#define ANTIPHON_VERSION_MINOR 1
#define ANTIPHON_VERSION_PATCH 0
/// Semantic versioning; while 0.x, a minor release may break. Everything stands in an inline namespace of the major
/// version, so that two of them can stand in one program.
#define ANTIPHON_VERSION (ANTIPHON_VERSION_MAJOR * 10000 + ANTIPHON_VERSION_MINOR * 100 + ANTIPHON_VERSION_PATCH)
