#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The real curl against the wire form of jobs.  jobs_curl.py PROGRAM"""
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from program import SKIPPED, Check, free_port, running, start, until

HANDLE = r"/jobs/[0-9a-f]{32}"


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
    def state(self):
        return self.json["state"]


class Curl:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def command(self, path, *more):
        return ["curl", "--silent", "--show-error", "--include", "--max-time", "30", *more, self.base + path]

    def __call__(self, path, *more):
        ran = subprocess.run(self.command(path, *more), capture_output=True, timeout=40)
        if ran.returncode != 0:
            raise RuntimeError(f"curl {path}: {ran.stderr.decode()}")
        return Answer(ran.stdout.decode())

    def submit(self, kind, *more, body=""):
        return self("/jobs/" + kind, "--data-binary", body, "-H", "Content-Type: text/plain", *more)

    def step(self, count=1):
        for _ in range(count):
            self("/step", "-X", "POST")

    def begin(self, kind="steps"):
        """A job that runs."""
        place = self.submit(kind)["Location"]
        until(lambda: self(place).state == "running", "it runs")
        return place

    def held(self, path, then, *more):
        """The answer to a request that is held when then() is called."""
        process = subprocess.Popen(self.command(path, *more), stdout=subprocess.PIPE)
        until(lambda: self("/waiting").body == "1", "the request is held")
        then()
        return Answer(process.communicate(timeout=40)[0].decode())

    def follow(self, place, wanted, *more, then=None):
        """What the events have sent when they have matched `wanted`, or have ended."""
        process = subprocess.Popen(self.command(place + "/events", "--no-buffer", *more), stdout=subprocess.PIPE)
        late = threading.Timer(30, process.kill)
        late.start()
        try:
            text = ""
            while not re.search(wanted, text):
                more_bytes = os.read(process.stdout.fileno(), 1 << 20)
                if not more_bytes:
                    break
                text += more_bytes.decode()
                if then is not None and "event: state" in text:
                    then()
                    then = None
            return Answer(text)
        finally:
            late.cancel()
            process.kill()
            process.communicate()


def events_of(body):
    """(id, type, data) of each."""
    found = []
    for block in body.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "data" in lines:
            found.append((lines.get("id"), lines.get("event"), lines["data"]))
    return found


def submitting(curl, check):
    answer = curl.submit("steps")
    check(answer.status == 202 and re.fullmatch(HANDLE, answer["Location"]), f"202 and where it is: {answer.fields}")
    check(answer["Retry-After"] == "7" and answer["Content-Type"] == "application/json", f"{answer.fields}")
    check(answer["Link"] == f'<{answer["Location"]}/events>; rel="monitor"; type="text/event-stream"', answer["Link"])
    check(answer.state in ("pending", "running") and "/jobs/" + answer.json["id"] == answer["Location"], answer.body)
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.json["created"]), answer.body)
    other = curl.submit("steps")["Location"]
    check(other != answer["Location"], "each has a handle of its own")
    curl.step(4)
    for place in (other, answer["Location"]):
        until(lambda: curl(place).state == "succeeded", "it ends")

    at_once = curl.submit("now", "-H", "Prefer: wait=10")
    check(at_once.status == 200 and at_once.json["result"] == "at once", f"done in time: {at_once.body}")
    check(at_once["Preference-Applied"] == "wait=10" and "Prefer" in at_once["Vary"], f"{at_once.fields}")
    check(at_once["Content-Location"] == at_once["Location"] and at_once["Retry-After"] is None, f"{at_once.fields}")
    late = curl.submit("steps", "-H", "Prefer: respond-async, wait=1")
    check(late.status == 202 and late.state == "running" and late["Preference-Applied"] == "wait=1", f"late: {late.body}")
    check(curl(late["Location"], "-X", "DELETE").status in (200, 202), "it is not wanted any more")
    held = curl.held("/jobs/steps", lambda: curl.step(4), "--data-binary", "", "-H", "Prefer: wait=30")
    check(held.status == 200 and held.json["result"] == "after four steps", f"held until it is done: {held.body}")


def status(curl, check):
    place = curl.begin()
    first = curl(place)
    tag = first["ETag"]
    check(first.status == 200 and "result" not in first.json and "error" not in first.json, first.body)
    same = curl(place, "-H", "If-None-Match: " + tag)
    check(same.status == 304 and same.body == "" and same["ETag"] == tag and same["Retry-After"] == "7", f"{same.fields}")
    timed = curl(place, "-H", "If-None-Match: " + tag, "-H", "Prefer: wait=1")
    check(timed.status == 304 and timed["Preference-Applied"] == "wait=1", f"no news in time: {timed.fields}")
    news = curl.held(place, curl.step, "-H", "If-None-Match: " + tag, "-H", "Prefer: wait=30")
    check(news.status == 200 and news.json["progress"] == 25 and news["ETag"] != tag, f"news: {news.body}")
    check(curl(place, "-H", "If-None-Match: " + tag).status == 200, "who knows the state before is told the new one")
    end = curl.held(place, lambda: curl.step(3), "-H", "Prefer: wait=30")
    check(end.state == "succeeded" and end.json["result"] == "after four steps" and end.json["progress"] == 75, end.body)
    check(end.json["result_type"] == "text/plain; charset=utf-8" and "error" not in end.json, end.body)
    check(end["Retry-After"] is None, f"there is nothing to come back for: {end.fields}")
    check(curl(place, "-H", "If-None-Match: " + end["ETag"], "-H", "Prefer: wait=30").status == 304, "and so it stays")
    head = curl(place, "--head")
    check(head.status == 200 and head.body == "" and head["ETag"] == end["ETag"], "HEAD")
    result = curl(place + "/result")
    check(result.status == 200 and result.body == "after four steps", f"the result alone: {result.body}")
    check(result["Content-Type"] == "text/plain; charset=utf-8", f"{result.fields}")

    place = curl.begin("bytes")
    news = curl.held(place, curl.step, "-H", "If-None-Match: *", "-H", "Prefer: wait=30")
    check(base64.b64decode(news.json["progress"]) == b"\0\xff" and news.json["progress_base64"], f"bytes: {news.body}")
    curl(place, "-X", "DELETE")


def failures(curl, check):
    failed = curl.submit("problem", "-H", "Prefer: wait=10")
    check(failed.status == 200 and failed.state == "failed" and "result" not in failed.json, failed.body)
    check(failed.json["error"] == {"title": "Unprocessable Content", "status": 422, "detail": "this is no picture", "line": 3},
          failed.body)
    alone = curl(failed["Location"] + "/result")
    check(alone.status == 422 and alone["Content-Type"] == "application/problem+json", f"{alone.fields}")
    secret = curl.submit("secret", "-H", "Prefer: wait=10")
    check(secret.json["error"] == {"title": "Internal Server Error", "status": 500}, secret.body)
    check("password" not in secret.body, "what an exception says is not told to clients")

    place = curl.begin()
    check(curl(place + "/result").status == 409, "no result yet")
    cancelled = curl.held(place, lambda: curl(place, "-X", "DELETE"), "-H", "Prefer: wait=30")
    check(cancelled.state == "cancelled" and cancelled.json["error"]["status"] == 409, f"cancelled: {cancelled.body}")
    again = curl(place, "-X", "DELETE")
    check(again.status == 200 and again.state == "cancelled", "once more changes nothing")

    for none in ("0" * 32, "x", "0" * 31, "0" * 33, place[6:].upper() + "A"):
        gone = curl("/jobs/" + none)
        check(gone.status == 404 and gone["Content-Type"] == "application/problem+json", f"{none}: {gone.status}")
    wrong = curl(place, "-X", "PUT")
    check(wrong.status == 405 and "DELETE" in wrong["Allow"], f"{wrong.fields}")


def keys(curl, check):
    first = curl.submit("now", "-H", 'Idempotency-Key: "k1"', body="a")
    again = curl.submit("now", "-H", "Idempotency-Key: k1", body="a")
    check(first["Location"] == again["Location"], "the same key is the same job")
    other = curl.submit("now", "-H", 'Idempotency-Key: "k1"', body="b")
    check(other.status == 422 and other["Content-Type"] == "application/problem+json", f"another payload: {other.status}")
    check(curl.submit("problem", "-H", 'Idempotency-Key: "k1"', body="a").status == 422, "another target")
    check(curl.submit("now", "-H", "Idempotency-Key;").status == 400, "no key")
    at_once = [subprocess.Popen(curl.command("/jobs/steps", "--data-binary", "x", "-H", 'Idempotency-Key: "k2"'),
                                stdout=subprocess.PIPE) for _ in range(8)]
    places = {Answer(process.communicate(timeout=40)[0].decode())["Location"] for process in at_once}
    check(len(places) == 1 and None not in places, f"duplicates at once are one job: {places}")
    curl(places.pop(), "-X", "DELETE")


def events(curl, check):
    place = curl.begin()
    def steps():
        for _ in range(4):
            curl.step()
    whole = curl.follow(place, "succeeded", then=steps)
    told = events_of(whole.body)
    check(whole["Content-Type"] == "text/event-stream" and whole["Cache-Control"] == "no-store", f"{whole.fields}")
    check([(kind, data) for _, kind, data in told[1:-1]] == [("progress", "25"), ("progress", "50"), ("progress", "75")],
          f"the progress: {told}")
    check(told[0][1] == told[-1][1] == "state" and json.loads(told[-1][2])["result"] == "after four steps", f"{told}")
    rest = curl.follow(place, "succeeded", "-H", "Last-Event-ID: " + told[2][0])
    check(events_of(rest.body) == told[3:] and rest["Antiphon-Resume"] == "whole", f"resumed: {rest.body}")
    over = curl(place + "/events", "-H", "Last-Event-ID: " + told[-1][0])
    check(over.status == 204 and over.body == "", "a browser does not come back")
    ended = curl(place + "/events")
    check(events_of(ended.body) == told, "who comes late gets all, and the end of the stream")

    place = curl.begin("large")
    large = curl.follow(place, r"succeeded[^\n]*\n\n", then=curl.step)
    data = events_of(large.body)[-1][2]
    check(json.loads(data)["result"] == "r" * 5_000_000, f"5 MB in an event: {len(data)}")
    check(curl(place + "/result").body == "r" * 5_000_000, "and alone")


def limits(curl, check):
    check(curl("/jobs").status == 403, "the list is not for everybody")
    operator = ("-H", "Authorization: operator")
    listed = curl("/jobs?limit=2&state=succeeded", *operator)
    check(len(listed.json["jobs"]) == 2 and re.fullmatch(r'<\?state=succeeded&limit=2&before=\d+>; rel="next"', listed["Link"]),
          f"a page: {listed.body} {listed.fields}")
    check(all("result" not in job for job in listed.json["jobs"]), "without results")
    following = curl("/jobs" + listed["Link"][1:].split(">")[0], *operator)
    ids = [job["id"] for job in listed.json["jobs"] + following.json["jobs"]]
    check(len(ids) == len(set(ids)) == 4, f"the next page goes on: {ids}")
    failed = curl("/jobs?state=failed", *operator)
    check("the password is 123" in [job["what"] for job in failed.json["jobs"]], f"operators are told: {failed.body}")
    check(curl("/jobs?limit=0", *operator).status == 400, "a bad limit")
    large = curl.submit("now", body="x" * 1001)
    check(large.status == 503 and 1 <= int(large["Retry-After"]) <= 5, f"too much input: {large.fields}")
    answers = [curl.submit("now") for _ in range(41)]
    check(answers[0].status == 202 and answers[-1].status == 503 and answers[-1]["Retry-After"], "too many jobs")


def stopping(program, check):
    """A server that is told to stop ends the jobs in its time, and tells who waits."""
    port = free_port()
    server = start(program, port)
    curl = Curl(port)
    place = curl.begin()
    ends = curl.held(place, lambda: (server.send_signal(signal.SIGTERM)), "-H", "Prefer: wait=30")
    check(ends.state == "cancelled" and ends.json["error"]["status"] == 503, f"shutting down: {ends.body}")
    check(server.wait(20) == 0, "it ended well")


def main():
    if not shutil.which("curl"):
        print("skipped: curl is not installed")
        return SKIPPED
    check = Check()
    with running(sys.argv[1], check) as port:
        curl = Curl(port)
        for part in (submitting, status, failures, keys, events, limits):
            part(curl, check)
    stopping(sys.argv[1], check)
    print(f"curl: {check.made} checks, {check.failures} do not hold")
    return 1 if check.failures else 0


sys.exit(main())
