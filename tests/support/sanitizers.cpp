// SPDX-License-Identifier: BSL-1.0
// The options of the sanitizers, in the programs themselves, so that they hold however a test is started.

extern "C" {

const char* __asan_default_options();
const char* __asan_default_options() {
  return "detect_stack_use_after_return=1:strict_init_order=1:check_initialization_order=1";
}

const char* __ubsan_default_options();
const char* __ubsan_default_options() { return "print_stacktrace=1"; }

const char* __tsan_default_options();
const char* __tsan_default_options() { return "halt_on_error=1:second_deadlock_stack=1"; }

// Asio's reference counts stand behind fences, which ThreadSanitizer does not see (chriskohlhoff/asio#1760).
const char* __tsan_default_suppressions();
const char* __tsan_default_suppressions() {
  return "race:asio::detail::ref_count_down\n"
         "race:shared_target_executor\n";
}
}
