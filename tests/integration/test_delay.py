"""Ferry-Delay and Ferry-Run-At: a job that is not due yet, and what is wrong with asking so."""

import datetime

import pytest

from harness import wait_until

CONFIG = """
routes:
  /later: {worker: echo, methods: [POST], mode: defer}
  /echo: {worker: echo, methods: [POST], mode: either}
  /call: {worker: echo, methods: [POST]}
"""


@pytest.fixture
def server(serve):
    return serve(CONFIG)


def post(server, path="/later", **headers):
    names = {"delay": "Ferry-Delay", "run_at": "Ferry-Run-At", "prefer": "Prefer",
             "key": "Idempotency-Key"}
    return server.request("POST", path, body=b"x",
                          headers={names[name]: value for name, value in headers.items()})


def read_time(text):
    return datetime.datetime.fromisoformat(text)


def in_utc(seconds):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


def test_a_delayed_job_is_scheduled_until_it_is_due(server):
    reply = post(server, delay="1h")
    assert reply.json()["state"] == "scheduled"
    assert reply.headers["Retry-After"] == "60"
    polled = server.get(reply.headers["Location"])
    job = polled.json()
    assert (job["state"], job["attempt"], job["started_at"]) == ("scheduled", 0, None)
    assert read_time(job["run_at"]) - read_time(job["created_at"]) == datetime.timedelta(hours=1)
    assert polled.headers["Retry-After"] == "60"


def test_a_delayed_job_runs_when_it_is_due_and_not_before(server):
    job = server.wait_job(post(server, delay="300ms").headers["Location"], "succeeded")
    assert read_time(job["started_at"]) >= read_time(job["run_at"]) > read_time(job["created_at"])


def test_a_job_runs_at_its_time(server):
    when = in_utc(0.5)
    job = server.wait_job(post(server, run_at=when.isoformat()).headers["Location"], "succeeded")
    assert read_time(job["started_at"]) >= read_time(job["run_at"])
    assert abs(read_time(job["run_at"]) - when) < datetime.timedelta(milliseconds=2)


def test_what_is_due_already_runs_at_once(server):
    for headers in {"run_at": "2001-01-01T00:00:00Z"}, {"delay": "0"}:
        reply = post(server, **headers)
        assert reply.json()["state"] != "scheduled"
        server.wait_job(reply.headers["Location"], "succeeded")


def test_a_delay_outlasts_a_restart(server):
    place = post(server, delay="1h").headers["Location"]
    before = server.get(place).json()
    server.restart()
    after = server.get(place).json()
    assert (after["state"], after["run_at"]) == ("scheduled", before["run_at"])


def test_what_falls_due_while_the_server_is_down_runs_at_the_start(server):
    place = post(server, run_at=in_utc(1).isoformat()).headers["Location"]
    server.kill()
    due = in_utc(1)
    wait_until(lambda: in_utc(0) > due, "it is due")
    server.start()
    server.wait_job(place, "succeeded")


@pytest.mark.parametrize("name, value", [
    ("delay", "soon"), ("delay", "30"), ("delay", "-1s"), ("delay", ""), ("delay", "4000d"),
    ("run_at", "tomorrow"), ("run_at", "2026-02-30T00:00:00Z"), ("run_at", "2026-01-01T00:00:00"),
    ("run_at", "9999-12-31T23:59:59Z"), ("run_at", "")])
def test_a_time_that_is_none_is_refused_by_name(server, name, value):
    reply = post(server, **{name: value})
    assert reply.status == 400
    assert {"delay": "Ferry-Delay", "run_at": "Ferry-Run-At"}[name] in reply.problem()


def test_a_delay_and_a_time_exclude_each_other(server):
    reply = post(server, delay="1s", run_at=in_utc(1).isoformat())
    assert reply.status == 400
    assert "Ferry-Delay and Ferry-Run-At" in reply.problem()


@pytest.mark.parametrize("headers", [{"delay": "1s"}, {"run_at": "2026-01-01T00:00:00Z"}])
@pytest.mark.parametrize("path", ["/call", "/echo"])
def test_what_runs_at_once_cannot_be_delayed(server, path, headers):
    reply = post(server, path, **headers)
    assert reply.status == 400
    assert "this route runs at once" in reply.problem()
    if path == "/echo":
        assert post(server, path, prefer="respond-async", delay="1h").status == 202


@pytest.mark.parametrize("path", ["/later", "/call", "/echo"])
def test_a_slip_in_the_name_of_a_header_is_refused(server, path):
    reply = server.request("POST", path, headers={"Ferry-Line": "7", "Ferry-Delai": "1h"})
    assert reply.status == 400
    assert "Ferry-Delai: there is no such header; did you mean Ferry-Delay?" in reply.problem()
    assert server.request("POST", path, headers={"Ferry-Line": "7"}).status < 300


def test_what_is_for_the_route_is_not_part_of_the_job(server):
    headers = {"Ferry-Delay": "3597s", "Prefer": "respond-async, for-the-route", "X-Other": "kept"}
    assert server.request("POST", "/later", headers=headers).status == 202
    server.kill()
    files = [path for path in (server.folder / "var").rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert b"kept" in content
    assert b"3597s" not in content and b"for-the-route" not in content


def test_a_delayed_job_can_be_cancelled(server):
    place = post(server, delay="1h").headers["Location"]
    reply = server.request("DELETE", place)
    assert (reply.status, reply.json()["state"]) == (200, "cancelled")
    assert server.request("DELETE", place).status == 409
    assert server.get(place + "/result").status == 410
