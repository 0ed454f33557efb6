// SPDX-License-Identifier: BSL-1.0
// Tests of a router without sockets, threads or waiting: the real session serves it in memory, and time is virtual. Run
// it: it returns 0 when all holds. With GoogleTest each block is a TEST, and check() is EXPECT_TRUE.
#include <antiphon/server.hpp>
#include <antiphon/testing.hpp>

#include <chrono>
#include <cstdio>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

// What is to be tested: the program makes its router in a function.
ap::router make_app() {
  ap::router app;
  app.get("/greet/{name}", [](ap::request& req) { return "Hello, " + std::string(req.param("name")); });
  app.post("/notes", [](ap::request& req) -> ap::response {
    if (req.body().empty()) return ap::problem(ap::status::unprocessable_content, "a note has text");
    return ap::status::created;
  });
  app.get("/nightly", []() -> asio::awaitable<std::string> {
    co_await ap::sleep_for(8h);
    co_return "good morning";
  });
  app.get("/slow",
          []() -> asio::awaitable<std::string> {
            co_await ap::sleep_for(1min);
            co_return "too late";
          },
          {.timeout = 2s});
  return app;
}

int failures = 0;
void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "does not hold: %s\n", what);
}

int main() {
  { // an answer, and what the router does by itself
    ap::testing::test_client client(make_app());
    check(client.get("/greet/Ada%20L").body == "Hello, Ada L", "a path parameter is decoded");
    check(client.get("/nowhere").status == ap::status::not_found, "404");
    check(client.del("/notes").header("Allow").find("POST") != std::string::npos, "405 names what is allowed");
    check(client.head("/greet/Ada").body.empty(), "HEAD has no body");
  }
  { // validation
    ap::testing::test_client client(make_app());
    check(client.post("/notes", "milk").status == ap::status::created, "a note is created");
    const auto refused = client.post("/notes", "");
    check(refused.status == ap::status::unprocessable_content, "an empty note is refused");
    check(refused.header("Content-Type") == "application/problem+json", "as problem details");
  }
  { // eight hours, in no time
    ap::testing::test_client client(make_app());
    client.patience = 24h;
    const auto began = client.now();
    check(client.get("/nightly").body == "good morning", "it wakes");
    check(client.now() - began == 8h, "after eight hours to the tick");
  }
  { // step by step
    ap::testing::test_client client(make_app());
    client.send(ap::method::get, "/slow");
    client.advance(1s);
    check(client.receive() == nullptr, "nothing is said within the first second");
    client.advance(2s);
    const auto* late = client.receive();
    check(late && late->status == ap::status::service_unavailable, "the route's time-out answers 503");
  }
  if (failures == 0) std::puts("all holds");
  return failures;
}
