// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/payload.hpp>
#include <antiphon/core/shared_buffer.hpp>

#include <cstddef>
#include <string>

namespace antiphon {
inline namespace v0 {

/// A message of the log of a job: what the work has reported, or its status after a change. The last message is the
/// status that is final.
struct job_event {
  enum class kind : unsigned char { progress, state };
  kind what = kind::progress;
  std::string type{}; ///< the media type of the bytes
  shared_buffer bytes{};
};
inline payload to_payload(const job_event& e) {
  return payload::view_of(e.bytes.view(), e.type).name(e.what == job_event::kind::state ? "state" : "progress");
}
/// A status weighs nothing, so that the last one is kept, however large the result is.
inline std::size_t weight(const job_event& e) noexcept {
  return e.what == job_event::kind::state ? 0 : sizeof e + e.bytes.size();
}

} // namespace v0
} // namespace antiphon
