// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/server/handler.hpp>

#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// An answer without a user's handler: 404, 405, OPTIONS.
class fixed_answer final : public handler {
 public:
  fixed_answer(http::status code, std::string allow) : handler(false), code_(code), allow_(std::move(allow)) {}
  void call(request&, response& out) override {
    out.assign(response(code_));
    if (!allow_.empty()) out.set("Allow", allow_);
  }
  asio::awaitable<response> start(request& req) override {
    response out;
    call(req, out);
    co_return out;
  }

 private:
  http::status code_;
  std::string allow_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
