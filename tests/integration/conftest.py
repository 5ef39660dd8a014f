"""What every integration test needs: the real server on a free port, and a client for it.

The server under test is $FERRY_BIN (./dev test sets it), by default the newest build.
"""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FERRY = os.environ.get("FERRY_BIN", str(ROOT / "build" / "dev" / "ferry"))
LONG = os.environ.get("FERRY_LONG") == "1"
DEADLINE = 60  # seconds that anything may take before a test gives up; never a measure


def wait_until(condition, what, deadline=DEADLINE):
    """Ask until the condition gives something true, and return that."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what}")
        time.sleep(0.01)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()


class Server:
    """A running `ferry serve`, with its log."""

    def __init__(self, folder, config, args=(), env=None):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "ferry.yaml"
        self.config.write_text(config)
        self.args = list(args)
        self.env = {**os.environ, **(env or {})}
        self.process = None
        self.lines = []

    def start(self):
        self.lines = []
        self.process = subprocess.Popen(
            [FERRY, "serve", "-c", str(self.config), "--listen", "127.0.0.1:0",
             "--set", "admin.listen=127.0.0.1:0", *self.args],
            cwd=self.folder, env=self.env, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, args=(self.process, self.lines))
        self.reader.start()
        wait_until(lambda: self.has_logged("msg=serving") or self.process.poll() is not None,
                   "the server serves")
        assert self.process.poll() is None, "".join(self.lines)
        self.address = self._listener("public")
        self.admin_address = self._listener("admin")
        return self

    @staticmethod
    def _read(process, lines):
        for line in process.stderr:
            lines.append(line)

    def _listener(self, name):
        pattern = re.compile(rf"msg=listening listener={name} addr=(\S+)")
        return next(m.group(1) for m in map(pattern.search, self.lines) if m)

    def has_logged(self, text):
        return any(text in line for line in self.lines)

    def log(self):
        return "".join(self.lines)

    def connect(self, admin=False, timeout=DEADLINE):
        return http.client.HTTPConnection(self.admin_address if admin else self.address,
                                          timeout=timeout)

    def request(self, method, path, body=None, headers=None, admin=False):
        connection = self.connect(admin)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def post_json(self, path, value, **kwargs):
        return self.request("POST", path, body=json.dumps(value), **kwargs)

    def metric(self, series):
        """The value of a series, such as ferry_stuck_threads{pool="default"}."""
        for line in self.get("/metrics", admin=True).text().splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        return None

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        code = self.process.wait(DEADLINE)
        self.reader.join()
        return code

    def kill(self):
        self.process.kill()
        return self.wait()

    def stop(self):
        """End it in order; anything but exit code 0 fails the test."""
        if self.process and self.process.poll() is None:
            self.terminate()
        if self.process:
            assert self.wait() == 0, self.log()
            self.process = None


@pytest.fixture
def serve(tmp_path):
    """serve(config) starts a server in a folder of its own; it must end with exit code 0."""
    servers = []

    def start(config, **kwargs):
        server = Server(tmp_path, config, **kwargs).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


def run_ferry(*args, cwd, env=None):
    """Run the program to its end: for what is told on the command line."""
    return subprocess.run([FERRY, *args], cwd=cwd, env={**os.environ, **(env or {})},
                          capture_output=True, text=True, timeout=DEADLINE)
