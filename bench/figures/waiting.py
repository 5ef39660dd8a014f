"""ferry with a million jobs that wait for a time far off: does it start, and are others that are due
accepted and run as fast as beside a thousand?"""

import contextlib
import pathlib
import sqlite3
import tempfile
import time

from lib import machine
from lib.figure import Figure, at_least
from lib.queues import FERRY_JOBS, FerryJobs

CLIENTS = 64
WARM_SECONDS = 1
SECONDS = 3
MANY, FEW = 1000000, 1000


class Few(FerryJobs):
    name = "ferry_few"
    title = f"ferry, {FEW:,} waiting"


FEW_WAITING = Few()
CONTENDERS = [FERRY_JOBS, FEW_WAITING]
WAITING = {FERRY_JOBS.name: MANY, FEW_WAITING.name: FEW}

WHERE = f"with {MANY:,} jobs waiting"
FIGURES = [
    # No slower; what two runs of the same differ by is not slowness.
    Figure("waiting_completed", f"durable jobs completed {WHERE}, {CLIENTS} connections", "jobs/s",
           "more", (at_least(0.95, FEW_WAITING),)),
    Figure("waiting_accepted", f"durable jobs accepted {WHERE}, {CLIENTS} connections", "jobs/s",
           "more", (at_least(0.95, FEW_WAITING),)),
    Figure("waiting_start", f"start {WHERE}, the database checked", "s", "less"),
    Figure("waiting_memory", f"memory after the run {WHERE}", "MiB", "less"),
]

states = {}  # {contender: the folder with its database}, gone with this program

# What a copy of a row does not have in common with it; `i` counts them.
OF_ITS_OWN = {"job": "job + i", "id": "randomblob(16)", "delivery_id": "randomblob(16)",
              "run_at_ms": "run_at_ms + 1000 * i"}


def copy_job(database, count):
    """Make that many of the one job that the server has accepted itself."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        for table in ("jobs", "inputs"):
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(OF_ITS_OWN.get(column, column) for column in columns)
            db.execute(f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?)"
                       f" INSERT INTO {table} SELECT {values} FROM n, (SELECT * FROM {table})",
                       (count - 1,))
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def state(queue):
    """The folder with its jobs, as the round before has left it."""
    if queue.name not in states:
        states[queue.name] = tempfile.TemporaryDirectory(dir=machine.BUILD, prefix="waiting-")
        folder = states[queue.name].name
        with queue.serve(folder) as server:
            server.enqueue(1, 1, "--header", "Ferry-Delay: 720h", jobs=1)
        copy_job(pathlib.Path(folder, "var", "jobs.db"), WAITING[queue.name])
    return states[queue.name].name


def measure_one(_context, queue):
    folder = state(queue)
    began = time.monotonic()
    with queue.serve(folder) as server:
        took = time.monotonic() - began
        server.enqueue_and_run(CLIENTS, WARM_SECONDS)
        rates = server.enqueue_and_run(CLIENTS, SECONDS)
        memory = server.memory_mib()
    return {"waiting_completed": rates.completed, "waiting_accepted": rates.accepted,
            "waiting_start": took, "waiting_memory": memory}


def measure(context):
    return context.each(CONTENDERS, measure_one)
