#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A form with a file, submitted by a headless Chromium.
forms.py IMAGE_FORM [DIRECTORY FOR SCREENSHOTS]"""
import os
import struct
import sys
import tempfile
import zlib

import chromium

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from program import Check, but_for_cuts, running


def png(width, height, rgb):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes(rgb) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b""))


def submit(page, path, title):
    document = page.call("DOM.getDocument")["root"]["nodeId"]
    field = page.call("DOM.querySelector", nodeId=document, selector="input[type=file]")["nodeId"]
    page.call("DOM.setFileInputFiles", nodeId=field, files=[path])
    page.run(f"document.querySelector('[name=title]').value = {title!r}")
    page.click("button")


def the_form(page, url, check, shots):
    page.open(url)
    with tempfile.TemporaryDirectory() as folder:
        # A name that has to be escaped, in a form and on a page; larger than one piece of a body.
        path = os.path.join(folder, 'a "quoted"; name ü.png')
        with open(path, "wb") as f:
            f.write(png(640, 400, (30, 120, 90)))
        submit(page, path, "<b>süß</b> & \"so\"")
        page.wait("document.images.length === 1 && document.images[0].complete")
        check(page.run("document.images[0].naturalWidth") == 640, "the image that was uploaded is shown")
        check(page.run("document.images[0].alt") == "<b>süß</b> & \"so\"", "its title is what was typed")
        check(page.run("document.querySelector('b') === null"), "and no markup")
        if shots:
            page.screenshot(f"{shots}/image-form.png")
        page.open(url)  # and it can be sent again
        with open(path, "wb") as f:
            f.write(png(20, 10, (200, 0, 0)))
        submit(page, path, "second")
        page.wait("document.images.length === 2 && [...document.images].every(i => i.complete)")
        check(page.run("document.images[1].naturalWidth") == 20, "the second is shown beside it")


def main():
    image_form, shots = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    check = Check()
    page = chromium.start()
    if not page:
        return 0
    try:
        with running(image_form, check) as port:
            the_form(page, f"http://127.0.0.1:{port}/", check, shots)
        complaints = [c for c in but_for_cuts(page.complaints) if "favicon" not in c]
        check(not complaints, f"the browser says nothing: {complaints}")
    finally:
        page.close()
    print(f"browser: forms driven, {check.failures} things do not hold")
    return 1 if check.failures else 0


sys.exit(main())
