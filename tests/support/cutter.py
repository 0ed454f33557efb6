# SPDX-License-Identifier: BSL-1.0
"""What stands between a client and a server, and cuts their connections."""
import random
import select
import socket
import struct
import threading


class Cutter:
    """Passes connections on, and cuts each after so many bytes of what the server sends: with an end, or a reset."""

    def __init__(self, port, least, most):
        self.to, self.least, self.most = port, least, most
        self.random, self.cuts, self.cutting = random.Random(7), 0, True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client):
        left = self.random.randrange(self.least, self.most) if self.cutting else 1 << 40
        with client:
            try:
                with socket.create_connection(("127.0.0.1", self.to)) as server:
                    while left > 0:
                        for a in select.select([client, server], [], [])[0]:
                            piece = a.recv(min(left, 4096) if a is server else 4096)
                            if not piece:
                                return
                            (server if a is client else client).sendall(piece)
                            left -= len(piece) if a is server else 0
            except OSError:
                return
            self.cuts += 1
            if self.cuts % 2:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
