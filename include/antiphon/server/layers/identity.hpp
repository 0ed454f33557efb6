// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {

/// Who sends the request: the state that basic_auth leaves, where the program's check says no more than yes.
/// `req.state<ap::identity>().name`
struct identity {
  static constexpr std::string_view set_by = "antiphon::basic_auth";
  std::string name;
};

} // namespace v0
} // namespace antiphon
