#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The playground's lanes as a person uses them, in a headless Chromium.  lanes.py PROGRAM [DIRECTORY FOR SCREENSHOTS]"""
import os
import sys

import chromium

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from program import Check, but_for_cuts, free_port, running, start

PATTERNS = ("short", "long", "stream")


class Lanes:
    def __init__(self, page):
        self.page = page

    def of(self, lane, expression):
        return self.page.run(f"lanes[{lane}].{expression}")

    def figures(self, lane):
        return self.of(lane, "measure()")

    def click(self, lane, name):
        self.page.run("[...document.querySelectorAll('.lane')].forEach((l, i) => l.id = 'lane-' + i)")
        self.page.run(f"[...document.querySelectorAll('#lane-{lane} button')].forEach(b => b.dataset.is = b.textContent)")
        self.page.click(f"#lane-{lane} [data-is='{name}']")

    def choose(self, lane, pattern):
        self.page.run(f"(() => {{ const s = document.querySelectorAll('.lane select')[{lane}]; s.value = '{pattern}';"
                      " s.dispatchEvent(new Event('change')); })()")

    def rate(self, percent):
        self.page.run(f"(() => {{ const r = document.querySelector('#rate'); r.value = {percent};"
                      " r.dispatchEvent(new Event('input')); })()")

    def more(self, count, which=(0, 1, 2)):
        """Until these lanes have received that many more messages."""
        self.page.run("window.before = lanes.map(l => l.last)")
        self.page.wait(f"{list(which)}.every(i => lanes[i].last >= before[i] + {count})", 30)


def drive(page, url, check, shots):
    page.open(url + "lanes")
    page.wait("lanes.length === 3")
    lanes = Lanes(page)

    def whole(what):
        for i in range(3):
            f = lanes.figures(i)
            check(f["missed"] == f["repeated"] == f["told"] == 0, f"{what}: lane {i} has all, once: {f}")

    def shoot(name, width=1440, height=1000, dark=False):
        if shots:
            page.look(width, height, dark)
            page.wait("new Promise(done => setTimeout(() => done(true), 100))")  # it draws some 30 times a second
            page.screenshot(f"{shots}/lanes-{name}.png")
            page.look(1440, 1000)

    # All receive, each in its way.
    lanes.rate(55)  # some 4 a second
    lanes.more(20)
    whole("at first")
    late, requests, size = ([lanes.figures(i)[k] for i in range(3)] for k in ("median", "requests", "bytes"))
    check(late[2] < 100 and late[1] < 100, f"polls that wait and streams bring a message at once: {late}")
    check(late[0] > 3 * late[2], f"short polls are late: {late}")
    check(requests[2] < 0.5 * requests[0] and requests[0] < requests[1] <= 1.2, f"requests an event: {requests}")
    check(size[2] < size[0] and size[2] < size[1], f"a stream is the cheapest: {size}")
    check(all(page.run("lanes.map(l => l.figures.median.textContent)[%d]" % i) != "–" for i in range(3)), "it is written")
    check("sse::stream" in page.run("document.querySelector('#code').textContent"), "the code is shown")
    shoot("wide")

    before = page.run("lanes[2].last")
    page.click("#one")
    page.wait(f"lanes[2].last > {before}")

    # A cut heals by itself.
    lanes.rate(80)  # some 17 a second
    for i, pattern in enumerate(PATTERNS):
        streams = page.run("lanes[2].holds.length")
        lanes.click(i, "Cut")
        if pattern == "stream":
            page.wait("lanes[2].state.textContent.startsWith('cut')")
            page.wait(f"lanes[2].holds.length > {streams}")
        lanes.more(30)
    whole("after the cuts")
    shoot("cut")

    # Stop and go on, before the history is passed.
    for i in range(3):
        lanes.click(i, "Stop")
        check(lanes.of(i, "state.textContent") == "stopped", "it says so")
    before = page.run("lanes[2].last")
    lanes.click(2, "Go on")
    page.wait(f"lanes[2].last > {before} + 10")
    check(lanes.of(0, "got.length") > 0 and lanes.of(0, "last") < lanes.of(2, "last"), "who is stopped, reads nothing")
    lanes.click(0, "Go on")
    lanes.click(1, "Go on")
    lanes.more(10)
    whole("after a stop")

    # From each way of reading to each other, in the middle of the stream.
    for one, other, third in (("long", "stream", "short"), ("stream", "short", "long"), PATTERNS):
        for i, pattern in enumerate((one, other, third)):
            lanes.choose(i, pattern)
        lanes.more(10)
    for i, pattern in ((0, "stream"), (0, "long"), (0, "short"), (2, "long"), (2, "short"), (2, "stream")):
        lanes.choose(i, pattern)
        lanes.more(5, (i,))
    whole("after switching")

    # Who is away for longer than the history reaches back is told of it.
    lanes.rate(100)
    lanes.click(0, "Stop")
    lanes.click(2, "Stop")
    lanes.more(300, (1,))
    shoot("waiting")
    lanes.click(2, "Go on")
    lanes.click(0, "Go on")
    lanes.more(5, (0, 2))
    for i in (0, 2):
        f = lanes.figures(i)
        check(f["gaps"] >= 1 and f["missed"] > 0 and f["missed"] <= f["told"] and f["repeated"] == 0,
              f"lane {i} was told of its gap: {f}")
    check(lanes.of(2, "marks.some(m => m.text.includes('missed'))"), "the gap has its mark")
    check(lanes.figures(1)["missed"] == 0, "who has read on, has no gap")
    shoot("gap")
    page.click("#clear")
    check(lanes.figures(2)["missed"] == 0, "the figures are cleared")

    lanes.rate(60)
    for width in (1440, 380):
        page.look(width, 900)
        check(page.run("document.documentElement.scrollWidth <= innerWidth"), f"nothing is wider than {width}")
    page.look(1440, 1000)
    lanes.more(40)
    shoot("dark", dark=True)
    shoot("narrow", 390, 1400)
    shoot("narrow-dark", 390, 1400, True)
    page.click("nav.pages a[href='/']")
    page.wait("document.title === 'antiphon: the playground' && document.querySelector('#palette button') !== null")
    shoot("first-page")
    page.click("nav.pages a[href='/lanes']")
    page.wait("document.title === 'antiphon: lanes'")
    left = but_for_cuts(page.complaints)
    check(left == [], f"the console stays clean: {left}")


def the_process_restarts(page, program, check):
    """Killed and started again: another log, and each lane is told so. (Where the ports of the lanes are taken by then,
    the page loads itself anew.)"""
    port = free_port()
    server = start(program, port)
    try:
        page.open(f"http://127.0.0.1:{port}/lanes")
        page.wait("lanes.length === 3 && lanes.every(l => l.got.length > 2)")
        ports = page.run("String(setup.ports)")
        server.kill()
        server.wait(20)
        page.wait("lanes[2].state.textContent.startsWith('cut')")
        server = start(program, port)
        page.wait("typeof lanes !== 'undefined' && lanes.length === 3 && lanes.every(l => l.state.textContent === 'reading')"
                  f" && (String(setup.ports) !== '{ports}' || lanes.every(l => l.marks.some(m => m.text.includes('another log'))))"
                  " && lanes.every(l => l.got.length > 2 && l.got.at(-1).n === l.last)", 30)
        for i in range(3):
            f = page.run(f"lanes[{i}].measure()")
            check(f["missed"] == f["repeated"] == 0, f"lane {i} reads the other log: {f}")
    finally:
        server.kill()
        server.wait(20)


def main():
    program, shots = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    check = Check()
    page = chromium.start()
    if not page:
        return 0
    try:
        with running(program, check) as port:
            drive(page, f"http://127.0.0.1:{port}/", check, shots)
        the_process_restarts(page, program, check)
    finally:
        page.close()
    print(f"browser: lanes driven, {check.failures} things do not hold")
    return 1 if check.failures else 0


sys.exit(main())
