// SPDX-License-Identifier: BSL-1.0
// expect: predicate
#include <antiphon/pubsub/topic.hpp>

#include <string>

void choose(const antiphon::topic<std::string>& news) {
#ifdef RIGHT
  static_cast<void>(news.filtered("short", [](const std::string& text) { return text.size() < 9; }));
#else
  static_cast<void>(news.filtered("short", [](int n) { return n < 9; }));
#endif
}
