"""ferry jobs watch: a job followed to its end, on a terminal and elsewhere."""

import datetime
import json
import re
import select
import subprocess

import pytest

from harness import DEADLINE, EXIT_OK, EXIT_RUNTIME, FERRY, run_ferry, wait_until
from jobs_command import CONFIG, NOBODY, EventServer, Jobs


@pytest.fixture
def jobs(serve):
    return Jobs(serve(CONFIG))


@pytest.fixture
def stepping(serve, steps):
    """A server with a worker that reports progress as it is told, and the worker."""
    server = serve(f"plugins: [{steps.plugin}]\nworkers: {{{steps.settings()}}}\n"
                   "routes: {/steps: {worker: steps, mode: defer, retry: {backoff: 1ms..1ms}}}\n")
    return Jobs(server), steps


def test_watch_draws_a_progress_bar_on_a_terminal(stepping):
    jobs, steps = stepping
    run = jobs.on_terminal("watch", jobs.post("/steps"), columns=61)
    run.wait_shown("running")
    steps.tell("25 a quarter")
    run.wait_shown("\r[====>               ]  25% a quarter\033[K")
    steps.tell("100 done")
    run.wait_shown("\r[====================] 100% done\033[K")
    steps.tell("end")
    assert run.end()[0] == EXIT_OK
    assert re.search(r"\r\x1b\[K\rsucceeded after \d+s\x1b\[K\n$", run.text())


def test_watch_writes_plain_lines_elsewhere(stepping):
    jobs, steps = stepping
    run = jobs.on_terminal("watch", jobs.post("/steps"), streams=["stderr"])
    steps.tell("25 a quarter")
    id = jobs.json("list")[0]["id"]
    wait_until(lambda: jobs.server.get(f"/jobs/{id}").json()["progress"], "there is progress")
    steps.tell("end")
    code, out = run.end()
    assert code == EXIT_OK
    assert "\r" not in out and "\033" not in out
    assert re.search(r"^succeeded after \d+s$", out.splitlines()[-1])


def test_watch_ends_with_1_when_the_job_does_not_succeed(jobs):
    result = jobs("watch", jobs.dead(), code=EXIT_RUNTIME)
    assert re.search(r"^dead after \d+s: invalid: ms: a whole number", result.stdout)
    later = jobs.later()
    jobs("cancel", later)
    assert jobs("watch", later, code=EXIT_RUNTIME).stdout.startswith("cancelled after ")


def test_watch_tells_of_each_attempt(stepping):
    jobs, steps = stepping
    run = jobs.on_terminal("watch", jobs.post("/steps"))
    run.wait_shown("running")
    steps.tell("fail the peer is away")
    run.wait_shown("running, attempt 2")
    steps.tell("end")
    assert run.end()[0] == EXIT_OK
    assert re.search(r"succeeded after \d+s, attempt 2", run.text())


def test_watch_as_json_is_a_line_for_each_event(jobs):
    id = jobs.succeeded()
    lines = jobs("watch", id, "--json").stdout.splitlines()
    job = json.loads(lines[-1])
    assert (job["id"], job["state"], job["result"]["body"]) == (id, "succeeded", "hello")


def test_each_event_is_written_when_it_comes(stepping):
    jobs, steps = stepping
    args = [FERRY, "jobs", "watch", jobs.post("/steps"), "--json", *jobs.where]
    with subprocess.Popen(args, cwd=jobs.server.folder, stdout=subprocess.PIPE) as watch:
        is_there, _, _ = select.select([watch.stdout], [], [], DEADLINE)
        steps.tell("end")
        assert is_there
        watch.communicate(timeout=DEADLINE)
    assert watch.returncode == EXIT_OK


def test_watch_goes_on_when_the_server_was_restarted(tmp_path, serve, steps):
    server = serve(f"plugins: [{steps.plugin}]\nworkers: {{{steps.settings()}}}\ndrain: 100ms\n"
                   "routes: {/steps: {worker: steps, mode: defer}}\n",
                   args=["--set", "admin.listen=unix:admin.sock"])
    jobs = Jobs(server)
    run = jobs.on_terminal("watch", jobs.post("/steps"))
    run.wait_shown("running")
    server.restart()
    run.wait_shown("the connection is lost")
    steps.tell("end", "end")
    assert run.end()[0] == EXIT_OK
    assert "succeeded" in run.text()


def event(number, name, **data):
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n"


def watch_lines(tmp_path, *pieces, code=EXIT_OK):
    """What is written, line by line, of the stream that a server gives."""
    server = EventServer(*pieces)
    result = run_ferry("jobs", "watch", NOBODY, "--admin", server.address, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    server.thread.join()
    return result.stdout.splitlines(), result.stderr


def test_a_line_tells_what_is_known_of_a_state(tmp_path):
    due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2.99)
    failed = {"code": "transient", "message": "the peer is away"}
    lines, _ = watch_lines(
        tmp_path,
        event(1, "state", state="running", attempt=1, started_at=due.isoformat())
        + event(2, "progress", fraction=0.25)
        + event(3, "progress", fraction=0.5, message="half")
        + event(4, "state", state="retrying", attempt=2, run_at=due.strftime("%Y-%m-%dT%H:%M:%SZ"),
                error=failed)
        + event(5, "state", state="running", attempt=2)
        + event(6, "end", state="dead", attempt=2, error=failed), code=EXIT_RUNTIME)
    assert lines == ["running", " 25% running", " 50% half",
                     "retrying, attempt 2, due in 2h 59m: transient: the peer is away",
                     "running, attempt 2", "dead, attempt 2: transient: the peer is away"]


FIRST_EVENT = 'retry: 100\n\nid: 3.1\nevent: progress\ndata: {"fraction": 0.5, "message": "half"}\n\n'
LAST_EVENT = 'id: 4\nevent: end\ndata: {"state": "succeeded"}\n\n'


def test_a_stream_that_broke_off_is_taken_up_behind_the_last_event(tmp_path):
    server = EventServer(FIRST_EVENT + "id: 3.2\ndata: torn", ": nothing new\n\n", LAST_EVENT)
    result = run_ferry("jobs", "watch", NOBODY, "--json", "--admin", server.address, cwd=tmp_path)
    server.thread.join()
    assert (result.returncode, result.stderr) == (EXIT_OK, "")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"fraction": 0.5, "message": "half"}, {"state": "succeeded"}]
    ids = [re.findall(r"^Last-Event-ID: (.*?)\r$", request, re.M) for request in server.requests]
    assert ids == [[], ["3.1"], ["3.1"]]


def test_a_server_that_does_not_come_back_is_given_up(tmp_path):
    server = EventServer(FIRST_EVENT)
    result = run_ferry("jobs", "watch", NOBODY, "--admin", server.address, cwd=tmp_path)
    server.thread.join()
    assert result.returncode == EXIT_RUNTIME
    assert result.stdout == " 50% half\nthe connection is lost; connecting again\n"
    assert "cannot reach the admin listener" in result.stderr


def test_a_job_that_is_gone_meanwhile_is_given_up_at_once(tmp_path):
    gone = (b"HTTP/1.1 410 Gone\r\nContent-Type: application/problem+json\r\nConnection: close\r\n\r\n"
            b'{"status": 410, "detail": "this job was deleted"}')
    lines, told = watch_lines(tmp_path, FIRST_EVENT, gone, code=EXIT_RUNTIME)
    assert lines == [" 50% half", "the connection is lost; connecting again"]
    assert NOBODY in told and "this job was deleted" in told


def test_a_stream_that_breaks_off_often_and_goes_on_is_not_given_up(tmp_path):
    pieces = ["retry: 1\n\n" + event(n, "progress", fraction=n / 100) for n in range(1, 33)]
    lines, _ = watch_lines(tmp_path, *pieces, event(33, "end", state="succeeded", attempt=1))
    assert lines[-1] == "succeeded"
