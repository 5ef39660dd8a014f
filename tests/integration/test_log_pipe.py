"""Standard error that nobody reads: the server goes on, and says what was lost when somebody does."""

import contextlib
import os
import re
import signal
import subprocess

from harness import DEADLINE, EXIT_OK, FERRY, Server, wait_until

CONFIG = "routes: {/noop: {worker: noop}}\n"
READ_BYTES = 1 << 20


class Unread(Server):
    """A server whose standard error is read only when the test says so."""

    def launch(self):
        self.lines = []
        self.process = subprocess.Popen(
            [FERRY, "serve", "-c", str(self.config), "--listen", "127.0.0.1:0",
             "--set", "admin.listen=127.0.0.1:0"], cwd=self.folder, stderr=subprocess.PIPE)
        self.pipe = self.process.stderr.fileno()
        os.set_blocking(self.pipe, False)

    def read(self):
        with contextlib.suppress(BlockingIOError):
            self.lines += os.read(self.pipe, READ_BYTES).decode().splitlines(keepends=True)
        return self.log()

    def has_logged(self, *texts):
        self.read()
        return super().has_logged(*texts)

    def fill(self):
        filler = os.open(f"/proc/{self.process.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(filler, b"x" * 4095 + b"\n")
        os.close(filler)

    def end(self):
        self.terminate()
        code = self.process.wait(DEADLINE)
        self.read()
        self.process.stderr.close()
        return code


def test_a_log_that_nobody_reads_holds_nobody_up(tmp_path):
    server = Unread(tmp_path, CONFIG).start()
    server.fill()
    before = server.metric("ferry_log_dropped_total")
    server.signal(signal.SIGHUP)  # something to say
    server.wait_metric('ferry_reloads_total{outcome="succeeded"}', 1)
    server.wait_metric("ferry_old_configs", 0)  # nothing more is to be said
    assert server.get("/noop").text() == "ok"
    dropped = int(server.metric("ferry_log_dropped_total"))
    assert dropped > before
    server.read()
    assert server.end() == EXIT_OK
    [told] = re.findall(r'msg="log lines were dropped" count=(\d+)', server.log())
    assert int(told) == dropped
