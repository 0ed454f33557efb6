// SPDX-License-Identifier: BSL-1.0
// A log-in, and a counter that each visitor has of their own. The handlers do not know where sessions are kept:
//
//   sessions 8080            in this process. A cookie is a random id. End the process, and everybody is logged out.
//   sessions 8080 signed     in the clients' cookies, signed by the key in $SESSION_KEY (`openssl rand -hex 32`).
//
// To see the difference, start two processes of a kind, on 8080 and 8081, and log in at one: a browser sends its
// cookies to both. Of the first kind, the other process does not know you, and if yours is killed nobody does. Of the
// second kind you are logged in at both, and the counter goes on where it was when either is killed; but who has copied
// a cookie of yours stays logged in after your log-out, until the time that is signed in it.
//
//   $ rm -f /tmp/jar.$PPID; curl -s -i -c /tmp/jar.$PPID localhost:8080/
//   > Set-Cookie: session=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Lax\s[\s\S]*Hello, stranger. Visit 1
//   $ curl -s -b /tmp/jar.$PPID localhost:8080/; curl -s localhost:8080/
//   > Visit 2[\s\S]*Visit 1
//   $ curl -s -L -b /tmp/jar.$PPID -c /tmp/jar.$PPID -d 'user=Ann+<B>&password=x' localhost:8080/login
//   > Hello, Ann &lt;B&gt;\. Visit 3
//   $ curl -s -L -b /tmp/jar.$PPID -c /tmp/jar.$PPID -d '' localhost:8080/logout; rm /tmp/jar.$PPID
//   > Hello, stranger. Visit 1
//   $ curl -s -i -H 'Content-Type: text/plain' -d user=x localhost:8080/login
//   > ^HTTP/1.1 415
//   $ curl -s -i -d user=x localhost:8080/login
//   > ^HTTP/1.1 403
#include <antiphon/core.hpp>
#include <antiphon/crypto.hpp>
#include <antiphon/http/form_urlencoded.hpp>
#include <antiphon/http/html_escape.hpp>
#include <antiphon/server.hpp>
#include <antiphon/server/session_store.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace ap = antiphon;

constexpr const char* forms = R"(<form action="/login" method="post">
<input name="user" placeholder="name"> <input name="password" type="password"> <button>log in</button></form>
<form action="/logout" method="post"><button>log out</button></form>
)";

int main(int argc, char** argv) {
  ap::router app;
  if (argc > 2 && argv[2] == std::string_view("signed")) {
    const char* key = std::getenv("SESSION_KEY"); // the same for all processes, and nobody else's
    app.use(ap::sessions(ap::signed_sessions({key ? key : ""})));
  } else {
    app.use(ap::sessions(ap::session_store()));
  }

  app.get("/", [](ap::request& req) {
    ap::session& s = ap::session_of(req);
    const int visit = std::atoi(std::string(s.get("visits").value_or("0")).c_str()) + 1;
    s.set("visits", std::to_string(visit));
    const auto user = ap::html_escape(s.get("user").value_or("stranger"));
    return ap::html("Hello, " + user + ". Visit " + std::to_string(visit) + "\n" + forms);
  });
  app.post("/login", [](ap::request& req) {
    const auto form = ap::form_of(req); // throws what is answered with 415 or 400
    const auto user = form.get("user").value_or("");
    if (user.empty() || user.size() > 100 || form.get("password") != "x") return ap::response(ap::status::forbidden);
    ap::session& s = ap::session_of(req);
    s.renew(); // always at a log-in
    s.set("user", user);
    return ap::redirect("/");
  });
  app.post("/logout", [](ap::request& req) {
    ap::session_of(req).clear();
    return ap::redirect("/");
  });

  asio::io_context io;
  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
