// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/error.hpp>

#include <exception>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// The code of a system_error; none for any other exception.
inline error_code code_of(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const system_error& x) {
    return x.code();
  } catch (...) {
    return {};
  }
}

/// A client that has gone, a cancellation, or a stop of the server is no failure of the program.
inline bool is_normal_end(const std::exception_ptr& e) {
  const auto code = code_of(e);
  return is_disconnect(code) || code == asio::error::operation_aborted || code == error::draining;
}

/// An answer that outlives its handler: a flow, a body coroutine, an upgrade. Owned by its connection, which calls all
/// of this on its executor and destroys it when over() after a call.
class answer {
 public:
  virtual ~answer() = default;

  /// Earlier answers are out: it may write.
  virtual void begin() = 0;
  /// The stream has room again, and has taken `n` bytes meanwhile.
  virtual void writable(error_code ec, std::size_t n) = 0;
  /// The server begins to stop.
  virtual void drain() = 0;
  /// The connection is closed. Whatever still runs is cancelled; over() turns true when it has ended.
  virtual void gone() = 0;
  /// Nothing of it runs any more.
  virtual bool over() const noexcept = 0;
  /// The context goes: destroys what is parked in it without calling it.
  virtual void abandon() noexcept {}
  virtual void timer() {}
  /// Whether bytes that come are its own (an upgrade) and not the next request's.
  virtual bool takes_input() const noexcept { return false; }
  virtual void readable() {}
};

} // namespace detail
} // namespace v0
} // namespace antiphon
