"""What docs/from-celery.md shows of ferry works as it is written there."""

import re
import textwrap

import pytest

from documents import DEFAULT_ADDRESS, blocks, document, run_block, section
from harness import run_ferry

PAGE = document("docs/from-celery.md")


def python_block(text, part):
    """The one block of Python that has this in it."""
    [block] = [block for block in blocks(text, "python") if part in block]
    return block


def module_for(server):
    """The page's ferry.py, for this server."""
    return python_block(section(PAGE, "Calls"), "def delay").replace(DEFAULT_ADDRESS,
                                                                     server.address)


@pytest.fixture
def delay(server):
    names = {}
    exec(module_for(server), names)
    return lambda *args, **kwargs: names["delay"](*args, **kwargs).split(server.address)[1]


@pytest.fixture(scope="module")
def reports(serve_module):
    text = section(PAGE, "A task")
    (serve_module.folder / "report.py").write_text(python_block(text, "sys.exit"))
    [config] = blocks(text, "yaml")
    return serve_module(config)


@pytest.fixture
def server(reports):
    return reports


def test_the_config_is_clean(server):
    result = run_ferry("check", "-c", "ferry.yaml", cwd=server.folder)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_calls_give_what_is_shown(server):
    [block] = blocks(section(PAGE, "Calls"), "sh")
    run_block(block, server)


def test_a_run_by_the_schedule_is_about_the_month_before_its_slot(server):
    place = server.post_job("/report", {}, headers={"Ferry-Slot": "2024-03-01T04:00:00Z"})
    job = server.wait_job(place, "succeeded")
    assert job["result"]["body"] == {"month": "2024-02", "days": 29}


def test_what_is_for_good_is_not_tried_again(server):
    for arguments in {"month": "never"}, {"year": "2026"}, {}:
        job = server.wait_job(server.post_job("/report", arguments), "dead")
        assert (job["attempt"], job["error"]["code"]) == (1, "unprocessable")


def test_delay_makes_a_job(server, delay):
    job = server.wait_job(delay("/report", month="2024-02"), "succeeded")
    assert job["result"]["body"] == {"month": "2024-02", "days": 29}


def test_delay_with_a_countdown_makes_one_for_later(server, delay):
    place = delay("/report", countdown=3600, month="2024-02")
    assert server.get(place).json()["state"] == "scheduled"


def test_delay_with_a_key_makes_one_job(server, delay):
    assert len({delay("/report", key="k", month="2024-02") for _ in range(3)}) == 1


def test_a_task_that_hands_its_work_on_makes_one_job(server, delay):
    celery = pytest.importorskip("celery")
    indented = re.search(r"^   ```python\n(.*?)^   ```$", PAGE, re.M | re.S)[1]
    names = {"app": celery.Celery("tasks"), "delay": delay}
    exec(textwrap.dedent(indented), names)
    delivered = [names["report"].apply(kwargs={"month": "2024-02"}, task_id="0c9a")
                 for _ in range(2)]
    [place] = {result.get() for result in delivered}
    server.wait_job(place, "succeeded")


# ---- chords ----

def test_the_end_of_a_chord_is_one_job(serve, tmp_path):
    text = section(PAGE, "Chains and chords")
    [config] = blocks(text, "yaml")
    (tmp_path / "part.py").write_text(python_block(text, "rename"))
    (tmp_path / "total.py").write_text(python_block(text, "sum("))
    server = serve(config)
    (tmp_path / "ferry.py").write_text(module_for(server))
    parts = [server.post_job("/part", {"chord": "totals-7", "part": part, "of": 3})
             for part in (1, 2, 3)]
    for place in parts:
        server.wait_job(place, "succeeded")
    [end] = server.get("/jobs?route=/total", admin=True).json()["jobs"]
    assert server.wait_job(f"/jobs/{end['id']}", "succeeded")["result"]["body"] == "14\n"
    again = server.post_job("/part", {"chord": "totals-7", "part": 1, "of": 3})
    server.wait_job(again, "succeeded")  # a repetition of a part
    assert len(server.get("/jobs?route=/total", admin=True).json()["jobs"]) == 1
