#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""antiphon's client with servers that are not of this project: nginx, Node's and Python's.
client_peers.py FETCH nginx|node|python"""
import functools
import gzip
import http.server
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
from fetch import Fetch
from program import SKIPPED, Check, free_port, until

MIB = 1024 * 1024
PATH = os.environ["PATH"] + ":/usr/sbin"


def crc(text):
    return zlib.crc32(text.encode() if isinstance(text, str) else text)


def connections(port):
    """State and bytes that are not read yet, of connections to that port."""
    rows = (line.split() for line in open("/proc/net/tcp").readlines()[1:])
    return [(row[3], int(row[4].split(":")[1], 16)) for row in rows if row[2].endswith(f":{port:04X}")]


def closed_by(port):
    """Whether a connection to that port has been ended by its server, and not yet here."""
    return any(state == "08" for state, _ in connections(port))  # CLOSE_WAIT


def numbers(base, check, what):
    """2,000 requests, 64 at a time, over few connections: each has its own answer."""
    with Fetch(sys.argv[1], connections=8) as fetch:
        answers = fetch.many(base + "/n/{n}", 2000, 64)
    for one in answers:
        if one["status"] != 200 or one["body"] != f"number {one['n']}":
            check(False, f"{what}, number {one['n']}: {one}")
    check(sorted(one["n"] for one in answers) == list(range(2000)), f"{what}: all are there")
    made = max(one["made"] for one in answers)
    check(made <= 8, f"{what}: over {made} connections")


# --- nginx -----------------------------------------------------------------------------------------------------------

NGINX = """
{user} daemon off; master_process off; worker_processes 1;
pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  root {folder}/www;
  server {{
    listen 127.0.0.1:{port}; listen unix:{folder}/nginx.sock;
    keepalive_timeout 60s; keepalive_requests 100000;
    location ~ ^/n/(\\d+)$ {{ return 200 "number $1"; }}
    location /packed {{ alias {folder}/www/text; gzip on; gzip_min_length 1; gzip_types text/plain; }}
    location /moved/301 {{ return 301 /text?moved; }}
    location /moved/302 {{ return 302 http://$host:$server_port/n/302; }}
    location /moved/303 {{ return 303 /n/303; }}
    location /moved/307 {{ return 307 /up/again; }}
    location /moved/308 {{ return 308 /up/again; }}
    location /round {{ return 302 /round; }}
    location /up/ {{ proxy_pass http://127.0.0.1:{up}; proxy_http_version 1.1; client_max_body_size 100m; }}
    location /up/direct {{
      proxy_pass http://127.0.0.1:{up}; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
      client_max_body_size 100m;
    }}
    location /limited {{ proxy_pass http://127.0.0.1:{up}; client_max_body_size 1m; }}
    location /nobody {{ proxy_pass http://127.0.0.1:{nobody}; }}
  }}
  server {{ listen 127.0.0.1:{few}; keepalive_requests 5; location / {{ return 200 "few"; }} }}
  server {{
    listen 127.0.0.1:{short}; keepalive_timeout 200ms; client_max_body_size 100m;
    location / {{ proxy_pass http://127.0.0.1:{up}/up/; proxy_http_version 1.1; }}
  }}
}}
"""


class Upstream(http.server.BaseHTTPRequestHandler):
    """What nginx passes requests on to."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, body, *fields):
        self.send_response(200)
        for name, value in (*fields, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def whole_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline() != b"\r\n":
            pass
        return b"".join(pieces)

    def do_POST(self):
        body = self.whole_body()
        self.answer(json.dumps({"method": self.command, "size": len(body), "crc": zlib.crc32(body),
                                "fields": dict(self.headers)}).encode(), ("Content-Type", "application/json"))
    do_PUT = do_POST

    def do_GET(self):
        name = self.path.split("/")[-1]
        if name == "chunked" or name == "cut":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for n in range(100):
                piece = f"piece {n}\n".encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n" if name == "chunked" else b"ff\r\nnot all")
            self.close_connection = name == "cut"
        elif name == "until_close":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"as it comes" * 1000)
            self.close_connection = True
        else:
            self.answer(b"up")


def python_server(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Nginx:
    def __init__(self, folder):
        self.folder = folder
        self.up = python_server(Upstream).server_port
        self.port, self.few, self.short, self.nobody = (free_port() for _ in range(4))
        os.chmod(folder, 0o755)
        www = os.path.join(folder, "www")
        os.makedirs(www + "/folder")
        self.text = "some text of nginx\n" * 500
        with open(www + "/text", "w") as f:
            f.write(self.text)
        with open(www + "/folder/index.html", "w") as f:
            f.write("an index")
        open(www + "/empty", "w").close()
        block = random.Random(1).randbytes(MIB)
        with open(www + "/big", "wb") as f:
            for n in range(64):
                f.write(n.to_bytes(2, "big") + block[2:])
        with open(www + "/big", "rb") as f:
            self.big = 0
            while piece := f.read(MIB):
                self.big = zlib.crc32(piece, self.big)
        with open(folder + "/nginx.conf", "w") as f:
            user = "user root;" if os.geteuid() == 0 else ""  # or it would change to one that may not read this
            f.write(NGINX.format(user=user, folder=folder, port=self.port, few=self.few, short=self.short,
                                 nobody=self.nobody, up=self.up))

    def start(self):
        self.process = subprocess.Popen([shutil.which("nginx", path=PATH), "-p", self.folder, "-c",
                                         self.folder + "/nginx.conf"], stderr=subprocess.DEVNULL)

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        until(listens, "nginx listens")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def nginx_answers(fetch, nginx, check):
    base = f"http://127.0.0.1:{nginx.port}"
    get = lambda path, *fields, method="GET", **more: fetch(method, base + path, fields, **more)
    plain = get("/text")
    check(plain["status"] == 200 and plain["crc"] == crc(nginx.text), f"a file: {plain}")
    check(plain.field("content-encoding") is None, "nothing is packed that was not asked for")
    head = get("/text", method="HEAD")
    length = int(head.field("content-length"))
    check((head["status"], length, head["size"]) == (200, len(nginx.text), 0), f"HEAD: {head}")
    head = get("/packed", "Accept-Encoding: gzip", method="HEAD")
    check(head.field("content-encoding") == "gzip" and head.field("content-length") is None and head["size"] == 0,
          f"a HEAD without any length: {head}")
    check(get("/empty")["size"] == 0, "an empty file")
    for tag in ("If-None-Match: " + plain.field("etag"), "If-Modified-Since: " + plain.field("last-modified")):
        same = get("/text", tag)
        check(same["status"] == 304 and same["size"] == 0 and same.field("etag") == plain.field("etag"), f"{same}")
    missing = get("/missing")
    check(missing["status"] == 404 and "404 Not Found" in missing["body"], f"{missing}")
    part = get("/text", "Range: bytes=100-199")
    check(part["status"] == 206 and part["body"] == nginx.text[100:200], f"a range: {part}")
    check(part.field("content-range") == f"bytes 100-199/{len(nginx.text)}", f"a range: {part}")
    parts = get("/text", "Range: bytes=0-3,10-13")
    check(parts["status"] == 206 and parts["body"].count("Content-Range:") == 2, f"two ranges: {parts}")
    check(get("/text", "Range: bytes=99999-")["status"] == 416, "no such range")
    packed = get("/packed", "Accept-Encoding: gzip")
    asks = urllib.request.Request(base + "/packed", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asks, timeout=20) as theirs:
        bytes_of_theirs = theirs.read()
    check(gzip.decompress(bytes_of_theirs).decode() == nginx.text, "urllib")
    check(packed.field("content-encoding") == "gzip" and packed["crc"] == crc(bytes_of_theirs), f"packed: {packed}")
    unasked = get("/packed")
    check(unasked.field("content-encoding") is None and unasked["crc"] == crc(nginx.text), f"not packed: {unasked}")
    chunked = get("/up/chunked")
    check(chunked.field("transfer-encoding") == "chunked" and chunked["size"] == 990 - 100, f"in chunks: {chunked}")
    check(chunked["crc"] == crc("".join(f"piece {n}\n" for n in range(100))), f"in chunks: {chunked}")
    gone_up = get("/up/until_close")
    check(gone_up["crc"] == crc("as it comes" * 1000), f"an upstream without a length: {gone_up}")
    check(get("/nobody")["status"] == 502, "an upstream that is not there")
    check(get("/text")["made"] == 1, "all of it over one connection")
    for more in ({}, {"stream": 1}):
        cut = get("/up/direct/cut", **more)
        check(cut["error"] and (cut["status"] == 200) == bool(more), f"an upstream that ends in the middle: {cut}")
    over_unix = fetch("GET", "http://any.name/n/5", unix=nginx.folder + "/nginx.sock")
    check(over_unix["body"] == "number 5", f"over a Unix socket: {over_unix}")
    named = fetch("GET", f"http://localhost:{nginx.port}/n/6")
    check(named["body"] == "number 6", f"by name, whatever address is first: {named}")


def nginx_redirects(fetch, nginx, check):
    base = f"http://127.0.0.1:{nginx.port}"
    moved = fetch("GET", base + "/moved/301")
    check(moved["url"] == base + "/text?moved" and moved["crc"] == crc(nginx.text), f"{moved}")
    check(fetch("GET", base + "/folder")["url"] == base + "/folder/", "what nginx makes itself")
    check(fetch("GET", base + "/moved/302")["body"] == "number 302", "absolute")
    check(fetch("POST", base + "/moved/303", body="x")["body"] == "number 303", "a POST becomes a GET")
    for code in (307, 308):
        kept = fetch("POST", f"{base}/moved/{code}", whole=100_000)
        check(kept["status"] == 200 and json.loads(kept["body"])["size"] == 100_000, f"{code}: {kept}")
    check("redirects" in fetch("GET", base + "/round")["error"], "round and round")
    stays = fetch("GET", base + "/moved/301", redirects=0)
    check(stays["status"] == 301 and stays.field("location").endswith("/text?moved"), f"{stays}")
    # The body is not wanted, and the answer leads elsewhere: nothing of it may follow there.
    early = fetch("POST", base + "/moved/303", upload=50 * MIB)
    check(early["body"] == "number 303", f"{early}")


def nginx_uploads(fetch, nginx, check):
    base = f"http://127.0.0.1:{nginx.port}"
    for path in ("/up/x", "/up/direct"):
        for kind in ("whole", "upload"):
            for size in (0, 1, 3 * MIB):
                for fields in ([], ["Expect: 100-continue"]):
                    got = fetch("PUT", base + path, fields, **{kind: size})
                    told = json.loads(got["body"] or "{}")
                    what = f"{kind} of {size} {fields}: {got}"
                    check((told.get("size"), told.get("crc")) == (size, crc("u" * size)), what)
                    hundreds = [one["status"] for one in got["interim"]]
                    if size or not fields:  # of nothing, nginx may say it or not
                        check(hundreds == [100] * len(fields), what)
    for kind in ("whole", "upload"):
        before = fetch("GET", base + "/n/1")
        big = fetch("POST", base + "/limited", **{kind: 64 * MIB})
        check(big["status"] == 413 and "Too Large" in big["body"], f"413, and no lost connection: {big}")
        check(big["sent"] - before["sent"] < 40 * MIB, "it ends with the answer")
    check(fetch("GET", base + "/n/2")["body"] == "number 2", "and on")


def nginx_ends(fetch, nginx, check):
    """Connections that nginx closes, announced and not."""
    before = fetch("GET", f"http://127.0.0.1:{nginx.few}/")
    after = [fetch("GET", f"http://127.0.0.1:{nginx.few}/") for _ in range(49)][-1]
    check(after["body"] == "few" and after["made"] - before["made"] == 9, f"five requests each: {after}")
    check(after["repeated"] == before["repeated"], "what is announced costs nothing")
    answers = fetch.many(f"http://127.0.0.1:{nginx.few}/", 500, 16)
    check(all(one["body"] == "few" for one in answers), f"{[one for one in answers if one['body'] != 'few'][:3]}")

    with Fetch(sys.argv[1]) as alone:
        short = f"http://127.0.0.1:{nginx.short}/x"
        first = alone("GET", short)
        check(first["idle"] == 1 and alone.idle(0)["idle"] == 0, "a client that runs notices that nginx ends one")
        for method, more in (("GET", {}), ("PUT", {"whole": 100_000}), ("POST", {"body": "x"}),
                             ("POST", {"whole": 10 * MIB}), ("POST", {"upload": 100_000})):
            alone("GET", short)
            until(lambda: closed_by(nginx.short), "nginx has ended it, and the client has not looked")
            late = alone(method, short, **more)
            check(late["status"] == 200, f"a connection that is gone already is not used, by {method}: {late}")


def nginx_restarts(fetch, nginx, check):
    base = f"http://127.0.0.1:{nginx.port}"
    for method in ("GET", "POST"):
        check(all(one["status"] == 200 for one in fetch.many(base + "/n/{n}", 32, 16)), "sixteen connections")
        nginx.stop()
        if method == "GET":
            check("refused" in fetch("GET", base + "/n/1")["error"].lower(), "nobody listens")
            check(fetch("GET", base + "/n/1")["idle"] == 0, "and none of them is left")
        nginx.start()
        after = fetch(method, base + "/n/9", **({"body": "x"} if method == "POST" else {}))
        check(after["body"] == "number 9", f"{method} after a restart: {after}")


    fetch.begin("GET", base + "/n/{n}", repeat=2000, parallel=16)
    answers = [fetch.end() for _ in range(500)]
    nginx.stop()
    nginx.start()
    answers += [fetch.end() for _ in range(1500)]
    wrong = [one for one in answers if one["body"] != f"number {one['n']}" and not one["error"]]
    check(not wrong, f"a restart while 16 are under way: {wrong[:3]}")
    check(fetch("GET", base + "/n/9")["body"] == "number 9", "and on")


def nginx_big(fetch, nginx, check):
    """64 MiB in little memory; and one that is left in the middle."""
    base = f"http://127.0.0.1:{nginx.port}"
    with Fetch(sys.argv[1]) as alone:
        before = alone("GET", base + "/n/1", stream=1)
        big = alone("GET", base + "/big", stream=1)
        check(big["size"] == 64 * MIB and big["crc"] == nginx.big, f"64 MiB: {big}")
        check(big["peak"] - before["peak"] < 16 * 1024, f"it took {big['peak'] - before['peak']} KiB")
        check(big["made"] == 1 and big["idle"] == 1, "and its connection is kept")
        left = alone("GET", base + "/big", leave=5 * MIB)
        check(5 * MIB <= left["size"] < 6 * MIB, f"left: {left}")
        check(alone.idle(0)["idle"] == 0, "its connection is not")
        check("limit" in (alone("GET", base + "/big")["error"] or ""), "collected it is too much")
        up = alone("PUT", base + "/up/direct", upload=64 * MIB)
        check(json.loads(up["body"])["size"] == 64 * MIB, f"64 MiB up: {up}")
        check(up["peak"] - before["peak"] < 16 * 1024, f"it took {up['peak'] - before['peak']} KiB")


def with_nginx(program, check):
    if not shutil.which("nginx", path=PATH):
        return "nginx is not installed"
    with tempfile.TemporaryDirectory(prefix="antiphon_peers_") as folder, Fetch(program) as fetch:
        nginx = Nginx(folder)
        nginx.start()
        try:
            nginx_answers(fetch, nginx, check)
            nginx_redirects(fetch, nginx, check)
            nginx_uploads(fetch, nginx, check)
            nginx_big(fetch, nginx, check)
            numbers(f"http://127.0.0.1:{nginx.port}", check, "nginx")
            nginx_ends(fetch, nginx, check)
            nginx_restarts(fetch, nginx, check)
        finally:
            nginx.stop()
    return None


# --- Node ------------------------------------------------------------------------------------------------------------

def node_answers(get, check):
    chunked = get("/chunked")
    check(chunked["crc"] == crc("".join(f"piece {n}\n" for n in range(100))), f"in chunks: {chunked}")
    check(chunked["trailers"] == [["X-Sum", "a hundred"], ["X-Note", "two"]], f"trailers: {chunked}")
    streamed = get("/chunked", stream=1)
    check((streamed["crc"], streamed["trailers"]) == (chunked["crc"], chunked["trailers"]), f"streamed: {streamed}")
    head = get("/chunked", method="HEAD")
    check(head["status"] == 200 and head["size"] == 0, f"HEAD: {head}")
    hints = get("/hints")
    check([one["status"] for one in hints["interim"]] == [102, 103] and hints["body"] == "hinted", f"hints: {hints}")
    check("/b.css" in hints["interim"][1].field("link"), f"hints: {hints}")
    many = get("/processing/16")
    check(many["status"] == 200 and len(many["interim"]) == 16, f"16 interim answers: {many}")
    check("interim" in (get("/processing/17")["error"] or ""), "and no more")
    for code in (204, 205, 304, 404, 599):
        nothing = get(f"/nothing/{code}")
        check(nothing["status"] == code and nothing["size"] == 0, f"{nothing}")
    check(get("/cookies/90").names.count("set-cookie") == 90, "fields of one name")
    check("fields" in (get("/cookies/101")["error"] or ""), "too many of them")
    check(len(get("/head/60000").field("x-long") or "") == 60_000, "a long field")
    check("head" in (get("/head/70000")["error"] or ""), "one that is too long")
    for size in (1, 1023, 1024, 1025, 65_535, 65_536, 1_000_000):
        check(get(f"/sized/{size}")["crc"] == crc("s" * size), f"{size} bytes")
    check("limit" in (get("/sized/1001", max_body=1000)["error"] or ""), "more than the request allows")
    known = json.loads(subprocess.run(["node", "-p", "JSON.stringify(http.METHODS)"], capture_output=True).stdout)
    for method in sorted(set(known) - {"CONNECT", "QUERY"}):
        got = get("/method", method=method)
        check((got.field("x-method"), got["body"]) == (method, "" if method == "HEAD" else method), f"{method}: {got}")


def node_uploads(get, check):
    for kind in ("whole", "upload"):
        for size in (0, 1, 3 * MIB):
            for fields in ([], ["Expect: 100-continue"]):
                got = get("/size", *fields, method="POST", **{kind: size})
                told = json.loads(got["body"] or "{}")
                what = f"{kind} of {size} {fields}: {got}"
                check(told.get("size") == size, what)
                check([one["status"] for one in got["interim"]] == [100] * len(fields), what)
                check(told.get("trailers") == (["X-Sum", "done"] if kind == "upload" else []), what)
        echo = get("/echo", method="POST", **{kind: 5 * MIB})
        check((echo["size"], echo["crc"]) == (5 * MIB, crc("u" * 5 * MIB)), f"both ways at once: {echo}")
        for path in ("/refuse", "/unexpected"):
            fields = ["Expect: 100-continue"] if path == "/unexpected" else []
            refused = get(path, *fields, method="POST", **{kind: 32 * MIB})
            check(refused["status"] in (403, 417), f"an answer before the end of {kind}: {refused}")
        led = get("/elsewhere", method="POST", **{kind: 32 * MIB})
        check(led["body"] == "number 7" and led["error"] is None, f"a redirect before the end of {kind}: {led}")
        lost = get("/half_coroutine", method="POST", **{kind: 32 * MIB})
        check(lost["error"] and lost["status"] is None, f"one that goes while {kind} is sent: {lost}")
    check(get("/n/1")["body"] == "number 1", "and on")


def node_ends_in_the_middle(get, check):
    """No half an answer is taken for a whole one."""
    for path in ("gone", "reset", "half_a_head", "half_length", "half_chunked", "last_chunk_missing", "until_reset",
                 "too_short_and_close", "two_lengths", "both_framings", "switches"):
        for more in ({}, {"stream": 1}):
            for method in ("GET", "POST"):
                bad = get("/" + path, method=method, **more)
                check(bad["error"], f"{path} {more} is an error: {bad}")
                check(more or bad["status"] is None, f"{path} is no answer: {bad}")
    check("before it answered" in get("/gone")["error"], "it says what has happened")
    for more in ({}, {"stream": 1}):
        check(get("/until_close", **more)["body"] == "all of it", "the end of the connection may be the end of a body")
        short = get("/too_short", idle=200, **more)
        check("stopped coming" in short["error"], f"one that stops without an end: {short}")
        for path in ("/too_long", "/two_answers"):
            right = get(path, **more)
            after = get("/n/3", **more)
            check(right["body"] == "right" and right["idle"] == 0, f"what comes behind is nobody's: {right}")
            check((after["body"], after["made"]) == ("number 3", right["made"] + 1), f"the next has its own: {after}")


def node_upgrades(get, check):
    said = "ball " * 20_000
    echo = get("/talk", f"X-Bytes: {len(said)}", upgrade="echo", say=said)
    check(echo["status"] == 101 and echo["size"] == len(said) + 6, f"both ways: {echo['size']}")
    hello = get("/talk", "X-Bytes: 4", upgrade="echo", say="ball")
    check(hello["body"] == "hello ball", f"what comes with the head is part of it: {hello}")
    refused = get("/talk", upgrade="websocket")
    check(refused["status"] == 426 and refused["body"] == "no", f"one that is not wanted: {refused}")


def node_speaks_unasked(ports, check):
    with Fetch(sys.argv[1]) as fetch:
        base = f"http://127.0.0.1:{ports['good']}"
        for method in ("GET", "POST"):
            first = fetch("GET", base + "/speaks_again")
            check(first["body"] == "right" and first["idle"] == 1, f"it is kept: {first}")
            until(lambda: any(unread for _, unread in connections(ports["good"])), "it has said more")
            after = fetch(method, base + "/n/4")
            check((after["body"], after["made"]) == ("number 4", first["made"] + 1), f"not what it said: {after}")


def node_closes(ports, check):
    """Announced after five requests; or a millisecond after each, which no client can know."""
    with Fetch(sys.argv[1]) as fetch:
        base = f"http://127.0.0.1:{ports['few']}"
        last = fetch.many(base + "/n/{n}", 50, 1)[-1]
        check(last["status"] == 200 and last["made"] == 10 and last["repeated"] == 0, f"five each: {last}")
        answers = fetch.many(base + "/n/{n}", 500, 16)
        check(all(one["body"] == f"number {one['n']}" for one in answers), f"{[o for o in answers if o['error']][:3]}")
        base = f"http://127.0.0.1:{ports['impatient']}"
        for n in range(300):
            one = fetch("GET", f"{base}/n/{n}")
            check(one["body"] == f"number {n}", f"a server without patience: {one}")
        answers = fetch.many(base + "/n/{n}", 500, 4)
        check(all(one["body"] == f"number {one['n']}" for one in answers), f"{[o for o in answers if o['error']][:3]}")


def with_node(program, check):
    if not shutil.which("node"):
        return "Node is not installed"
    node = subprocess.Popen(["node", os.path.join(HERE, "odd_server.mjs")], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)
    try:
        ports = json.loads(node.stdout.readline())
        with Fetch(program) as fetch:
            def get(path, *fields, method="GET", **more):
                return fetch(method, f"http://127.0.0.1:{ports['good']}{path}", fields, **more)
            for part in (node_answers, node_uploads, node_ends_in_the_middle, node_upgrades):
                part(get, check)
        numbers(f"http://127.0.0.1:{ports['good']}", check, "Node " + ports["version"])
        node_speaks_unasked(ports, check)
        node_closes(ports, check)
        check(node.poll() is None, "Node has outlived it")
    finally:
        node.stdin.close()
        node.wait(20)
    return None


# --- Python ----------------------------------------------------------------------------------------------------------

class Old(http.server.SimpleHTTPRequestHandler):
    """HTTP/1.0, as `python -m http.server` is."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/kept":
            self.send_response(200)
            self.send_header("Connection", "keep-alive")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"kept")
        elif self.path.startswith("/until_close"):
            self.send_response(200)
            self.end_headers()
            for _ in range(int(self.path.split("/")[2])):
                self.wfile.write(b"as it comes" * 100)
        elif self.path == "/chunked_1.0":  # which HTTP/1.0 has not
            self.wfile.write(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        elif self.path == "/http_0.9":
            self.wfile.write(b"only a body\n")
        else:
            super().do_GET()


def with_python(program, check):
    with tempfile.TemporaryDirectory(prefix="antiphon_peers_") as folder, Fetch(program) as fetch:
        os.makedirs(folder + "/folder")
        with open(folder + "/file", "wb") as f:
            f.write(b"of a file\n" * 10_000)
        old = python_server(functools.partial(Old, directory=folder))
        base = f"http://127.0.0.1:{old.server_port}"
        for n in range(1, 4):
            file = fetch("GET", base + "/file")
            check(file["crc"] == crc("of a file\n" * 10_000), f"HTTP/1.0: {file}")
            check(file["made"] == n and file["idle"] == 0, f"a connection each: {file}")
        head = fetch("HEAD", base + "/file")
        check(head["size"] == 0 and head.field("content-length") == "100000", f"HEAD: {head}")
        same = fetch("GET", base + "/file", ["If-Modified-Since: " + file.field("last-modified")])
        check(same["status"] == 304 and same["size"] == 0, f"{same}")
        check("file" in fetch("GET", base + "/folder/..")["body"], "a list of files, of the folder above")
        check(fetch("GET", base + "/folder")["url"] == base + "/folder/", "a redirect to the folder itself")
        check(fetch("GET", base + "/none")["status"] == 404, "no such file")
        check(fetch("PATCH", base + "/file", body="x")["status"] == 501, "a method that it has not")
        for pieces in (0, 1, 1000):
            for more in ({}, {"stream": 1}):
                ends = fetch("GET", f"{base}/until_close/{pieces}", **more)
                check(ends["crc"] == crc("as it comes" * 100 * pieces) and ends["idle"] == 0, f"until close: {ends}")
        kept = [fetch("GET", base + "/kept") for _ in range(3)]
        check(all(one["body"] == "kept" for one in kept), f"{kept}")
        check(kept[-1]["made"] == kept[0]["made"], f"HTTP/1.0 keeps a connection where it says so: {kept}")
        for path in ("/chunked_1.0", "/http_0.9"):
            check(fetch("GET", base + path)["error"], f"{path}")

        new = f"http://127.0.0.1:{python_server(Upstream).server_port}"
        before = fetch("GET", new + "/x")["made"]
        check(fetch("GET", new + "/chunked")["size"] == 890, "in chunks")
        for kind in ("whole", "upload"):
            for fields in ([], ["Expect: 100-continue"]):
                up = fetch("POST", new + "/x", fields, **{kind: 300_000})
                told = json.loads(up["body"])
                check((told["size"], told["crc"]) == (300_000, crc("u" * 300_000)), f"{kind} {fields}: {up}")
        check(fetch("GET", new + "/until_close")["crc"] == crc("as it comes" * 1000), "until close")
        after = fetch("GET", new + "/x")
        check(after["body"] == "up" and after["made"] == before + 1, f"one connection until it was closed: {after}")
        cut = fetch("GET", new + "/cut")
        check(cut["error"] and cut["status"] is None, f"a body in chunks that ends in the middle: {cut}")
    return None


def main():
    program, peer = sys.argv[1:]
    check = Check()
    missing = {"nginx": with_nginx, "node": with_node, "python": with_python}[peer](program, check)
    if missing:
        print("skipped: " + missing)
        return SKIPPED
    print(f"the client and {peer}: {check.made} checks, {check.failures} do not hold")
    return 1 if check.failures else 0


sys.exit(main())
