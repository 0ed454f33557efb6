# SPDX-License-Identifier: BSL-1.0
"""A program under test, and what is checked of it."""
import contextlib
import json
import queue
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request

SKIPPED = 77  # what CTest takes for "not run"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(program, port):
    """Starts a server and waits until it listens."""
    server = subprocess.Popen([program, str(port)], stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return server
        except OSError:
            time.sleep(0.05)
    server.kill()
    raise RuntimeError(f"{program} does not listen")


def post(url, body=b""):
    urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=10).read()


def lane_port(playground, number):
    """Where a lane of the playground listens."""
    return json.load(urllib.request.urlopen(playground + "/lanes/setup", timeout=10))["ports"][number]


def until(holds, what, seconds=20):
    """Waits until holds() is true."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("never true: " + what)
        time.sleep(0.01)


class Check:
    made = failures = 0

    def __call__(self, holds, what):
        self.made += 1
        if not holds:
            self.failures += 1
            print("does not hold: " + what)


class Speaker:
    """A process that prints lines of JSON, and what it has printed so far."""

    def __init__(self, command):
        self.got = []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def look(self):
        while not self.lines.empty():
            self.got.append(self.lines.get())
        return self.got

    def wait(self, holds, what):
        try:
            until(lambda: (self.look(), holds())[1], what, 30)
        except TimeoutError as e:
            raise TimeoutError(f"{e}; it got {str(self.got[-5:])[:1000]}")

    def tell(self, **what):
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Reader(Speaker):
    """clients/programs/events.cpp: what it was given, in order."""

    def __init__(self, program, url, *options):
        super().__init__([program, url, *options])

    @property
    def events(self):
        return [one for one in self.got if "event" in one]

    @property
    def attempts(self):
        return [one for one in self.got if "attempt" in one]

    def refused(self):
        """Whether its newest attempts have brought nothing."""
        return all("attempt" in one for one in self.got[-3:])

    def ends(self):
        self.wait(lambda: self.got and "end" in self.got[-1], "it ends")
        return self.got[-1]

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        assert code in (0, -signal.SIGTERM), f"the reader has ended with {code}"  # or before it could take it


@contextlib.contextmanager
def running(program, check):
    """The port of a program, which ends well when it is told to."""
    port = free_port()
    server = start(program, port)
    try:
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(20)
        check(code == 0, f"{program} ended with {code}")


# What the browser itself says of a connection that was cut or refused: no page can keep it from doing so.
CUT = re.compile(r"error: Failed to load resource: net::ERR_(INCOMPLETE_CHUNKED_ENCODING|CONNECTION_(RESET|REFUSED|CLOSED)"
                 r"|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)$")


def but_for_cuts(complaints):
    return [c for c in complaints if not CUT.match(c)]
