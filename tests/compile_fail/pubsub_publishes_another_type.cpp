// SPDX-License-Identifier: BSL-1.0
// expect: (cannot convert|could not convert|no viable conversion) .*vector<int
#include <antiphon/pubsub/topic.hpp>

#include <string>
#include <vector>

void tell(const antiphon::topic<std::string>& news) {
#ifdef RIGHT
  news.publish("words");
#else
  news.publish(std::vector<int>{1, 2});
#endif
}
