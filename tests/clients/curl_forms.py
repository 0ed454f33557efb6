#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The real curl against every form in which a log goes over the wire.  curl_forms.py PROGRAM"""
import json
import os
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from program import SKIPPED, Check, running, until

CURSOR = r"[0-9a-f]{16}\.\d+-\d+"


class Answer:
    """What `curl -i` printed."""

    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}

    def __getitem__(self, name):
        return self.fields.get(name.lower())

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def texts(self):
        return [item["data"] for item in self.json["items"]]

    @property
    def next(self):
        """The cursor in Link."""
        found = re.fullmatch(r'<\?after=(' + CURSOR + r')>; rel="next"', self["Link"] or "")
        return found[1] if found else None


class Curl:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def command(self, path, *more):
        return ["curl", "--silent", "--show-error", "--include", "--max-time", "20", *more, self.base + path]

    def __call__(self, path, *more):
        ran = subprocess.run(self.command(path, *more), capture_output=True, timeout=30)
        if ran.returncode != 0:
            raise RuntimeError(f"curl {path}: {ran.stderr.decode()}")
        return Answer(ran.stdout.decode())

    def publish(self, *texts):
        for text in texts:
            self("/publish", "--data-binary", text)

    def held(self, path, then, *more):
        """The answer to a poll that is parked when `then` is published."""
        process = subprocess.Popen(self.command(path, *more), stdout=subprocess.PIPE)
        until(lambda: self("/readers").body == "1", "the poll is parked")
        self.publish(then)
        return Answer(process.communicate(timeout=30)[0].decode())

    def stream(self, path, wanted, *more, then=None):
        """What a stream has sent when it has matched `wanted`; `then` is published when it is read."""
        process = subprocess.Popen(self.command(path, "--no-buffer", *more), stdout=subprocess.PIPE)
        late = threading.Timer(20, process.kill)
        late.start()
        try:
            if then is not None:
                until(lambda: self("/readers").body == "1", "the stream is read")
                self.publish(then)
            text = ""
            while not re.search(wanted, text):
                more_bytes = os.read(process.stdout.fileno(), 65536)
                if not more_bytes:
                    break
                text += more_bytes.decode()
            return Answer(text)
        finally:
            late.cancel()
            process.kill()
            process.communicate()
            until(lambda: self("/readers").body == "0", "the server has noticed that the client went")


def short_polls(curl, check):
    empty = curl("/now")
    check(empty.status == 200 and re.fullmatch(r'\{"cursor":"[0-9a-f]{16}\.0-0","gap":null,"other_log":false,"items":\[\]\}',
                                               empty.body), f"an empty log: {empty.body}")
    check(empty["Content-Type"] == "application/json" and empty["Cache-Control"] == "no-store", "it is JSON, and not kept")
    check(empty["Retry-After"] == "7" and empty["Antiphon-Resume"] is None, f"its fields: {empty.fields}")
    curl.publish("one", "two")
    two = curl("/now?after=" + empty.json["cursor"])
    check(two.texts == ["one", "two"] and two["Antiphon-Resume"] == "whole", f"two messages: {two.body}")
    check(two.next == two.json["cursor"] == two.json["items"][1]["id"], "Link and cursor name the place")
    check(two["ETag"] == f'W/"{two.next}"', f"the tag names the last message: {two['ETag']}")
    same = curl("/now?after=" + two.next, "-H", "If-None-Match: " + two["ETag"])
    check(same.status == 304 and same.body == "" and same.next == two.next, "304 where there is nothing new")
    check(curl("/now?after=" + two.next).texts == [], "without a tag it is an empty answer")
    by_field = curl("/now?after=" + two.next, "-H", "Last-Event-ID: " + two.json["items"][0]["id"])
    check(by_field.texts == ["two"], "Last-Event-ID wins over the query")
    curl.publish("three")
    check(curl("/now?after=" + two.next, "-H", "If-None-Match: " + two["ETag"]).texts == ["three"], "news are no 304")

    curl.publish("four", "five", "six")
    gap = curl("/now?after=" + two.json["items"][0]["id"])  # of "one": "two" is kept no more
    check(gap.texts == ["three", "four", "five", "six"] and gap.json["gap"]["at_most"] == 1, f"a gap: {gap.body}")
    check(gap.json["gap"]["after"] == two.json["items"][0]["id"] and gap["Antiphon-Resume"] == "gap; at-most=1",
          f"a gap: {gap.fields}")
    other = curl("/now?after=0123456789abcdef.0-3")
    check(other.json["other_log"] and other["Antiphon-Resume"] == "other-log" and len(other.texts) == 4, "another log")
    check(curl("/now?after=nonsense").json["other_log"], "nonsense is another log's, and no error")
    check(len(curl("/now?after=earliest").texts) == 4, "earliest")
    head = curl("/now", "--head")
    check(head.status == 200 and head.body == "" and int(head["Content-Length"]) > 0, "HEAD")


def raw_polls(curl, check):
    place, read, tag = "earliest", [], None
    while True:
        one = curl("/raw/now?after=" + place)
        if one.status != 200:
            break
        check(one["Content-Type"] == "text/plain; charset=utf-8" and one["ETag"] == f'W/"{one.next}"', str(one.fields))
        read.append(one.body)
        place, tag = one.next, one["ETag"]
    check(read == ["three", "four", "five", "six"], f"one message an answer: {read}")
    check(one.status == 204 and one.body == "" and one.next == place, "204 when there are no more")
    same = curl("/raw/now?after=" + place, "-H", "If-None-Match: " + tag)
    check(same.status == 304 and same.next == place, "304 for who has a tag")
    gap = curl("/raw/now?after=" + re.sub(r"\d+$", "1", place))
    check(gap.body == "three" and gap["Antiphon-Resume"] == "gap; at-most=1", f"a gap: {gap.fields}")
    return place


def long_polls(curl, check, place):
    empty = curl("/next?after=" + place, "-H", "Prefer: wait=1")
    check(empty.status == 200 and empty.texts == [] and empty.json["cursor"] == place, f"time is over: {empty.body}")
    check(empty["Preference-Applied"] == "wait=1" and "Prefer" in empty["Vary"], f"it says so: {empty.fields}")
    check(curl("/next?after=earliest").texts == ["three", "four", "five", "six"], "what is there is not waited for")
    held = curl.held("/next?after=" + place, "seven")
    check(held.texts == ["seven"] and held.next == held.json["cursor"], f"held, then answered: {held.body}")
    check(curl.held("/next", "eight").texts == ["eight"], "without a cursor it waits for what comes")
    raw_empty = curl("/raw/next", "-H", "Prefer: wait=1")
    check(raw_empty.status == 204 and raw_empty.next is not None, "raw, and time is over")
    raw = curl.held("/raw/next", "nine")
    check(raw.status == 200 and raw.body == "nine" and raw["Content-Type"] == "text/plain; charset=utf-8", "raw, held")
    check(curl("/next?after=" + place).json["gap"] is None, "four are kept: nothing is missed yet")
    curl.publish("ten", "eleven")
    missed = curl("/next?after=" + place)
    check(missed.json["gap"]["at_most"] == 1 and missed["Antiphon-Resume"] == "gap; at-most=1", f"a gap: {missed.body}")


def streams(curl, check):
    first = curl.stream("/stream", "twelve\n\n", then="twelve")
    check(first.status == 200 and first["Content-Type"] == "text/event-stream", f"a stream: {first.fields}")
    check(first["Cache-Control"] == "no-store" and first["X-Accel-Buffering"] == "no", "nobody on the way keeps it")
    check(first["Antiphon-Resume"] is None, "who resumes nothing is told nothing")
    event = re.fullmatch(r"retry: 1000\n\nid: (" + CURSOR + r")\ndata: twelve\n\n", first.body)
    check(event, f"what comes from now on: {first.body!r}")
    curl.publish("thirteen", "of two\nlines")
    resumed = curl.stream("/stream", "lines\n\n", "-H", "Last-Event-ID: " + event[1])
    check(resumed["Antiphon-Resume"] == "whole" and re.fullmatch(
        r"retry: 1000\n\nid: \S+\ndata: thirteen\n\nid: \S+\ndata: of two\ndata: lines\n\n", resumed.body),
          f"it resumes by Last-Event-ID: {resumed.body!r}")
    curl.publish("a", "b", "c")
    gap = curl.stream("/stream", "data: c\n\n", "-H", "Last-Event-ID: " + event[1])
    check(gap["Antiphon-Resume"] == "gap; at-most=1", f"a gap: {gap.fields}")
    check(re.match(r"retry: 1000\n\nid: " + CURSOR + r"\nevent: antiphon-gap\ndata: \{\"after\":\"" + CURSOR +
                   r"\",\"before\":\"" + CURSOR + r"\",\"at_most\":1\}\n\nid: \S+\ndata: of two\ndata: lines\n\n", gap.body),
          f"a gap is the first event: {gap.body!r}")
    other = curl.stream("/stream?after=0123456789abcdef.0-3", "data: c\n\n")
    check(other["Antiphon-Resume"] == "other-log" and re.match(
        r"retry: 1000\n\nid: " + CURSOR + r"\nevent: antiphon-other-log\ndata:[^\n]*\n\nid: \S+\ndata: of two\n", other.body),
          f"another log: {other.body!r}")
    earliest = curl.stream("/stream?after=earliest", "data: c\n\n")
    check(earliest.body.count("\nid: ") == 4 and "event:" not in earliest.body, f"earliest: {earliest.body!r}")
    old = curl.stream("/stream?after=earliest", "data: c\n\n", "--http1.0")
    check(old.status == 200 and old["Transfer-Encoding"] is None and old.body == earliest.body, "HTTP/1.0: until it ends")


def main():
    if not shutil.which("curl"):
        print("skipped: curl is not installed")
        return SKIPPED
    check = Check()
    with running(sys.argv[1], check) as port:
        curl = Curl(port)
        short_polls(curl, check)
        long_polls(curl, check, raw_polls(curl, check))
        streams(curl, check)
    print(f"curl: {check.made} checks, {check.failures} do not hold")
    return 1 if check.failures else 0


sys.exit(main())
