"""A system that gives no more threads: what runs goes on, what needs one is refused until it does."""

import os
import pathlib
import subprocess
import tempfile

import pytest

from harness import EXIT_OK, Servers
from test_reload import reload

CONFIG = """
pools: {{default: {{threads: {threads}}}}}
routes:
  /open: {{worker: noop}}
  /closed: {{worker: noop, auth: {{basic_file: users}}}}
"""
# Root may have as many threads as it wants, so the server is somebody else, who may run it.
NOBODY = 65534
SOMEBODY = [] if os.geteuid() else [
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
ANN = {"Authorization": "Basic YW5uOnNlY3JldA=="}  # ann:secret


@pytest.fixture
def folder():
    """One that somebody else reaches, too."""
    with tempfile.TemporaryDirectory(prefix="ferry-") as name:
        if SOMEBODY:
            os.chown(name, NOBODY, NOBODY)
        yield pathlib.Path(name)


@pytest.fixture
def serve(folder):
    servers = Servers(folder)
    yield servers
    servers.stop()


def limit_threads(server, limit):
    """Of all of that user's; those that there are stay."""
    code = subprocess.run([*SOMEBODY, "prlimit", f"--pid={server.process.pid}", f"--nproc={limit}:"],
                          check=False).returncode
    assert code == EXIT_OK


def limit_of_threads(server):
    command = ["prlimit", f"--pid={server.process.pid}", "--nproc", "--output=SOFT", "--noheadings"]
    return subprocess.run([*SOMEBODY, *command], check=True, capture_output=True,
                          text=True).stdout.strip()


def test_without_threads_what_runs_goes_on_and_the_rest_recovers(serve, folder):
    users = folder / "users"
    secret = subprocess.run(["openssl", "passwd", "-5", "secret"], check=True, capture_output=True,
                            text=True).stdout
    users.write_text(f"ann:{secret}")
    users.chmod(0o644)
    server = serve(CONFIG.format(threads=2), starter=SOMEBODY)
    before = limit_of_threads(server)
    limit_threads(server, 1)
    try:
        reload(server, CONFIG.format(threads=3), success=False)
        assert server.has_logged("level=error", "cannot start 3 threads")
        reply = server.get("/closed", headers=ANN)
        assert (reply.status, reply.headers["Retry-After"] is not None) == (503, True)
        assert server.get("/open").status == 200
    finally:
        limit_threads(server, before)
    assert server.get("/closed", headers=ANN).status == 200
    reload(server)
    assert server.metric('ferry_pool_threads{pool="default"}') == 3
