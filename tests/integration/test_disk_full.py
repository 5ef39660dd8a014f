"""A full disk: 507 for new jobs, all else goes on, and it needs no restart when there is room again."""

import pytest

from harness import EXIT_OK, EXIT_RUNTIME, SmallDisk, wait_until

CONFIG = """
drain: 3s  # on a full disk it lasts as long as it may
plugins: [{plugin}]
workers:
  {gate}
pools:
  default: {{threads: 2}}
  slow: {{threads: 2, queue: 100}}
routes:
  /live: {{worker: echo, methods: [POST]}}
  /gate: {{worker: gate, pool: slow, methods: [POST], mode: defer, timeout: 0}}
"""
JOB = b"x" * 50_000
NOBODY = "/jobs/" + "0" * 32


@pytest.fixture
def disk(tmp_path):
    try:
        disk = SmallDisk(tmp_path, "64m")
    except PermissionError as error:
        pytest.skip(f"{error}: run it as root, or allow user namespaces")
    disk.fill(20 << 20 >> 12)  # somebody else's; what is left is for the server
    yield disk
    disk.close()


@pytest.fixture
def server(disk, gate, serve):
    return serve(CONFIG.format(plugin=gate.plugin, gate=gate.settings()),
                 args=["--set", f"state={disk.path}"], starter=disk.starter)


def post(server, body=JOB, name="a"):
    return server.request("POST", f"/gate?name={name}", body=body)


def fill_with_jobs(server):
    """Post jobs until one is refused; returns the paths of the others, and the refusal."""
    accepted = []
    while True:
        reply = post(server)
        if reply.status != 202:
            return accepted, reply
        accepted.append(reply.headers["Location"])


def states(server, jobs):
    replies = [server.get(job) for job in jobs]
    assert [reply.status for reply in replies] == [200] * len(jobs)
    return [reply.json()["state"] for reply in replies]


def accepts_again(server):
    reply = post(server, b"small")
    assert reply.status in (202, 503, 507), reply.body
    return reply.status == 202 and reply.headers["Location"]


def test_a_full_disk_is_507_for_new_jobs_and_nothing_else(server, disk, gate):
    jobs, refusal = fill_with_jobs(server)
    assert len(jobs) > 10
    assert refusal.status == 507
    assert refusal.problem()
    live = server.request("POST", "/live", body=b"still here")
    assert (live.status, live.body) == (200, b"still here")
    assert server.get("/livez").status == 200
    assert set(states(server, jobs)) == {"queued", "running"}
    assert server.get(NOBODY).status == 404
    disk.free()  # else the end of the server waits for it


def test_a_full_disk_is_counted_and_does_not_fill_the_log(server, disk):
    fill_with_jobs(server)
    before = server.metric("ferry_store_failed_total")
    for _ in range(20):
        assert post(server).status == 507
    assert server.metric("ferry_store_failed_total") == before + 20
    lines = [line for line in server.log().splitlines() if "is full" in line]
    assert all("the last 16 MiB are for the jobs in it" in line for line in lines)
    assert any('msg="requests are refused"' in line for line in lines)
    assert len(lines) < 10
    disk.free()


def test_a_start_that_finds_no_room_says_where_to_make_some(server, disk):
    server.stop()
    for file in disk.ballast.parent.glob("jobs.db*"):
        file.unlink()
    disk.fill()
    server.launch()
    assert server.wait() == EXIT_RUNTIME
    assert f"{disk.path}/jobs.db: the disk is full; make room" in server.log()


def test_a_start_whose_log_has_no_room_says_so_too(server, disk):
    server.stop()
    (disk.ballast.parent / "jobs.db-reserve").unlink()
    disk.fill()
    server.launch()
    assert server.wait() == EXIT_RUNTIME
    assert f"{disk.path}/jobs.db: the disk is full; make room" in server.log()


def test_jobs_are_accepted_again_without_a_restart_when_there_is_room(server, disk, gate):
    jobs, _ = fill_with_jobs(server)
    disk.fill()
    assert post(server).status in (503, 507)
    disk.free()
    jobs.append(wait_until(lambda: accepts_again(server), "a job is accepted"))
    gate.let_all()
    for job in jobs:
        server.wait_job(job, "succeeded")


def test_jobs_that_have_filled_the_disk_can_end_and_so_make_room(server, gate):
    jobs, _ = fill_with_jobs(server)
    gate.let_all()
    for job in jobs:
        server.wait_job(job, "succeeded")
    assert wait_until(lambda: accepts_again(server), "a job is accepted")


def test_jobs_that_end_on_a_full_disk_have_ended_once_there_is_room_again(server, disk, gate):
    jobs, _ = fill_with_jobs(server)
    wait_until(lambda: len(gate.runs()) == 2, "two of them run")
    disk.fill()
    gate.let(2)
    assert set(states(server, jobs)) <= {"queued", "running", "succeeded"}
    disk.free()
    gate.let_all()
    for job in jobs:
        ended = server.wait_job(job, "succeeded")
        assert (ended["attempt"], ended["crashes"]) == (1, 0)


def test_a_server_that_is_killed_on_a_full_disk_has_every_accepted_job(server, disk, gate):
    jobs, _ = fill_with_jobs(server)
    disk.fill()
    server.kill()
    server.launch()  # may start, and may give up and say why; it must not give up the jobs
    wait_until(lambda: server.has_logged("msg=serving") or server.process.poll() is not None,
               "it serves or has ended")
    if server.process.poll() is None:
        server.wait_serving()
        server.stop()
    else:
        assert server.wait() != EXIT_OK
        assert "set aside" not in server.log()
    disk.free()
    server.start()
    gate.let_all()
    for job in jobs:
        server.wait_job(job, "succeeded")


@pytest.fixture
def server_with_ended_jobs(server, gate):
    """A server whose log is empty, as after any start."""
    jobs, _ = fill_with_jobs(server)
    gate.let_all()
    for job in jobs:
        server.wait_job(job, "succeeded")
    server.stop()
    server.start()
    server.ended = len(jobs)
    return server


def delete_all(server):
    reply = server.request("DELETE", "/jobs?state=succeeded", admin=True)
    assert (reply.status, reply.json()) == (200, {"changed": server.ended})


def test_where_not_a_byte_is_free_jobs_can_be_deleted(server_with_ended_jobs, disk):
    disk.fill()
    delete_all(server_with_ended_jobs)
    disk.free()


def test_where_not_a_byte_is_free_a_server_starts_and_jobs_can_be_deleted(
        server_with_ended_jobs, disk):
    server_with_ended_jobs.stop()
    disk.fill()
    server_with_ended_jobs.start()
    disk.fill()
    delete_all(server_with_ended_jobs)
    disk.free()


def test_where_not_a_byte_is_free_what_a_drain_interrupts_counts_no_crash(server, disk, gate):
    gate.let(20)
    for _ in range(20):  # so that jobs of its route are short ones, and need no row
        server.wait_job(post(server, b"small").headers["Location"], "succeeded")
    jobs = [post(server, b"x" * 3900).headers["Location"] for _ in range(12)]
    wait_until(lambda: len(gate.runs()) == 22, "two of them run")
    disk.fill()
    server.stop()
    disk.free()
    server.start()
    gate.let_all()
    for job in jobs:
        ended = server.wait_job(job, "succeeded")
        assert (ended["attempt"], ended["crashes"]) == (1, 0)
