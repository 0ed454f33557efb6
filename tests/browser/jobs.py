#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Jobs as a person has them, in a headless Chromium: the page of a report, and the playground's page of jobs.
jobs.py PLAYGROUND REPORT [DIRECTORY FOR SCREENSHOTS]"""
import os
import signal
import sys
import urllib.request

import chromium

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from program import Check, but_for_cuts, free_port, running, start

SAID, BAR = "document.querySelector('output')?.textContent", "document.querySelector('progress')?.value"


def make(page, about="tea"):
    page.run(f"document.forms[0].about.value = {about!r}")
    page.click("form button")


def the_report(page, url, check):
    page.open(url)
    make(page)
    page.wait(f"{BAR} > 20 && {BAR} < 60")
    check(page.run("make.disabled && !cancel.disabled"), "while it is made, it can be cancelled and not begun again")
    handle, before = page.run("location.hash"), page.run(BAR)

    # Reloaded in the middle: the same report goes on, from where it is.
    page.run("window.old = true")
    page.call("Page.reload")
    page.wait(f"window.old === undefined && document.readyState === 'complete' && {BAR} > 0")
    page.run("window.results = []; new MutationObserver(() => said.textContent.endsWith('tea') && results.push("
             "said.textContent)).observe(said, {childList: true})")
    page.wait(f"{BAR} > {before}")
    check(page.run("location.hash") == handle, "it is the same report")
    page.wait("results.length > 0")
    check(page.run(SAID) == "100 pages on tea" and page.run(BAR) == 100, f"the result is shown: {page.run(SAID)}")
    check(page.run("results.length") == 1, "once")
    check(page.run("events.readyState === EventSource.CLOSED && !make.disabled && cancel.disabled"), "and it is over")

    # In a second life of the page, behind the end.
    page.call("Page.reload")
    page.wait(f"window.results === undefined && {SAID} === '100 pages on tea'")
    check(page.run(BAR) == 100, "who comes when it is over has the result too")

    make(page)
    page.wait(f"location.hash !== '{handle}' && {BAR} > 10 && {BAR} < 90")
    page.click("#cancel")
    page.wait(f"{SAID} === 'Cancelled'")
    check(page.run(BAR) < 100 and page.run("!make.disabled && cancel.disabled"), "it is cancelled, in the middle")

    make(page, "13")
    page.wait(f"{SAID} === 'page 13 is missing'")
    check(page.run(BAR) == 12, "what it had come to is still shown")
    page.run(f"location.hash = '{'0' * 32}'")
    page.wait(f"{SAID} === 'there is no such report any more'")
    check(page.run("!make.disabled"), "and another one can be made")


def its_server_stops(page, program, check):
    port = free_port()
    server = start(program, port)
    try:
        page.open(f"http://127.0.0.1:{port}/")
        make(page)
        page.wait(f"{BAR} > 20 && {BAR} < 60")
        server.send_signal(signal.SIGTERM)  # it lets the report finish
        page.wait(f"{SAID} === '100 pages on tea'")
        check(server.wait(20) == 0, "a server that is told to stop ends well")

        server = start(program, port)
        page.open(f"http://127.0.0.1:{port}/")
        make(page)
        page.wait(f"{BAR} > 20 && {BAR} < 60")
        server.kill()
        server.wait(20)
        page.wait(f"{SAID} === 'the connection is lost, and tried again'")
        server = start(program, port)
        page.wait(f"{SAID} === 'there is no such report any more'", 30)
        make(page)
        page.wait(f"{SAID} === '100 pages on tea'")
    finally:
        server.kill()
        server.wait(20)


WAYS = ("poll", "end", "change", "follow")
OVER = "job && job.over && lanes.every(l => l.ended !== null)"


def submit(page, seconds, steps=16, fails=""):
    for name, value in (("length", seconds), ("steps", steps), ("fails", fails)):
        page.run(f"document.querySelector('#{name}').value = '{value}'")
    page.run("window.lastJob = job")
    page.click("#submit")
    page.wait("job && job !== lastJob")


def figures(page):
    """Of each way: what stands beside it."""
    page.run("lanes.forEach(l => l.tell())")
    keys = ("steps", "requests", "up", "down")
    got = {w: {k: page.run(f"lanes[{i}].figures.{k}.textContent") for k in keys} for i, w in enumerate(WAYS)}
    for f in got.values():
        f.update({k: int(f[k]) for k in ("requests", "up", "down")}, steps=int(f["steps"].split()[0]))
        f["bytes"] = f["up"] + f["down"]
    return got


def the_panel(page, url, check, shots):
    text = "document.querySelector('%s').textContent"

    def shoot(name, width=1440, height=1250, dark=False):
        if shots:
            page.look(width, height, dark)
            page.wait("new Promise(done => setTimeout(() => done(true), 300))")
            page.screenshot(f"{shots}/jobs-{name}.png")
            page.look(1440, 1000)

    page.open(url + "jobs")
    page.wait("lanes.length === 4 && " + text % "#code" + ".includes('jobs.accept')")
    check("jobs.routes()" in page.run(text % "#code"), "the code is shown")
    check(page.run("document.querySelector('#cancel').disabled"), "there is nothing to cancel")

    # Each way to the end, and what it costs.
    submit(page, 3)
    page.wait("job.steps.size > 3")
    shoot("middle")
    check(page.run("Number(document.querySelector('#n-running').textContent) === 1 || counts().then(() => document."
                   "querySelector('#n-running').textContent === '1')"), "the page says that one runs")
    page.wait(OVER, 30)
    f = figures(page)
    check(page.run(text % "#state") == "Succeeded" and "All 16 steps are done." in page.run(text % "#about"), "its end")
    check(f["follow"]["steps"] == f["change"]["steps"] == 16, f"who follows is told each step: {f}")
    check(f["end"]["steps"] == 1 and 1 < f["poll"]["steps"] < 8, f"who polls or waits, of some: {f}")
    check(f["end"]["requests"] == f["follow"]["requests"] == 1, f"one request: {f}")
    check(2 < f["poll"]["requests"] < 7 and f["change"]["requests"] >= 16, f"more requests: {f}")
    check(f["end"]["bytes"] < f["follow"]["bytes"] < f["poll"]["bytes"] < f["change"]["bytes"], f"bytes: {f}")
    late = [page.run(f"lanes[{i}].ended - job.ended") for i in range(4)]
    check(max(late[1:]) < 500 and late[0] < 2000, f"how late the end is heard of: {late}")

    # What the page has counted is what came over the wire, as the browser says, but for three fields that are there for
    # the page, of 86 bytes.
    own = sum(f[w]["down"] + 86 * f[w]["requests"] for w in ("poll", "end", "change"))
    wire = page.received.get(url.rstrip("/") + page.run("job.url"), 0)
    check(own == wire, f"{own} bytes counted, {wire} came")

    page.call("Page.reload")
    page.wait("typeof lanes !== 'undefined' && " + OVER, 30)
    check(page.run(text % "#state") == "Succeeded", "a reload finds it by its handle")
    check(all(of["requests"] == 1 for of in figures(page).values()), f"with one request each: {figures(page)}")

    # Away in the middle, and back: what happened meanwhile is heard of where it is kept.
    page.run("window.takes = 0; { const take = lanes[3].take; lanes[3].take = p => { ++takes; take.call(lanes[3], p); }; }")
    submit(page, 8)
    page.wait("job.steps.size >= 3")
    page.click("#away")
    check(page.run("lanes.every(l => l.state.textContent === 'away' && !l.stop)"), "all that was open is dropped")
    page.wait("counts().then(() => document.querySelector('#n-clients').textContent === '0')")
    before = page.run("job.steps.size")
    page.wait("now() - job.marks.at(-1).at > 2200")
    check(page.run("job.steps.size") == before, "who is away hears nothing")
    check(page.run(text % "#away") == "Come back", "one can come back")
    shoot("away")
    page.click("#away")
    page.wait(f"job.steps.size >= {before} + 4")
    missed = page.run("[...lanes[3].got.values()].filter(m => m.at > job.marks.at(-1).at && m.t < job.marks.at(-1).at)"
                      ".length")
    check(missed >= 4, f"the stream has each step since: {missed}")
    shoot("back", dark=True)
    page.wait(OVER, 30)
    once, f = f, figures(page)
    check(f["follow"]["steps"] == 16 and f["change"]["steps"] < 14, f"all of them, and the last of them: {f}")
    check(page.run("takes") == 16, f"the stream goes on behind its cursor: {page.run('takes')}")
    check(f["follow"]["requests"] == f["end"]["requests"] == 2, f"each asked twice: {f}")
    check(f["end"]["up"] == 2 * once["end"]["up"], f"what was given up is counted: {once['end']} {f['end']}")

    # The same key is the same job.
    url_before = page.run("job.url")
    page.click("#again")
    page.wait("job.marks.some(m => m.text === 'submitted again: the same job')")
    check(page.run("job.url") == url_before, "and the page looks at it still")

    # Gone for its whole life: the result waits.
    submit(page, 3)
    page.click("#away")
    page.wait("counts().then(() => document.querySelector('#n-running').textContent === '0')", 20)
    check(page.run("!job.over"), "it is over, and the page does not know")
    page.click("#away")
    page.wait(OVER, 10)
    check(page.run(text % "#state") == "Succeeded" and figures(page)["follow"]["steps"] == 16, "all is there")

    submit(page, 8)
    page.wait("job.steps.size >= 3")
    page.click("#cancel")
    page.wait(OVER, 10)
    check(page.run(text % "#state") == "Cancelled" and page.run("job.steps.size") < 16, "it is cancelled")
    shoot("cancelled")

    submit(page, 3, 4, "always")
    page.wait(OVER, 10)
    check(page.run(text % "#state") == "Failed" and "Half of it was done." in page.run(text % "#about"), "it fails")
    submit(page, 3, 4, "once")
    page.wait(OVER, 15)
    check(page.run(text % "#state") == "Succeeded" and page.run("job.status.attempt") == 2, "a second attempt")
    check(page.run("job.marks.some(m => m.text === 'another attempt')"), "has its mark")

    # In line behind others.
    page.click("#crowd")
    page.wait("counts().then(() => document.querySelector('#n-waiting').textContent > 4)")
    submit(page, 3, 4)
    check(page.run(text % "#state") in ("Submitted", "Waits for its turn"), "it waits")
    page.wait(OVER, 30)
    check(page.run("job.marks.some(m => m.text === 'its turn')"), "until it is its turn")
    shoot("crowd")
    page.click("#requests summary")
    page.wait(text % "#log" + ".includes('202 Accepted  Location: /work/')")
    page.click("#requests summary")
    for width in (1440, 380):
        page.look(width, 900)
        check(page.run("document.documentElement.scrollWidth <= innerWidth"), f"nothing is wider than {width}")
    shoot("narrow", 390, 1900)
    shoot("narrow-dark", 390, 1900, True)
    page.look(1440, 1000)


def the_panel_loses_its_server(page, program, check):
    port = free_port()
    server = start(program, port)
    try:
        page.open(f"http://127.0.0.1:{port}/jobs")
        page.wait("lanes.length === 4")
        submit(page, 60, 60)
        page.wait("job.steps.size >= 1")
        server.kill()
        server.wait(20)
        page.wait("lanes.every(l => l.state.textContent.startsWith('cut'))")
        server = start(program, port)
        page.wait("lanes.every(l => l.lost)", 30)
        check(page.run("document.querySelector('#state').textContent") == "The job is lost", "jobs end with the process")
    finally:
        server.kill()
        server.wait(20)


def main():
    playground, report = sys.argv[1:3]
    shots = sys.argv[3] if len(sys.argv) > 3 else None
    check = Check()
    page = chromium.start()
    if not page:
        return 0
    try:
        with running(report, check) as port:
            the_report(page, f"http://127.0.0.1:{port}/", check)
        its_server_stops(page, report, check)
        with running(playground, check) as port:
            the_panel(page, f"http://127.0.0.1:{port}/", check, shots)
        the_panel_loses_its_server(page, playground, check)
        # A job that is not there, and is looked for, is 404.
        left = [c for c in but_for_cuts(page.complaints) if "favicon" not in c and "404" not in c]
        check(left == [], f"the console stays clean: {left}")
    finally:
        page.close()
    print(f"browser: jobs driven, {check.failures} things do not hold")
    return 1 if check.failures else 0


sys.exit(main())
