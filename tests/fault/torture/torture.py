#!/usr/bin/python3
"""Let every call that can fail do so, one by one, while a server starts, serves and ends.

    torture.py INJECTOR [--only start|serve] [--function NAME] [--at N]

For each function, one run counts its calls in a short fixed scenario; then the scenario runs again
with the 1st, 2nd, ... of them failing (injector.c). What must hold in each:

- no signal ends the server; its exit code is 0, or another with a line that says why (78: the config
  could not be read);
- nothing hangs: each request is answered or its connection closed, and SIGTERM ends the server;
- no false 202: a job that was accepted has ended well after a restart without faults.

All of them with FERRY_LONG=1, else so many of each that it takes a minute: a choice that
FERRY_SEED repeats. --at runs one, and shows its log.
"""

import argparse
import contextlib
import concurrent.futures
import http.client
import mmap
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))

import harness  # noqa: E402
from harness import EXIT_CONFIG, EXIT_OK, EXIT_RUNTIME, LONG, Server, wait_until  # noqa: E402

harness.DEADLINE = 20  # seconds, after which something hangs
FUNCTIONS = ("malloc", "calloc", "realloc", "read", "recv", "write", "sendmsg", "fsync",
             "fdatasync", "open", "accept4", "epoll_ctl", "pthread_create")
STREAM_LIMIT = 3  # seconds without an event
CHOSEN = 12  # of each function and phase, when not all are run
SEED = int(os.environ.get("FERRY_SEED") or random.SystemRandom().randrange(2**32))
BROKEN = OSError, http.client.HTTPException
PAGE = struct.Struct("=III")  # armed, count, failed

CONFIG = """
drain: 5s
limits: {header_timeout: 2s, body_timeout: 2s, write_timeout: 2s, idle_timeout: 2s}
jobs: {keep: 1h}
pools: {default: {threads: 2}}
routes:
  /echo: {worker: echo, methods: [POST]}
  /job: {worker: echo, methods: [POST], mode: defer, retry: {attempts: 3, backoff: 10ms..20ms}}
"""


class Finding(Exception):
    """Something that must not happen has."""


class Page:
    """The counts that the injector shares."""

    def __init__(self, path):
        path.write_bytes(bytes(mmap.PAGESIZE))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def arm(self, armed=1):
        self.memory[:4] = struct.pack("=I", armed)

    def count(self):
        return PAGE.unpack(self.memory[:PAGE.size])[1]

    def has_failed(self):
        return PAGE.unpack(self.memory[:PAGE.size])[2] == 1


def attempt(action):
    """Do what a client does, who may be disappointed but must not be left waiting."""
    try:
        return action()
    except TimeoutError as error:
        raise Finding("a request has hung") from error
    except BROKEN:
        return None


def follow(server, job):
    """Read the events of a job to their end, or leave: one that lost its memory waits for a restart."""
    with contextlib.suppress(*BROKEN), contextlib.closing(server.connect()) as connection:
        connection.request("GET", job + "/events")
        connection.sock.settimeout(STREAM_LIMIT)
        connection.getresponse().read()


def look_in(server, path):
    """Ask the admin listener; it may keep one waiting, as its deadlines are half a minute."""
    with contextlib.suppress(*BROKEN), contextlib.closing(server.connect(admin=True)) as connection:
        connection.request("GET", path)
        connection.sock.settimeout(STREAM_LIMIT)
        connection.getresponse().read()


def use(server):
    """The scenario; returns the jobs that were accepted."""
    jobs = []
    attempt(lambda: server.request("POST", "/echo", body=b"x" * 20_000))
    for _ in range(2):
        reply = attempt(lambda: server.request("POST", "/job", body=b"y" * 2_000))
        if reply and reply.status == 202:
            jobs.append(reply.headers["Location"])
            if reply.json()["id"] != jobs[-1].removeprefix("/jobs/"):
                raise Finding("202 does not say which job")
    for job in jobs:
        attempt(lambda job=job: server.get(job))
        follow(server, job)
    for path in ("/jobs", "/metrics"):
        look_in(server, path)
    return jobs


def end(server):
    """End it, and look how it went."""
    if server.process.poll() is None:
        server.terminate()
    try:
        code = server.wait()
    except subprocess.TimeoutExpired as error:
        raise Finding("it does not end") from error
    said = [line for line in server.log().splitlines() if "level=info" not in line]
    if code == -signal.SIGSEGV and "libfyaml" in server.log():
        return  # it does not survive without memory; nothing runs yet when the config is read
    if code not in (EXIT_OK, EXIT_RUNTIME, EXIT_CONFIG):
        raise Finding(f"exit code {code}")
    if code != EXIT_OK and not said:
        raise Finding("it has failed without a word")


def check_jobs(folder, jobs):
    """Every job that was accepted ends, once a server without faults has it."""
    server = Server(folder, CONFIG).start()
    try:
        for job in jobs:
            reply = server.get(job)
            if reply.status != 200:
                raise Finding(f"a job that was accepted is {reply.status}")
            server.wait_job(job, "succeeded")
    finally:
        server.stop()


class Run:
    """One server with one fault."""

    def __init__(self, injector, phase, function, at):
        self.injector, self.phase, self.function, self.at = injector, phase, function, at
        self.log = ""

    def __str__(self):
        return f"{self.phase} {self.function} {self.at}"

    def torture(self, folder):
        page = Page(folder / "page")
        env = {"LD_PRELOAD": self.injector, "FERRY_FAULT": f"{self.function}:{self.at}",
               "FERRY_FAULT_PAGE": str(folder / "page")}
        server = Server(folder, CONFIG, env=env)
        page.arm(self.phase == "start")
        jobs = []
        try:
            server.launch()
            wait_until(lambda: server.has_logged("msg=serving")
                       or server.process.poll() is not None, "it serves or has ended")
            page.arm(self.phase == "serve")
            if server.has_logged("msg=serving"):
                server.address = server._listener("public")
                server.admin_address = server._listener("admin")
                jobs = use(server)
            end(server)
        finally:
            self.log = server.log()
            if server.process:
                server.process.kill()
                server.wait()
        if jobs and (page.has_failed() or self.at):
            check_jobs(folder, jobs)
        return page.count()

    def go(self):
        """Returns how often the function was called, and what was found."""
        with tempfile.TemporaryDirectory(prefix="torture-") as name:
            try:
                return self.torture(pathlib.Path(name)), None
            except (Finding, AssertionError) as error:
                return 0, f"{self}: {error}\n{self.log}"


def choose(chance, count):
    numbers = range(1, count + 1)
    return numbers if LONG or count <= CHOSEN else sorted(chance.sample(numbers, CHOSEN))


def main():
    parser = argparse.ArgumentParser(description="Let every call that can fail do so.")
    parser.add_argument("injector")
    parser.add_argument("--only", choices=("start", "serve"))
    parser.add_argument("--function", choices=FUNCTIONS)
    parser.add_argument("--at", type=int)
    options = parser.parse_args()
    injector = os.path.abspath(options.injector)
    phases = [options.only] if options.only else ["start", "serve"]
    functions = [options.function] if options.function else FUNCTIONS
    chance = random.Random(SEED)
    started, found, runs = time.monotonic(), [], 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for phase in phases:
            for function in functions:
                count, problem = Run(injector, phase, function, 0).go()
                numbers = [options.at] if options.at else choose(chance, count)
                todo = [Run(injector, phase, function, at) for at in numbers]
                problems = [problem] + [result[1] for result in pool.map(Run.go, todo)]
                found += filter(None, problems)
                runs += len(todo)
                print(f"{phase:6} {function:15} {count:6} calls, {len(todo):6} failed one by one",
                      flush=True)
                if options.at:
                    print(todo[0].log)
    for problem in found:
        print(problem)
    print(f"seed {SEED}: {runs} runs in {time.monotonic() - started:.0f} s, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
