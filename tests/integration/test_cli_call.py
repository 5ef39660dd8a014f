"""ferry call: one call of a route, through the server's path, without a server."""

import json
import os
import signal
import subprocess

import pytest

from harness import (DEADLINE, EXIT_CONFIG, EXIT_OK, EXIT_RUNTIME, EXIT_USAGE, FERRY,
                     compile_plugin, run_ferry, send_signal)
from terminal import Terminal

CONFIG = """
limits: {body_bytes: 1KiB}
workers:
  shout: {use: exec, command: [/usr/bin/tr, a-z, A-Z]}
  broken: {use: exec, command: [/bin/sh, -c, "echo the disk is full >&2; exit 3"]}
routes:
  /noop: {worker: noop}
  /echo: {worker: echo}
  /sleep: {worker: sleep, timeout: 60s}
  /quick: {worker: sleep, timeout: 50ms}
  /shout: {worker: shout, methods: [POST]}
  /broken: {worker: broken, mode: defer}
"""

# Answers with all it was asked.
MIRROR = r"""
#include <ferry/worker.h>
#define OR_NONE(text) ((text) ? (text) : "none")
static int run(ferry_call *call, void *state)
{
    (void)state;
    ferry_call_reply_header(call, "X-Attempt", ferry_call_attempt(call) == 1 ? "first" : "later");
    return ferry_call_reply_json(call, 200,
        "{\"method\":\"%s\",\"id\":\"%s\",\"q\":\"%s\",\"x\":\"%s\",\"type\":\"%s\"}",
        ferry_call_method(call), OR_NONE(ferry_call_param(call, "id")),
        OR_NONE(ferry_call_param(call, "q")), OR_NONE(ferry_call_header(call, "X-Test")),
        OR_NONE(ferry_call_header(call, "Content-Type")));
}
FERRY_WORKER(mirror, .run = run)
"""

# Fails as a provider would that is busy.
BUSY = r"""
#include <ferry/worker.h>
static int run(ferry_call *call, void *state)
{
    (void)state;
    ferry_call_retry_after(call, 90000);
    ferry_call_pause_route(call, 3600000);
    return ferry_call_fail(call, FERRY_TRANSIENT, "the provider is busy");
}
FERRY_WORKER(busy, .run = run)
"""


# Waits, and tells the log when it is told to end in its time.
HEEDFUL = r"""
#include <ferry/worker.h>
static int run(ferry_call *call, void *state)
{
    (void)state;
    if (ferry_call_wait(call, 3600000) < 0 && ferry_call_time_left_ms(call) <= 0)
        ferry_log(FERRY_LOG_WARN, "told to end", NULL);
    return ferry_call_reply_text(call, 200, "late");
}
FERRY_WORKER(heedful, .run = run)
"""


@pytest.fixture
def call(tmp_path):
    """call(ROUTE, options...) runs one call with CONFIG."""
    (tmp_path / "ferry.yaml").write_text(CONFIG)
    return lambda *args: run_ferry("call", "-c", "ferry.yaml", *args, cwd=tmp_path)


# ---- the answer ----

def test_the_body_goes_to_standard_output(call):
    result = call("/noop")
    assert (result.returncode, result.stdout, result.stderr) == (EXIT_OK, "ok", "")


def test_without_a_config_the_default_routes_are_called(tmp_path):
    result = run_ferry("call", "/sleep?ms=1", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (EXIT_OK, '{"slept_ms":1}')


def test_a_real_path_fills_the_parameters(tmp_path):
    plugin = compile_plugin(tmp_path, "mirror", MIRROR)
    (tmp_path / "ferry.yaml").write_text(
        f"plugins: [{plugin}]\nroutes:\n  /users/me: {{worker: noop}}\n"
        "  /users/{id}: {worker: mirror, methods: [GET, PUT]}\n")

    def ask(*args):
        result = run_ferry("call", *args, "-c", "ferry.yaml", cwd=tmp_path)
        assert result.returncode == EXIT_OK, result.stderr
        return json.loads(result.stdout)

    nothing = {"method": "GET", "id": "42", "q": "none", "x": "none", "type": "none"}
    assert ask("/users/42") == nothing
    assert ask("/users/a%2Fb?q=1+2") == {**nothing, "id": "a/b", "q": "1 2"}
    assert ask("/users/42", "--query", "q=1+2") == {**nothing, "q": "1+2"}
    assert ask("/users/42", "--header", "X-Test: yes", "-X", "PUT", "--data", "") == {
        **nothing, "method": "PUT", "x": "yes"}
    assert ask("/users/42", "-H", "X-Test: yes", "-X", "PUT", "-d", "") == {
        **nothing, "method": "PUT", "x": "yes"}
    assert ask("/users/42", "-X", "PUT", "--json", "{}") == {
        **nothing, "method": "PUT", "type": "application/json"}
    assert run_ferry("call", "/users/me", "-c", "ferry.yaml", cwd=tmp_path).stdout == "ok"

    head = run_ferry("call", "-i", "/users/42", "-c", "ferry.yaml", cwd=tmp_path).stdout
    assert head.split("\n\n")[0].splitlines() == [
        "HTTP/1.1 200", "Content-Type: application/json", "X-Attempt: first"]


def test_json_is_a_post_of_json(call):
    result = call("/echo", "-i", "--json", '{"a": 12345678901234567890}')
    head, body = result.stdout.split("\n\n")
    assert result.returncode == EXIT_OK
    assert head.splitlines() == ["HTTP/1.1 200", "Content-Type: application/json"]
    assert body == '{"a": 12345678901234567890}'
    assert call("/echo", "--json", "5").stdout == "5"


def test_the_body_comes_from_a_file_or_from_standard_input(tmp_path, call):
    (tmp_path / "body").write_bytes(b"from a \0 file")
    assert call("/shout", "--data", "@body").stdout == "FROM A \0 FILE"
    for name in "-", "@-":
        result = subprocess.run([FERRY, "call", "/shout", "--data", name, "-c", "ferry.yaml"],
                                cwd=tmp_path, input=b"piped", capture_output=True,
                                timeout=DEADLINE, check=True)
        assert result.stdout == b"PIPED"


def test_it_makes_no_database_and_runs_beside_a_server(tmp_path, call, serve):
    assert call("/noop").returncode == EXIT_OK
    assert not (tmp_path / "var" / "jobs.db").exists()
    serve(CONFIG)
    assert (tmp_path / "var" / "jobs.db").exists()
    assert call("/broken", "--data", "").returncode == EXIT_RUNTIME
    assert call("/noop").stdout == "ok"


# ---- what goes wrong ----

def test_a_failures_message_does_not_steer_a_terminal(tmp_path):
    (tmp_path / "ferry.yaml").write_text(r"""
workers: {rude: {use: exec, command: [/bin/sh, -c, 'printf "\302\233\063\061mred" >&2; exit 1']}}
routes: {/rude: {worker: rude}}
""")
    result = run_ferry("call", "-c", "ferry.yaml", "/rude", cwd=tmp_path)
    assert result.stderr.endswith("ferry call: 502 transient: exit code 1:  31mred\n")


def test_a_failure_is_told_on_standard_error(call):
    result = call("/broken", "--data", "x")
    assert (result.returncode, result.stdout) == (EXIT_RUNTIME, "")
    told = result.stderr.splitlines()[-1]  # the worker may have logged before
    assert told.startswith("ferry call: 502 transient: ") and "the disk is full" in told


def test_a_failure_has_a_status_as_well(call):
    result = call("/sleep?ms=x", "-i")
    assert (result.returncode, result.stdout) == (EXIT_RUNTIME, "HTTP/1.1 400\n\n")
    assert result.stderr == "ferry call: 400 invalid: ms: a whole number of milliseconds\n"


def test_what_the_worker_says_of_later_is_shown(tmp_path):
    plugin = compile_plugin(tmp_path, "busy", BUSY)
    (tmp_path / "ferry.yaml").write_text(f"plugins: [{plugin}]\nroutes: {{/sms: {{worker: busy}}}}\n")
    result = run_ferry("call", "/sms", "-c", "ferry.yaml", cwd=tmp_path)
    assert result.returncode == EXIT_RUNTIME
    assert result.stderr.splitlines() == [
        "ferry call: 502 transient: the provider is busy",
        "ferry call: the worker says: try again in 1m 30s",
        "ferry call: the worker says: pause the route for 1h"]


def test_the_routes_timeout_ends_it(call):
    result = call("/quick?seconds=60")
    assert (result.returncode, result.stdout) == (EXIT_RUNTIME, "")
    assert result.stderr == "ferry call: 504 deadline: the call did not end within 50 ms\n"


def test_a_worker_is_told_of_the_timeout(tmp_path):
    plugin = compile_plugin(tmp_path, "heedful", HEEDFUL)
    (tmp_path / "ferry.yaml").write_text(
        f"plugins: [{plugin}]\nroutes: {{/wait: {{worker: heedful, timeout: 50ms}}}}\n")
    result = run_ferry("call", "/wait", "-c", "ferry.yaml", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (EXIT_RUNTIME, "")
    logged, told = result.stderr.splitlines()
    assert 'msg="told to end"' in logged
    assert told == "ferry call: 504 deadline: the call did not end within 50 ms"


def test_a_worker_that_heeds_no_deadline_is_left_behind(tmp_path, steps):
    (tmp_path / "ferry.yaml").write_text(
        f"plugins: [{steps.plugin}]\nworkers: {{{steps.settings()}}}\n"
        "routes: {/steps: {worker: steps, timeout: 50ms}}\n")
    result = run_ferry("call", "/steps", "-c", "ferry.yaml", cwd=tmp_path)
    assert result.returncode == EXIT_RUNTIME
    assert result.stderr == "ferry call: 504 deadline: the call did not end within 50 ms\n"


def test_the_log_is_as_the_config_has_it(call):
    assert "msg=" in call("/broken", "--data", "x").stderr.splitlines()[0]
    logged = call("/broken", "--data", "x", "--set", "log.format=json").stderr.splitlines()[0]
    assert json.loads(logged)["msg"] == "program failed"
    told = call("/broken", "--data", "x", "--set", "log.level=error").stderr
    assert told.startswith("ferry call: 502 transient: ")


def test_an_unknown_route_lists_those_there_are(call):
    result = call("/nope")
    assert (result.returncode, result.stdout) == (EXIT_RUNTIME, "")
    assert result.stderr.splitlines() == [
        "ferry call: there is no route for /nope", "routes:", "  /noop", "  /echo", "  /sleep",
        "  /quick", "  /shout", "  /broken"]


def test_a_method_that_the_route_does_not_take_is_told(call):
    result = call("/shout", "-X", "GET")
    assert result.returncode == EXIT_RUNTIME
    assert result.stderr == "ferry call: /shout takes POST, not GET; choose with -X\n"


def test_a_file_that_is_not_there_is_no_route_that_is_not_there(call):
    result = call("/echo", "--data", "@missing")
    assert result.returncode == EXIT_RUNTIME
    assert result.stderr == "ferry call: missing: No such file or directory\n"


def test_a_body_up_to_the_servers_limit_is_taken(tmp_path, call):
    body = "x" * 1024
    (tmp_path / "large").write_text(body)
    assert call("/echo", "--data", body).stdout == body
    with open(tmp_path / "large", "rb") as large:
        result = subprocess.run([FERRY, "call", "/echo", "--data", "-", "-c", "ferry.yaml"],
                                cwd=tmp_path, stdin=large, capture_output=True, timeout=DEADLINE,
                                check=True)
    assert result.stdout.decode() == body


def test_a_body_past_the_servers_limit_is_told(tmp_path, call):
    (tmp_path / "large").write_bytes(b"x" * 1025)
    for given in "x" * 1025, "@large":
        result = call("/echo", "--data", given)
        assert result.returncode == EXIT_RUNTIME
        assert "1024" in result.stderr
    with open(tmp_path / "large", "rb") as large:
        result = subprocess.run([FERRY, "call", "/echo", "--data", "-", "-c", "ferry.yaml"],
                                cwd=tmp_path, stdin=large, capture_output=True, timeout=DEADLINE,
                                check=False)
    assert (result.returncode, result.stdout) == (EXIT_RUNTIME, b"")
    assert b"standard input holds more than the 1024 bytes" in result.stderr


@pytest.mark.parametrize("args, word", [
    ([], "which route"),
    (["/noop", "/echo"], "/echo"),
    (["/noop", "--jsno", "{}"], "did you mean --json"),
    (["/noop", "--data"], "--data needs a value"),
    (["/echo", "--json", "{}", "--data", "x"], "either --json or --data"),
    (["/echo", "--json", "{'a': 1}"], "line 1, column"),
    (["/echo", "--header", "nonsense"], "Name: value"),
    (["/%zz"], "%20"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_wrong_usage_is_told(call, args, word):
    result = call(*args)
    assert (result.returncode, result.stdout) == (EXIT_USAGE, "")
    assert word in result.stderr


def test_a_wrong_config_is_told_with_its_line(tmp_path):
    (tmp_path / "ferry.yaml").write_text("routes: {/noop: {worker: nope}}\n")
    result = run_ferry("call", "/noop", "-c", "ferry.yaml", cwd=tmp_path)
    assert result.returncode == EXIT_CONFIG
    assert result.stderr.startswith("ferry.yaml:1:")


# ---- progress, and Ctrl-C ----

@pytest.fixture
def steps_config(tmp_path, steps):
    (tmp_path / "ferry.yaml").write_text(
        f"plugins: [{steps.plugin}]\nworkers: {{{steps.settings()}}}\n"
        "routes: {/steps: {worker: steps, timeout: 0}}\n")
    return steps


def test_a_terminal_shows_a_progress_bar_and_then_nothing_of_it(tmp_path, steps_config):
    run = Terminal("call", "/steps", "-c", "ferry.yaml", cwd=tmp_path, streams=["stderr"],
                   columns=61)
    steps_config.tell("25 a quarter")
    run.wait_shown("\r[====>               ]  25% a quarter\033[K")
    steps_config.tell("50 halfway, with a message that is longer than the line")
    run.wait_shown("\r[=========>          ]  50% halfway, with a message that ...\033[K")
    steps_config.tell("end")
    assert run.end() == (EXIT_OK, '{"steps": "all"}')
    assert run.text().endswith("\r\033[K")


def test_a_failure_takes_the_place_of_the_bar(tmp_path, steps_config):
    run = Terminal("call", "/steps", "-c", "ferry.yaml", cwd=tmp_path)
    steps_config.tell("25 a quarter")
    run.wait_shown("25%")
    steps_config.tell("fail no luck")
    assert run.end()[0] == EXIT_RUNTIME
    assert run.text().endswith("\r\033[Kferry call: 502 transient: no luck\n")


def test_elsewhere_progress_is_not_shown(tmp_path, steps_config):
    steps_config.tell("25 a quarter", "end")
    result = run_ferry("call", "/steps", "-c", "ferry.yaml", cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (EXIT_OK, '{"steps": "all"}', "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_the_call(tmp_path, steps_config, number):
    run = Terminal("call", "/steps?heeds=cancel", "-c", "ferry.yaml", cwd=tmp_path)
    steps_config.tell("25 a quarter")
    run.wait_shown("25%")
    send_signal(run.process, number)
    assert run.end()[0] == EXIT_RUNTIME
    assert "\r\033[Kferry call: cancelling" in run.text()
    assert run.text().endswith("\nferry call: 499 cancelled: told to end\n")


def test_a_second_interrupt_leaves_at_once(tmp_path, steps_config):
    run = Terminal("call", "/steps", "-c", "ferry.yaml", cwd=tmp_path)
    steps_config.tell("25 a quarter")
    run.wait_shown("25%")
    run.interrupt()
    run.wait_shown("once more leaves at once")
    run.interrupt()
    assert run.end()[0] == EXIT_RUNTIME
    assert "the call did not end when cancelled" in run.text()


def test_an_answer_that_cannot_be_written_is_an_error(tmp_path, call):
    call("/noop")
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run([FERRY, "call", "/noop", "-c", "ferry.yaml"], cwd=tmp_path,
                                stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE, check=False)
    assert result.returncode == EXIT_RUNTIME
    assert b"cannot write the answer" in result.stderr


def test_so_is_one_that_nobody_reads(tmp_path, call):
    call("/noop")
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run([FERRY, "call", "/noop", "-c", "ferry.yaml"], cwd=tmp_path,
                            stdout=writer, stderr=subprocess.PIPE, timeout=DEADLINE, check=False)
    os.close(writer)
    assert result.returncode == EXIT_RUNTIME
    assert b"cannot write the answer: Broken pipe" in result.stderr
