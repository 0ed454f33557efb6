#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""npm's `eventsource`, and Node's own fetch, against streams whose server is cut or killed.
node_clients.py PLAYGROUND LOG DIRECTORY FOR THE PACKAGE"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
from npm import installed
from program import SKIPPED, Check, Speaker, free_port, lane_port, post, running, start

PACKAGE = "eventsource@3.0.7"


class Client(Speaker):
    """A reader of a stream in another process."""

    def __init__(self, url, by):
        super().__init__(["node", os.path.join(HERE, "eventsource_client.mjs"), url, by])

    @property
    def opened(self):
        return sum("open" in one for one in self.got)

    @property
    def messages(self):
        return [one["data"] for one in self.got if one.get("event") == "message"]

    @property
    def told(self):
        return [one["event"] for one in self.got if one.get("event", "message") != "message"]


def resumes_over_cuts(playground, module, check):
    with running(playground, check) as port:
        main = f"http://127.0.0.1:{port}"
        lane = lane_port(main, 2)
        post(main + "/lanes/rate?a-second=50")
        with Client(f"http://127.0.0.1:{lane}/stream", module) as client:
            for cut in range(1, 4):
                client.wait(lambda: client.opened == cut and len(client.messages) > 20 * cut, "it reads")
                post(main + "/lanes/2/cut")
            client.wait(lambda: client.opened == 4 and len(client.messages) > 150, "it reads on")
            numbers = [json.loads(one)["n"] for one in client.messages]
            check(numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"nothing lost, nothing twice: {numbers}")
            check(client.told == [], f"and nothing else is told: {client.told}")


def is_told_of_another_log(program, module, check):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = start(program, port)
    try:
        with Client(url + "/stream", module) as client:
            client.wait(lambda: client.opened == 1, "it is connected")
            post(url + "/publish", b"one\nof two lines")
            client.wait(lambda: len(client.messages) == 1, "it reads")
            server.kill()
            server.wait(20)
            server = start(program, port)
            post(url + "/publish", b"first of the other life")
            client.wait(lambda: len(client.messages) == 2, "it comes back")
            check(client.told == ["antiphon-other-log"], f"it is told: {client.told}")
            check(client.messages == ["one\nof two lines", "first of the other life"], f"{client.messages}")
            # Behind what is kept there is a gap.
            place = client.got[-1]["id"]
            for n in range(6):
                post(url + "/publish", str(n).encode())
        with Client(f"{url}/stream?after={place}", module) as client:
            client.wait(lambda: len(client.messages) == 4, "it reads what is left")
            check(client.told == ["antiphon-gap"] and client.messages == ["2", "3", "4", "5"], f"a gap: {client.got}")
        with Client(f"{url}/stream?after=earliest", "fetch") as client:
            client.wait(lambda: len(client.messages) == 4, "fetch reads it")
            check(client.got[0] == {"open": 200, "type": "text/event-stream"}, f"fetch: {client.got[0]}")
            post(url + "/publish", b"live")
            client.wait(lambda: client.messages[-1] == "live", "fetch reads what comes")
    finally:
        server.kill()
        server.wait(20)


def main():
    playground, log, directory = sys.argv[1:4]
    if not installed(directory, [PACKAGE]):
        return SKIPPED
    module = os.path.join(directory, "node_modules/eventsource/dist/index.js")
    check = Check()
    resumes_over_cuts(playground, module, check)
    is_told_of_another_log(log, module, check)
    print(f"{PACKAGE}: {check.made} checks, {check.failures} do not hold")
    return 1 if check.failures else 0


sys.exit(main())
