// SPDX-License-Identifier: BSL-1.0
// An executable a folder: this one counts as well.
#include "../server/layers/allocations.cpp"
