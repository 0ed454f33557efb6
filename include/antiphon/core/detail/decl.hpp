// SPDX-License-Identifier: BSL-1.0
// Definitions marked ANTIPHON_DECL are inline, unless the program defines ANTIPHON_SEPARATE_COMPILATION everywhere:
// then the headers only declare them, and the one file that includes <antiphon/src.hpp> compiles them.
#pragma once

#if defined(ANTIPHON_SEPARATE_COMPILATION)
#define ANTIPHON_DECL
#else
#define ANTIPHON_DECL inline
#endif

// For what nearly every request runs through, where the compiler would rather call.
#define ANTIPHON_FORCE_INLINE [[gnu::always_inline]] inline
