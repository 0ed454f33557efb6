// SPDX-License-Identifier: BSL-1.0
// expect: is_invocable_r_v<std::string, const Key&, const T&>|is_invocable_r_v<std::__cxx11::basic_string<char>, const
// Key&, const T&>
#include <antiphon/pubsub/topic.hpp>

#include <string>

#ifdef RIGHT
const antiphon::topic<int> numbers({}, [](const int& n) { return std::to_string(n % 10); });
#else
const antiphon::topic<int> numbers({}, [](const std::string& text) { return text; });
#endif
