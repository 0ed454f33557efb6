// SPDX-License-Identifier: BSL-1.0
// A page that has a report made, and shows how far it is. The report is a job of the server's: reload the page, close
// it and come back by its URL, or open that in a second window: nothing is begun again, and nothing of it is lost.
//
//   $ curl -s localhost:8080/
//   > new EventSource
//   $ R=localhost:8080$(curl -s -o /dev/null -w '%header{location}' -d x localhost:8080/reports); curl -s -N $R/events
//   > event: progress\ndata: 1\n\n[\s\S]*event: progress\ndata: 100\n\n[\s\S]*event: state\ndata: \{.*"100 pages on x"
//   $ curl -s -H 'Prefer: wait=9' -d 13 localhost:8080/reports
//   > "state":"failed".*"detail":"page 13 is missing"
#include <antiphon/jobs.hpp>
#include <antiphon/server.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

constexpr const char* page = R"(<!doctype html><meta charset="utf-8"><title>Report</title>
<form><input name="about" value="tea" required> <button>Make a report</button></form>
<p><progress max="100" value="0"></progress> <button id="cancel" disabled>Cancel</button> <output></output></p>
<script>
const [bar, said, make] = ['progress', 'output', 'form button'].map(name => document.querySelector(name));
const url = () => '/reports/' + encodeURIComponent(location.hash.slice(1)); // the job's handle stands in the hash
const say = (text, busy) => { said.textContent = text; make.disabled = busy; cancel.disabled = !busy; };
let events;
function follow() {
  events?.close();
  bar.value = 0;
  if (!location.hash) return say('', false);
  events = new EventSource(url() + '/events'); // comes back by itself, behind the last event that it has got
  events.addEventListener('progress', e => say((bar.value = JSON.parse(e.data)) + ' %', true));
  events.addEventListener('state', e => {
    const {state, result, error, cancelling} = JSON.parse(e.data);
    if (state === 'pending' || state === 'running') return say(cancelling ? 'is to end' : state, true);
    events.close(); // it was the last one
    say(result ?? error.detail ?? error.title, false);
  });
  events.onerror = async () => {
    if (events.readyState !== EventSource.CLOSED) return say('the connection is lost, and tried again', true);
    const answer = await fetch(url()).catch(() => null); // what no EventSource comes back from
    if (answer?.status === 404) return say('there is no such report any more', false);
    setTimeout(follow, 2000);
  };
}
document.forms[0].onsubmit = async e => {
  e.preventDefault();
  const answer = await fetch('/reports', {method: 'POST', body: e.target.about.value}).catch(() => null);
  if (!answer?.ok) return say('no report can be made now: try it again later', false); // 503: there are too many
  location.hash = answer.headers.get('Location').split('/').pop();
};
cancel.onclick = () => fetch(url(), {method: 'DELETE'}).catch(() => say('the server is not reached', true));
addEventListener('hashchange', follow);
follow();
</script>)";

int main(int argc, char** argv) {
  asio::io_context io;
  ap::job_store<std::string> reports(io, {.max_jobs = 100, .keep_for = 1h, .forget_ended = true});

  ap::router app;
  app.get("/", [] { return ap::html(page); });
  app.post("/reports", [=](ap::request& req) {
    return reports.accept(req, [about = req.take_body()](ap::job& job) -> asio::awaitable<std::string> {
      for (int n = 1; n <= 100; ++n) {
        co_await ap::sleep_for(40ms); // where it is cancelled
        if (std::to_string(n) == about)
          throw ap::job_failure(ap::problem(ap::status::not_found, "page " + about + " is missing"));
        job.report(n);
      }
      co_return "100 pages on " + about;
    });
  });
  app.mount("/reports", reports.routes());
  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
