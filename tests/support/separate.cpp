// SPDX-License-Identifier: BSL-1.0
#include <antiphon/src.hpp>
