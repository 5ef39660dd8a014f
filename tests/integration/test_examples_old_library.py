"""old_library of examples/: errors, clients that leave, a full queue, and an end that loses none."""

import signal

from examples import example, first_answered
from harness import EXIT_OK, send_signal, wait_until

LONG_MS = 3600 * 1000  # nobody waits for the end of it
ROOM = 2 + 4  # threads, and calls that wait


def full(running):
    """Fill the executor: one request more is answered with 503. Returns those that are in it."""
    pending = [running.send("GET", f"/meters/{1 + i}") for i in range(ROOM + 1)]
    refused, admitted = first_answered(*pending)
    reply = refused.reply()
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    return admitted


def test_a_reading_and_its_error():
    with example("old_library", "127.0.0.1:0", 0) as running:
        assert running.get("/meters/7").json() == {"kwh": 700}
        reply = running.get("/meters/none")
        assert (reply.status, reply.problem()) == (404, "there is no meter none")


def test_who_leaves_ends_the_call():
    with example("old_library", "127.0.0.1:0", LONG_MS) as running:
        for one in full(running):
            one.leave()
        wait_until(lambda: running.log().count("not read") == ROOM + 1, "all calls have ended")


def test_a_call_that_runs_is_told():
    with example("old_library", "127.0.0.1:0", LONG_MS) as running:
        pending = []

        def is_told():
            while pending:
                pending.pop().leave()
            pending.append(running.send("GET", "/meters/7"))
            return "nobody waits for meter 7" in running.log()

        wait_until(is_told, "a call has seen that its client has left")
        pending.pop().leave()


def test_a_drain_loses_nobody():
    with example("old_library", "127.0.0.1:0", 200) as running:
        admitted = full(running)
        send_signal(running.process, signal.SIGTERM)
        assert [one.reply().status for one in admitted] == [200] * ROOM
        assert running.wait() == EXIT_OK  # of itself: a second signal may come too late to be heard
