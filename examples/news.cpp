// SPDX-License-Identifier: BSL-1.0
// One topic, three ways to read it: ask now and then, ask and wait, or be told. A client may change from one to the
// other: the cursor that each answer has is the same.
//
//   $ curl -s -d 'first' localhost:8080/news; curl -s -d 'second' localhost:8080/news; curl -s -i localhost:8080/news
//   > ETag: W/"([0-9a-f]{16}\.0-2)"\s[\s\S]*"items":\[\{"id":"[0-9a-f]{16}\.0-1","data":"first"\},\{[^}]*"second"\}\]
//   $ CURSOR=$(curl -s localhost:8080/news | cut -d'"' -f4); curl -s "localhost:8080/news?after=$CURSOR"
//   > "gap":null,"other_log":false,"items":\[\]
//   $ (sleep 0.3; curl -s -d 'third' localhost:8080/news) & curl -s localhost:8080/news/next
//   > "data":"third"
//   $ curl -s -i -H 'Prefer: wait=1' localhost:8080/news/next
//   > Preference-Applied: wait=1\s[\s\S]*"items":\[\]
//   $ C=$(curl -s localhost:8080/news | cut -d'"' -f22); curl -s -N -m 1 "localhost:8080/news/stream?after=$C"
//   > ^retry: 3000\n\nid: \S+\ndata: third\n\n$
//   $ curl -s localhost:8080/
//   > EventSource
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

constexpr const char* page = R"(<!doctype html><meta charset="utf-8"><title>News</title>
<form><input id="text" autofocus placeholder="what is new?"> <button>publish</button></form>
<h2>EventSource</h2><ul id="told"></ul><h2>long polling</h2><ul id="waited"></ul>
<script>
const show = (list, text) => { const li = document.createElement('li'); li.textContent = text; list.append(li); };
document.forms[0].onsubmit = e => { e.preventDefault(); fetch('/news', {method: 'POST', body: text.value}); text.value = ''; };
new EventSource('/news/stream?after=earliest').onmessage = e => show(told, e.data);
(async () => {
  for (let after = 'earliest';;) {
    const answer = await (await fetch('/news/next?after=' + after)).json();
    answer.items.forEach(item => show(waited, item.data));
    after = answer.cursor;
  }
})();
</script>)";

int main(int argc, char** argv) {
  asio::io_context io;
  ap::topic<std::string> news({.history = 1000});

  ap::router app;
  app.get("/", [] { return ap::html(page); });
  app.post("/news", [=](ap::request& req) {
    news.publish(req.take_body());
    return ap::status::accepted;
  });
  app.get("/news", [=](ap::request& req) { return ap::polling::short_poll(news, req); });
  app.get("/news/next", [=](ap::request& req) { return ap::polling::long_poll(news, req, {.hold = 30s}); });
  app.get("/news/stream", [=](ap::request& req) { return ap::sse::stream(news, req, {.heartbeat = 15s}); });

  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
