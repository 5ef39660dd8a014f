"""Callbacks posted into a loop by other threads: ferry_loop_add_callback, and libuv's uv_async_send
with a locked list. One program for both, bench/posts, with a side for each; on any core."""

from lib import machine
from lib.figure import Figure, at_least
from lib.peers import FERRY_PEER, Peer, build
from lib.process import run

POSTS = 200000  # a pass
PASSES = 20
SOURCES = machine.ROOT / "bench" / "posts"
RELEASE = machine.ROOT / "build" / "release"


class Side(Peer):
    """Its loop, behind the functions of bench/posts/side.h."""

    libraries = ()

    def prepare(self):
        build(["cc", "-O2", "-std=gnu17", "-D_GNU_SOURCE", f"-I{machine.ROOT / 'include'}", "-o",
               self.program(), SOURCES / "posts.c", SOURCES / f"side_{self.name}.c",
               *self.libraries, "-lpthread", "-lm"])

    def program(self):
        return machine.BUILD / f"posts_{self.name}"


class FerrySide(Side):
    name = "ferry"
    title = FERRY_PEER.title
    libraries = (RELEASE / "libferry_loop.a", RELEASE / "libferry_base.a", "-levent_core")

    def prepare(self):
        FERRY_PEER.prepare()
        super().prepare()


class LibuvSide(Side):
    name = "libuv"
    title = "libuv, uv_async_send and a locked list"
    libraries = ("-luv",)


FERRY_SIDE = FerrySide()
LIBUV = LibuvSide()
CONTENDERS = [FERRY_SIDE, LIBUV]

FIGURES = [
    Figure("posts_2", "callbacks posted into a loop by 2 threads, unpinned", "posts/s", "more",
           (at_least(2, LIBUV),)),
    Figure("posts_1", "callbacks posted into a loop by 1 thread, unpinned", "posts/s", "more"),
    Figure("posts_0", "callbacks posted into a loop by itself", "posts/s", "more"),
]


def measure_one(_context, side):
    return {f"posts_{producers}": float(run([side.program(), producers, POSTS, PASSES]))
            for producers in (2, 1, 0)}


def measure(context):
    return context.each(CONTENDERS, measure_one)
