"""The exec worker: a program behind HTTP, and nothing of it left behind."""

import pathlib

import pytest

from harness import wait_until

CONFIG = """
pools:
  default: {{threads: 2}}
workers:
  upper: {{use: exec, command: [tr, a-z, A-Z], content_type: text/plain}}
  fail: {{use: exec, command: [sh, -c, "echo the very reason >&2; exit 3"]}}
  killed: {{use: exec, command: [sh, -c, "kill -9 $$"]}}
  shout: {{use: exec, command: [yes], stdout_limit: 64KiB}}
  deaf: {{use: exec, command: ["true"]}}
  environment: {{use: exec, command: [env], params: [size], env: [MODE=fast]}}
  family:
    use: exec
    command:
      - sh
      - -c
      - "sleep 3600 & echo $! > {folder}/grandchild.new; mv {folder}/grandchild.new {folder}/grandchild; wait"
routes:
  /upper: {{worker: upper, methods: [POST]}}
  /fail: {{worker: fail}}
  /killed: {{worker: killed}}
  /shout: {{worker: shout}}
  /deaf: {{worker: deaf, methods: [POST]}}
  /environment: {{worker: environment}}
  /short: {{worker: family, timeout: 200ms}}
  /long: {{worker: family, timeout: 0}}
"""


@pytest.fixture
def server(serve, tmp_path):
    return serve(CONFIG.format(folder=tmp_path))


def read_grandchild(server):
    """The process number of the program's own child, once there is one."""
    path = server.folder / "grandchild"
    wait_until(path.exists, "the grandchild runs")
    return int(path.read_text())


def is_gone(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"  # killed; its new parent has not looked yet


def test_a_program_reads_the_body_and_writes_the_answer(server):
    reply = server.request("POST", "/upper", body=b"from ferry")
    assert (reply.status, reply.body) == (200, b"FROM FERRY")
    assert reply.headers["Content-Type"] == "text/plain"


def test_a_body_larger_than_any_pipe_goes_through(server):
    body = b"abcdefg\n" * 131072
    assert server.request("POST", "/upper", body=body).body == body.upper()


def test_a_program_need_not_read_its_input(server):
    reply = server.request("POST", "/deaf", body=b"x" * 1048576)
    assert (reply.status, reply.body) == (200, b"")


def test_a_failing_program_is_502_with_the_end_of_its_errors(server):
    reply = server.get("/fail")
    assert reply.status == 502
    assert "the very reason" in reply.problem()
    assert "3" in reply.problem()
    server.wait_logged("the very reason")
    assert server.get("/killed").status == 502
    server.wait_logged("signal=9")


def test_a_program_that_says_too_much_is_stopped(server):
    reply = server.get("/shout")
    assert reply.status == 500
    assert "65536" in reply.problem()


def test_a_program_sees_what_the_config_allows_and_no_more(server):
    server.stop()
    server.env["SECRET_OF_THE_SERVER"] = "1"
    server.start()
    lines = server.get("/environment?size=64&other=1").text().splitlines()
    assert {"FERRY_METHOD=GET", "FERRY_ATTEMPT=1", "FERRY_PARAM_size=64", "MODE=fast"} <= set(lines)
    assert not [line for line in lines if "other" in line or "SECRET" in line]


def test_a_program_knows_for_which_time_of_which_schedule_it_runs(serve):
    server = serve("workers: {env: {use: exec, command: [env], content_type: text/plain}}\n"
                   "routes: {/env: {worker: env, mode: defer}}\n"
                   "schedules: [{name: tick, route: /env, every: 1s}]\n")
    def ended():
        jobs = server.get("/jobs?state=succeeded", admin=True).json()["jobs"]
        return jobs and jobs[-1]

    job = wait_until(ended, "a slot has had its run")
    lines = server.get(f"/jobs/{job['id']}/result").text().splitlines()
    assert "FERRY_SCHEDULE=tick" in lines
    [slot] = [line.partition("=")[2] for line in lines if line.startswith("FERRY_SLOT=")]
    assert slot.endswith(".000Z") and slot <= job["created_at"]


def test_the_deadline_kills_the_whole_group(server):
    while not (server.folder / "grandchild").exists():
        assert server.get("/short").status == 504  # on a busy machine it may come before that
    grandchild = read_grandchild(server)
    wait_until(lambda: is_gone(grandchild), "the grandchild is killed")
    server.wait_busy(0)
    assert server.metric('ferry_stuck_threads{pool="default"}') == 0


def test_a_client_that_leaves_kills_the_whole_group(server):
    call = server.send("GET", "/long")
    grandchild = read_grandchild(server)
    assert not is_gone(grandchild)
    call.leave()
    wait_until(lambda: is_gone(grandchild), "the grandchild is killed")
    server.wait_busy(0)


def test_a_forced_exit_leaves_no_program_behind(server):
    connection = server.connect()
    connection.request("GET", "/long")
    grandchild = read_grandchild(server)
    server.terminate()
    wait_until(lambda: server.has_logged("msg=draining"), "the drain begins")
    server.terminate()
    assert server.wait() == 0
    wait_until(lambda: is_gone(grandchild), "the grandchild is killed")
    connection.close()
