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


def load():
    """What else runs: the load average of the last minute."""
    return os.getloadavg()[0]
