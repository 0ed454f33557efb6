// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/counted.hpp>
#include <antiphon/core/event_id.hpp>
#include <antiphon/core/payload.hpp>

#include <cassert>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// A message as a log keeps it: once, however many read it.
class log_entry : public counted {
 public:
  /// The bytes of the message. Not under a lock: this is the program's code.
  virtual payload bytes() const = 0;
  /// Where it was published, in a log that has subjects.
  virtual std::string_view subject() const noexcept { return {}; }

  event_id id;
  std::chrono::steady_clock::time_point at{};
  std::size_t weight = 0;
};

template <class T>
class log_value : public log_entry {
 public:
  explicit log_value(T v) : value(std::move(v)) {}
  payload bytes() const override {
    if constexpr (has_payload<T>) {
      return to_payload(value);
    } else {
      assert(false && "antiphon: a log of what has no to_payload() is read in this program only");
      return payload::of(std::string(), bytes_type);
    }
  }
  const T value;
};

} // namespace detail

/// A message that was read: a handle to what the log holds, which lives as long as the last handle to it.
///
/// Thread safety: distinct handles may be used from any thread, and the message itself is const.
template <class T>
class message {
 public:
  message() = default; ///< none: what comes with an error
  /// For logs.
  explicit message(detail::counted_ptr<detail::log_entry> of) noexcept : of_(std::move(of)) {}

  explicit operator bool() const noexcept { return static_cast<bool>(of_); }
  event_id id() const noexcept { return of_->id; }
  /// Where it was published, in a log that has subjects. A view into the message.
  std::string_view subject() const noexcept { return of_->subject(); }
  const T& operator*() const noexcept { return static_cast<const detail::log_value<T>&>(*of_).value; }
  const T* operator->() const noexcept { return &**this; }

 private:
  detail::counted_ptr<detail::log_entry> of_;
};

} // namespace v0
} // namespace antiphon
