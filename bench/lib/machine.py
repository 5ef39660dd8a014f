"""The facts of the machine that a figure belongs to, and the cores that are used."""

import os
import pathlib
import platform
import re
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"  # on the disk that the durable figures are about

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
LOAD_CORE = CORES[1] if len(CORES) > 1 else CORES[0]


def facts():
    """One line: processor, cores, memory, kernel, distribution, date."""
    cpu = re.search(r"^model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal: +(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    system = re.search(r'^PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text(), re.M)
    return (f"{cpu[1] if cpu else platform.machine()}, {len(CORES)} cores,"
            f" {int(memory[1]) / 2**20:.0f} GiB, Linux {platform.release()}, {system[1]}")


def today():
    return time.strftime("%F", time.gmtime())


TICKS = os.sysconf("SC_CLK_TCK")


class Others:
    """What other programs, and other machines on the same metal, took while we measured."""

    def __init__(self):
        self.began = time.monotonic()
        self.before = self.seconds()

    @staticmethod
    def seconds():
        """CPU seconds of the machine so far that are not this program's or its ended children's."""
        fields = pathlib.Path("/proc/stat").read_text().split(maxsplit=9)
        busy = sum(int(fields[place]) for place in (1, 2, 3, 6, 7, 8))  # not idle, not iowait
        return busy / TICKS - sum(os.times()[:4])

    def share(self):
        """Of all cores, since this was made; all that we have started must have ended."""
        passed = (time.monotonic() - self.began) * os.cpu_count()
        return (self.seconds() - self.before) / passed
