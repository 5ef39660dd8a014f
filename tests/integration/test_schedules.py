"""Schedules: each slot runs once, whatever happens to the server; overlaps, and missed runs."""

import collections
import datetime
import os
import pathlib
import random
import re
import signal
import sqlite3
import time

import pytest

from harness import (EXIT_OK, LONG, ROOT, UNFINISHED, Server, compile_plugin, run_ferry,
                     wait_until)

KILLS = 100 if LONG else 8
SEED = int(os.environ.get("FERRY_SEED") or random.SystemRandom().randrange(2**32))
DAY_MS = 24 * 60 * 60 * 1000

Run = collections.namedtuple("Run", "schedule slot delivery_id method name type body")


class Slots:
    """The worker `slots`, and what it has written down."""

    def __init__(self, folder, plugin):
        self.plugin = plugin
        self.record = folder / "slots.record"

    def config(self, rest):
        return (f"plugins: [{self.plugin}]\n"
                f"workers:\n"
                f"  slots: {{use: slots, record: {self.record}}}\n{rest}")

    def runs(self):
        text = self.record.read_text() if self.record.exists() else ""
        return [Run(*line.split(" ", 6)) for line in text.splitlines()]

    def wait_runs(self, count):
        wait_until(lambda: len(self.runs()) >= count, f"{count} runs")


@pytest.fixture(scope="module")
def slots_plugin(tmp_path_factory):
    source = pathlib.Path(__file__).with_name("slots.c").read_text()
    return compile_plugin(tmp_path_factory.mktemp("slots"), "slots", source)


@pytest.fixture
def slots(tmp_path, slots_plugin):
    return Slots(tmp_path, slots_plugin)


def slot_ms(run):
    when = datetime.datetime.strptime(run.slot, "%Y-%m-%dT%H:%M:%S.%fZ")
    return round(when.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)


def runs_metric(schedule, outcome):
    return f'ferry_schedule_runs_total{{schedule="{schedule}",outcome="{outcome}"}}'


def wait_at_least(server, series, value):
    wait_until(lambda: server.metric(series) >= value, f"{series} is {value} or more")


def listed(server):
    """What the operator is told of each schedule, by its name."""
    schedules = server.get("/schedules", admin=True).json()["schedules"]
    return {one.pop("name"): one for one in schedules}


def rfc3339(at_ms):
    when = datetime.datetime.fromtimestamp(at_ms // 1000, datetime.timezone.utc)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03}Z"


def unfinished(server):
    return sum(server.metric(f'ferry_jobs{{state="{state}"}}') for state in UNFINISHED)


def last_run_was(folder, schedule, at_ms):
    """Have it on record, for a server that does not run."""
    with sqlite3.connect(folder / "var" / "jobs.db") as database:
        database.execute("INSERT OR REPLACE INTO schedules (name, slot_ms) VALUES (?, ?)",
                         (schedule, at_ms))
    database.close()


# ---- one run a slot ----

EACH_SECOND = """
routes:
  /tick: {worker: slots, mode: defer}
schedules:
  - {name: tick, route: /tick, every: 1s, missed: once}
"""


def test_each_slot_runs_once_over_many_kills(tmp_path, slots, capsys):
    chance = random.Random(SEED)
    server = Server(tmp_path, slots.config(EACH_SECOND))
    for _ in range(KILLS):
        server.start()
        # Around the moment at which a slot comes due, and is written down.
        moment = int(time.time()) + 1 + chance.uniform(-0.02, 0.08)
        wait_until(lambda moment=moment: time.time() >= moment, "a slot comes due")
        server.kill()
    server.start()
    before = len({run.slot for run in slots.runs()})
    try:
        wait_until(lambda: len({run.slot for run in slots.runs()}) >= before + 5, "more slots run")
    finally:
        server.stop()
    server.config.write_text(slots.config(EACH_SECOND.partition("schedules:")[0]))
    server.start()
    try:
        wait_until(lambda: unfinished(server) == 0, "every job has ended")
    finally:
        server.stop()

    jobs = collections.defaultdict(set)  # an attempt may be tried again, a job is there once
    for run in slots.runs():
        jobs[slot_ms(run)].add(run.delivery_id)
    with capsys.disabled():
        print(f"\nseed {SEED}: {KILLS} kills, {len(jobs)} slots, {len(slots.runs())} attempts")
    assert [slot for slot, ids in jobs.items() if len(ids) != 1] == []
    assert [slot for slot in jobs if slot % 1000 != 0] == []
    assert len(jobs) > 4


def test_what_a_run_gets(serve, slots):
    serve(slots.config("""
routes:
  /tick: {worker: slots, mode: either, methods: [POST, PUT]}
schedules:
  - name: tick
    route: /tick
    every: 1s
    jitter: 100ms
    method: PUT
    query: {name: ann}
    body: {to: a@example.org, copies: [2, "3"]}
"""))
    slots.wait_runs(1)
    run = slots.runs()[0]
    assert run.schedule == "tick"
    assert (run.method, run.name, run.type) == ("PUT", "ann", "application/json")
    assert run.body == '{"to":"a@example.org","copies":[2,"3"]}'


# ---- overlaps ----

BLOCKING = """
plugins: [{plugin}]
pools:
  default: {{threads: 4}}
workers:
  {settings}
routes:
  /gate: {{worker: gate, mode: defer, timeout: 0}}
schedules:
  - {{name: slow, route: /gate, every: 1s, overlap: {overlap}}}
"""


def test_a_run_is_skipped_while_the_one_before_has_not_ended(serve, gate):
    server = serve(BLOCKING.format(plugin=gate.plugin, settings=gate.settings(), overlap="false"))
    wait_at_least(server, runs_metric("slow", "overlap"), 2)
    assert server.metric(runs_metric("slow", "added")) == 1
    assert len(gate.runs()) == 1
    server.wait_logged("a scheduled run is skipped", "schedule=slow", "level=info")
    gate.let()
    wait_at_least(server, runs_metric("slow", "added"), 2)


def test_runs_overlap_where_the_schedule_says_so(serve, gate):
    server = serve(BLOCKING.format(plugin=gate.plugin, settings=gate.settings(), overlap="true"))
    wait_until(lambda: len(gate.runs()) >= 2, "two runs at once")
    assert server.metric(runs_metric("slow", "overlap")) == 0


def test_nothing_is_added_in_a_drain(serve, gate):
    server = serve(BLOCKING.format(plugin=gate.plugin, settings=gate.settings(), overlap="false"))
    wait_at_least(server, runs_metric("slow", "overlap"), 1)
    server.terminate()  # the run that is at the gate keeps it from leaving
    server.wait_logged("msg=draining")
    assert listed(server)["slow"]["next_at"] is None
    before = server.metric(runs_metric("slow", "overlap"))
    end = time.time() + 3.5
    wait_until(lambda: time.time() > end, "three slots have passed")
    assert server.metric(runs_metric("slow", "overlap")) <= before + 1  # it was on its way
    gate.let()
    assert server.wait() == EXIT_OK


# ---- missed runs ----

MISSED = """
routes:
  /tick: {worker: slots, mode: defer}
schedules:
  - {name: skips, route: /tick, every: 30d}
  - {name: makes-up, route: /tick, every: 30d, missed: once}
  - {name: nightly, route: /tick, cron: 30 4 * * *, missed: once}
"""


def test_one_run_makes_up_for_what_was_missed(serve, tmp_path, slots):
    server = serve(slots.config(MISSED))
    assert server.metric(runs_metric("makes-up", "missed")) == 0  # it never ran: nothing is missed
    server.stop()
    assert slots.runs() == []
    grid_ms = int(time.time() * 1000) // (30 * DAY_MS) * 30 * DAY_MS
    for name in ("skips", "makes-up"):
        last_run_was(tmp_path, name, grid_ms - 90 * DAY_MS)
    last_run_was(tmp_path, "nightly", int(time.time() * 1000) - 5 * DAY_MS)

    server.start()
    slots.wait_runs(2)
    assert server.metric(runs_metric("skips", "missed")) == 3
    assert server.metric(runs_metric("makes-up", "missed")) == 2
    assert server.metric(runs_metric("nightly", "missed")) == 4
    server.restart()
    wait_until(lambda: unfinished(server) == 0, "every job has ended")
    server.stop()
    runs = {run.schedule: run for run in slots.runs()}
    assert len(slots.runs()) == 2
    assert slot_ms(runs["makes-up"]) == grid_ms
    assert runs["nightly"].slot.endswith("T04:30:00.000Z")


def test_the_log_says_until_when_runs_were_missed_also_past_those_that_are_counted(serve, tmp_path,
                                                                                   slots):
    server = serve(slots.config(EACH_SECOND))
    server.stop()
    last_run_was(tmp_path, "tick", int(time.time() * 1000) - DAY_MS)
    server.start()
    server.wait_logged("scheduled runs were missed, at least so many",
                       "schedule=tick count=1000 until=20")


def test_a_slot_that_ran_does_not_run_again_after_the_clock_was_set_back(serve, tmp_path, slots):
    server = serve(slots.config(EACH_SECOND))
    slots.wait_runs(1)
    server.stop()
    stopped_ms = int(time.time() * 1000)
    ahead_ms = (stopped_ms // 1000 + 3600) * 1000
    last_run_was(tmp_path, "tick", ahead_ms)  # by a clock that was an hour ahead
    server.start()
    server.wait_logged("a schedule waits for the time of its last run to pass", "schedule=tick")
    moment = time.time() + 2
    wait_until(lambda: time.time() >= moment, "two slots come due")
    server.stop()
    assert [run for run in slots.runs() if slot_ms(run) > stopped_ms] == []


# ---- a queue that refuses ----

def test_a_run_that_is_refused_is_tried_again(serve, gate, slots):
    server = serve(f"""
jobs: {{max_pending: 1}}
plugins: [{gate.plugin}, {slots.plugin}]
workers:
  {gate.settings()}
  slots: {{use: slots, record: {slots.record}}}
routes:
  /gate: {{worker: gate, mode: defer, timeout: 0}}
  /tick: {{worker: slots, mode: defer}}
schedules:
  - {{name: tick, route: /tick, every: 1s}}
""")
    wait_until(lambda: server.request("POST", "/gate").status == 202, "the gate's job is accepted")
    server.wait_logged("a scheduled run is not accepted", "schedule=tick", "too many jobs")
    wait_until(lambda: listed(server)["tick"]["pending_at"], "it is told which run waits")
    added = server.metric(runs_metric("tick", "added"))
    gate.let_all()
    wait_at_least(server, runs_metric("tick", "added"), added + 1)


# ---- telling ----

def test_schedules_are_listed_with_their_next_and_last_slots(serve, tmp_path, slots):
    server = serve(slots.config(MISSED))
    server.stop()
    grid_ms = int(time.time() * 1000) // (30 * DAY_MS) * 30 * DAY_MS
    last_run_was(tmp_path, "skips", grid_ms - 60 * DAY_MS)
    server.start()
    told = listed(server)
    assert list(told) == ["skips", "makes-up", "nightly"]
    assert told["skips"] == {
        "route": "/tick", "next_at": rfc3339(grid_ms + 30 * DAY_MS), "pending_at": None,
        "last_at": rfc3339(grid_ms - 60 * DAY_MS),
        "runs": {"added": 0, "overlap": 0, "taken": 0, "missed": 2, "refused": 0}}
    assert told["makes-up"]["last_at"] is None
    assert told["nightly"]["next_at"].endswith("T04:30:00.000Z")


def test_what_has_run_is_the_last_slot(serve, slots):
    server = serve(slots.config(EACH_SECOND))
    slots.wait_runs(1)
    wait_until(lambda: (listed(server)["tick"]["last_at"] or "") >= slots.runs()[0].slot,
               "the run is told")
    told = listed(server)["tick"]
    assert told["next_at"] > told["last_at"]
    assert told["runs"]["added"] >= 1


def test_the_schedules_that_are_listed_are_those_of_the_last_reload(serve, slots):
    server = serve(slots.config(MISSED))
    server.config.write_text(slots.config(MISSED.replace("nightly", "weekly")))
    server.signal(signal.SIGHUP)
    server.wait_logged("msg=reloaded")
    assert list(listed(server)) == ["skips", "makes-up", "weekly"]


# ---- the documentation ----

def test_the_config_of_the_documentation_is_clean(tmp_path):
    text = (ROOT / "docs" / "schedules.md").read_text()
    [config] = re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)
    (tmp_path / "ferry.yaml").write_text(config)
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
