"""Isolated workers: what goes wrong in one is the end of one call, and of nothing else."""

import json
import os
import pathlib
import signal

import pytest

from harness import EXIT_OK, compile_plugin, run_ferry, send_signal, wait_until
from test_log_pipe import Unread

PLUGIN = pathlib.Path(__file__).with_name("wild.c").read_text()

CONFIG = """
plugins: [{plugin}]
pools:
  default: {{threads: 1, queue_timeout: 60s}}
workers:
  lone:
    use: wild
    isolated: true
    word: one
    list: [a, b]
    map: {{inner: deep}}
limits: {{body_bytes: 16MiB}}
routes:
  /wild/{{id}}: {{worker: lone, timeout: 60s, methods: [GET, POST]}}
  /short: {{worker: lone, timeout: 200ms}}
  /job/{{id}}: {{worker: lone, mode: defer, methods: [POST], retry: {{attempts: 2, backoff: 1ms..1ms}}}}
"""

HEADERS = {"X-From": "a test"}


@pytest.fixture(scope="module")
def wild_plugin(tmp_path_factory):
    return compile_plugin(tmp_path_factory.mktemp("wild"), "wild", PLUGIN)


@pytest.fixture
def server(serve, wild_plugin):
    return serve(CONFIG.format(plugin=wild_plugin))


def ask(server):
    """What a call of now says, and so which process answers."""
    reply = server.get("/wild/42", headers=HEADERS)
    assert reply.status == 200, reply.body
    return reply.json()


def is_gone(pid):
    return not pathlib.Path(f"/proc/{pid}").exists()


def is_zombie(pid):
    """Whether it has ended, with all of its threads, and nobody has asked how."""
    return (pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
            and len(os.listdir(f"/proc/{pid}/task")) == 1)


def ends(server, reason):
    return server.metric(f'ferry_worker_process_ends_total{{reason="{reason}"}}')


def test_a_call_sees_all_that_it_sees_elsewhere(server):
    reply = server.request("POST", "/wild/42", headers=HEADERS)
    assert reply.headers["X-Worker"] == "wild"
    said = reply.json()
    assert said.pop("pid") not in (server.process.pid, os.getpid())
    assert said == {"method": "POST", "id": "42", "header": "a test", "word": "one", "list": "a,b",
                    "inner": "deep", "attempt": 1, "has_deadline": True, "memory": "",
                    "delivery_id": 32}


def test_one_process_has_all_calls_of_a_thread(server):
    assert ask(server)["pid"] == ask(server)["pid"]
    assert server.metric("ferry_worker_processes") == 1


@pytest.mark.parametrize("length", [0, 1, 65536, 5_000_000])
def test_bodies_pass_as_they_are(server, length):
    body = os.urandom(length)
    for _ in range(2):
        reply = server.request("POST", "/wild/1?do=echo", body=body)
        assert (reply.status, reply.body) == (200, body)


@pytest.mark.parametrize("how, end", [
    ("die", "SIGKILL"), ("exit", "exit code 7"), ("fork", "SIGKILL"), ("close", "exit code 1")])
def test_a_crash_is_the_end_of_one_call(server, how, end):
    before = ask(server)["pid"]
    reply = server.get(f"/wild/1?do={how}")
    assert reply.status == 502
    assert reply.problem() == f"lone crashed: its process has ended with {end}"
    server.wait_logged("a worker's process has crashed", "worker=lone", f"process={before}", end)
    assert ask(server)["pid"] != before
    assert is_gone(before)
    assert ends(server, "crashed") == 1
    assert server.metric("ferry_worker_processes") == 1


def test_a_crash_says_where_as_that_of_a_server_does(serve, wild_plugin):
    server = serve(CONFIG.format(plugin=wild_plugin), env={"FERRY_CRASH_REPORT": "1"})
    assert server.get("/wild/1?do=null").problem() == (
        "lone crashed: its process has ended with SIGSEGV")
    server.wait_logged("ferry: crashed: SIGSEGV")
    server.wait_logged("ferry: call in flight: worker=lone route=/wild/{id}")
    assert ask(server)


def test_a_process_begins_where_ferry_began(tmp_path, wild_plugin, serve):
    (tmp_path / "wild.so").symlink_to(wild_plugin)
    near = "  near: {{use: wild, list: [a, b]}}\nlimits:"
    server = serve((CONFIG + "  /near/{{id}}: {{worker: near}}\n").replace("limits:", near).format(
        plugin="./wild.so"))
    assert server.get("/near/1?do=move", headers=HEADERS).json()["pid"] == server.process.pid
    assert ask(server)


def test_processes_leave_no_descriptors(server):
    def count():
        return len(os.listdir(f"/proc/{server.process.pid}/fd"))
    ask(server)
    before = count()
    for _ in range(8):
        assert server.get("/wild/1?do=die").status == 502
    assert ask(server)
    wait_until(lambda: count() <= before, "as many are open as before")


def test_a_process_that_babbles_is_killed(server):
    reply = server.get("/wild/1?do=babble")
    assert (reply.status, reply.problem()) == (502, "lone: its process said what makes no sense")
    assert ask(server)


def test_a_process_that_answers_twice_is_killed(server):
    assert server.get("/wild/1?do=twice").problem() == "lone: its process said what makes no sense"
    assert ask(server)


def test_a_process_that_answers_what_it_does_not_read_is_killed(server):
    assert server.get("/wild/1?do=unread").text() == "said by hand"
    reply = server.request("POST", "/wild/1?do=echo", body=bytes(8_000_000))
    assert reply.problem() == "lone: its process said what makes no sense"
    assert ask(server)


@pytest.mark.parametrize("what", ["change", "twins"])
def test_what_a_call_does_to_its_process_is_no_concern_of_others(server, what):
    process = ask(server)["pid"]
    for _ in range(3):
        assert server.get(f"/wild/42?do={what}", headers=HEADERS).json()["pid"] == process
    assert ask(server)["pid"] == process
    server.stop()
    wait_until(lambda: is_gone(process), "the process is gone")


def test_a_server_without_standard_streams_has_processes(serve, wild_plugin):
    server = serve(CONFIG.format(plugin=wild_plugin), starter=["sh", "-c", 'exec "$@" <&- >&-', ""])
    first = ask(server)["pid"]
    assert server.get("/wild/1?do=exit").status == 502
    assert ask(server)["pid"] != first


def test_a_process_that_has_shut_its_socket_costs_no_call(server):
    assert server.get("/wild/1?do=shut").text() == "said by hand"
    wait_until((server.folder / "is shut").exists, "it is shut")
    assert ask(server)


def test_an_answer_before_a_crash_is_one(server):
    process = ask(server)["pid"]
    waiting = server.send("GET", "/wild/1?do=last")
    wait_until(lambda: is_zombie(process), "the process has ended")
    os.kill(server.process.pid, signal.SIGCONT)
    assert waiting.reply().text() == "said by hand"
    assert ask(server)


def test_a_call_that_hangs_is_killed_and_its_thread_is_free(server):
    before = ask(server)["pid"]
    assert server.get("/short?do=hang").status == 504
    server.wait_metric('ferry_stuck_threads{pool="default"}', 0)
    server.wait_logged("a worker's process is killed: its call did not end", f"process={before}")
    assert ask(server)["pid"] != before
    assert ends(server, "killed") == 1


def test_a_deadline_ends_a_call_that_heeds_it(server):
    before = ask(server)["pid"]
    assert server.get("/short?do=wait").status == 504
    server.wait_busy(0)
    assert ask(server)["pid"] == before


def test_a_client_that_leaves_ends_its_call(server):
    before = ask(server)["pid"]
    waiting = server.send("GET", "/wild/1?do=wait")
    server.wait_busy(1)
    waiting.leave()
    server.wait_busy(0)
    assert ask(server)["pid"] == before


def test_a_cancel_that_comes_while_the_process_starts_is_heeded(server):
    waiting = server.send("GET", "/wild/1?do=wait")
    server.wait_busy(1)
    waiting.leave()
    assert ask(server)
    assert ends(server, "killed") == 0


def test_a_process_that_ended_between_calls_costs_none(server):
    before = ask(server)["pid"]
    os.kill(before, signal.SIGTERM)
    wait_until(lambda: is_zombie(before), "the process has ended")
    assert ask(server)["pid"] != before
    server.wait_logged("a worker's process has ended between calls", "SIGTERM")
    assert ends(server, "crashed") == 1


def test_a_thread_that_cannot_open_fails_the_call_and_tries_again(server):
    (server.folder / "refuse").touch()
    reply = server.get("/wild/1")
    assert reply.status == 502
    assert reply.problem() == "lone cannot start on its thread: no connection"
    (server.folder / "refuse").unlink()
    assert ask(server)


def test_a_job_goes_on_after_a_crash_until_it_has_no_attempts(server):
    job = server.wait_job(server.post_job("/job/1?do=die", {}), "dead")
    assert (job["attempt"], job["crashes"]) == (2, 0)
    assert job["error"]["message"] == "lone crashed: its process has ended with SIGKILL"


def test_a_job_remembers_from_process_to_process(server):
    path = server.post_job("/job/7?do=later", {}, headers=HEADERS)
    job = server.wait_job(path, "succeeded")
    assert job["result"]["body"]["memory"] == "sent one"
    assert job["result"]["body"]["attempt"] == 2


def test_progress_is_seen(server):
    for _ in range(2):  # what a call before has told is not this one's
        path = server.post_job("/job/1?do=step", {}, headers=HEADERS)
        wait_until(lambda: server.get(path).json()["progress"] ==
                   {"fraction": 0.5, "message": "half of it"}, "half of it is done")
        (server.folder / "go").touch()
        server.wait_job(path, "succeeded")
        (server.folder / "go").unlink()


def test_its_log_is_the_servers_as_that_is_now(server):
    server.get("/wild/1?do=say", headers=HEADERS)
    server.wait_logged("level=info", 'msg="a line of its own"', "what=say")
    server.config.write_text("log: {format: json}\n" + server.config.read_text())
    send_signal(server.process, signal.SIGHUP)
    wait_until(lambda: server.get("/wild/1?do=tell", headers=HEADERS) and any(
        line.startswith("{") and json.loads(line).get("what") == "tell" for line in server.lines),
        "a line in JSON")


def test_the_log_is_set_before_it_opens(server):
    server.config.write_text("log: {format: json}\n" + server.config.read_text())
    send_signal(server.process, signal.SIGHUP)
    server.wait_logged("reloaded")
    before = len(server.lines)
    ask(server)
    wait_until(lambda: any("it opens" in line for line in server.lines[before:]), "it opens")
    assert all(line.startswith("{") for line in server.lines[before:])


def test_lines_that_a_process_drops_count_as_the_servers(tmp_path, wild_plugin):
    server = Unread(tmp_path, CONFIG.format(plugin=wild_plugin)).start()
    ask(server)
    server.read()
    server.fill()
    before = server.metric("ferry_log_dropped_total")
    for count in (1, 2):
        assert server.get("/wild/1?do=say", headers=HEADERS).status == 200
        assert server.metric("ferry_log_dropped_total") == before + count
    server.read()
    assert server.get("/wild/1?do=say", headers=HEADERS).status == 200
    assert server.has_logged("log lines were dropped", "count=2")
    assert server.end() == EXIT_OK


def test_an_answer_past_its_limit_is_refused(serve, wild_plugin):
    config = CONFIG.replace("isolated: true", "isolated: true\n    answer_limit: 1KiB")
    server = serve(config.format(plugin=wild_plugin))
    before = ask(server)["pid"]
    assert server.request("POST", "/wild/1?do=echo", body=bytes(1024)).status == 200
    reply = server.request("POST", "/wild/1?do=echo", body=bytes(1025))
    assert (reply.status, reply.problem()) == (
        500, "its answer has more than answer_limit, 1024 bytes")
    assert ask(server)["pid"] == before
    server.config.write_text(server.config.read_text().replace("1KiB", "2KiB"))
    send_signal(server.process, signal.SIGHUP)
    wait_until(lambda: server.request("POST", "/wild/1?do=echo", body=bytes(1025)).status == 200,
               "the new limit counts")


def test_the_end_of_the_server_is_theirs(server):
    process = ask(server)["pid"]
    server.stop()
    assert is_gone(process)
    assert (server.folder / "closed").exists()


def test_a_server_that_is_killed_leaves_none_behind(server):
    process = ask(server)["pid"]
    hanging = server.send("GET", "/wild/1?do=hang")
    server.wait_busy(1)
    server.kill()
    wait_until(lambda: is_gone(process), "the process is gone")
    hanging.leave()


PROGRAM = """
workers: {{program: {{use: exec, isolated: {isolated}, command: [/bin/sh, -c, "echo $$ >id; exec sleep 3600"]}}}}
routes: {{/program: {{worker: program, timeout: 1h}}}}
"""


def start_program(server):
    """Have a call run a program, and return that and its parent, which has started it."""
    file = server.folder / "id"
    hanging = server.send("GET", "/program")
    program = int(wait_until(lambda: file.exists() and file.read_text(), "the program runs"))
    parent = int(pathlib.Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[1])
    return hanging, program, parent


def test_a_process_that_is_killed_takes_its_program_along(serve):
    server = serve(PROGRAM.format(isolated="true"))
    hanging, program, parent = start_program(server)
    os.kill(parent, signal.SIGKILL)
    wait_until(lambda: is_gone(program), "the program is gone")
    assert hanging.reply().problem() == "program crashed: its process has ended with SIGKILL"


@pytest.mark.parametrize("isolated", ["true", "false"])
def test_a_server_that_is_killed_takes_its_programs_along(serve, isolated):
    server = serve(PROGRAM.format(isolated=isolated))
    hanging, program, parent = start_program(server)
    assert (parent == server.process.pid) == (isolated == "false")
    server.kill()
    wait_until(lambda: is_gone(program), "the program is gone")
    hanging.leave()


def test_a_signal_to_the_terminals_group_is_the_servers_alone(server):
    process = ask(server)["pid"]
    assert os.getpgid(process) == process


def test_a_reload_opens_what_has_changed(server):
    before = ask(server)
    server.config.write_text(server.config.read_text().replace("word: one", "word: two"))
    send_signal(server.process, signal.SIGHUP)
    wait_until(lambda: ask(server)["word"] == "two", "the new word is said")
    wait_until(lambda: is_gone(before["pid"]), "the old process is gone")
    server.config.write_text(server.config.read_text().replace("isolated: true", "isolated: false"))
    send_signal(server.process, signal.SIGHUP)
    wait_until(lambda: ask(server)["pid"] == server.process.pid, "it runs in the server")
    server.wait_metric("ferry_worker_processes", 0)


def test_a_plugin_of_another_worker_may_leave(serve, wild_plugin, tmp_path):
    other = compile_plugin(tmp_path, "other", PLUGIN.replace("FERRY_WORKER(wild", "FERRY_WORKER(other"))
    server = serve(CONFIG.format(plugin=f"{other}, {wild_plugin}"))
    server.config.write_text(CONFIG.format(plugin=wild_plugin))
    send_signal(server.process, signal.SIGHUP)
    server.wait_logged("reloaded")
    os.unlink(other)
    assert ask(server)


def test_a_reload_leaves_what_has_not_changed(server):
    before = ask(server)["pid"]
    send_signal(server.process, signal.SIGHUP)
    server.wait_logged("reloaded")
    assert ask(server)["pid"] == before


def test_a_call_without_a_server_is_isolated_as_well(tmp_path, wild_plugin):
    config = tmp_path / "ferry.yaml"
    config.write_text(CONFIG.format(plugin=wild_plugin))
    done = run_ferry("call", "/wild/1?do=die", "-c", str(config), cwd=tmp_path)
    assert done.returncode == 1
    assert "lone crashed: its process has ended with SIGKILL" in done.stderr


def test_the_limit_of_an_answer_is_a_size(tmp_path, wild_plugin):
    config = tmp_path / "ferry.yaml"
    config.write_text(CONFIG.format(plugin=wild_plugin).replace(
        "isolated: true", "isolated: true\n    answer_limit: 0"))
    done = run_ferry("check", "-c", str(config), cwd=tmp_path)
    assert done.returncode == 78
    assert "ferry.yaml:9:" in done.stderr and "answer_limit" in done.stderr


@pytest.mark.parametrize("setting, message", [
    ("isolated: maybe", 'isolated: "maybe" is neither true nor false'),
    ("wrod: one", 'unknown key "wrod"'),
    ("answer_limit: 1KiB", "it goes with isolated: true"),
])
def test_settings_are_checked_where_they_stand(tmp_path, wild_plugin, setting, message):
    config = tmp_path / "ferry.yaml"
    config.write_text(CONFIG.format(plugin=wild_plugin).replace("isolated: true", setting))
    done = run_ferry("check", "-c", str(config), cwd=tmp_path)
    assert done.returncode == 78
    assert "ferry.yaml:8:" in done.stderr and message in done.stderr


def test_the_command_of_the_processes_is_not_for_people(tmp_path):
    done = run_ferry("worker", cwd=tmp_path)
    assert done.returncode == 2
    assert "started by ferry itself" in done.stderr
    assert "worker " not in run_ferry("--help", cwd=tmp_path).stdout
