#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A bare EventSource of a real browser through a restart of the listener, and of the process.
event_source.py PLAYGROUND NEWS"""
import json
import os
import sys

import chromium

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from program import Check, but_for_cuts, free_port, lane_port, post, running, start

# Keeps all that the browser gives it, and nothing else is done: no cursor is kept, nothing is opened again.
WATCH = """(() => {
  window.heard = []; window.opened = 0; window.told = [];
  window.source = new EventSource(%s);
  source.onopen = () => ++opened;
  source.onmessage = e => heard.push(e.data);
  for (const type of ['antiphon-gap', 'antiphon-other-log']) source.addEventListener(type, e => told.push(e.type));
  return true;
})()"""


def the_listener_restarts(page, program, check):
    """The server of a lane of the playground ends and is started again on its port; the topic goes on."""
    with running(program, check) as port:
        main = f"http://127.0.0.1:{port}"
        lane = lane_port(main, 1)
        post(main + "/lanes/rate?a-second=50")
        page.open(f"http://127.0.0.1:{lane}/now")  # a document of the same origin
        page.run(WATCH % "'/stream'")
        for cut in range(1, 4):
            page.wait(f"opened === {cut} && heard.length > {cut * 20}")
            post(main + "/lanes/1/cut")
            page.wait(f"opened === {cut + 1}")
        page.wait("heard.length > 150")
        numbers = [json.loads(one)["n"] for one in page.run("heard")]
        check(numbers == list(range(numbers[0], numbers[0] + len(numbers))),
              f"nothing is lost or doubled over a restart of the listener: {numbers}")
        check(page.run("told") == [], f"and nothing else is told: {page.run('told')}")
        page.run("source.close()")


def the_process_restarts(page, program, check):
    """The news are killed and started again: another log, and the browser is told so."""
    port = free_port()
    server = start(program, port)
    try:
        page.open(f"http://127.0.0.1:{port}/news")  # a document of the same origin
        page.run(WATCH % "'/news/stream'")
        page.wait("opened === 1")
        for text in (b"one", b"two"):
            post(f"http://127.0.0.1:{port}/news", text)
        page.wait("heard.length === 2")
        check(page.run("told") == [], "at first there is nothing to tell")
        server.kill()
        server.wait(20)
        page.wait("source.readyState === EventSource.CONNECTING")
        server = start(program, port)
        post(f"http://127.0.0.1:{port}/news", b"first of the other life")
        page.wait("opened === 2", 30)
        post(f"http://127.0.0.1:{port}/news", b"second")
        page.wait("heard.length === 4")
        check(page.run("told") == ["antiphon-other-log"], f"it is told of the other log: {page.run('told')}")
        check(page.run("heard") == ["one", "two", "first of the other life", "second"],
              f"and reads all of it: {page.run('heard')}")
        page.run("source.close()")
    finally:
        server.kill()
        server.wait(20)


def main():
    playground, news = sys.argv[1:3]
    check = Check()
    page = chromium.start()
    if not page:
        return 0
    try:
        the_listener_restarts(page, playground, check)
        the_process_restarts(page, news, check)
        left = but_for_cuts(page.complaints)
        check(left == [], f"the console stays clean: {left}")
    finally:
        page.close()
    print(f"browser: EventSource over restarts, {check.failures} things do not hold")
    return 1 if check.failures else 0


sys.exit(main())
