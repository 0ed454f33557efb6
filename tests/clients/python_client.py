#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A second client, not of this project: http.client against the server of the threat tests. python_client.py PORT"""
import http.client
import sys

port = int(sys.argv[1])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)


def ask(method, path, body=None, headers=None, encode_chunked=False):
    connection.request(method, path, body, headers or {}, encode_chunked=encode_chunked)
    answer = connection.getresponse()
    return answer, answer.read()


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r} instead of {wanted!r}")


answer, text = ask("GET", "/")
expect("status", answer.status, 200)
expect("text", text, b"hello")
expect("type", answer.getheader("Content-Type"), "text/plain; charset=utf-8")
socket = connection.sock
answer, text = ask("GET", "/big")
expect("large answer", len(text), 300000)
answer, text = ask("POST", "/post", b"x" * 200000)
expect("body by length", text, b"200000")
answer, text = ask("POST", "/post", iter([b"abc", b"d" * 70000]), {"Transfer-Encoding": "chunked"}, True)
expect("body in chunks", text, b"70003")
answer, text = ask("HEAD", "/big")
expect("HEAD", (answer.status, text, answer.getheader("Content-Length")), (200, b"", "300000"))
answer, text = ask("OPTIONS", "/post")
expect("OPTIONS", (answer.status, answer.getheader("Allow")), (204, "POST, OPTIONS"))
answer, text = ask("DELETE", "/post")
expect("DELETE", (answer.status, answer.getheader("Allow")), (405, "POST, OPTIONS"))
answer, text = ask("GET", "/nowhere")
expect("unknown path", answer.status, 404)
answer, text = ask("GET", "/soon")
expect("coroutine", text, b"soon")
if connection.sock is not socket:
    sys.exit("the connection was not kept")

connection.request("GET", "/body")
answer = connection.getresponse()
expect("stream", answer.read(10), b"line\nline\n")
connection.close()
