#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The playground as a person uses it, in a headless Chromium.  playground.py PROGRAM [DIRECTORY FOR SCREENSHOTS]"""
import os
import sys

import chromium

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from program import Check, running

# What the verdict of each request says; what must stand among the bytes.
EXPECTED = {
    "hello": ("200 OK after", "Hello from antiphon."),
    "path": ("200 OK after", "Good day, Ada Lovelace!"),
    "echo": ("200 OK after", '"size": 27'),
    "head": ("200 OK after", "Content-Length: 21"),
    "options": ("204 No Content after", "Allow: DELETE, OPTIONS"),
    "slow": ("200 OK after 1.", "and no thread waited."),
    "stream": ("200 OK after", "verse 8 of 8"),
    "hints": ("200 OK after 4", "103 Early Hints"),
    "pipeline": ("200 OK, 200 OK, 200 OK after 4", "Good day, Bach!"),
    "expect": ("200 OK after 3", "100 Continue"),
    "chunks": ("200 OK after", "15 bytes arrived."),
    "drip": ("200 OK after", "Hello from antiphon."),
    "missing": ("404 Not Found after", ""),
    "verb": ("405 Method Not Allowed after", "Allow: DELETE, OPTIONS"),
    "large": ("413 Content Too Large after", "Connection: close"),
    "order": ("422 Unprocessable Content after", '"item": "say what"'),
    "dots": ("400 Bad Request after", ""),
    "space": ("400 Bad Request after", "Connection: close"),
    "nul": ("400 Bad Request after", "Connection: close"),
    "smuggle": ("400 Bad Request after", "Connection: close"),
}


def drive(page, url, check, shots):
    text = "document.querySelector('%s').textContent"
    done = "run && run.over && !document.querySelector('#go').disabled"
    page.open(url)
    page.wait(text % "#code" + ".length > 0")
    ids = page.run("[...document.querySelectorAll('#palette button')].map(b => b.dataset.id)")
    check(set(ids) == set(EXPECTED), f"the palette is what is expected: {ids}")
    for one in ids:
        page.click(f'[data-id="{one}"]')
        page.wait(done)
        verdict, bytes_seen = page.run(text % "#verdict"), page.run(text % "#lines")
        wanted, among = EXPECTED.get(one, ("", ""))
        check(verdict.startswith(wanted), f"{one}: '{verdict}' begins with '{wanted}'")
        check(among in bytes_seen, f"{one}: '{among}' is among the bytes")
        check(one == "large" or page.run("document.querySelector('#hint').hidden"), f"{one}: the lengths are right")
    check(len(page.run("run.events")) > 0, "events are kept")

    # A streamed body is shown piece by piece, not at its end.
    page.click('[data-id="stream"]')
    page.wait("run && run.events.length >= 3 && !run.over")
    page.wait(done)
    check(page.run("document.querySelectorAll('#lines .came').length") >= 8, "each piece of the stream has its line")

    # Hanging up cancels the handler: the server's own count says so.
    page.click('[data-id="slow"]')
    page.wait(done)
    page.run("(() => { const t = document.querySelector('#bytes'); t.value = t.value.replace('ms=1500', 'ms=8000');"
             " t.dispatchEvent(new Event('input')); run = null; document.querySelector('#go').click(); })()")
    page.wait(text % "#n-handling" + " === '1'")
    page.click("#stop")
    page.wait("run && " + done)
    page.wait(text % "#n-handling" + " === '0'", 5)
    check("hung up" in page.run(text % "#verdict"), "the verdict says who hung up")

    # The editor: a wrong length is noticed and put right; the keyboard sends.
    page.click('[data-id="echo"]')
    page.wait(done)
    page.run("(() => { const t = document.querySelector('#bytes'); t.value += ' more'; t.dispatchEvent(new Event('input')); t.focus(); })()")
    check("says 27, the body has 32 bytes" in page.run(text % "#hint"), "a wrong Content-Length is noticed")
    page.click("#hint button")
    check("Content-Length: 32" in page.run("document.querySelector('#bytes').value"), "and put right")
    page.run("run = null")
    page.press("Enter", 13, modifiers=2)
    page.wait("run && " + done)
    check('"size": 32' in page.run(text % "#lines"), "Ctrl+Enter sends the changed bytes")
    page.click("#hex")
    check("48 54 54 50 2f 31 2e 31" in page.run(text % "#lines"), "the bytes in hexadecimal")
    page.click("#hex")

    # Lines that end with LF alone are refused.
    page.click('[data-id="hello"]')
    page.wait(done)
    page.run("document.querySelector('#eol').value = 'lf'; run = null; document.querySelector('#go').click()")
    page.wait("run && " + done)
    check("400 Bad Request" in page.run(text % "#verdict"), "LF alone is refused")

    page.click("#metrics summary")
    page.wait(text % "#metrics-text" + ".includes('antiphon_http_requests_total')")
    check(page.run("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than a wide window")
    page.look(380, 800)
    check(page.run("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than a narrow window")

    if shots:
        for name, width, height, dark in (("wide", 1440, 1000, False), ("dark", 1440, 1000, True), ("narrow", 390, 1400, False)):
            page.look(width, height, dark)
            page.click('[data-id="hints"]')
            page.wait(done)
            page.screenshot(f"{shots}/{name}.png")
    check(page.complaints == [], f"the console stays clean: {page.complaints}")


def main():
    program, shots = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    check = Check()
    page = chromium.start()
    if not page:
        return 0
    try:
        with running(program, check) as port:
            drive(page, f"http://127.0.0.1:{port}/", check, shots)
    finally:
        page.close()
    print(f"browser: {len(EXPECTED)} requests driven, {check.failures} things do not hold")
    return 1 if check.failures else 0


sys.exit(main())
