// SPDX-License-Identifier: BSL-1.0
// Only there to compile what the tests share.
