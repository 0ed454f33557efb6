// SPDX-License-Identifier: BSL-1.0
// What the tests of sessions share: handlers that are the same whatever keeps the sessions, and a client with a cookie.
#pragma once

#include "support/server_harness.hpp"

#include <antiphon/server/session.hpp>

#include <string>
#include <string_view>

namespace antiphon_tests {

inline void add_session_routes(ap::router& app) {
  app.get("/get/{name}",
          [](ap::request& req) { return std::string(ap::session_of(req).get(req.param("name")).value_or("-")); });
  app.get("/set/{name}/{value}", [](ap::request& req) {
    ap::session_of(req).set(req.param("name"), req.param("value"));
    return "set";
  });
  app.get("/erase/{name}",
          [](ap::request& req) { return ap::session_of(req).erase(req.param("name")) ? "erased" : "was not there"; });
  app.get("/login/{user}", [](ap::request& req) {
    ap::session_of(req).renew();
    ap::session_of(req).set("user", req.param("user"));
    return "in";
  });
  app.get("/logout", [](ap::request& req) {
    ap::session_of(req).clear();
    return "out";
  });
  app.get("/again", [](ap::request& req) {
    ap::session_of(req).clear();
    ap::session_of(req).set("fresh", "yes");
    return "again";
  });
  app.get("/many/{size}", [](ap::request& req) {
    ap::session_of(req).set("large", std::string(std::stoul(std::string(req.param("size"))), 'x'));
    return "kept";
  });
  app.get("/touch", [](ap::request& req) { return std::string(ap::session_of(req).empty() ? "empty" : "full"); });
  app.get("/none", [] { return "no session is asked for"; });
}

/// A browser, as far as one cookie goes.
struct session_client {
  served& s;
  std::string cookie{}; ///< "name=value", or empty
  reply last{};

  std::string ask(std::string_view path) {
    last = s.ask(get(path, cookie.empty() ? "" : "Cookie: theme=dark; " + cookie + "\r\n"));
    if (const auto set = last.header("Set-Cookie"); !set.empty()) {
      cookie = set.substr(0, set.find(';'));
      if (set.find("Max-Age=0") != set.npos) cookie.clear();
    }
    return last.code == 500 ? "500" : last.body;
  }
  std::string value() const { return cookie.substr(cookie.find('=') + 1); }
};

} // namespace antiphon_tests
