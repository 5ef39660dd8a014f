"""202 means on disk: a server that is killed again and again loses no e-mail that it accepted."""

import contextlib
import os
import random

from harness import LONG
from kills import Run

KILLS = 300 if LONG else 50
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
