"""The HTTP servers that are compared: how each is built and started.

All answer the same paths: /livez on the event loop, /noop and /sleep?ms=N or ?seconds=X in a pool of
so many threads, /spin (some 200 us of computing) in the pool as well. A peer that has no loop or no
pool lacks those paths.
"""

from lib import machine
from lib.process import Failed, run

PEERS = machine.ROOT / "bench" / "peers"
CONF = machine.ROOT / "conf" / "ferry.yaml"
FERRY = machine.ROOT / "build" / "release" / "ferry"


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


class Ferry(Peer):
    """As it is shipped: the release build with conf/ferry.yaml, but for the size of the pool."""

    name = "ferry"
    title = "ferry"

    def prepare(self):
        build([machine.ROOT / "dev", "build"])

    def command(self, port, threads, folder):
        return [FERRY, "serve", "-c", CONF, "--listen", f"127.0.0.1:{port}",
                "--set", "admin.listen=127.0.0.1:0", "--set", f"state={folder}/var",
                "--set", f"pools.default.threads={threads}"]


class EpollPool(Peer):
    """By hand: epoll, a parser for just these requests, a mutex, a condition and threads."""

    name = "epoll_pool"
    title = "epoll and a pool by hand"

    def prepare(self):
        build(["cc", "-O2", "-D_GNU_SOURCE", "-pthread", f"-I{PEERS}", "-o", machine.BUILD / self.name,
               PEERS / self.name / "epoll_pool.c"])

    def command(self, port, threads, folder):
        return [machine.BUILD / self.name, port, threads]


FERRY_PEER = Ferry()
EPOLL_POOL = EpollPool()
