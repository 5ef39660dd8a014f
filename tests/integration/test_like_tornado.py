"""The same scenarios with Tornado and with ferry: callbacks, results, errors and cancellations.

like_tornado*.py and like_tornado*.c print a line an event. They are the same but for the scenarios
in DIFFERENCES, each of which docs/from-tornado.md explains under its name.
"""

import os
import pathlib
import subprocess

import pytest

from harness import DEADLINE, FERRY, ROOT, SANITIZER

HERE = pathlib.Path(__file__).parent
NUMBERS = [f"number {n}" for n in range(1, 6)]

ANY_ORDER = {"timers_of_equal_times"}  # with Tornado

# What Tornado does, and what ferry does.
DIFFERENCES = {
    "a_timer_whose_time_has_passed": (
        ["0 ms", "a second ago", "two seconds ago"],
        ["a second ago", "0 ms", "two seconds ago"]),
    "timers_of_equal_times": (NUMBERS, NUMBERS),
    "a_loop_that_is_stopped_in_a_turn": (
        ["before", "after", "stopped", "stopped again"],
        ["before", "stopped", "after", "stopped again"]),
    "a_loop_that_is_stopped_before_it_runs": (["callback", "stopped"], ["stopped"]),
    "a_future_not_in_time": (
        ["timeout", "the work goes on"],
        ["the work was cancelled", "timeout"]),
    "all_with_a_failure": (
        ["the other ends", "error no luck"],
        ["the other is cancelled", "error no luck"]),
    "the_first_is_a_failure": (["error no luck"], ["result a"]),
    "a_coroutine_begins": (
        ["begins", "called", "result a"],
        ["called", "begins", "result a"]),
    "a_coroutine_that_is_cancelled": (
        ["begins", "sleep cancelled", "slept", "result a"],
        ["begins", "sleep cancelled", "sleep cancelled", "result a"]),
    "two_handlers_on_one_descriptor": (["refused", "readable"], ["readable", "readable"]),
}


def transcript(*command):
    """{scenario: its events}, in the order of the scenarios."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE,
                          env={**os.environ, "PYTHONWARNINGS": "ignore"})
    assert done.returncode == 0 and not SANITIZER.search(done.stderr), done.stderr
    events = {}
    for line in done.stdout.splitlines():
        scenario, _, event = line.partition(": ")
        events.setdefault(scenario, []).append(event)
    return events


@pytest.fixture(scope="module")
def tornado():
    return transcript("/usr/bin/python3", HERE / "like_tornado.py")


@pytest.fixture(scope="module")
def ferry():
    return transcript(pathlib.Path(FERRY).parent / "tests" / "integration" / "like_tornado")


def test_the_same_scenarios(tornado, ferry):
    assert list(tornado) == list(ferry)
    assert len(ferry) >= 36


def test_the_same_events(tornado, ferry):
    alike = [name for name in ferry if name not in DIFFERENCES]
    assert {name: ferry[name] for name in alike} == {name: tornado[name] for name in alike}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_as_it_is_told(tornado, ferry, name):
    theirs = sorted(tornado[name]) if name in ANY_ORDER else tornado[name]
    assert (theirs, ferry[name]) == DIFFERENCES[name]
    assert f"`{name}`" in (ROOT / "docs" / "from-tornado.md").read_text()
