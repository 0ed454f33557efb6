#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Starts an example and replays the lines at its top: `//   $ COMMAND`, then `//   > REGEX` that its output must hold.
An example without such lines is run to its end, and must return 0.  replay_example.py SOURCE PROGRAM"""
import re
import signal
import socket
import subprocess
import sys
import time


def steps(source):
    found = []
    for line in open(source):
        if command := re.match(r"//\s+\$ (.+)", line):
            found.append((command[1], []))
        elif (expected := re.match(r"//\s+> (.*)", line)) and found:
            found[-1][1].append(expected[1])
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def main() -> int:
    source, program = sys.argv[1:3]
    script = [s for s in steps(source) if "curl" in s[0]]
    if not script:
        return subprocess.run([program], timeout=50).returncode
    port = free_port()
    server = subprocess.Popen([program, str(port)])
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if server.poll() is not None:
                    sys.exit(f"{program} ended with {server.returncode} before it listened")
                time.sleep(0.05)
        for command, expected in script:
            ran = subprocess.run(command.replace("localhost:8080", f"127.0.0.1:{port}"), shell=True, capture_output=True,
                                 timeout=30)
            output = ran.stdout.decode(errors="replace")  # as it is: \r\n stays \r\n
            for regex in expected:
                if not re.search(regex, output):
                    print(f"$ {command}\nshould print /{regex}/ and printed:\n{output}{ran.stderr.decode(errors='replace')}")
                    return 1
        print(f"{len(script)} commands replayed")
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        try:
            code = server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            sys.exit(f"{program} did not end within 20 s of SIGTERM")
    if code != 0:
        print(f"{program} ended with {code}")
    return 1 if code else 0


sys.exit(main())
