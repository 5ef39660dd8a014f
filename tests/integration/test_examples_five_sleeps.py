"""five_sleeps of examples/: each way of them ends, and holds up nobody while it sleeps."""

import contextlib
import pathlib

import pytest

from examples import example, is_answered

LONG_MS = 3600 * 1000  # nobody waits for the end of it


@pytest.fixture(scope="module")
def quick():
    with example("five_sleeps", "127.0.0.1:0", 100) as running:
        yield running


@pytest.mark.parametrize("way", ["timer", "coroutine", "executor", "handler"])
def test_a_sleep_ends(quick, way):
    assert quick.get(f"/{way}").text() == f"slept: {way}\n"


def test_all_sleep_at_once(quick):
    ways = ["timer", "coroutine", "handler"] * 20
    pending = [quick.send("GET", f"/{way}") for way in ways]
    assert [one.reply().text() for one in pending] == [f"slept: {way}\n" for way in ways]


def test_the_deferred_job_ends_some_time(quick):
    reply = quick.get("/deferred")
    assert (reply.status, reply.text()) == (202, "will sleep: deferred\n")
    quick.wait_printed("deferred job: slept")


def test_three_requests_share_two_threads(quick):
    pending = [quick.send("GET", "/executor") for _ in range(3)]
    assert [one.reply().text() for one in pending] == ["slept: executor\n"] * 3
    names = [file.read_text() for file in
             pathlib.Path(f"/proc/{quick.process.pid}/task").glob("*/comm")]
    assert sum(name.startswith("sleeps") for name in names) == 2


def test_nobody_is_held_up_and_the_program_ends_none_the_less():
    with example("five_sleeps", "127.0.0.1:0", LONG_MS) as sleeps, contextlib.ExitStack() as left:
        pending = []
        for way in ["timer", "coroutine", "handler"] + ["executor"] * 3:
            pending.append(sleeps.send("GET", f"/{way}"))
            left.callback(pending[-1].leave)
            assert sleeps.get("/deferred").status == 202
        assert not any(map(is_answered, pending))
        assert not sleeps.has_printed("deferred job")
