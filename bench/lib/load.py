"""The load: wrk for as much as goes, bench/load.c for paced requests and for whole waves."""

import contextlib
import re
import shutil
import subprocess
import time

from lib import machine
from lib.process import Failed, run, start

LOAD = machine.BUILD / "load"
US = {"us": 1, "ms": 1000, "s": 1e6, "m": 6e7}
PACE_US = 1000
PACED_SECONDS = 4  # at most; what was answered by then counts


def build():
    run(["cc", "-O2", "-D_GNU_SOURCE", "-o", LOAD, machine.ROOT / "bench" / "load.c"])


def wrk_command(port, path, connections, seconds):
    return ["wrk", "-t", 1, "-c", connections, "-d", seconds, "--timeout", 10, "--latency",
            f"http://127.0.0.1:{port}{path}"]


def wrk(port, path, connections, seconds, core=machine.LOAD_CORE):
    """(requests a second, p99 in ms) of keep-alive connections that ask as fast as they are answered.

    An answer that is not 2xx, or a connection that breaks, makes it fail."""
    text = run(wrk_command(port, path, connections, seconds), core)
    wrong = re.search(r"Non-2xx.*|Socket errors:(?!.*connect 0, read 0, write 0, timeout 0).*", text)
    if wrong:
        raise Failed(wrong[0])
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", text)
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
            float(p99[1]) * US[p99[2]] / 1000)


class Answers:
    """The line that bench/load.c prints."""

    def __init__(self, line):
        numbers = [float(word) for word in line.split()]
        self.count, self.seconds, self.rate = numbers[:3]
        self.p50_ms, self.p99_ms, self.longest_ms = (us / 1000 for us in numbers[3:6])


def load_command(port, path, connections, each, pace_us=0, seconds=None, busy=False):
    command = [LOAD, *(["-b"] if busy else []), f"127.0.0.1:{port}", path, connections, each, pace_us]
    return command + ([] if seconds is None else [seconds])


def load(port, path, connections, each, pace_us=0, seconds=None, core=machine.LOAD_CORE, first=(),
         busy=False):
    """Each connection sends that many requests; see bench/load.c. Fails if one is not answered 2xx."""
    command = load_command(port, path, connections, each, pace_us, seconds, busy)
    return Answers(run([*first, *command], core))


def first_in_line():
    """What starts a program with a priority before others; nothing where that is not permitted."""
    command = ["chrt", "--fifo", "1"]
    permitted = shutil.which("chrt") and not subprocess.run(
        [*command, "true"], stderr=subprocess.DEVNULL, check=False).returncode
    return command if permitted else []


def paced_p99(server, requests):
    """p99 in ms of a client alone on its connection, PACE_US between an answer and the next /livez.

    It goes before other load on the core that they share, where the system lets it, so that what is
    measured is the server."""
    return load(server.port, "/livez", 1, requests, PACE_US, PACED_SECONDS,
                first=first_in_line()).p99_ms


@contextlib.contextmanager
def beside(command, core=machine.LOAD_CORE):
    """That load runs while the body does, and is cut off behind it."""
    process = start(command, core, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)  # until it weighs
        yield
        if process.poll() is not None:
            raise Failed("the load beside the measurement ended early")
    finally:
        process.kill()
        process.wait()
