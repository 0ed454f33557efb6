// SPDX-License-Identifier: BSL-1.0
// Reads a stream with the package `eventsource`, or with Node's own fetch, and prints what it gets, a line of JSON each.
// eventsource_client.mjs URL PACKAGE|fetch
const [url, by] = process.argv.slice(2);
const say = what => console.log(JSON.stringify(what));

if (by === "fetch") {
  const answer = await fetch(url);
  say({open: answer.status, type: answer.headers.get("content-type")});
  const lines = answer.body.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const piece of lines) {
    const events = (rest + piece).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const field = name => event.split("\n").filter(l => l.startsWith(name + ": ")).map(l => l.slice(name.length + 2)).join("\n");
      if (field("data")) say({event: field("event") || "message", id: field("id"), data: field("data")});
    }
  }
} else {
  const {EventSource} = await import(by);
  const source = new EventSource(url);
  source.onopen = () => say({open: 200});
  source.onerror = e => say({error: e.message ?? "", closed: source.readyState === EventSource.CLOSED});
  for (const type of ["message", "antiphon-gap", "antiphon-other-log"])
    source.addEventListener(type, e => say({event: type, id: e.lastEventId, data: e.data}));
}
