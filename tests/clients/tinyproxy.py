#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The client of this library through tinyproxy, a proxy that is not of this project. tinyproxy.py PROGRAM"""
import http.server
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from program import SKIPPED, Check, free_port, until

CONFIGURATION = """
Port {port}
Listen 127.0.0.1
Allow 127.0.0.1
Timeout 60
MaxClients 20
LogFile "{folder}/log"
LogLevel Connect
BasicAuth user secret
ConnectPort {server}
ConnectPort {nobody}
"""


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = f"{self.command} {self.path} {len(body)}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET

    def log_message(self, *_):
        pass


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def main():
    tinyproxy = shutil.which("tinyproxy", path=os.environ["PATH"] + ":/usr/sbin")
    if not tinyproxy:
        print("skipped: tinyproxy is not installed")
        return SKIPPED
    check = Check()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port, nobody, forbidden = free_port(), free_port(), free_port()
    base = f"http://127.0.0.1:{server.server_port}"

    def ask(who, *urls):
        done = subprocess.run([sys.argv[1], f"http://{who}127.0.0.1:{port}", *urls], capture_output=True, text=True,
                              timeout=60)
        check(done.returncode == 0, f"it ends well: {done.stderr}")
        check("secret" not in done.stdout + done.stderr, "the password is not told")
        return done.stdout.splitlines()

    with tempfile.TemporaryDirectory(prefix="antiphon_tinyproxy_") as folder:
        log = pathlib.Path(folder, "log")
        configuration = pathlib.Path(folder, "conf")
        configuration.write_text(CONFIGURATION.format(port=port, folder=folder, server=server.server_port,
                                                      nobody=nobody))
        proxy = subprocess.Popen([tinyproxy, "-d", "-c", configuration], stdout=subprocess.DEVNULL)
        try:
            until(lambda: listens(port), "tinyproxy listens")
            said = ask("user:secret@", f"{base}/a", f"{base}/body=3000000", f"{base}/b")
            check(said == ["200 GET /a 0", "200 POST /body=3000000 3000000", "200 GET /b 0"], f"three calls: {said}")
            tunnels = log.read_text().count(f"CONNECT 127.0.0.1:{server.server_port} ")
            check(tunnels == 1, f"in one tunnel: {tunnels}")
            said = ask("user:secret@", f"http://localhost:{server.server_port}/a")
            check(said == ["200 GET /a 0"], f"a name that the proxy resolves: {said}")
            for who, status in (("", 407), ("user:wrong@", 401)):
                said = ask(who, f"{base}/a")
                check(len(said) == 1 and f" {status} " in said[0] and "credentials" in said[0], f"{who} {said}")
            said = ask("user:secret@", f"http://127.0.0.1:{forbidden}/")
            check(len(said) == 1 and " 403 Forbidden" in said[0], f"a port that may not be reached: {said}")
            said = ask("user:secret@", f"http://127.0.0.1:{nobody}/")
            check(len(said) == 1 and "the proxy opens no tunnel" in said[0], f"nobody listens there: {said}")
        finally:
            proxy.send_signal(signal.SIGTERM)
            proxy.wait(20)
            if check.failures:
                print(log.read_text())
    print(f"tinyproxy: {check.made} checks, {check.failures} do not hold")
    return 1 if check.failures else 0


sys.exit(main())
