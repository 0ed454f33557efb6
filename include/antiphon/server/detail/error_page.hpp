// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/html_escape.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// All that an exception says, one line for each of those nested in it (where there is RTTI to find them).
inline std::string story_of(const std::exception_ptr& e, [[maybe_unused]] int depth = 0) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& x) {
    std::string text = x.what();
#if defined(__cpp_rtti)
    if (depth < 16) {
      try {
        std::rethrow_if_nested(x);
      } catch (...) {
        text += "\nbecause: " + story_of(std::current_exception(), depth + 1);
      }
    }
#endif
    return text;
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

/// The 500 of development: what has escaped, and from what request. As HTML to whoever asks for it.
inline response error_page(const std::exception_ptr& e, const request& req) {
  std::string text = story_of(e) + "\n\n" + std::string(http::to_string(req.method())) + " " +
                     std::string(req.target()) + "\nroute " + std::string(req.route().empty() ? "(none)" : req.route());
  req.for_each_header([&](std::string_view name, std::string_view value) {
    const bool secret = http::iequals(name, "authorization") || http::iequals(name, "cookie") ||
                        http::iequals(name, "proxy-authorization");
    text.append("\n").append(name).append(": ").append(secret ? std::string_view("(not shown)") : value);
  });
  text += "\n";
  if (req.header("accept").find("text/html") == std::string_view::npos)
    return response(http::status::internal_server_error, std::move(text), response::plain_text);
  std::string page = "<!doctype html><meta charset=\"utf-8\"><title>500</title>"
                     "<style>body{font:16px sans-serif;margin:2em}pre{white-space:pre-wrap}</style>"
                     "<h1>An exception has escaped from a handler</h1><pre>";
  http::html_escape(page, text);
  page += "</pre><p>This page is for development: serve_options::error_page.";
  return response(http::status::internal_server_error, std::move(page), "text/html; charset=utf-8");
}

} // namespace detail
} // namespace v0
} // namespace antiphon
