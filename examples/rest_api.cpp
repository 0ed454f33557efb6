// SPDX-License-Identifier: BSL-1.0
// Books: create, read, update, delete, as JSON; what is wrong is told as problem details (RFC 9457).
//
//   $ curl -s -i -d '{"title": "Emma", "pages": 474}' localhost:8080/books
//   > HTTP/1.1 201 Created[\s\S]*Location: /books/1\s[\s\S]*"title":"Emma"
//   $ curl -s -d '{"title": "", "pages": "many"}' localhost:8080/books
//   > "status":422[\s\S]*"title":"must be a text that is not empty"
//   $ curl -s -d '{"title": ' localhost:8080/books
//   > "detail":"the body is no JSON object"
//   $ curl -s -X PUT -d '{"title": "Emma", "pages": 512}' localhost:8080/books/1
//   > "pages":512
//   $ curl -s localhost:8080/books
//   > \{"1":\{"pages":512,"title":"Emma"\}\}
//   $ curl -s -o /dev/null -w '%{http_code}' -X DELETE localhost:8080/books/1
//   > 204
//   $ curl -s -i localhost:8080/books/1
//   > HTTP/1.1 404 Not Found[\s\S]*application/problem\+json
#include <antiphon/server.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

namespace ap = antiphon;
using nlohmann::json;

template <> // from here on a handler may return json
struct antiphon::response_from<nlohmann::json> {
  static ap::response make(const nlohmann::json& value) { return ap::json(value.dump() + "\n"); }
};

// What is wrong with a book that a client sent, if anything is.
std::optional<ap::problem> fault_of(const json& book) {
  if (!book.is_object()) return ap::problem(ap::status::bad_request, "the body is no JSON object");
  json wrong = json::object();
  const auto title = book.find("title"), pages = book.find("pages");
  if (title == book.end() || !title->is_string() || *title == "") wrong["title"] = "must be a text that is not empty";
  if (pages == book.end() || !pages->is_number_unsigned()) wrong["pages"] = "must be a whole number from 0 upwards";
  if (wrong.empty()) return {};
  return ap::problem(ap::status::unprocessable_content, "some members are wrong").extra("errors", wrong.dump());
}

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  asio::io_context io;
  json books = json::object(); // by id; one thread serves, so no mutex
  unsigned last = 0;
  ap::router app;

  const auto none = [](ap::request& req) {
    return ap::problem(ap::status::not_found, "there is no book " + std::string(req.param("id")));
  };
  app.get("/books", [&] { return books; });
  app.post("/books", [&](ap::request& req) -> ap::response {
    const auto sent = json::parse(req.body(), nullptr, false);
    if (const auto fault = fault_of(sent)) return *fault;
    const auto id = std::to_string(++last);
    books[id] = {{"title", sent["title"]}, {"pages", sent["pages"]}};
    return ap::response(books[id]).status(ap::status::created).set("Location", "/books/" + id);
  });
  app.get("/books/{id}", [&](ap::request& req) -> ap::response {
    const auto book = books.find(req.param("id"));
    return book == books.end() ? none(req) : ap::response(*book);
  });
  app.put("/books/{id}", [&](ap::request& req) -> ap::response {
    const auto book = books.find(req.param("id"));
    if (book == books.end()) return none(req);
    const auto sent = json::parse(req.body(), nullptr, false);
    if (const auto fault = fault_of(sent)) return *fault;
    return ap::response(*book = {{"title", sent["title"]}, {"pages", sent["pages"]}});
  });
  app.del("/books/{id}", [&](ap::request& req) -> ap::response {
    return books.erase(std::string(req.param("id"))) == 0 ? none(req) : ap::response(ap::status::no_content);
  });
  return ap::run(io, app, {.port = port});
}
