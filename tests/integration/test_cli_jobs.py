"""ferry jobs: seeing and steering the jobs of a running server from the command line."""

import json
import re
import socket
import subprocess

import pytest

from harness import (DEADLINE, EXIT_CONFIG, EXIT_OK, EXIT_RUNTIME, EXIT_USAGE, FERRY, run_ferry,
                     wait_until)
from jobs_command import CONFIG, NOBODY, Jobs


@pytest.fixture
def jobs(serve):
    return Jobs(serve(CONFIG))


# ---- list ----

def test_a_list_is_a_table_with_whole_ids_newest_first(jobs):
    first, second, third = jobs.succeeded(), jobs.dead(), jobs.later()
    title, *rows = jobs("list").stdout.splitlines()
    assert title.split() == ["ID", "STATE", "ROUTE", "ATTEMPT", "CREATED", "WHEN", "NOTE"]
    assert [row.split()[:4] for row in rows] == [
        [third, "scheduled", "/later", "0"], [second, "dead", "/sleep", "1"],
        [first, "succeeded", "/echo", "1"]]
    assert re.search(r"due in (1h|59m)$", rows[0])
    assert rows[1].endswith("invalid: ms: a whole number of milliseconds")
    assert re.search(r"ended (now|\d+s ago)$", rows[2])
    assert len({row.index("/") for row in rows} | {title.index("ROUTE")}) == 1


def test_a_list_is_filtered(jobs):
    good, bad, later = jobs.succeeded(), jobs.dead(), jobs.later()

    def listed(*args):
        return {job["id"] for job in jobs.json("list", *args)}

    assert listed() == {good, bad, later}
    assert listed("--state", "dead") == {bad}
    assert listed("--state", "dead,scheduled") == {bad, later}
    assert listed("--route", "/echo") == {good}
    assert listed("--route", "/echo", "--state", "dead") == set()


def test_a_list_follows_the_pages_up_to_its_limit(jobs):
    ids = [jobs.later() for _ in range(130)]
    assert [job["id"] for job in jobs.json("list", "--limit", "200")] == ids[::-1]
    assert [job["id"] for job in jobs.json("list", "--limit", "120")] == ids[:-121:-1]
    result = jobs("list")
    assert len(result.stdout.splitlines()) == 1 + 50
    assert result.stderr == "these are 50; there may be more: --limit N\n"


def test_a_list_of_nothing_says_so(jobs):
    result = jobs("list")
    assert (result.stdout, result.stderr) == ("", "no jobs\n")
    assert jobs.json("list") == []
    result = jobs("list", "--route", "/email")
    assert result.stdout == "" and "no such jobs of /email; ferry jobs stats" in result.stderr


def test_json_is_what_the_server_says_to_the_byte(jobs):
    id = jobs.dead()
    [line] = jobs("list", "--json").stdout.splitlines()
    [job] = json.loads(line)
    assert job == jobs.server.get("/jobs", admin=True).json()["jobs"][0]
    assert jobs("show", id, "--json").stdout == jobs.server.get(f"/jobs/{id}").text()


def test_the_location_of_a_job_is_taken_for_its_id(jobs):
    id = jobs.dead()
    assert jobs("show", f"/jobs/{id}").stdout.split()[:2] == ["id", id]
    assert jobs("retry", f"/jobs/{id}").stdout.startswith(id)
    assert "/jobs/x: no such job" in jobs("show", "/jobs/x", code=EXIT_RUNTIME).stderr


def test_a_state_that_there_is_not_is_told_with_those_there_are(jobs):
    result = jobs("list", "--state", "zombie", code=EXIT_USAGE)
    assert "zombie" in result.stderr and "succeeded" in result.stderr


def test_on_a_terminal_a_line_is_no_longer_than_that(jobs):
    jobs.dead()
    run = jobs.on_terminal("list", columns=90)
    assert run.end()[0] == EXIT_OK
    title, row = run.text().splitlines()
    assert len(row) == 90 and row.endswith("...")
    assert re.match(r"[0-9a-f]{32}  dead ", row)


# ---- show ----

def test_show_tells_all_of_a_job(jobs):
    id = jobs.succeeded(body=json.dumps({"a": [1, {}]}))
    lines = jobs("show", id).stdout.splitlines()
    told = dict(line.split(None, 1) for line in lines if line and line[0].isalpha()
                and not line.startswith("delivery id"))
    assert (told["id"], told["route"], told["worker"]) == (id, "/echo", "echo")
    assert (told["state"], told["attempt"], told["crashes"]) == ("succeeded", "1", "0")
    for time in "created", "began", "ended":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z  \((now|\d+s ago)\)", told[time])
    assert told["result"].startswith("200")


def test_show_lays_out_a_json_result_and_shows_another_as_it_is(jobs):
    header = {"Content_Type": "application/json"}
    id = jobs.ended(jobs.post("/echo", '{"a":[1,{"b":0.10}],"c":{}}', **header), "succeeded")
    assert jobs("show", id).stdout.endswith(
        '\n\n{\n  "a": [\n    1,\n    {\n      "b": 0.10\n    }\n  ],\n  "c": {}\n}\n')
    id = jobs.ended(jobs.post("/echo", "two\nlines", Content_Type="text/plain"), "succeeded")
    assert jobs("show", id).stdout.endswith("\n\ntwo\nlines\n")


def test_show_says_that_a_result_was_not_kept(jobs):
    lines = jobs("show", jobs.succeeded(body="x" * 131073)).stdout.splitlines()
    assert lines[-1].split(None, 1) == ["body", "too long to be kept"]


def test_show_says_where_a_long_result_is(jobs):
    lines = jobs("show", jobs.succeeded(body="x" * 131072)).stdout.splitlines()
    assert lines[-1].split(None, 1) == ["body", "131072 bytes: /jobs/ID/result has it"]


def test_show_shows_a_null_of_json(jobs):
    id = jobs.ended(jobs.post("/echo", "null", Content_Type="application/json"), "succeeded")
    lines = jobs("show", id).stdout.splitlines()
    assert lines[-1].split(None, 1) == ["body", "null"]


def test_show_tells_the_error_of_a_dead_job(jobs):
    assert re.search(r"^error +invalid: ms: a whole number of milliseconds$",
                     jobs("show", jobs.dead()).stdout, re.M)


def test_show_tells_when_a_job_is_due_until_it_has_ended(jobs):
    assert re.search(r"^due +\S+Z  \(in (1h|59m)\)$", jobs("show", jobs.later()).stdout, re.M)
    assert not re.search(r"^due", jobs("show", jobs.dead()).stdout, re.M)


@pytest.mark.parametrize("type, body", [("text/plain", "a\tb\n\x9b31mred\x1b[0m\x7f."),
                                        ("application/json", '{"a": "\x9b31mred"}')])
def test_a_body_does_not_steer_a_terminal(jobs, type, body):
    id = jobs.ended(jobs.post("/echo", body.encode(), Content_Type=type), "succeeded")
    assert "\x9b31mred" in jobs("show", id).stdout  # to a file it goes as it is
    run = jobs.on_terminal("show", id)
    assert run.end()[0] == EXIT_OK
    assert "red" in run.text() and not re.search("[\x1b\x7f-\x9f]", run.text())


@pytest.mark.parametrize("command", ["show", "watch", "retry", "cancel", "delete"])
@pytest.mark.parametrize("id", [NOBODY, "x", "../jobs/stats"])
def test_an_unknown_job_is_told(jobs, command, id):
    result = jobs(command, id, code=EXIT_RUNTIME)
    assert result.stdout == ""
    assert id in result.stderr and "no such job" in result.stderr


# ---- retry, cancel, delete ----

def test_retry_cancel_and_delete_change_the_jobs_that_are_named(jobs):
    dead, later, other = jobs.dead(), jobs.later(), jobs.later()
    before = jobs.server.get(f"/jobs/{dead}").json()["started_at"]
    result = jobs("cancel", later, other)
    assert result.stdout == f"{later} cancelled\n{other} cancelled\n"
    assert jobs.state(later) == jobs.state(other) == "cancelled"

    result = jobs("retry", dead, other)
    assert [line.split()[0] for line in result.stdout.splitlines()] == [dead, other]
    jobs.ended(other, "succeeded")
    wait_until(lambda: jobs.server.get(f"/jobs/{dead}").json()["started_at"] != before,
               "it ran again")

    assert jobs("delete", later).stdout == f"{later} deleted\n"
    assert jobs.server.get(f"/jobs/{later}").status in (404, 410)


def test_one_job_that_cannot_be_changed_does_not_keep_the_others_from_it(jobs):
    good, later = jobs.succeeded(), jobs.later()
    result = jobs("cancel", good, NOBODY, later, code=EXIT_RUNTIME)
    assert result.stdout == f"{later} cancelled\n"
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == [good, NOBODY]


def test_a_running_job_is_told_to_end(serve, gate):
    jobs = Jobs(serve(f"plugins: [{gate.plugin}]\nworkers: {{{gate.settings()}}}\n"
                      "routes: {/gate: {worker: gate, mode: defer}}\n"))
    id = jobs.post("/gate")
    wait_until(gate.runs, "the job runs")
    assert jobs("cancel", id).stdout == f"{id} is being cancelled\n"
    assert "being cancelled" in jobs("list").stdout
    assert re.search(r"^state +running, being cancelled$", jobs("show", id).stdout, re.M)
    gate.let_all()


def test_changes_as_json_are_the_servers_answers(jobs):
    later, dead = jobs.later(), jobs.dead()
    assert jobs.json("cancel", later)["state"] == "cancelled"
    assert jobs.json("delete", dead) == {"id": dead, "deleted": True}
    assert jobs.json("delete", "--all", "--yes") == {"changed": 1}


def test_bulk_changes_what_the_filter_matches(jobs):
    dead, good, later = jobs.dead(), jobs.succeeded(), [jobs.later() for _ in range(3)]
    assert jobs("cancel", "--route", "/later", "--yes").stdout == "3 jobs cancelled\n"
    assert jobs("retry", "--state", "dead", "--yes").stdout == "1 job retried\n"
    jobs.ended(dead, "dead")
    assert jobs("delete", "--state", "cancelled,dead", "--route", "/later", "-y").stdout == (
        "3 jobs deleted\n")
    assert {job["id"] for job in jobs.json("list")} == {dead, good}
    assert {jobs.server.get(f"/jobs/{id}").status for id in later} <= {404, 410}


@pytest.mark.parametrize("answer, changed", [("y", True), ("n", False), ("", False)])
def test_a_person_is_asked_before_a_bulk_change(jobs, answer, changed):
    later = [jobs.later() for _ in range(2)]
    jobs.succeeded()
    run = jobs.on_terminal("cancel", "--route", "/later", "--state", "scheduled,dead")
    run.wait_shown("cancel 2 jobs, scheduled,dead, of /later? [y/N] ")
    run.type(answer + "\n")
    assert run.end()[0] == (EXIT_OK if changed else EXIT_RUNTIME)
    assert ("2 jobs cancelled" if changed else "nothing was changed") in run.text()
    assert {jobs.state(id) for id in later} == {"cancelled" if changed else "scheduled"}


@pytest.mark.parametrize("args, question", [
    (["cancel", "--state", "scheduled"], "cancel 3 jobs, scheduled? [y/N] "),
    (["cancel", "--route", "/later"], "cancel 2 jobs, of /later? [y/N] "),
    (["retry", "--state", "dead,scheduled"], "retry 4 jobs, dead,scheduled? [y/N] "),
    (["retry", "--state", "dead"], "retry 1 job, dead? [y/N] "),
    (["delete", "--all"], "delete 2 jobs? [y/N] "),  # of those that have ended
    (["delete", "--state", "dead,scheduled"], "delete 1 job, dead,scheduled? [y/N] "),
])
def test_the_question_says_how_many_jobs(jobs, args, question):
    jobs.later(), jobs.later(), jobs.dead(), jobs.succeeded()
    jobs.post("/echo", Ferry_Delay="1h")
    jobs.server.wait_metric('ferry_jobs{state="dead"}', 1)  # it may be on disk before it is counted
    jobs.server.wait_metric('ferry_jobs{state="succeeded"}', 1)
    run = jobs.on_terminal(*args)
    run.wait_shown("[y/N] ")
    run.type("n\n")
    assert run.end()[0] == EXIT_RUNTIME
    assert run.text().startswith(question)


def test_a_state_is_one_and_not_more_of_the_request(jobs):
    dead = jobs.dead()
    for command in ["list"], ["delete", "--yes"]:
        result = jobs(*command, "--state", "succeeded&state=dead", code=EXIT_USAGE)
        assert "succeeded&state=dead" in result.stderr
    assert jobs.state(dead) == "dead"


def test_a_bulk_change_that_nobody_can_be_asked_about_needs_yes(jobs):
    later = jobs.later()
    result = jobs("cancel", "--all", code=EXIT_USAGE)
    assert "--yes" in result.stderr
    assert jobs.state(later) == "scheduled"


# ---- routes ----

def test_a_route_is_paused_and_resumed(jobs):
    assert jobs("pause", "/later").stdout == "/later paused\n"
    id = jobs.post("/later")
    assert re.search(r"^/later .* paused$", jobs("stats").stdout, re.M)
    assert jobs.state(id) == "queued"
    assert re.search(r"^gate +paused$", jobs("show", id).stdout, re.M)
    assert jobs.json("resume", "/later") == {"route": "/later", "gate": "open"}
    jobs.ended(id, "succeeded")
    assert "gate " not in jobs("show", id).stdout


def test_an_unknown_route_is_told(jobs):
    told = jobs("pause", "/nope", code=EXIT_RUNTIME).stderr
    assert "/nope" in told and "ferry jobs stats" in told


def test_stats_count_jobs_by_route_and_state(jobs):
    jobs.dead()
    for _ in range(2):
        jobs.later()
    jobs.server.wait_metric('ferry_jobs{state="dead"}', 1)  # it may be on disk before it is counted
    title, *rows = jobs("stats").stdout.splitlines()
    columns = title.split()
    told = {row.split()[0]: dict(zip(columns, row.split())) for row in rows}
    assert told["/later"]["SCHEDULED"] == told["all"]["SCHEDULED"] == "2"
    assert told["/sleep"]["DEAD"] == told["all"]["DEAD"] == "1"
    assert told["/sleep"]["SCHEDULED"] == "0"
    assert told["/later"]["GATE"] == "open"
    assert jobs.json("stats") == jobs.server.get("/jobs/stats", admin=True).json()


def test_stats_say_why_a_route_does_not_run(jobs):
    jobs.server.stop()
    jobs.server.config.write_text("""
workers: {fails: {use: exec, command: ["false"]}}
routes:
  /fails: {worker: fails, mode: defer, breaker: {failures: 1, pause: 9h},
           retry: {attempts: 2, backoff: 8h..8h}}
  /later: {worker: echo, mode: defer}
""")
    jobs.server.start()
    jobs.where = "--admin", jobs.server.admin_address
    jobs.later()
    jobs.ended(jobs.post("/fails"), "retrying")
    jobs.server.wait_metric('ferry_route_open{route="/fails"}', 0)
    assert re.search(r"^/fails .* broken, opens in (9h|8h 59m) \(1 failure\)$",
                     jobs("stats").stdout, re.M)
    jobs.server.stop()
    jobs.server.config.write_text("routes: {/echo: {worker: echo}}\n")
    jobs.server.start()
    jobs.where = "--admin", jobs.server.admin_address
    assert re.search(r"^/later .* not in the config$", jobs("stats").stdout, re.M)


def test_schedules_are_told_with_when_they_are_due(jobs):
    assert jobs("schedules").stderr == "no schedules\n"
    jobs.server.stop()
    jobs.server.config.write_text(CONFIG + """
schedules:
  - {name: yearly, route: /later, every: 365d}
  - {name: leap-day, route: /later, cron: 0 0 29 2 *}
""")
    jobs.server.start()
    jobs.where = "--admin", jobs.server.admin_address
    title, yearly, leap_day = jobs("schedules").stdout.splitlines()
    assert title.split() == ["SCHEDULE", "ROUTE", "NEXT", "LAST", "RUNS", "SKIPPED", "MISSED",
                             "REFUSED"]
    assert re.match(r"yearly +/later +in \d+[dh]( \d+[hm])? +0 +0 +0 +0$", yearly)
    assert leap_day.startswith("leap-day ")
    assert jobs.json("schedules") == jobs.server.get("/schedules", admin=True).json()


# ---- finding the server ----

def test_the_config_tells_where_the_server_is_and_its_token(tmp_path, serve):
    (tmp_path / "token").write_text("open-sesame\n")
    (tmp_path / "token").chmod(0o600)
    config = CONFIG + "admin: {listen: 'unix:admin.sock', token_file: token}\n"
    server = serve(config, args=["--set", "admin.listen=unix:admin.sock"])
    jobs = Jobs(server)
    jobs.where = "-c", "ferry.yaml"
    later = jobs.later()
    assert [job["id"] for job in jobs.json("list")] == [later]

    jobs.where = "--admin", "unix:admin.sock"
    assert "--token-file" in jobs("list", code=EXIT_RUNTIME).stderr
    assert later in jobs("list", "--token-file", "token").stdout
    for token in "open-sesame", "open-sesame\n":  # what comes of a file ends with its line
        by_environment = run_ferry("jobs", "list", *jobs.where, cwd=tmp_path,
                                   env={"FERRY_ADMIN_TOKEN": token})
        assert later in by_environment.stdout
    (tmp_path / "blank").write_text(" \n\topen-sesame \n")
    assert later in jobs("list", "--token-file", "blank").stdout
    (tmp_path / "blank").write_text(" \n")
    assert "blank: it is empty" in jobs("list", "--token-file", "blank", code=EXIT_RUNTIME).stderr
    jobs.where = "--admin", "unix:admin.sock", "-c", "ferry.yaml"
    assert later in jobs("list").stdout  # the token is the config's
    (tmp_path / "other.yaml").write_text(config.replace("token_file: token", "token_file: other"))
    (tmp_path / "other").write_text("sesame-open\n")
    (tmp_path / "other").chmod(0o600)
    assert later in run_ferry("jobs", "list", "-c", "other.yaml", cwd=tmp_path,
                              env={"FERRY_ADMIN_TOKEN": "open-sesame"}).stdout
    wrong = run_ferry("jobs", "list", "--admin", "unix:admin.sock", cwd=tmp_path,
                      env={"FERRY_ADMIN_TOKEN": "sesame-open"})
    assert (wrong.returncode, wrong.stdout) == (EXIT_RUNTIME, "")
    assert "refuses this token" in wrong.stderr and "sesame" not in wrong.stderr


def test_a_proxy_of_the_environment_never_sees_the_token(jobs):
    with socket.socket() as proxy:  # nobody listens there
        proxy.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d" % proxy.getsockname()[1]
        result = run_ferry("jobs", "list", *jobs.where, cwd=jobs.server.folder, env={
            "http_proxy": url, "ALL_PROXY": url, "no_proxy": "", "NO_PROXY": ""})
    assert (result.returncode, result.stderr) == (EXIT_OK, "no jobs\n")


@pytest.mark.parametrize("host", ["", "0.0.0.0"])
def test_an_address_of_every_interface_is_this_machines(jobs, host):
    jobs.where = "--admin", host + ":" + jobs.server.admin_address.rpartition(":")[2]
    assert jobs.json("list") == []


def test_warnings_about_the_config_are_not_for_who_asks_a_server(tmp_path, serve):
    server = serve("pools: {idle: {threads: 1}}\n" + CONFIG,
                   args=["--set", "admin.listen=unix:admin.sock"])
    result = run_ferry("jobs", "list", "-c", "ferry.yaml", "--set", "admin.listen=unix:admin.sock",
                       cwd=server.folder)
    assert (result.returncode, result.stderr) == (EXIT_OK, "no jobs\n")


def test_an_answer_that_cannot_be_written_is_an_error(jobs):
    jobs.later()
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run([FERRY, "jobs", "list", *jobs.where], cwd=jobs.server.folder,
                                stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE, check=False)
    assert result.returncode == EXIT_RUNTIME
    assert b"cannot write to standard output" in result.stderr


def test_a_server_that_cannot_be_reached_is_told(tmp_path):
    (tmp_path / "ferry.yaml").write_text("admin: {listen: 'unix:no.sock'}\n" + CONFIG)
    with socket.socket() as deaf:  # its port is taken, and nobody listens there
        deaf.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % deaf.getsockname()[1]
        for where, name in ((["--admin", address], address), (["-c", "ferry.yaml"], "unix:no.sock")):
            for command in (["list"], ["stats"], ["show", NOBODY], ["watch", NOBODY]):
                result = run_ferry("jobs", *command, *where, cwd=tmp_path)
                assert (result.returncode, result.stdout) == (EXIT_RUNTIME, "")
                assert name in result.stderr
                for word in "ferry serve", "-c FILE", "--admin ADDRESS":
                    assert word in result.stderr


def test_a_port_that_the_server_picked_is_told(tmp_path):
    result = run_ferry("jobs", "list", "--set", "admin.listen=127.0.0.1:0", cwd=tmp_path)
    assert result.returncode == EXIT_RUNTIME
    assert "port 0" in result.stderr and "--admin ADDRESS" in result.stderr


@pytest.mark.parametrize("args", [
    ["list"], ["stats"], ["pause", "/later"], ["show", NOBODY], ["watch", NOBODY],
    ["cancel", NOBODY], ["retry", "--all", "--yes"], ["delete", "--state", "dead", "--yes"],
], ids=" ".join)
def test_the_public_listener_is_told_from_the_admin_listener(tmp_path, serve, args):
    server = serve(CONFIG)
    result = run_ferry("jobs", *args, "--admin", server.address, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (EXIT_RUNTIME, "")
    assert result.stderr.count("\n") == 1
    assert f"{server.address} is not the admin listener" in result.stderr


def test_a_wrong_config_is_told(tmp_path):
    (tmp_path / "ferry.yaml").write_text("routes: {/noop: {worker: nope}}\n")
    result = run_ferry("jobs", "list", "-c", "ferry.yaml", cwd=tmp_path)
    assert result.returncode == EXIT_CONFIG
    assert result.stderr.startswith("ferry.yaml:1:")


# ---- usage ----

COMMANDS = ("list", "show", "watch", "stats", "schedules", "retry", "cancel", "delete", "pause",
            "resume")


def test_help_goes_to_standard_output(tmp_path):
    overview = run_ferry("jobs", "--help", cwd=tmp_path)
    assert (overview.returncode, overview.stderr) == (EXIT_OK, "")
    for command in COMMANDS:
        assert re.search(rf"^  {command}\b", overview.stdout, re.M)
        result = run_ferry("jobs", command, "--help", cwd=tmp_path)
        assert (result.returncode, result.stderr) == (EXIT_OK, "")
        assert result.stdout.startswith(f"ferry jobs {command}: ")
        assert "--admin ADDRESS" in result.stdout


@pytest.mark.parametrize("args, word", [
    ([], "usage"),
    (["lsit"], "did you mean list?"),
    (["list", "--sate", "dead"], "did you mean --state?"),
    (["list", "dead"], '"dead"'),
    (["list", "--limit", "0"], "--limit"),
    (["show"], "which job"),
    (["show", NOBODY, NOBODY], "one job"),
    (["watch"], "which job"),
    (["stats", "/email"], "/email"),
    (["schedules", "nightly"], "nightly"),
    (["retry"], "--all"),
    (["retry", NOBODY, "--all"], "either"),
    (["delete", "--all", "--state", "dead"], "either"),
    (["pause"], "which route"),
    (["resume", "/a", "/b"], "one route"),
    (["pause", "email"], "did you mean /email?"),
    (["resume", "email"], "did you mean /email?"),
    (["list", "--route", "email"], "did you mean /email?"),
    (["retry", "--route", "email", "--yes"], "did you mean /email?"),
    (["list", "--admin", "http://127.0.0.1:8003"], "not HOST:PORT"),
    (["list", "--admin", "127.0.0.1"], "not HOST:PORT"),
    (["list", "--admin", "127.0.0.1:"], "not HOST:PORT"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_wrong_usage_is_told(tmp_path, args, word):
    result = run_ferry("jobs", *args, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (EXIT_USAGE, "")
    assert word in result.stderr
