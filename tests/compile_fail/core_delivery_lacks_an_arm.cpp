// SPDX-License-Identifier: BSL-1.0
// expect: no arm for gaps, by which messages would be lost without a word
#include <antiphon/core/delivery.hpp>

#include <string>

int main() {
  const antiphon::delivery<std::string> d;
  d.visit([](const antiphon::message<std::string>&) {}, [](antiphon::other_log) {});
}
