"""The programs of examples/, started on free ports, and peers that they talk to."""

import contextlib
import pathlib
import selectors
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import DEADLINE, FERRY, Server, wait_until


class Example(Server):
    """A running example, as built beside the server: Example("proxy", "127.0.0.1:0", 100)."""

    def __init__(self, name, *args, env=None):
        program = pathlib.Path(FERRY).parent / "examples" / name
        self.lines, self.output = [], []
        self.process = subprocess.Popen([program, *map(str, args)], env=env, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read, args=(self.process, self.lines))
        self.reader.start()
        first = self.process.stdout.readline()
        assert first.startswith("listening on "), first + self.log()
        self.address = first.removeprefix("listening on ").strip()
        self.printer = threading.Thread(target=self._print, args=(self.process.stdout,))
        self.printer.start()

    def _print(self, stdout):
        with stdout:
            self.output.extend(stdout)

    def has_printed(self, text):
        return any(text in line for line in self.output)

    def wait_printed(self, text):
        wait_until(lambda: self.has_printed(text), f"{text} is printed")

    def stop(self):
        super().stop()
        self.printer.join()


@contextlib.contextmanager
def example(name, *args, **kwargs):
    running = Example(name, *args, **kwargs)
    try:
        yield running
    finally:
        running.stop()


@contextlib.contextmanager
def http_peer(answer):
    """An HTTP server for an example to ask: answer(handler) answers a GET. Gives its host:port."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            answer(self)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield "127.0.0.1:%d" % server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def first_answered(*pending):
    """Wait until one of several requests is answered, and return (that one, the others)."""
    with selectors.DefaultSelector() as selector:
        for one in pending:
            selector.register(one.connection.sock, selectors.EVENT_READ, one)
        ready = selector.select(DEADLINE)
    assert ready, f"no answer within {DEADLINE} s"
    first = ready[0][0].data
    return first, [one for one in pending if one is not first]


def is_answered(pending):
    with selectors.DefaultSelector() as selector:
        selector.register(pending.connection.sock, selectors.EVENT_READ)
        return bool(selector.select(0))
