"""The HTTP servers that are compared: how each is built and started.

All answer the same paths: /livez on the event loop, /noop and /sleep?ms=N or ?seconds=X in a pool of
so many threads, /spin (some 200 us of computing) in the pool as well. A peer that has no loop or no
pool lacks those paths.
"""

import os
import pathlib
import shutil

from lib import machine
from lib.process import Failed, run

PEERS = machine.ROOT / "bench" / "peers"
CONF = machine.ROOT / "conf" / "ferry.yaml"
FERRY = machine.ROOT / "build" / "release" / "ferry"
PYTHON = "/usr/bin/python3"  # Debian's, which has the modules


class Missing(Exception):
    """What a peer needs is not here."""


class Peer:
    name = ""  # in results
    title = ""  # in tables
    first_path = "/noop"  # answers once it is ready

    def prepare(self):
        """Build it into build/bench; Missing if that cannot be."""

    def command(self, port, threads, folder):
        raise NotImplementedError

    def environment(self):
        return {}


def build(command, **options):
    """A peer is built offline with what Debian has; what fails is what its row says."""
    try:
        run(command, timeout=600, **options)
    except (Failed, OSError) as error:
        raise Missing(str(error)) from error


def copy_of(name):
    """A copy of the peer's sources in build/bench, for tools that build where the sources are."""
    return pathlib.Path(shutil.copytree(PEERS / name, machine.BUILD / name, dirs_exist_ok=True))


class Ferry(Peer):
    """As it is shipped: the release build with conf/ferry.yaml, but for the size of the pool and a
    worker that computes."""

    name = "ferry"
    title = "ferry"
    spin = machine.BUILD / "spin.so"

    def prepare(self):
        build([machine.ROOT / "dev", "build"])
        build(["cc", "-O2", "-fPIC", "-shared", f"-I{machine.ROOT / 'include'}", "-o", self.spin,
               PEERS / "spin" / "spin.c"])

    def command(self, port, threads, folder):
        return [FERRY, "serve", "-c", CONF, "--listen", f"127.0.0.1:{port}",
                "--set", "admin.listen=127.0.0.1:0", "--set", f"state={folder}/var",
                "--set", f"pools.default.threads={threads}",
                "--set", f"plugins=[{self.spin}]", "--set", "routes./spin.worker=spin"]


class FerryNice(Ferry):
    """With the one setting that a pool for calls that compute wants."""

    name = "ferry_nice"
    title = "ferry, nice: 10"

    def command(self, port, threads, folder):
        return [*super().command(port, threads, folder), "--set", "pools.default.nice=10"]


class EpollPool(Peer):
    """By hand: epoll, a parser for just these requests, a mutex, a condition and threads."""

    name = "epoll_pool"
    title = "epoll and a pool by hand"

    def prepare(self):
        build(["cc", "-O2", "-D_GNU_SOURCE", "-pthread", f"-I{PEERS}", "-o", machine.BUILD / self.name,
               PEERS / self.name / "epoll_pool.c"])

    def command(self, port, threads, folder):
        return [machine.BUILD / self.name, port, threads]


class Hyper(Peer):
    """With the crates of Debian's librust packages, and Debian's cargo before any other."""

    name = "hyper"
    title = "tokio and hyper"
    program = machine.BUILD / name / "target" / "release" / "hyper_pool"

    def prepare(self):
        if not pathlib.Path("/usr/share/cargo/registry").is_dir():
            raise Missing("no /usr/share/cargo/registry: librust-hyper-dev is not installed")
        build(["cargo", "build", "--release", "--offline", "--target-dir", "target"],
              cwd=copy_of(self.name), env={"PATH": f"/usr/bin:{os.environ['PATH']}",
                                           "HOME": os.environ.get("HOME", "/")})

    def command(self, port, threads, folder):
        return [self.program, port, threads]


class GoPool(Peer):
    name = "go_pool"
    title = "Go, net/http"

    def prepare(self):
        build(["go", "build", "-o", machine.BUILD / self.name, PEERS / self.name / "main.go"],
              env={**os.environ, "GO111MODULE": "off"})

    def command(self, port, threads, folder):
        return [machine.BUILD / self.name, port, threads]


class PiscinaPool(Peer):
    name = "piscina"
    title = "Node and piscina"

    def prepare(self):
        folder = copy_of(self.name)
        if not (folder / "node_modules" / "piscina").is_dir():
            build(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=folder)

    def command(self, port, threads, folder):
        return ["node", machine.BUILD / self.name / "piscina_pool.js", port, threads]


class TornadoPool(Peer):
    name = "tornado"
    title = "Tornado, run_on_executor"

    def prepare(self):
        need_module("tornado")

    def command(self, port, threads, folder):
        return [PYTHON, PEERS / self.name / "tornado_pool.py", port, threads]


class Gunicorn(Peer):
    """It has no loop of its own for the application: /livez runs on a thread as well."""

    name = "gunicorn"
    title = "gunicorn, gthread"

    def prepare(self):
        need_module("gunicorn")

    def command(self, port, threads, folder):
        return [PYTHON, "-m", "gunicorn", "--workers", 1, "--worker-class", "gthread",
                "--threads", threads, "--keep-alive", 75, "--backlog", 4096,
                "--worker-connections", 12000, "--bind", f"127.0.0.1:{port}",
                "--chdir", PEERS / self.name, "gunicorn_pool"]


class Nginx(Peer):
    """It has no pool for anything: `return 200`, and idle connections."""

    name = "nginx"
    title = "nginx, return 200"
    first_path = "/livez"

    def prepare(self):
        if not find_nginx():
            raise Missing("nginx-light is not installed")

    def command(self, port, threads, folder):
        text = (PEERS / self.name / "nginx.conf").read_text()
        conf = pathlib.Path(folder, "nginx.conf")
        conf.write_text(text.replace("PORT", str(port)).replace("FOLDER", str(folder)))
        return [find_nginx(), "-p", folder, "-c", conf, "-e", f"{folder}/error.log"]


def find_nginx():
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def need_module(name):
    """Of Debian's Python, which may be another one than this program's."""
    build([PYTHON, "-c", f"import {name}"])


FERRY_PEER = Ferry()
FERRY_NICE = FerryNice()
EPOLL_POOL = EpollPool()
HYPER = Hyper()
GO = GoPool()
PISCINA = PiscinaPool()
TORNADO = TornadoPool()
GUNICORN = Gunicorn()
NGINX = Nginx()
