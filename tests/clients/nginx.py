#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A real nginx with examples/behind_nginx.conf in front of the example behind_nginx, over a port and over a Unix socket.
nginx.py PROGRAM"""
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from program import SKIPPED, Check, free_port, until

CONFIGURATION = pathlib.Path(__file__).resolve().parents[2] / "examples" / "behind_nginx.conf"
MAIN = """
daemon off; master_process off; worker_processes 1;
pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {ours}
}}
"""


class Through:
    """What a client does through nginx."""

    def __init__(self, port):
        self.port = port

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def __call__(self, method, path, body=None, fields={}):
        connection = self.connect()
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def readers(self, count):
        until(lambda: self("GET", "/news/readers")[1] == str(count), f"{count} readers")


def addresses(through, check):
    for fields, seen in [({}, r"127\.0\.0\.1 http name:81\n"),
                         ({"X-Forwarded-For": "6.6.6.6"}, r"6\.6\.6\.6 http name:81\n"),  # 127.0.0.1 is named too: see below
                         ({"X-Forwarded-Proto": "https"}, r"127\.0\.0\.1 http name:81\n"),
                         ({"X-Forwarded-Host": "evil"}, r"127\.0\.0\.1 http name:81\n"),
                         ({"Forwarded": "for=6.6.6.6;proto=https;host=evil"}, r"127\.0\.0\.1 http name:81\n")]:
        text = through("GET", "/who", fields={"Host": "name:81", **fields})[1]
        check(re.fullmatch(seen, text), f"who {fields} is: {text!r}")
    # Of two that are not named, the one that nginx has not seen itself is not believed.
    text = through("GET", "/who", fields={"X-Forwarded-For": "6.6.6.6, 192.0.2.1"})[1]
    check(text.startswith("192.0.2.1 "), f"the walk ends at the first who is not named: {text!r}")


def keep_alive(through, upstream, check):
    """nginx has one connection to the server for all requests that come one after the other."""
    if not upstream:
        return
    before = connections(upstream)
    for _ in range(30):
        check(through("GET", "/who")[0] == 200, "a request")
    more = connections(upstream) - before
    check(len(more) <= 1, f"30 requests have opened {len(more)} connections to the server")


def connections(port):
    """The other ends of connections to a port, those that were closed a moment ago among them."""
    found = set()
    for line in open("/proc/net/tcp").readlines()[1:]:
        ends = [int(end.split(":")[1], 16) for end in line.split()[1:3]]
        if port in ends and line.split()[3] != "0A":
            found |= set(ends) - {port}
    return found


def uploads(through, check):
    for size in (0, 1, 1_000_000, 30_000_000):
        check(through("POST", "/upload", b"x" * size) == (200, f"{size} bytes\n"), f"an upload of {size} bytes")
    pieces = iter([b"y" * 70_000] * 100)
    check(through("POST", "/upload", pieces) == (200, "7000000 bytes\n"), "an upload in chunks")


def events(through, check):
    connection = through.connect()
    connection.request("GET", "/news/stream")
    answer = connection.getresponse()  # the head is here before any event
    check(answer.status == 200 and answer.getheader("Content-Type") == "text/event-stream", "a stream begins at once")
    through.readers(1)
    for n in range(20):
        begin = time.monotonic()
        through("POST", "/news", f"number {n}")
        seen = b""
        while b"data: number %d\n\n" % n not in seen and len(seen) < 10_000:
            seen += answer.read1(4096)
        check(time.monotonic() - begin < 5, "an event comes when it is published")
    connection.sock.close() if connection.sock else answer.close()
    answer.close()
    through.readers(0)  # nginx says so when its client goes, and the server hears it


def long_polls(through, check):
    connection = through.connect()
    connection.request("GET", "/news/next")
    through.readers(1)
    through("POST", "/news", "at last")
    answer = connection.getresponse()
    check(answer.status == 200 and b'"data":"at last"' in answer.read(), "a poll is held, then answered")
    connection.close()
    gone = through.connect()
    gone.request("GET", "/news/next")
    through.readers(1)
    gone.close()
    through.readers(0)


def upgrades(through, check):
    with socket.create_connection(("127.0.0.1", through.port), 20) as s:
        s.sendall(b"GET /talk HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += s.recv(4096) or b"ended\r\n\r\n"
        check(head.startswith(b"HTTP/1.1 101 ") and b"upgrade: echo" in head.lower(), f"an upgrade: {head!r}")
        for text in (b"hello", bytes(range(256)) * 100):
            s.sendall(text)
            back = b""
            while len(back) < len(text):
                more = s.recv(65536)
                if not more:
                    break
                back += more
            check(back == text, "bytes go both ways")


def run(program, where, upstream, check):
    with tempfile.TemporaryDirectory(prefix="antiphon_nginx_") as folder:
        os.chmod(folder, 0o755)
        where = where or f"{folder}/app.sock"
        server = subprocess.Popen([program, where], stderr=subprocess.DEVNULL)
        port = free_port()
        place = f"127.0.0.1:{upstream}" if upstream else f"unix:{where}"
        ours = CONFIGURATION.read_text().replace("listen 80;", f"listen 127.0.0.1:{port};")
        ours = ours.replace("server 127.0.0.1:8080;", f"server {place};")
        with open(f"{folder}/nginx.conf", "w") as f:
            # As root, nginx would change to a user that may not open the socket.
            f.write(("user root;" if os.geteuid() == 0 else "") + MAIN.format(folder=folder, ours=ours))
        nginx = subprocess.Popen([shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "-p", folder, "-c",
                                  f"{folder}/nginx.conf"], stderr=subprocess.DEVNULL)
        try:
            through = Through(port)

            def answers():
                try:
                    return through("GET", "/who")[0] == 200
                except OSError:
                    return False
            until(answers, "nginx passes a request on")
            addresses(through, check)
            keep_alive(through, upstream, check)
            uploads(through, check)
            events(through, check)
            long_polls(through, check)
            upgrades(through, check)
        finally:
            nginx.send_signal(signal.SIGTERM)
            nginx.wait(20)
            server.send_signal(signal.SIGTERM)
            code = server.wait(20)
            check(code == 0, f"{program} ended with {code}")
            if not upstream:
                check(not os.path.exists(where), "the socket's file is removed")
            if check.failures:
                print(pathlib.Path(folder, "error.log").read_text())


def main():
    if not shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"):
        print("skipped: nginx is not installed")
        return SKIPPED
    check = Check()
    port = free_port()
    run(sys.argv[1], str(port), port, check)
    run(sys.argv[1], None, None, check)
    print(f"nginx: {check.made} checks, {check.failures} do not hold")
    return 1 if check.failures else 0


sys.exit(main())
