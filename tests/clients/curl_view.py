#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What antiphon's client sends, beside what the real curl sends for the same task: a server that records both.
curl_view.py FETCH"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from fetch import Fetch
from program import SKIPPED, Check

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
REFUSED = None


class Request:
    """As it came over the wire."""

    def __init__(self, head, body, port):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
        self.body, self.port = body, port

    def __getitem__(self, name):
        """All fields of that name."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def seen(self):
        """What both clients must agree upon."""
        ours = ("host", "authorization", "cookie", "proxy-authorization", "content-type", "content-length",
                "transfer-encoding", "x-key")
        kept = sorted((name.lower(), value) for name, value in self.fields if name.lower() in ours)
        return self.method, self.target, kept, self.body, self.port

    def __repr__(self):
        return f"{self.method} {self.target} {self.fields} {self.body[:80]}"


class Recorder:
    """Listens on a Unix socket, where a URL may have any host and port, and on two ports: three origins."""

    def __init__(self, folder):
        self.unix = os.path.join(folder, "recorder.sock")
        self.requests, self.plan, self.lock = [], [], threading.Lock()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.unix)
        self._listen(listener, "unix")
        self.ports = [self._listen(self._bound("127.0.0.1"), None) for _ in range(2)]
        try:
            self.port6 = self._listen(self._bound("::1"), None)
        except OSError:
            self.port6 = None  # this machine has no IPv6

    @staticmethod
    def _bound(address):
        listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        listener.bind((address, 0))
        return listener

    def _listen(self, listener, name):
        listener.listen(16)
        name = name or listener.getsockname()[1]

        def accept():
            while True:
                one = listener.accept()[0]
                threading.Thread(target=self._serve, args=(one, name), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        return name

    def _serve(self, connection, port):
        with connection, connection.makefile("rb") as stream:
            while True:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = stream.readline()
                    if not line:
                        return
                    head += line
                request = Request(head[:-4], b"", port)
                if request["expect"]:
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                if request["transfer-encoding"]:
                    while size := int(stream.readline(), 16):
                        request.body += stream.read(size)
                        stream.readline()
                    while stream.readline() != b"\r\n":
                        pass
                elif request["content-length"]:
                    request.body = stream.read(int(request["content-length"][0]))
                with self.lock:
                    self.requests.append(request)
                    answer = self.plan.pop(0) if self.plan else OK
                try:
                    connection.sendall(answer)
                except OSError:
                    return  # it has gone

    def expect(self, plan):
        with self.lock:
            self.requests, self.plan = [], list(plan)

    def taken(self):
        with self.lock:
            return self.requests


def moved(code, to):
    return b"HTTP/1.1 %d R\r\nContent-Length: 5\r\nLocation: %s\r\n\r\nmoved" % (code, to.encode())


class Both:
    """Gives one task to curl and to ours, and has what each of them sent."""

    def __init__(self, recorder, fetch):
        self.recorder, self.fetch = recorder, fetch

    def __call__(self, url, method="GET", headers=(), body=None, plan=(), upload=None, unix=True):
        for_curl = ["curl", "-q", "--silent", "--show-error", "--location", "--globoff", "--noproxy", "*",
                    "--max-time", "20", "--output", os.devnull, "--max-redirs", "5"]
        given = None
        if unix:
            for_curl += ["--unix-socket", self.recorder.unix]
        if method == "HEAD":
            for_curl += ["--head"]
        elif upload is not None:
            for_curl += ["--upload-file", "-"]
            given = b"u" * upload
        elif method == "PUT":  # of a file, which has a length and can be read twice
            with open(os.path.join(os.path.dirname(self.recorder.unix), "body"), "w") as file:
                file.write(body)
            for_curl += ["--upload-file", file.name]
        elif method == "POST":
            for_curl += ["--data-raw", body]
        elif method != "GET":
            for_curl += ["--request", method]
        for one in headers:
            for_curl += ["--header", one]
        self.recorder.expect(plan)
        self.ran = subprocess.run([*for_curl, url], input=given, capture_output=True, timeout=30)
        by_curl = self.recorder.taken()

        more = {}
        if upload is not None:
            more["upload"], method = upload, "PUT"
        if body is not None:
            more["body"] = body
        return by_curl, self.ours(url, method, headers, plan, unix, **more)

    def ours(self, url, method="GET", headers=(), plan=(), unix=True, **more):
        if unix:
            more["unix"] = self.recorder.unix
        self.recorder.expect(plan)
        self.answer = self.fetch(method, url, headers, **more)
        return self.recorder.taken()


def targets(both, check):
    """URL; the target and Host of curl, those of ours. REFUSED: nothing is sent. A set: versions of curl differ."""
    same = [
        ("http://h", "/", "h"),
        ("http://h/", "/", "h"),
        ("http://h?q=1", "/?q=1", "h"),
        ("http://h/?", "/?", "h"),
        ("http://h/a?b?c/../d", "/a?b?c/../d", "h"),
        ("http://h/a%20b%2Fc%3f", "/a%20b%2Fc%3f", "h"),
        ("http://h/%7Euser;v=1,2/@:!$&'()*+=", "/%7Euser;v=1,2/@:!$&'()*+=", "h"),
        ("http://h//a//", "//a//", "h"),
        ("http://h:80/", "/", "h"),
        ("http://h:/", "/", "h"),
        ("http://h:8080/", "/", "h:8080"),
        ("http://h:443/", "/", "h:443"),
        ("http://[::1]/", "/", "[::1]"),
        ("http://[::1]:8080/x", "/x", "[::1]:8080"),
        ("http://127.0.0.1:81/", "/", "127.0.0.1:81"),
        ("HTTP://h/", "/", "h"),
        ("http://h/#part", "/", "h"),
        ("http://h#part", "/", "h"),
        ("http://h/a?b#c?d", "/a?b", "h"),
        ("http://h/a/../b/./c", "/b/c", "h"),
        ("http://h/../../a", "/a", "h"),
        ("http://h/a/..", "/", "h"),
        ("http://h/a/b/.", "/a/b/", "h"),
        ("http://h/...", "/...", "h"),
        ("http://h:65536/", REFUSED, None),
        ("http://h:x/", REFUSED, None),
        ("http://a b/", REFUSED, None),
        ("http://[::1/", REFUSED, None),
        ("http://h/\r\nX-Injected: 1", REFUSED, None),
        ("http://h/\t", REFUSED, None),
    ]
    rows = [(url, target, host, target, host) for url, target, host in same] + [
        # Ours is a client of the web: what browsers do with a URL (WHATWG), it does; curl sends what it was given.
        ("http://h/a b", REFUSED, None, "/a%20b", "h"),
        ("http://h/?a b", REFUSED, None, "/?a%20b", "h"),
        ("http://h/\"<>`{}|^", "/\"<>`{}|^", "h", "/%22%3C%3E%60%7B%7D%7C%5E", "h"),
        ("http://h/ä", {"/%c3%a4", "/%C3%A4"}, "h", "/%C3%A4", "h"),
        ("http://h/?ö", {"/?Ã¶", "/?%c3%b6", "/?%C3%B6"}, "h", "/?%C3%B6", "h"),
        ("http://h/a/%2e%2E/b", {"/a/%2e%2E/b", "/b"}, "h", "/b", "h"),  # newer ones drop them, too
        ("http://Some.Host/", "/", "Some.Host", "/", "some.host"),
        # It refuses what two programs may understand in two ways, where curl makes the best of it.
        ("http://ä/", "/", "xn--4ca", REFUSED, None),
        ("http://127.1/", "/", "127.0.0.1", REFUSED, None),
        ("http://0x7f000001/", "/", "127.0.0.1", REFUSED, None),
        ("http://h/a\\b", "/a\\b", "h", REFUSED, None),
        ("http://h/%zz", "/%zz", "h", REFUSED, None),
        ("h/x", "/x", "h", REFUSED, None),
        ("http:/h/x", "/x", "h", REFUSED, None),
        ("http:///h/x", "/x", "h", REFUSED, None),
        ("http://h/" + "x" * 8192, "/" + "x" * 8192, "h", REFUSED, None),
    ]
    for url, curl_target, curl_host, our_target, our_host in rows:
        by_curl, by_us = both(url)
        sides = ("curl", by_curl, curl_target, curl_host), ("ours", by_us, our_target, our_host)
        for name, sent, target, host in sides:
            if target is REFUSED:
                check(not sent, f"{name} refuses {url!r}: {sent}")
            else:
                among = target if isinstance(target, set) else {target}
                what = f"{name} with {url!r}: {sent}"
                check(len(sent) == 1 and sent[0].target in among and sent[0]["host"] == [host], what)
                check(sent and sent[0].version == "HTTP/1.1", what)
        if our_target is REFUSED:
            check(both.answer["status"] is None and both.answer["error"], f"{url!r}: {both.answer}")


def framing(both, check):
    """Lengths, and who has none."""
    for method, body in [("GET", None), ("HEAD", None), ("DELETE", None), ("OPTIONS", None), ("POST", ""),
                         ("POST", "x"), ("PUT", ""), ("PUT", "abc"), ("POST", "ä" * 50_000)]:
        by_curl, by_us = both("http://h/x", method, body=body, headers=["Content-Type: text/plain"])
        check(len(by_us) == 1 and by_us[0].seen == by_curl[0].seen, f"{method}: {by_curl} and {by_us}")
        check(len(by_us[0]["content-length"]) == (body is not None), f"{method} {body!r:.10}: {by_us}")
    for size in (0, 1, 300_000):
        by_curl, by_us = both("http://h/x", "PUT", upload=size)
        check(by_us[0].seen == by_curl[0].seen, f"an upload of {size}: {by_curl} and {by_us}")
        check(by_us[0]["transfer-encoding"] == ["chunked"] and len(by_us[0].body) == size, f"it is chunked: {by_us}")
        # curl asks before it uploads, for a second; ours sends, and takes an answer that comes before the end.
        check(by_curl[0]["expect"] == ["100-continue"] and not by_us[0]["expect"], "who asks before")
    by_curl, by_us = both("http://h/x", "POST", body="x", headers=["Expect: 100-continue"])
    check(by_us[0]["expect"] == by_curl[0]["expect"] == ["100-continue"], f"both may ask: {by_us}")
    check(both.answer["status"] == 200, f"{both.answer}")
    check([one["status"] for one in both.answer["interim"]] == [100], f"and hear the answer: {both.answer}")
    by_curl, by_us = both("http://h/x")
    # Neither asks for what it cannot read; curl says */*, which is the default.
    check(sorted(name.lower() for name, _ in by_us[0].fields) == ["host", "user-agent"], f"no more than that: {by_us}")
    check(not by_curl[0]["accept-encoding"], f"{by_curl}")
    for bad in ("X: a\r\nInjected: b", "X: a\0b", "X y: a", ": a"):
        sent = both.ours("http://h/", headers=[bad])
        check(both.answer["refused"] and not sent, f"{bad!r}: {both.answer}")
    for field in ("Host: other", "Content-Length: 3", "Transfer-Encoding: chunked", "Connection: close"):
        # curl lets its user write these; a library whose fields may come from elsewhere does not.
        sent = both.ours("http://h/", headers=[field])
        check(both.answer["category"] == "antiphon.client" and not sent, f"{field}: {both.answer}")


def redirects(both, check):
    fields = ["Content-Type: text/plain", "X-Key: k"]
    for code in (301, 302, 303, 307, 308):
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            body = "body" if method in ("POST", "PUT") else None
            by_curl, by_us = both("http://h/a/b?c", method, fields, body, [moved(code, "d?e")])
            what = f"{method} and {code}: {by_curl} and {by_us}"
            becomes = method
            if (code <= 302 and method == "POST") or (code == 303 and method != "HEAD"):
                becomes = "GET"
            kept = becomes == method
            check(len(by_us) == len(by_curl) == 2 and by_us[0].seen == by_curl[0].seen, what)
            check((by_us[1].method, by_us[1].target) == (becomes, "/a/d?e") and by_us[1]["x-key"] == ["k"], what)
            check(both.answer["url"] == "http://h/a/d?e" and both.answer["status"] == 200, f"{both.answer}")
            check(by_us[1].body == (body.encode() if body and kept else b""), what)
            # What --request has said stays; Fetch makes any method but HEAD a GET with 303.
            check(by_curl[1].method == ("DELETE" if method == "DELETE" else becomes), what)
            check(by_curl[1].target == by_us[1].target and by_curl[1].body == by_us[1].body, what)
            check(by_curl[1]["content-length"] == by_us[1]["content-length"], what)
            # A GET that was something else has nothing to describe; what --header has said stays.
            check(len(by_us[1]["content-type"]) == kept and by_curl[1]["content-type"] == ["text/plain"], what)
    for code in (300, 305, 306, 399):  # curl follows any 3xx with a Location; Fetch knows five
        by_curl, by_us = both("http://h/", plan=[moved(code, "/x")])
        check(len(by_curl) == 2 and len(by_us) == 1 and both.answer["status"] == code, f"{code}: {by_curl} {by_us}")
    # Neither can send a stream twice.
    by_curl, by_us = both("http://h/", upload=10, plan=[moved(307, "/x")])
    check(both.ran.returncode == 65 and len(by_curl) == 1, f"curl: {both.ran}")
    check(len(by_us) == 1 and "coroutine" in (both.answer["error"] or ""), f"{both.answer}")
    by_curl, by_us = both("http://h/", plan=[moved(302, "/x")] * 6)
    check(len(by_curl) == len(by_us) == 6 and both.ran.returncode == 47, f"curl after five: {both.ran}")
    check("redirects" in (both.answer["error"] or ""), f"ours after five: {both.answer}")

    for to, target, host in [("?q", "/a/b?q", "h"), ("../x", "/x", "h"), ("./", "/a/", "h"), ("//other/x", "/x", "other"),
                             ("http://other:80", "/", "other"), ("HTTP://other:81/x#f", "/x", "other:81"),
                             ("/a b", "/a%20b", "h"), ("/ä", "/%c3%a4", "h"), ("/a/./../b", "/b", "h"),
                             ("http://[::1]:8/", "/", "[::1]:8"), ("/x?u=http://y/", "/x?u=http://y/", "h")]:
        by_curl, by_us = both("http://h/a/b?c", plan=[moved(302, to)])
        for name, sent in (("curl", by_curl), ("ours", by_us)):
            what = f"{name} to {to!r}: {sent}"
            check(len(sent) == 2 and sent[1].target.lower() == target and sent[1]["host"] == [host], what)
    by_curl, by_us = both("http://h/a/b?c", plan=[moved(302, "#f")])
    check(by_us[1].target == "/a/b?c", f"a fragment alone is the same place: {by_us}")  # curl 7.88: /a/
    for to in ("ftp://h/x", "file:///etc/passwd", "http://", "javascript:1", "http://h:x/"):
        sent = both.ours("http://h/", plan=[moved(302, to)])
        check(len(sent) == 1 and both.answer["error"], f"to {to!r}: {both.answer}")
    by_curl, by_us = both("http://h/", plan=[moved(302, "http://u:p@h/x")])
    # curl takes a name and a password from a server's mouth; ours takes none out of a URL.
    check(by_curl[1]["authorization"] == ["Basic dTpw"], f"curl: {by_curl}")
    check(len(by_us) == 1 and "user information" in both.answer["error"], f"{both.answer}")


def secrets(both, check):
    fields = ["Authorization: Bearer secret", "Cookie: id=secret", "X-Key: k"]
    a, b = (f"http://127.0.0.1:{port}" for port in both.recorder.ports)
    for url, to, leaves in [("http://h/", "/x", False), ("http://h/", "http://h:80/x", False),
                            ("http://h/", "http://H/x", False), ("http://h/", "http://h:81/x", True),
                            ("http://h/", "http://other/x", True), ("http://h/", "//www.h/x", True),
                            (a, a + "/x", False), (a, b + "/x", True)]:
        by_curl, by_us = both(url, headers=fields, plan=[moved(307, to)], unix=url.startswith("http://h"))
        for name, sent in (("curl", by_curl), ("ours", by_us)):
            what = f"{name} from {url} to {to}: {sent}"
            check(len(sent) == 2 and sent[0]["authorization"] and sent[0]["cookie"], what)
            check(bool(sent[1]["authorization"]) == bool(sent[1]["cookie"]) == (not leaves), what)
            check(sent[1]["x-key"] == ["k"], what)
        check([one.port for one in by_curl] == [one.port for one in by_us], "and each goes there")
    # What has left its origin stays away (Fetch); curl sends it again when it comes home.
    by_curl, by_us = both(a, headers=fields, plan=[moved(307, b), moved(307, a + "/home")], unix=False)
    check([len(one["authorization"]) for one in by_curl] == [1, 0, 1], f"curl: {by_curl}")
    check([len(one["authorization"]) for one in by_us] == [1, 0, 0] and by_us[2].target == "/home", f"ours: {by_us}")
    # A password in a URL ends up in logs: it is said with a field.
    by_curl, by_us = both("http://u:p%40@h/")
    check(by_curl[0]["authorization"] == ["Basic dTpwQA=="] and by_curl[0]["host"] == ["h"], f"curl: {by_curl}")
    check(not by_us and "user information" in both.answer["error"], f"{both.answer}")
    for url in (a + "/x", f"http://localhost:{both.recorder.ports[0]}/x",
                *([f"http://[::1]:{both.recorder.port6}/x"] if both.recorder.port6 else [])):
        by_curl, by_us = both(url, unix=False)
        check(len(by_us) == 1 and by_us[0].seen == by_curl[0].seen, f"{url}: {by_curl} and {by_us}")


def main():
    if not shutil.which("curl"):
        print("skipped: curl is not installed")
        return SKIPPED
    check = Check()
    with tempfile.TemporaryDirectory(prefix="antiphon_curl_") as folder, Fetch(sys.argv[1]) as fetch:
        both = Both(Recorder(folder), fetch)
        targets(both, check)
        framing(both, check)
        redirects(both, check)
        secrets(both, check)
    print(f"curl's view: {check.made} checks, {check.failures} do not hold")
    return 1 if check.failures else 0


sys.exit(main())
