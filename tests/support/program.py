# SPDX-License-Identifier: BSL-1.0
"""A program under test, and what is checked of it."""
import contextlib
import json
import re
import signal
import socket
import subprocess
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
