// SPDX-License-Identifier: BSL-1.0
// The operators stand alone: where a compiler inlines them, it warns of free() on what new gave.
#include "allocations.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {
thread_local std::uint64_t calls = 0;
}

std::uint64_t layer_tests::allocations() noexcept { return calls; }

#if ANTIPHON_TEST_COUNTS_ALLOCATIONS
void* operator new(std::size_t n) {
  ++calls;
  if (void* p = std::malloc(n)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t n, std::align_val_t a) {
  ++calls;
  const auto align = static_cast<std::size_t>(a);
  if (void* p = std::aligned_alloc(align, (n + align - 1) / align * align)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
#endif
