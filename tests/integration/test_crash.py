"""202 means on disk: a server that is killed again and again loses no e-mail that it accepted."""

import contextlib
import http.client
import json
import os
import random
import threading

from harness import LONG, wait_until
from kills import Run

KILLS = 300 if LONG else 50
SHORT_KILLS = 50 if LONG else 8
CLIENTS = 16
SEED = int(os.environ.get("FERRY_SEED") or random.SystemRandom().randrange(2**32))


def test_no_accepted_email_is_lost_over_many_kills(tmp_path, capsys):
    with contextlib.closing(Run(tmp_path, SEED)) as run:
        run.kill(KILLS // 2)
    with contextlib.closing(Run(tmp_path, SEED + 1)) as run:  # an interrupted run goes on
        run.kill(KILLS)
        counts = run.finish()
    with capsys.disabled():
        print(f"\nseed {SEED}: {counts}")
    assert counts["kills"] == KILLS
    assert counts["accepted"] > KILLS


def accept_until_killed(server, accepted, wanted):
    """Many clients post short jobs; returns when enough are accepted and the server is killed."""
    def client():
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = server.connect()
            while True:
                connection.request("POST", "/noop", body=b"x")
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 202:
                    accepted.append(json.loads(body)["id"])

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    wait_until(lambda: len(accepted) >= wanted, f"{wanted} jobs are accepted")
    server.kill()
    for thread in clients:
        thread.join()


def test_no_accepted_short_job_is_lost_over_many_kills(serve):
    """They go into the journal, and get their rows later."""
    accepted = []
    server = serve("routes: {/noop: {worker: noop, methods: [POST], mode: defer}}\n"
                   "jobs: {max_crashes: 0}\n")
    chance = random.Random(SEED)
    for _ in range(SHORT_KILLS):
        accept_until_killed(server, accepted, len(accepted) + chance.randrange(100, 400))
        server.start()
    assert len(set(accepted)) == len(accepted)
    for job in accepted:
        server.wait_job(f"/jobs/{job}", "succeeded")
