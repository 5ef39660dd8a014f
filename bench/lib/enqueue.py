"""The load on what keeps jobs: bench/enqueue, a C program for the protocols of all of them."""

import dataclasses
import os

from lib import machine
from lib.process import Failed, run

PROGRAM = machine.BUILD / "enqueue"
JOBS = 1000000  # at most; it is the seconds that end a run
BUSY = 0.9  # of a core: past it the figure is the generator's


def build():
    sources = sorted((machine.ROOT / "bench" / "enqueue").glob("*.c"))
    run(["cc", "-O2", "-std=gnu17", "-D_GNU_SOURCE", "-o", PROGRAM, *sources])


@dataclasses.dataclass(frozen=True)
class Rates:
    """Jobs a second, from the first request on."""

    accepted: float
    completed: float = None  # until the last of them had run, if that was waited for


def enqueue(protocol, port, connections, seconds, *arguments, jobs=JOBS):
    """Put jobs over so many connections, each with one on its way; fails where the load is the limit."""
    os.sync()  # what the contender before has left to write is not this one's
    text = run([PROGRAM, protocol, f"127.0.0.1:{port}", connections, jobs, seconds, *arguments],
               machine.LOAD_CORE, timeout=400)
    lines = {}
    for line in text.splitlines():
        name, *numbers = line.split()
        lines[name] = [float(number) for number in numbers]
    if lines["accepted"][-1] > BUSY:
        raise Failed("the load generator is the limit")
    return Rates(lines["accepted"][2], lines["completed"][2] if "completed" in lines else None)
