"""The real server on a free port, a client for it, and the peers that tests give it.

The server under test is $FERRY_BIN (./dev test sets it), by default the dev build.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FERRY = os.path.abspath(os.environ.get("FERRY_BIN", ROOT / "build" / "dev" / "ferry"))
LONG = os.environ.get("FERRY_LONG") == "1"
# Those of the tests are none of the server's, which takes what looks like its config.
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("FERRY_")}
DEADLINE = 60  # seconds that anything may take before a test gives up; never a measure

UNFINISHED = "scheduled", "queued", "running", "retrying"  # a job may still become anything

EXIT_OK, EXIT_RUNTIME, EXIT_USAGE, EXIT_CONFIG = 0, 1, 2, 78

# The race detector's runtime (LLVM 14) keeps a signal back that finds the thread at work, and may then
# forget it; one that finds it asleep is handled at once.
LOSES_SIGNALS = os.path.exists(FERRY) and b"__tsan_init" in pathlib.Path(FERRY).read_bytes()

SANITIZER = re.compile(r"(Thread|Address|Leak|UndefinedBehavior)Sanitizer|runtime error:")


def wait_until(condition, what, deadline=DEADLINE):
    """Ask until the condition gives something true, and return that.

    `what` is asked for then: text, or a function that gives it when the time is over."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what() if callable(what) else what}")
        time.sleep(0.01)


def split_address(address):
    """("127.0.0.1", 8002) of "127.0.0.1:8002"."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def is_at_work(process):
    """Whether the thread that takes the signals of a process does something."""
    if process.poll() is not None:
        return False
    status = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/stat").read_text()
    return status.rpartition(")")[2].split()[0] not in ("S", "T")


def send_signal(process, number):
    if LOSES_SIGNALS:
        wait_until(lambda: not is_at_work(process), "the loop sleeps")
    process.send_signal(number)


def read_all(client):
    """All that comes on a socket until the server closes; a reset is an end as well, as what was
    sent to a server that has closed already comes back as one."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while more := client.recv(65536):
            data += more
    return data


def run_ferry(*args, cwd, env=None):
    """Run the program to its end: for what is told on the command line."""
    result = subprocess.run([FERRY, *args], cwd=cwd, env={**ENVIRON, **(env or {})},
                            capture_output=True, text=True, timeout=DEADLINE)
    assert not SANITIZER.search(result.stderr), result.stderr
    return result


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()

    def problem(self):
        """The detail of an application/problem+json reply, which says its own status."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        document = self.json()
        assert document["status"] == self.status
        return document["detail"]


class Pending:
    """A request that was sent, and whose reply is not read yet."""

    def __init__(self, connection):
        self.connection = connection

    def reply(self):
        with contextlib.closing(self.connection):
            return Reply(self.connection.getresponse())

    def leave(self):
        """Hang up without waiting for the reply."""
        self.connection.close()


class Server:
    """A running `ferry serve` with its log, in a folder of its own."""

    def __init__(self, folder, config, args=(), env=None, starter=()):
        self.folder = pathlib.Path(folder)
        self.starter = list(starter)  # a command that becomes the program it is given
        self.config = self.folder / "ferry.yaml"
        self.config.write_text(config)
        self.has_listen = config.lstrip().startswith("listen:")
        self.has_admin = "admin: {listen:" in config
        self.args = list(args)
        self.env = {**ENVIRON, **(env or {})}
        self.process = None
        self.lines = []

    # ---- life ----

    def launch(self):
        """Start the process, and do not wait for it."""
        self.lines = []
        # A config that says where to listen knows free ports.
        listen = [] if self.has_listen else ["--listen", "127.0.0.1:0"]
        listen += [] if self.has_admin else ["--set", "admin.listen=127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*self.starter, FERRY, "serve", "-c", str(self.config), *listen, *self.args],
            cwd=self.folder, env=self.env, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, args=(self.process, self.lines))
        self.reader.start()

    def wait_serving(self):
        wait_until(lambda: self.has_logged("msg=serving") or self.process.poll() is not None,
                   "the server serves")
        if self.process.poll() is not None:
            raise AssertionError(f"exit code {self.wait()}: {self.log()}")
        self.address = self._listener("public")
        self.admin_address = self._listener("admin")

    def start(self):
        self.launch()
        self.wait_serving()
        return self

    def signal(self, number):
        send_signal(self.process, number)

    def terminate(self):
        self.signal(signal.SIGTERM)

    def wait(self):
        """The exit code of a server that is ending. What a sanitizer found fails the test."""
        code = self.process.wait(DEADLINE)
        self.reader.join()
        self.process.stderr.close()
        self.process = None
        assert not SANITIZER.search(self.log()), self.log()
        return code

    def kill(self):
        self.process.kill()
        return self.wait()

    def stop(self):
        """End it in order, if it still runs; anything but exit code 0 fails the test."""
        if self.process is None:
            return
        self.terminate()
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert code == EXIT_OK, self.log()

    def restart(self):
        self.stop()
        return self.start()

    # ---- its log ----

    @staticmethod
    def _read(process, lines):
        for line in process.stderr:
            lines.append(line)

    def _listener(self, name):
        pattern = re.compile(rf"msg=listening listener={name} addr=(\S+)")
        return next(m.group(1) for m in map(pattern.search, self.lines) if m)

    def has_logged(self, *texts):
        """Whether one line has all of the texts."""
        return any(all(text in line for text in texts) for line in self.lines)

    def wait_logged(self, *texts):
        wait_until(lambda: self.has_logged(*texts), f"a line of the log has {texts}")

    def log(self):
        return "".join(self.lines)

    # ---- requests ----

    def connect(self, admin=False):
        return http.client.HTTPConnection(self.admin_address if admin else self.address,
                                          timeout=DEADLINE)

    def open_socket(self):
        """A bare connection, for what http.client would not send."""
        return socket.create_connection(split_address(self.address), timeout=DEADLINE)

    def send(self, method, path, body=None, headers=None, admin=False):
        """Send a request, and leave its reply for later."""
        connection = self.connect(admin)
        connection.request(method, path, body=body, headers=headers or {})
        return Pending(connection)

    def request(self, method, path, **kwargs):
        return self.send(method, path, **kwargs).reply()

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def post_json(self, path, value, **kwargs):
        return self.request("POST", path, body=json.dumps(value), **kwargs)

    # ---- what it counts ----

    def metric(self, series):
        """The value of a series, such as ferry_stuck_threads{pool="default"}."""
        for line in self.get("/metrics", admin=True).text().splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        return None

    def wait_metric(self, series, value):
        wait_until(lambda: self.metric(series) == value, f"{series} is {value}")

    def wait_busy(self, count, pool="default"):
        self.wait_metric(f'ferry_pool_busy_threads{{pool="{pool}"}}', count)

    def wait_queued(self, count, pool="default"):
        self.wait_metric(f'ferry_pool_queue_depth{{pool="{pool}"}}', count)

    # ---- its jobs ----

    def post_job(self, path, value, **kwargs):
        """Post what must be accepted as a job; returns the job's path."""
        reply = self.post_json(path, value, **kwargs)
        assert reply.status == 202, reply.body
        return reply.headers["Location"]

    def wait_job(self, path, state):
        """Wait until a job is in a state; returns the job."""
        def reached():
            job = self.get(path).json()
            assert job["state"] in (state, *UNFINISHED), job
            return job["state"] == state and job

        return wait_until(reached, f"the job is {state}")


class Servers:
    """Call it with a config to start a server; stop() ends all that it started."""

    def __init__(self, folder):
        self.folder = folder
        self.stack = contextlib.ExitStack()

    def __call__(self, config, **kwargs):
        server = Server(self.folder, config, **kwargs)
        self.stack.callback(server.stop)
        return server.start()

    def stop(self):
        self.stack.close()


class SmallDisk:
    """A tmpfs of a few pages, in a mount namespace of its own that is gone when this is closed."""

    def __init__(self, folder, size):
        self.path = pathlib.Path(folder) / "small"
        self.path.mkdir()
        self.user = [] if os.geteuid() == 0 else ["--user"]  # else root in a namespace of its own
        self.holder = subprocess.Popen(
            ["unshare", "--mount", *(["--map-root-user"] if self.user else []), "sh", "-c",
             'mount -t tmpfs -o size="$1" tmpfs "$0" && echo mounted && read -r _',
             str(self.path), size],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "mounted\n":
            raise PermissionError("no file system can be mounted: "
                                  + self.holder.communicate()[1].strip())
        self.starter = ["nsenter", *self.user, "--preserve-credentials", "--mount",
                        "--target", str(self.holder.pid)]
        self.ballast = pathlib.Path(f"/proc/{self.holder.pid}/root{self.path}/ballast")

    def fill(self, pages=1 << 30):
        """Take so many pages away, or all that there are."""
        with contextlib.suppress(OSError), open(self.ballast, "ab", buffering=0) as file:
            while pages > 0 and file.write(b"x" * 4096) == 4096:
                pages -= 1

    def free(self):
        self.ballast.unlink()

    def close(self):
        self.holder.communicate("", timeout=DEADLINE)


class SmtpServer:
    """smtp_server.py as a process of its own, and what it has taken."""

    def __init__(self, folder, *args):
        self.output = pathlib.Path(folder) / "smtp.jsonl"
        self.process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("smtp_server.py")),
             "--output", str(self.output), "--until-eof", *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.url = f"smtp://127.0.0.1:{self.port}"

    def messages(self):
        return [json.loads(line) for line in self.output.read_text().splitlines()]

    def stop(self):
        self.process.communicate(timeout=DEADLINE)  # closes its standard input


class Gateway:
    """gateway.py as a process of its own, and what it was asked."""

    def __init__(self, folder, *args):
        self.output = pathlib.Path(folder) / "gateway.jsonl"
        self.process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("gateway.py")),
             "--output", str(self.output), "--until-eof", *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        scheme = "https" if "--tls" in args else "http"
        self.address = f"127.0.0.1:{int(self.process.stdout.readline())}"
        self.url = f"{scheme}://{self.address}"

    def requests(self, path=None):
        """What it was asked so far, or that for a path."""
        lines = self.output.read_text().splitlines() if self.output.exists() else []
        return [entry for entry in map(json.loads, lines) if path in (None, entry["path"])]

    def wait_requests(self, path, count):
        return wait_until(lambda: len(self.requests(path)) >= count and self.requests(path),
                          f"{count} requests for {path}")

    def stop(self):
        self.process.communicate(timeout=DEADLINE)  # closes its standard input


class Gate:
    """A worker that ignores its cancel flag: a call of it runs until the test lets it through.

    Its calls wait to read one byte each from a fifo; let(n) writes n bytes, let_all() makes all
    calls pass from then on. What has begun to run is in runs(), by the query value ?name=.
    """

    def __init__(self, folder, plugin):
        self.plugin = plugin
        self.fifo = folder / "gate.fifo"
        self.record = folder / "gate.runs"
        self.record.touch()
        os.mkfifo(self.fifo)
        self.fd = os.open(self.fifo, os.O_RDWR)

    def settings(self):
        """The line of a config's `workers:` that makes it known as `gate`."""
        return f"gate: {{use: gate, fifo: {self.fifo}, record: {self.record}}}"

    def let(self, count=1):
        os.write(self.fd, b"x" * count)

    def let_all(self):
        self.let(4096)

    def runs(self):
        return self.record.read_text().split()

    def close(self):
        os.close(self.fd)


def make_certificate(folder):
    """A certificate of 127.0.0.1's own, which is its own authority; the paths of it and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=under test",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


class Steps:
    """A worker that reports the progress that the test tells it to: see steps.c."""

    def __init__(self, folder, plugin):
        self.plugin = plugin
        self.fifo = folder / "steps.fifo"
        os.mkfifo(self.fifo)
        self.fd = os.open(self.fifo, os.O_RDWR)

    def settings(self):
        """The line of a config's `workers:` that makes it known as `steps`."""
        return f"steps: {{use: steps, fifo: {self.fifo}}}"

    def tell(self, *lines):
        os.write(self.fd, "".join(f"{line}\n" for line in lines).encode())

    def close(self):
        os.close(self.fd)


def compile_plugin(folder, name, source):
    """Build a plug-in as the documentation says; returns its path."""
    code = folder / f"{name}.c"
    plugin = folder / f"{name}.so"
    code.write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", f"-I{ROOT / 'include'}", "-o", plugin, code],
                   check=True)
    return plugin
