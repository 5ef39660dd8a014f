"""A program that is measured: started on its core, watched in /proc with its children, and ended."""

import contextlib
import http.client
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from lib import machine

class Failed(Exception):
    """A measurement that came to nothing: the row says why."""


def wait_until(condition, what, seconds=60):
    """Ask until the condition gives something true, and return that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path, timeout=5):
    """(status, body), or None if nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@contextlib.contextmanager
def on_core(core):
    """What is started in the body runs on that core; on any if it is None."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if core is None else {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start(command, core, **options):
    with on_core(core):
        return subprocess.Popen([str(word) for word in command], **options)


def run(command, core=None, timeout=120, **options):
    """Run a program to its end, and return its output."""
    with start(command, core, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
               **options) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise Failed(f"{command[0]}: not within {timeout} s") from error
    if process.returncode:
        raise Failed(f"{command[0]}: {(errors or output).strip()[-300:]}")
    return output


class Process:
    """Use it with `with`: it has ended behind that."""

    def __init__(self, command, core=None, folder=None, env=None):
        self.log = pathlib.Path(folder or machine.BUILD) / "server.log"
        with open(self.log, "wb") as log:
            self.process = start(command, core, cwd=machine.ROOT, stdout=log, stderr=log,
                                 env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.stop()

    def wait_for(self, condition, what):
        """Wait until the condition holds; a program that has ended before is told of at once."""
        def holds():
            if self.process.poll() is not None:
                raise Failed(f"ended with {self.process.returncode}: {self.log_end()}")
            return condition()
        return wait_until(holds, what)

    def log_end(self):
        return self.log.read_text(errors="replace").strip()[-300:]

    def tree(self):
        """The ids of the program and of all that it has started."""
        ids = [self.pid]
        for parent in ids:
            for children in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
                ids += [int(child) for child in children.read_text().split()]
        return ids

    def cpu_seconds(self):
        """Spent so far by all threads, in user and in kernel mode."""
        total = 0
        for pid in self.tree():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / machine.TICKS

    def memory_mib(self):
        """Its share of the memory that is resident (PSS), so that nothing counts twice."""
        return sum(int(re.search(r"^Pss: +(\d+)",
                                 pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
                   for pid in self.tree()) / 1024

    def stop(self):
        """Ask it to end; after five seconds it is made to, with all that it has started."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)  # it leads a session of its own
            self.process.wait()
