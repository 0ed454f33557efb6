# SPDX-License-Identifier: BSL-1.0
"""tests/clients/programs/fetch.cpp: a small curl over antiphon's client, and what it answers."""
import json
import os
import queue
import re
import subprocess
import threading


class Answer(dict):
    """A line of the program."""

    def __getitem__(self, name):
        return self.get(name)

    @property
    def names(self):
        return [name.lower() for name, _ in self["fields"] or []]

    def field(self, name):
        """The first field of that name."""
        return next((value for key, value in self["fields"] or [] if key.lower() == name), None)


class Fetch:
    """A client, with its connections. Used in one thread, but for begin() and end()."""

    def __init__(self, program, **options):
        # A quarantine of freed memory would count as memory of the program, where that is built with AddressSanitizer.
        environment = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
        self.process = subprocess.Popen([program, *(f"{name}={value}" for name, value in options.items())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line, object_pairs_hook=Answer))
        self.lines.put(None)

    def begin(self, method, url, headers=(), **more):
        words = [f"method={method}", f"url={url}"] if url else []
        words += [f"header={one}" for one in headers] + [f"{name}={value}" for name, value in more.items()]
        escaped = (re.sub(r"[\x00-\x1f\\]", lambda c: f"\\x{ord(c[0]):02x}", word) for word in words)
        self.process.stdin.write("\t".join(escaped).encode() + b"\n")
        self.process.stdin.flush()

    def end(self, seconds=30):
        answer = self.lines.get(timeout=seconds)
        if answer is None:
            raise RuntimeError(f"fetch has ended with {self.process.wait(10)}")
        return answer

    def __call__(self, method, url, headers=(), **more):
        self.begin(method, url, headers, **more)
        return self.end()

    def many(self, url, count, parallel, method="GET", **more):
        self.begin(method, url, repeat=count, parallel=parallel, **more)
        return [self.end() for _ in range(count)]

    def idle(self, count):
        """Lets the client run until so many connections are idle."""
        self.begin(None, None, until_idle=count)
        return self.end()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """Ends well, when there is no more to do."""
        if kind is not None:
            self.process.kill()
        self.process.stdin.close()
        code = self.process.wait(20)
        if kind is None and code != 0:
            raise RuntimeError(f"fetch has ended with {code}")
