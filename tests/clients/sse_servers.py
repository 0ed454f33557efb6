#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""sse::event_source, and live::reader, against servers of event streams by packages of npm's.
sse_servers.py EVENTS DIRECTORY FOR THE PACKAGES"""
import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
from cutter import Cutter
from npm import installed
from program import SKIPPED, Check, Reader, Speaker, free_port

PACKAGES = ["better-sse@0.16.1", "sse-channel@4.0.2", "express@5.3.0", "express-sse@1.0.0", "fastify@5.12.8",
            "@fastify/sse@0.6.0", "hono@4.13.19", "@hono/node-server@2.1.9", "graphql@16.15.0", "graphql-sse@2.6.1"]
WITH_HISTORY = ["better-sse", "sse-channel", "@fastify/sse", "hono"]
TEXTS = ["one line", "two\nlines", "\n\nempty ones\n\n", " a space, \ttab, : and data: x", "ünïcödé 日本 🎵 \u2028 \u0085",
         "", "{\"json\": [1, null]}", "x" * 500_000, "\n".join(["a line of many"] * 20_000)]


class Server(Speaker):
    """A package that serves. What it keeps for those who come back is kept over its lives, as long as the folder is."""

    def __init__(self, package, folder, port=None, ping=60_000):
        self.again = (package, folder, port or free_port(), ping)
        self.journal = os.path.join(folder, "journal")
        self.url = f"http://127.0.0.1:{self.again[2]}"
        super().__init__(["node", "--no-warnings", os.path.join(DIRECTORY, "sse_servers.mjs"), package,
                          str(self.again[2]), self.journal, str(ping)])
        self.wait(lambda: self.got, f"{package} listens")

    def opened(self, count):
        self.wait(lambda: len(self.streams) == count, f"{count} streams")

    @property
    def streams(self):
        return [one for one in self.got if "open" in one]

    def publish(self, *messages):
        self.tell(publish=messages)


def serves(package, **how):
    """A server with a journal of its own."""
    folder = tempfile.mkdtemp(prefix="antiphon_sse_", dir=TEMPORARY)
    return Server(package, folder, **how)


def numbered(first, last):
    return [{"id": str(n), "event": "number", "data": f"number {n}"} for n in range(first, last + 1)]


def everything_arrives(package, check):
    with serves(package) as server, Reader(EVENTS, server.url + "/stream") as reader:
        server.opened(1)
        first = server.streams[0]
        check(first["accept"] == "text/event-stream" and first["open"] == "", f"{package} is asked so: {first}")
        sent = [{"id": str(n), "event": "", "data": text} for n, text in enumerate(TEXTS, 1)]
        sent += [{"id": "100", "event": "named", "data": "a"}, {"id": "101", "data": "of the usual type again"}]
        server.publish(*sent)
        reader.wait(lambda: len(reader.events) == len(sent), f"{package}: all events come")
        for m, e in zip(sent, reader.events):
            wanted = {"event": m.get("event") or "message", "id": m["id"], "data": m["data"]}
            check(e == wanted, f"{package}: {str(e)[:200]} instead of {str(wanted)[:200]}")
        check(len(reader.attempts) == 1, f"{package}: by one connection")


def nothing_is_lost_over_cuts_and_lives(package, check):
    with serves(package) as server:
        cutter = Cutter(server.again[2], 500, 1500)
        with Reader(EVENTS, cutter.url + "/stream") as reader:
            server.opened(1)
            for n in range(0, 300, 50):
                server.publish(*numbered(n + 1, n + 50))
                reader.wait(lambda: len(reader.events) > n, f"{package}: it reads between the cuts")
            reader.wait(lambda: len(reader.events) >= 300, f"{package}: it reads on")
            check(cutter.cuts >= 5, f"{package}: over {cutter.cuts} cuts")
            server.process.kill()
            server.process.wait()
            with open(server.journal, "a") as f:  # what is published while it is away
                f.write("".join(json.dumps(m) + "\n" for m in numbered(301, 310)))
            reader.wait(reader.refused, f"{package}: it tries")
            with Server(*server.again) as other:
                other.opened(1)
                other.publish(*numbered(311, 320))
                reader.wait(lambda: len(reader.events) >= 320, f"{package}: it comes back to another life")
                check(other.streams[0]["open"] == "300", f"{package}: with its last id: {other.streams}")
            check([(e["id"], e["data"]) for e in reader.events] == [(m["id"], m["data"]) for m in numbered(1, 320)],
                  f"{package}: nothing lost, nothing twice, and each as it was")


def begins_behind_an_id(package, check):
    with serves(package) as server:
        server.publish(*numbered(1, 20))
        with Reader(EVENTS, server.url + "/stream", "--last", "17", "--most", "3") as reader:
            reader.ends()
            check([e["id"] for e in reader.events] == ["18", "19", "20"], f"{package}: {reader.got}")


def answers_that_are_no_stream(package, check):
    with serves(package) as server:
        for code in (301, 302, 303, 307, 308):
            with Reader(EVENTS, f"{server.url}/moved{code}") as reader:
                server.opened(1)
                server.publish({"id": str(code), "data": "here"})
                last = str(code)
                reader.wait(lambda: any(e["id"] == last for e in reader.events), f"{package}: it follows {code}")
                server.tell(cut=True)
                server.opened(2)
                check(server.streams[1]["open"] == last, f"{package}: a redirect keeps the id: {server.got}")
            server.got.clear()
        for path, status, sentence in [("none", "204", "204, which means not to come back"),
                                       ("page", "200", "no text/event-stream: is it the right URL?"),
                                       ("nowhere", "404", "did not answer 200"), ("circle", "", "more redirects")]:
            with Reader(EVENTS, f"{server.url}/{path}", "--attempts", "2") as reader:
                end = reader.ends()
                check(sentence in end["end"], f"{package}: /{path} ends it with a sentence: {end}")
                check(status in ("", end["status"]), f"{package}: /{path} has the status {status}: {end}")
                attempts = len(reader.attempts)
                check(path == "circle" or attempts == 1, f"{package}: /{path} is asked for once, not {attempts} times")


def keep_alive(check):
    """Comments keep a stream; without them it is made anew."""
    with serves("better-sse", ping=100) as a, serves("sse-channel", ping=100) as b, \
            serves("@fastify/sse", ping=100) as c, serves("hono") as quiet:
        readers = [Reader(EVENTS, s.url + "/stream", "--idle", "2500") for s in (a, b, c, quiet)]
        readers[3].wait(lambda: len(readers[3].attempts) > 1, "a silent stream is given up")
        for s, r in zip((a, b, c), readers):
            s.publish({"id": "1", "data": "still here"})
            r.wait(lambda: r.events, f"{s.again[0]}: it reads")
            check(len(r.attempts) == 1, f"{s.again[0]}: comments keep it: {r.got}")
        for r in readers:
            r.__exit__()


def waits_as_it_is_told(package, check):
    with serves(package) as server, Reader(EVENTS, server.url + "/stream", "--wait", "1") as reader:
        server.opened(1)
        server.publish({"id": "1", "data": "", "retry": 1500})
        reader.wait(lambda: reader.events, f"{package}: it reads")
        begin = time.monotonic()
        server.tell(cut=True)
        server.opened(2)
        check(time.monotonic() - begin >= 1.4, f"{package}: retry is honoured: {time.monotonic() - begin}")


def ids(check):
    """Ids that are no numbers, and none."""
    with serves("better-sse") as server, Reader(EVENTS, server.url + "/stream") as reader:
        server.opened(1)
        for n, text in enumerate(["zwölf/日本 🎵", "a b,c;d=\"e\"", "x" * 4096], 2):
            server.publish({"id": text, "data": "a"})
            reader.wait(lambda: reader.events and reader.events[-1]["id"] == text, "it reads")
            server.tell(cut=True)
            server.opened(n)
            check(server.streams[-1]["open"] == text, f"an id comes back as it was: {server.streams[-1]}")
        server.publish({"data": "x"})  # the package's own: a UUID
        reader.wait(lambda: len(reader.events) == 4, "it reads")
        server.tell(cut=True)
        server.opened(5)
        check(server.streams[-1]["open"] == reader.events[-1]["id"] and len(reader.events[-1]["id"]) == 36, "a UUID")
        server.publish({"id": "x" * 4097, "data": "a"})
        reader.wait(lambda: len(reader.events[-1]["id"]) == 4097, "it reads")
        server.tell(cut=True)
        server.opened(6)
        check(server.streams[-1]["open"] == "", "an id that is too long is not sent")
        server.publish({"id": "", "data": "a"})
        reader.wait(lambda: reader.events[-1]["id"] == "", "an empty id takes the last one back")


def without_history(check):
    """express-sse counts the events of each connection, and begins each with the same ones: so they come again."""
    with serves("express-sse") as server, Reader(EVENTS, server.url + "/stream") as reader:
        server.opened(1)
        server.publish({"event": "named", "data": {"a": "b\nc"}})
        reader.wait(lambda: len(reader.events) == 3, "express-sse: it reads")
        server.tell(cut=True)
        reader.wait(lambda: len(reader.events) == 5, "express-sse: it comes back")
        check([(e["event"], e["id"], json.loads(e["data"])) for e in reader.events] ==
              [("message", "0", "first"), ("message", "1", "second"), ("named", "2", {"a": "b\nc"}),
               ("message", "0", "first"), ("message", "1", "second")], f"express-sse: {reader.events}")
        check(reader.attempts[1]["last"] == "2", f"express-sse: {reader.attempts}")
        with Reader(EVENTS, server.url + "/coded") as other:
            check("Content-Encoding" in other.ends()["end"], f"express-sse: a coded stream ends it: {other.got}")


def answers_of_models(package, check):
    """A stream that is asked for with a body, and ends with `data: [DONE]`."""
    question = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hällo?"}]}
    with serves(package) as server:
        with Reader(EVENTS, server.url + "/answer", "--post", json.dumps(question), "application/json", "--until",
                    "[DONE]") as reader:
            check(reader.ends()["end"] == "done", f"{package}: it is done")
            text = "".join(json.loads(e["data"])["choices"][0]["delta"]["content"] for e in reader.events[:-1])
            check(text == "Hello wörld!\n🎵", f"{package}: {reader.events}")
        asked = [one["question"] for one in server.look()[1:]]
        check(asked == [question], f"{package}: it is asked once: {asked}")
        if package == "hono":  # a stream that was cut off: a source asks again, and so the answer comes again
            with Reader(EVENTS, server.url + "/answer", "--post", json.dumps({**question, "cut": True}),
                        "application/json", "--most", "10") as reader:
                reader.ends()
                check(len(reader.attempts) >= 2 and reader.events[:5] == reader.events[5:], f"{package}: {reader.got}")
        else:
            with Reader(EVENTS, server.url + "/answer", "--post", "{}", "application/json") as reader:
                check("no text/event-stream" in reader.ends()["end"], f"{package}: JSON is no stream: {reader.got}")


def graphql(check):
    def asks(query, *how):
        return Reader(EVENTS, server.url + "/graphql", "--post", json.dumps({"query": query}), "application/json", *how)

    with serves("graphql-sse") as server:  # which sends a `Content-Encoding: none`
        with asks("subscription { count(to: 5) }", "--until", "") as reader:
            reader.ends()
            check([json.loads(e["data"])["data"]["count"] for e in reader.events[:-1]] == [1, 2, 3, 4, 5] and
                  [e["event"] for e in reader.events] == ["next"] * 5 + ["complete"], f"graphql-sse: {reader.events}")
        with asks("{ hello }", "--until", "") as reader:
            reader.ends()
            data = [e["data"] for e in reader.events]
            check(data == ['{"data":{"hello":"world"}}', ""], f"graphql-sse: {reader.got}")
        with asks("{ nonsense") as reader:
            check(reader.ends()["status"] == "400", f"graphql-sse: a query that is none is refused: {reader.got}")


def credentials(check):
    with serves("better-sse") as server, serves("sse-channel") as other:
        with Reader(EVENTS, server.url + "/secret", "--token", "right") as reader:  # right0 is not the right one
            check(reader.ends()["status"] == "401", "it is refused for good")
        # A hook gives another one each time; a redirect to another origin is not shown it, and is shown the id.
        with Reader(EVENTS, f"{server.url}/away?{other.url}/stream", "--token", "t", "--last", "7") as reader:
            other.opened(1)
            other.publish({"id": "8", "data": "a"})
            reader.wait(lambda: reader.events, "it follows to another origin")
            other.tell(cut=True)
            other.opened(2)
            seen = [(s["open"], s["authorization"]) for s in other.streams]
            check(seen == [("7", ""), ("8", "")], f"what another origin is shown: {seen}")
        other.got.clear()
        with Reader(EVENTS, other.url + "/stream", "--token", "t") as reader:
            for n in range(1, 4):
                other.opened(n)
                other.tell(cut=True)
            other.opened(4)
            check([s["authorization"] for s in other.streams] == [f"Bearer t{n}" for n in range(4)], f"{other.streams}")


def limits(check):
    with serves("hono") as server:
        for text, fits in [("x" * 994, True), ("x" * 995, False), ("\n".join(["x" * 99] * 20), True),
                           ("\n".join(["x" * 99] * 20) + "y", False)]:
            with Reader(EVENTS, server.url + "/stream", "--line", "1000", "--event", "1999", "--most", "1") as reader:
                server.opened(1)
                server.publish({"data": text})
                end = reader.ends()["end"]
                wanted = "done" if fits else "larger than event_source_options::line"
                check(wanted in end, f"{len(text)} bytes: {end}")
            server.got.clear()


def live(check):
    """live::reader has places in antiphon's logs only: it reads other streams, and keeps their ids for itself."""
    with serves("sse-channel") as server, Reader(EVENTS, server.url + "/stream", "--by", "live") as reader:
        server.opened(1)
        for n in range(0, 30, 10):
            server.publish(*numbered(n + 1, n + 5))
            reader.wait(lambda: len(reader.events) > n, "live: it reads")
            server.tell(cut=True)
            server.publish(*numbered(n + 6, n + 10))
        reader.wait(lambda: len(reader.events) >= 30, "live: it reads on")
        check([e["data"] for e in reader.events] == [m["data"] for m in numbered(1, 30)], f"live: {reader.events}")
        check({e["id"] for e in reader.events} == {""}, "live: there is no place that it could tell")


def main():
    if not installed(DIRECTORY, PACKAGES, node=20):
        return SKIPPED
    shutil.copy(os.path.join(HERE, "sse_servers.mjs"), DIRECTORY)  # Node looks for packages from there
    tests = [(test, package) for test in (nothing_is_lost_over_cuts_and_lives, everything_arrives, begins_behind_an_id,
                                          answers_that_are_no_stream) for package in WITH_HISTORY]
    tests += [(answers_that_are_no_stream, "express-sse"), (waits_as_it_is_told, "better-sse"),
              (waits_as_it_is_told, "@fastify/sse"), (answers_of_models, "hono"), (answers_of_models, "@fastify/sse")]
    tests += [(test,) for test in (keep_alive, ids, without_history, graphql, credentials, limits, live)]

    def run(test):
        check = Check()
        test[0](*test[1:], check)
        return check

    with ThreadPoolExecutor(4) as pool:  # they wait, for the most part
        checks = list(pool.map(run, tests))
    made, failures = sum(c.made for c in checks), sum(c.failures for c in checks)
    print(f"{', '.join(PACKAGES)}: {made} checks, {failures} do not hold")
    return 1 if failures else 0


EVENTS, DIRECTORY = sys.argv[1:3]
with tempfile.TemporaryDirectory(prefix="antiphon_sse_") as TEMPORARY:
    code = main()
sys.exit(code)
