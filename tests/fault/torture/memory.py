#!/usr/bin/python3
"""A server under more large bodies than it has memory for: it refuses some, lives, and recovers."""

import collections
import concurrent.futures
import http.client
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))

from harness import EXIT_OK, Server, wait_until  # noqa: E402

# Its own bounds are out of the way: what is left is the kernel's.
CONFIG = """
limits: {buffered_bytes: 8GiB, body_bytes: 8MiB}
pools: {default: {threads: 2, queue_bytes: 8GiB, queue_timeout: 60s}}
routes: {/hold: {worker: sleep, methods: [POST]}, /echo: {worker: echo, methods: [POST]}}
"""
MIB = 1 << 20
ROOM = 48 * MIB  # what it may take beyond what it has at start
BODY = b"x" * MIB
CLIENTS, REQUESTS = 96, 300
REFUSED = "closed", 413, 500, 502, 503


def limit_memory(server):
    process = server.process.pid
    pages = int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[0])
    subprocess.run(["prlimit", "--pid", str(process), f"--as={pages * 4096 + ROOM}"], check=True)


def post(server, path, body):
    try:
        return server.request("POST", path, body=body).status
    except (OSError, http.client.HTTPException):
        return "closed"


def main():
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        server = Server(folder, CONFIG).start()
        try:
            limit_memory(server)
            with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
                answers = collections.Counter(clients.map(
                    lambda _: post(server, "/hold?ms=50", BODY), range(REQUESTS)))
            print(f"{REQUESTS} bodies of {len(BODY) // MIB} MiB: {dict(answers)}")
            assert server.process.poll() is None, server.log()
            assert answers.keys() <= {200, *REFUSED} and answers.keys() & {*REFUSED}, answers
            wait_until(lambda: post(server, "/echo", b"small") == 200, "it serves again")
            server.terminate()
            assert server.wait() == EXIT_OK, server.log()
        finally:
            if server.process:
                server.kill()
                print(server.log())


if __name__ == "__main__":
    main()
