// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/log_base.hpp>

#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What is dropped under a lock and destroyed without it. One message, as a rule: no allocation.
class garbage {
 public:
  void take(entry_ptr p) {
    if (!one_) {
      one_ = std::move(p);
    } else {
      more_.push_back(std::move(p));
    }
  }

 private:
  entry_ptr one_;
  std::vector<entry_ptr> more_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
