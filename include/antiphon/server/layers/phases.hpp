// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>
#include <antiphon/server/layer.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// What `phases` tells of an exchange. Views are valid during the call.
struct phase_report {
  enum class phase : unsigned char {
    head,   ///< the head has come and found its route; `bytes` of it
    body,   ///< the whole body has come; `bytes` with their framing. Not where there is none
    answer, ///< there is an answer, with its status; `bytes` of its body, where they are known yet
    sent    ///< it was handed to the socket, or was cut; `bytes` of head and body
  };
  phase what{};
  http::method method{};
  std::string_view route; ///< the pattern
  http::status status{};  ///< from `answer` on
  std::uint64_t bytes = 0;
  bool cut = false; ///< `sent`: the connection ended before the answer did
  time_point at{};  ///< except for `sent`
  duration took{};  ///< `sent`: since the head was whole
};

/// A layer that calls `f(const phase_report&)` at each phase of each exchange: for debugging, tracing and profiles of
/// where time goes. Use it first, so that it stands outside of all other layers. `f` must be thread-safe where several
/// threads serve, and must not wait.
template <class F>
class phases {
 public:
  explicit phases(F f) : f_(std::make_shared<F>(std::move(f))) {
    static_assert(std::invocable<F&, const phase_report&>,
                  "antiphon: phases calls its function with (const antiphon::phase_report&)");
  }

  std::optional<response> before(request& req) const {
    tell(req, phase_report::phase::head, http::detail::request_access::head(req).size);
    return std::nullopt;
  }
  void received(request& req, std::uint64_t bytes) const { tell(req, phase_report::phase::body, bytes); }
  void after(request& req, response& res) const {
    tell(req, phase_report::phase::answer, res.body().size(), res.status());
  }
  void complete(const exchange_summary& s) const {
    (*f_)(phase_report{phase_report::phase::sent, s.method, s.route, s.status, s.bytes_out, s.cut, {}, s.took});
  }

 private:
  void tell(request& req, phase_report::phase what, std::uint64_t bytes, http::status status = {}) const {
    const auto now = detail::time_of(req.executor()).now();
    (*f_)(phase_report{what, req.method(), req.route(), status, bytes, false, now, {}});
  }

  std::shared_ptr<F> f_;
};

} // namespace v0
} // namespace antiphon
