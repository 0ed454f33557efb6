# SPDX-License-Identifier: BSL-1.0
"""Drives a headless Chromium through its debugging pipe: nothing but Python and the browser is needed."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


def find():
    """The browser's path, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        path = shutil.which(name)
        if path:
            return path
    return None


def start():
    """A browser, or None after a sentence that says why there is none."""
    path = find()
    if not path:
        print("browser: skipped, there is no Chromium (apt install chromium, or CHROMIUM=...)")
        return None
    try:
        return Chromium(path)
    except (OSError, EOFError, TimeoutError) as e:
        print(f"browser: skipped, {path} does not start: {e}")
        return None


class Chromium:
    """One browser with one page. What the page's console says, and what it fails to load, is kept in `complaints`; how
    many bytes of answers came over the wire from each URL, in `received`."""

    def __init__(self, path, width=1440, height=1000, dark=False):
        self.profile = tempfile.mkdtemp(prefix="antiphon-browser-")
        to_read, self.write_end = os.pipe()
        self.read_end, to_write = os.pipe()

        def wire():  # the browser reads commands from 3 and writes to 4
            first, second = os.dup(to_read), os.dup(to_write)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            [path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--hide-scrollbars", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-quic", "--user-data-dir=" + self.profile, "--remote-debugging-pipe", "about:blank"],
            preexec_fn=wire, pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer = b""
        self.last = 0
        self.session = None
        self.complaints = []
        self.received, self.loading = {}, {}
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.look(width, height, dark)

    def look(self, width, height, dark=False):
        """Changes the window and the colour scheme."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def _send(self, method, params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        return self.last

    def _receive(self, until):
        while b"\0" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.read_end], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            got = os.read(self.read_end, 1 << 20)
            if not got:
                raise EOFError("the browser has ended")
            self.buffer += got
        one, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, timeout=30, **params):
        asked = self._send(method, params)
        until = time.monotonic() + timeout
        while True:
            message = self._receive(until)
            if message.get("id") == asked:
                if "error" in message:
                    raise RuntimeError(method + ": " + message["error"]["message"])
                return message["result"]
            self._note(message)

    def _note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.consoleAPICalled":
            self.complaints.append("console." + params["type"] + ": " +
                                   " ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append("exception: " + details.get("exception", {}).get("description", details["text"]))
        elif method == "Network.requestWillBeSent":
            self.loading[params["requestId"]] = params["request"]["url"]
        elif method == "Network.loadingFinished":
            url = self.loading.pop(params["requestId"], None)
            self.received[url] = self.received.get(url, 0) + int(params["encodedDataLength"])
        elif method == "Log.entryAdded" and not params["entry"].get("url", "").endswith("/favicon.ico"):
            self.complaints.append(params["entry"]["level"] + ": " + params["entry"]["text"])

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def run(self, expression):
        """The value of a JavaScript expression (of a promise: what it gives)."""
        got = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got:
            raise RuntimeError(expression + ": " + got["exceptionDetails"].get("exception", {}).get("description", "?"))
        return got["result"].get("value")

    def wait(self, expression, seconds=15):
        """Until the expression is true; returns its value."""
        until = time.monotonic() + seconds
        while True:
            try:
                value = self.run(expression)
            except RuntimeError as e:
                if "navigated" not in str(e):  # the page was left while it was asked
                    raise
                value = None
            if value:
                return value
            if time.monotonic() > until:
                raise TimeoutError("never true: " + expression)
            select.select([], [], [], 0.02)

    def click(self, selector):
        """A real click in the middle of an element."""
        where = self.run("(() => { const e = document.querySelector(%s); e.scrollIntoView({block: 'center', inline: 'center'});"
                         " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
                         % json.dumps(selector))
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], button="left", clickCount=1)

    def press(self, key, code=0, modifiers=0, text=""):
        for kind in ("keyDown", "keyUp"):
            extra = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, modifiers=modifiers, **extra)

    def screenshot(self, path, whole=False):
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as to:
            to.write(base64.b64decode(data))

    def close(self):
        try:
            self.session = None
            self.call("Browser.close", timeout=5)
        except (TimeoutError, EOFError, OSError, RuntimeError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read_end)
        os.close(self.write_end)
        shutil.rmtree(self.profile, ignore_errors=True)
