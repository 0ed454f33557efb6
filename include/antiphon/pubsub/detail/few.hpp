// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/log_base.hpp>

#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What is collected under a lock for when it is given back. One, as a rule: no allocation.
template <class T>
class few {
 public:
  void take(T one) {
    if (!one_) {
      one_ = std::move(one);
    } else {
      more_.push_back(std::move(one));
    }
  }
  template <class F>
  void for_each(F f) const {
    if (one_) f(one_);
    for (const auto& one : more_) f(one);
  }

 private:
  T one_{};
  std::vector<T> more_;
};

/// What is dropped under a lock and destroyed without it.
using garbage = few<entry_ptr>;

} // namespace detail
} // namespace v0
} // namespace antiphon
