// SPDX-License-Identifier: BSL-1.0
// A long answer in tokens, as language models give them. It is written whether or not somebody reads: a client may
// leave in the middle and come back, or open the answer in a second window, and loses nothing.
//
//   $ curl -s -i -d 'why is the sky blue?' localhost:8080/ask
//   > 202 Accepted[\s\S]*Location: /answers/[0-9a-f]{32}\s
//   $ curl -s -i -d 'why?' localhost:8080/ask | grep -o '/answers/[0-9a-f]*' > answer.txt; sleep 0.1
//   $ curl -s -N -m 0.4 localhost:8080$(cat answer.txt) | tee part.txt
//   > data: You\n
//   $ curl -s -i -N -H "Last-Event-ID: $(grep '^id' part.txt | tail -n 1 | cut -c5-)" localhost:8080$(cat answer.txt)
//   > Antiphon-Resume: whole\s[\s\S]*data:  more\.\n\nid: \S+\nevent: done\ndata: \n\n
//   $ curl -s -N localhost:8080$(cat answer.txt) > all.txt; cat all.txt; rm -f answer.txt part.txt all.txt
//   > data: You\n[\s\S]*data:  little\n\nid: \S+\ndata:  more\.\n\nid: \S+\nevent: done
//   $ curl -s -i localhost:8080/answers/unknown
//   > 404 Not Found
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

struct token {
  std::string text;
  bool last = false;
};
ap::payload to_payload(const token& t) { // new EventSource(...).addEventListener("done", ...) closes it
  auto p = ap::payload::view_of(t.text, ap::text_type);
  return t.last ? std::move(p).name("done") : p;
}

// The model: an answer of many tokens, one after the other.
asio::awaitable<void> think(ap::topic<token> answer, std::string question) {
  const std::string text =
      "You ask: " + question + " I say this, and this, and then some more, and again a little more.";
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at + 1), text.size());
    answer.publish({text.substr(at, end - at)});
    at = end;
    co_await ap::sleep_for(50ms);
  }
  answer.publish({"", true});
  answer.close(); // who comes back behind the end is told to stay away: 204
}

std::string random_id() { // a handle is the right to read: it must not be guessed
  std::random_device source;
  char text[33];
  for (int i = 0; i < 4; ++i) std::snprintf(text + 8 * i, 9, "%08x", static_cast<unsigned>(source()));
  return text;
}

int main(int argc, char** argv) {
  asio::io_context io;
  // An answer that nobody reads any more is kept for ten minutes.
  ap::topic_map<token> answers({.history = 100'000, .idle = 10min});

  ap::router app;
  app.post("/ask", [&io, answers](ap::request& req) -> ap::response {
    const std::string id = random_id();
    asio::co_spawn(io, think(answers.open(id), req.take_body()), [](std::exception_ptr) {});
    return ap::response(ap::status::accepted).set("Location", "/answers/" + id);
  });
  app.get("/answers/{id}", [=](ap::request& req) -> ap::response {
    ap::error_code ec;
    const auto answer = answers.open(req.param("id"), ec);
    if (ec || answer.stats().published == 0) return ap::status::not_found;
    return ap::sse::stream(answer, req, {.from = ap::position::oldest});
  });
  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
