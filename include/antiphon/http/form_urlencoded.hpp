// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/error.hpp>
#include <antiphon/http/media_type.hpp>
#include <antiphon/http/query.hpp>
#include <antiphon/http/request.hpp>

#include <cstddef>
#include <stdexcept>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// What a browser sends for a form without files.
inline constexpr std::string_view form_urlencoded = "application/x-www-form-urlencoded";

/// The decoded fields of a form, in order; of a body that is collected.
///
///     ap::error_code ec;
///     const auto form = ap::form_of(req, ec);
///     if (ec) return ap::problem(ec);
///     return "Hello, " + std::string(form.get("name").value_or("nobody"));
///
/// Errors:     error::unsupported_media_type (415) where Content-Type is not form_urlencoded; its parameters mean
///             nothing. error::too_many_parameters (400), before anything over the limit is kept. Then it is empty.
/// Throws std::logic_error for a body that is streamed: a form of this kind is read as a whole.
/// Source:     WHATWG URL, section 5.1. Example: examples/sessions.cpp
inline query_params form_of(const request& req, error_code& ec, std::size_t limit = default_max_parameters) {
  if (req.streamed())
    throw std::logic_error("antiphon: form_of() reads a collected body: leave `streamed` out of the route's options");
  const auto type = media_type::parse(req.header("Content-Type"));
  if (!type || !type->is(form_urlencoded)) {
    ec = error::unsupported_media_type;
    return {};
  }
  return query_params::parse(req.body(), ec, limit);
}

/// The same; throws request_error, which a handler may let through.
inline query_params form_of(const request& req) {
  error_code ec;
  auto out = form_of(req, ec);
  if (ec) throw request_error(ec);
  return out;
}

} // namespace http

using http::form_of;

} // namespace v0
} // namespace antiphon
