// SPDX-License-Identifier: BSL-1.0
// Has nothing of its own: the program to which the precompiled headers belong.
