"""ferry jobs against a running server: what its tests share."""

import json
import socket
import threading

from harness import EXIT_OK, run_ferry
from terminal import Terminal

CONFIG = """
routes:
  /echo: {worker: echo, mode: either, max_result: 128KiB}
  /later: {worker: echo, mode: defer}
  /sleep: {worker: sleep, mode: defer}
"""

NOBODY = "0" * 32


class Jobs:
    """A server, and ferry jobs against it."""

    def __init__(self, server):
        self.server = server
        self.where = "--admin", server.admin_address

    def __call__(self, *args, code=EXIT_OK):
        """Run a subcommand, which must end with this exit code."""
        result = run_ferry("jobs", *args, *self.where, cwd=self.server.folder)
        assert result.returncode == code, (result.stdout, result.stderr)
        return result

    def json(self, *args):
        return json.loads(self(*args, "--json").stdout)

    def on_terminal(self, *args, **kwargs):
        return Terminal("jobs", *args, *self.where, cwd=self.server.folder, **kwargs)

    def post(self, path, body="", **headers):
        """Post a job; returns its id."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        reply = self.server.request("POST", path, body=body,
                                    headers={"Prefer": "respond-async", **headers})
        assert reply.status == 202, reply.body
        return reply.json()["id"]

    def later(self):
        return self.post("/later", Ferry_Delay="1h")

    def ended(self, id, state):
        self.server.wait_job(f"/jobs/{id}", state)
        return id

    def dead(self):
        return self.ended(self.post("/sleep?ms=x"), "dead")

    def succeeded(self, body="hello"):
        return self.ended(self.post("/echo", body=body), "succeeded")

    def state(self, id):
        return self.server.get(f"/jobs/{id}").json()["state"]


class EventServer:
    """Answers each connection with the next of some pieces of an event stream, and closes it; then
    it listens no more. A piece of bytes is a whole answer."""

    def __init__(self, *pieces):
        self.pieces = pieces
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        with self.listener:
            for piece in self.pieces:
                connection, _ = self.listener.accept()
                with connection:
                    self.requests.append(connection.recv(4096).decode())
                    connection.sendall(piece if isinstance(piece, bytes) else
                                       b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                       b"Connection: close\r\n\r\n" + piece.encode())
