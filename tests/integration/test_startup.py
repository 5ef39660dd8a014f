"""The command line, and what keeps a server from starting: one clear line, and the right code."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess

import pytest

from harness import (DEADLINE, EXIT_CONFIG, EXIT_OK, EXIT_RUNTIME, EXIT_USAGE, FERRY, Server,
                     compile_plugin, run_ferry, send_signal, wait_until)

CONFIG = "routes: {/noop: {worker: noop}}\n"
FREE_PORTS = "--listen", "127.0.0.1:0", "--set", "admin.listen=127.0.0.1:0"


def serve_in_vain(folder, config=CONFIG, args=FREE_PORTS):
    """Run a server that cannot start."""
    (folder / "ferry.yaml").write_text(config)
    result = run_ferry("serve", "-c", "ferry.yaml", *args, cwd=folder)
    assert "msg=serving" not in result.stderr
    assert result.stdout == ""
    return result


def refusal(folder, **kwargs):
    """The one line that says why a server with a sound config did not start."""
    result = serve_in_vain(folder, **kwargs)
    assert result.returncode == EXIT_RUNTIME, result.stderr
    said = [line for line in result.stderr.splitlines() if "level=info" not in line]
    assert len(said) == 1, result.stderr
    assert 'level=error msg="cannot start" error=' in said[0]
    return said[0]


# ---- the config ----

BROKEN = {
    "no yaml": ("routes: [\n", 1, "bracket"),
    "not a map": ("- routes\n", 1, "map"),
    "an unknown section": (CONFIG + "rotues: {}\n", 2, '"rotues"'),
    "an unknown key": ("pools: {default: {thread: 8}}\n" + CONFIG, 1, '"thread"'),
    "a key given twice": (CONFIG + "drain: 1s\ndrain: 2s\n", 3, "drain"),
    "a number out of range": ("pools: {default: {threads: 0}}\n" + CONFIG, 1, "threads"),
    "a duration that does not parse": (CONFIG + "drain: 5 parsecs\n", 2, "5 parsecs"),
    "a size that does not parse": (CONFIG + "limits: {body_bytes: 8MB}\n", 2, "8MB"),
    "an address that does not parse": (CONFIG + "admin: {listen: localhost:1}\n", 2, "localhost"),
    "an unknown worker": ("routes:\n  /noop: {worker: nope}\n", 2, '"nope"'),
    "a route without a worker": ("routes:\n  /noop: {}\n", 2, "worker"),
    "an unknown kind": (CONFIG + "workers: {w: {use: nope}}\n", 2, '"nope"'),
    "an unknown pool": ("routes: {/noop: {worker: noop, pool: nope}}\n", 1, '"nope"'),
    "an unknown mode": ("routes: {/noop: {worker: noop, mode: nope}}\n", 1, "nope"),
    "an unknown method": ("routes: {/noop: {worker: noop, methods: [GTE]}}\n", 1, "GTE"),
    "a path that does not parse": ("routes: {noop: {worker: noop}}\n", 1, 'begins with "/"'),
    "a reserved path": ("routes: {/livez: {worker: noop}}\n", 1, "/livez"),
    "the same path twice": ("routes:\n  /a/{b}: {worker: noop}\n  /a/{c}: {worker: noop}\n", 3,
                            "/a/{b}"),
    "a backoff that does not parse": (
        "routes: {/noop: {worker: noop, mode: defer, retry: {backoff: 5s-1h}}}\n", 1, "5s-1h"),
    "a setting of a worker": (CONFIG + "workers:\n  mailer:\n    use: email\n    relay: nonsense\n",
                              5, "relay"),
    "an unknown setting of a worker": (
        CONFIG + "workers:\n  mailer:\n    use: email\n    realy: x\n", 5, "realy"),
    "a program that is not there": (
        CONFIG + "workers:\n  e: {use: exec, command: [/no/such/program]}\n", 3, "/no/such/program"),
    "a token file that is not there": (CONFIG + "admin: {token_file: nope}\n", 2, "nope"),
}


@pytest.mark.parametrize("command", ["serve", "check"])
@pytest.mark.parametrize("config, line, word", BROKEN.values(), ids=BROKEN)
def test_a_broken_config_is_told_with_its_line(tmp_path, command, config, line, word):
    if command == "serve":
        result = serve_in_vain(tmp_path, config, args=[])
        assert result.stderr.endswith('error="the config is wrong, as ferry check shows"\n')
    else:
        (tmp_path / "ferry.yaml").write_text(config)
        result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path)
    assert result.returncode == EXIT_CONFIG
    [told] = [text for text in result.stderr.splitlines() if ": error: " in text]
    assert re.match(rf"ferry\.yaml:{line}:\d+: error: .*{re.escape(word)}", told), result.stderr


def test_a_broken_config_shows_the_line_and_a_caret(tmp_path):
    (tmp_path / "ferry.yaml").write_text(CONFIG + "drain: 5 parsecs\n")
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path)
    message, line, caret = result.stderr.splitlines()[:3]
    assert message.startswith("ferry.yaml:2:8: error: ")
    assert line.strip() == "drain: 5 parsecs"
    assert caret.strip() == "^" + "~" * (len("5 parsecs") - 1)
    assert caret.index("^") == line.index("5 parsecs")


def test_all_mistakes_are_told_in_one_go(tmp_path):
    (tmp_path / "ferry.yaml").write_text(
        "drain: soon\npools: {default: {thread: 8}}\nroutes: {/noop: {worker: nope}}\n")
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path)
    places = re.findall(r"^ferry\.yaml:(\d+):\d+: error: ", result.stderr, re.M)
    assert places == ["1", "2", "3"]


def test_a_pool_that_no_route_uses_is_a_warning(tmp_path):
    (tmp_path / "ferry.yaml").write_text("pools: {idle: {threads: 1}}\n" + CONFIG)
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path)
    assert result.returncode == EXIT_OK
    assert re.match(r'ferry\.yaml:1:9: warning: .*"idle"', result.stderr)


def test_a_config_that_is_not_there_is_told(tmp_path):
    result = run_ferry("check", "-c", "nope.yaml", cwd=tmp_path)
    assert result.returncode == EXIT_CONFIG
    assert result.stderr == "nope.yaml: error: No such file or directory\n"


# ---- plug-ins ----

NO_WORKER = "int nothing;\n"
OTHER_ABI = """
#include <ferry/worker.h>
#undef FERRY_WORKER_ABI
#define FERRY_WORKER_ABI 99
static int run(ferry_call *call, void *state) { return ferry_call_reply_text(call, 200, "ok"); }
FERRY_WORKER(future, .run = run)
"""
NO_RUN = """
#include <ferry/worker.h>
FERRY_WORKER(idle, .run = NULL)
"""
NO_SUCH_SYMBOL = """
#include <ferry/worker.h>
int not_there(ferry_call *call, void *state);
FERRY_WORKER(broken, .run = not_there)
"""
NAMED_AS_ANOTHER = """
#include <ferry/worker.h>
static int run(ferry_call *call, void *state) { return ferry_call_reply_text(call, 200, "ok"); }
FERRY_WORKER(noop, .run = run)
"""


def plugin_refusal(folder, plugin):
    result = serve_in_vain(folder, f"plugins: [{plugin}]\n" + CONFIG)
    assert result.returncode == EXIT_CONFIG
    [told] = [text for text in result.stderr.splitlines() if ": error: " in text]
    assert told.startswith("ferry.yaml:1:11: error: ")
    return told


def test_a_plugin_that_is_not_there_is_refused(tmp_path):
    assert "nope.so" in plugin_refusal(tmp_path, "nope.so")


def test_a_plugin_that_is_no_library_is_refused(tmp_path):
    (tmp_path / "text.so").write_text("not a library\n")
    assert "text.so" in plugin_refusal(tmp_path, "text.so")


@pytest.mark.parametrize("source, words", [
    (NO_WORKER, ["FERRY_WORKER"]),
    (OTHER_ABI, ['"future"', "99", "build it again"]),
    (NO_RUN, [".run"]),
    (NO_SUCH_SYMBOL, ["not_there"]),
    (NAMED_AS_ANOTHER, ['"noop"']),
], ids=["no worker", "other ABI", "no run", "no such symbol", "a name that is taken"])
def test_a_broken_plugin_is_refused_by_name(tmp_path, source, words):
    told = plugin_refusal(tmp_path, compile_plugin(tmp_path, "broken", source))
    for word in words:
        assert word in told


SAYS_SO = """
#include <ferry/worker.h>
static int start(ferry_settings *settings, void **state, ferry_error *error)
{
    ferry_log(FERRY_LOG_WARN, "an old version of the vendor's library", NULL);
    return 0;
}
static int run(ferry_call *call, void *state) { return ferry_call_reply_text(call, 200, "ok"); }
FERRY_WORKER(vendor, .open = start, .run = run)
"""


def test_what_a_worker_says_as_it_opens_is_in_the_log(tmp_path, serve):
    plugin = compile_plugin(tmp_path, "vendor", SAYS_SO)
    server = serve(f"plugins: [{plugin}]\nroutes: {{/v: {{worker: vendor}}}}\n")
    assert server.has_logged("level=warn", "an old version")
    assert "an old version" in run_ferry("call", "/v", "-c", "ferry.yaml", cwd=tmp_path).stderr


# ---- what the machine does not give ----

@pytest.mark.parametrize("option, way_out", [("--listen={}", "listen, or --listen ADDRESS"),
                                             ("--set=admin.listen={}", "admin.listen, or --set")])
def test_a_port_in_use_is_told(tmp_path, option, way_out):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        told = refusal(tmp_path, args=[*FREE_PORTS, option.format(address)])
    assert address in told and "in use" in told.lower()
    assert f"choose another by {way_out}" in told


def test_listen_may_be_repeated(serve):
    server = serve(CONFIG, args=["--listen", "unix:more.sock", "--listen", "127.0.0.1:0"])
    ports = [line for line in server.log().splitlines() if "listener=public" in line]
    assert len(ports) == 3 and "addr=unix:more.sock" in ports[1]


def test_an_address_of_another_machine_is_told(tmp_path):
    assert "192.0.2.1" in refusal(tmp_path, args=[*FREE_PORTS, "--listen", "192.0.2.1:0"])


@pytest.mark.parametrize("state", ["file", "file/below"])
def test_a_state_folder_that_cannot_be_is_told(tmp_path, state):
    (tmp_path / "file").write_text("in the way")
    told = refusal(tmp_path, config=CONFIG + f"state: {state}\n")
    assert f"state folder {tmp_path / state}: " in told and "--set state=FOLDER" in told


def test_a_state_folder_is_made_with_those_above_it(tmp_path, serve):
    serve(CONFIG + "state: deep/down/below\n")
    assert (tmp_path / "deep" / "down" / "below" / "jobs.db").exists()


def test_a_second_server_on_the_same_state_is_refused(tmp_path, serve):
    first = serve(CONFIG)
    told = refusal(tmp_path)
    assert "in use by another ferry" in told and "choose another folder by state" in told
    assert str(first.process.pid) in told
    assert first.get("/noop").text() == "ok"


def test_a_killed_server_leaves_its_state_to_the_next(serve):
    server = serve(CONFIG)
    server.kill()
    server.start()
    assert server.get("/noop").text() == "ok"


def test_a_library_that_is_not_needed_is_not_loaded(serve):
    """They would be a third of a start."""
    server = serve(CONFIG)
    maps = pathlib.Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "libsqlite3" in maps
    assert re.findall("libcrypt|libssl|libcurl", maps) == []


# ---- the database ----

@pytest.fixture
def database(tmp_path):
    """The database that an orderly server left behind."""
    server = Server(tmp_path, CONFIG).start()
    server.stop()
    return tmp_path / "var" / "jobs.db"


MOVER = r"""
#include <stdlib.h>
#include <unistd.h>

#include <ferry/worker.h>

static int open_mover(ferry_settings *settings, void **state, ferry_error *error)
{
    *state = (void *)ferry_settings_string(settings, "to", "/");
    return chdir(*state) < 0 ? ferry_error_set(error, FERRY_INTERNAL, "chdir") : 0;
}

static int run(ferry_call *call, void *state)
{
    if (chdir(state) < 0)
        abort();
    return ferry_call_reply_text(call, 200, "here");
}

FERRY_WORKER(mover, .open = open_mover, .run = run)
"""


def test_a_worker_that_goes_elsewhere_does_not_take_the_state_along(tmp_path, serve):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    plugin = compile_plugin(tmp_path, "mover", MOVER)
    server = serve(f"""
plugins: [{plugin}]
workers: {{mover: {{use: mover, to: {elsewhere}}}}}
routes: {{/move: {{worker: mover, mode: defer}}, /mail: {{worker: email, mode: defer}}}}
""")
    for _ in range(2):
        job = server.request("POST", "/move").headers["Location"]
        server.wait_job(job, "succeeded")
    message = json.dumps({"to": "you@example.org", "subject": "hello", "text": "from ferry"})
    job = server.request("POST", "/mail", body=message,
                         headers={"Content-Type": "application/json"}).headers["Location"]
    server.wait_job(job, "succeeded")
    assert list(elsewhere.iterdir()) == []
    made = {path.name for path in (server.folder / "var").iterdir()}
    assert made >= {"jobs.db", "jobs.db-arrivals", "lock", "started", "outbox"}


@pytest.mark.parametrize("damage", ["no database", "a torn page"])
def test_a_damaged_database_is_set_aside(tmp_path, database, damage, serve):
    content = bytearray(database.read_bytes())
    if damage == "no database":
        content[:] = b"this was a database once\n" * 400
    else:
        content[4096:8192] = b"\xff" * 4096
    database.write_bytes(content)

    result = serve_in_vain(tmp_path)
    assert result.returncode == EXIT_RUNTIME
    said = result.stderr.splitlines()
    assert len(said) == 1 and "set aside" in said[0] and "move it" in said[0]
    [aside] = database.parent.glob("jobs.db.damaged-*Z")  # beside it may be its -wal and -shm
    assert aside.name in said[0]
    assert aside.read_bytes() == content
    assert not database.exists()

    result = serve_in_vain(tmp_path)  # as a supervisor would, at once
    assert result.returncode == EXIT_RUNTIME
    assert aside.name in result.stderr
    assert not database.exists()

    for file in database.parent.glob("jobs.db.damaged-*"):
        file.unlink()
    assert serve(CONFIG).get("/noop").text() == "ok"


def test_a_newer_database_is_left_alone(tmp_path, database):
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA user_version = 99")
    content = database.read_bytes()
    told = refusal(tmp_path)
    assert "99" in told and "later ferry" in told
    assert database.read_bytes() == content


# ---- the command line ----

def test_version_tells_the_version(tmp_path):
    for way in "version", "--version", "-V":
        result = run_ferry(way, cwd=tmp_path)
        assert result.returncode == EXIT_OK
        assert re.fullmatch(r"ferry \d+\.\d+\.\d+\n", result.stdout)


@pytest.mark.parametrize("args", [["--help"], ["help"], ["serve", "--help"], ["check", "-h"],
                                  ["call", "--help"], ["jobs", "--help"], ["version", "--help"]],
                         ids=" ".join)
def test_help_goes_to_standard_output(tmp_path, args):
    result = run_ferry(*args, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (EXIT_OK, "")
    assert result.stdout.startswith("ferry")


@pytest.mark.parametrize("command", ["serve", "call", "jobs", "jobs list"])
def test_help_of_a_command_is_what_the_command_says(tmp_path, command):
    said = run_ferry("help", *command.split(), cwd=tmp_path)
    assert (said.returncode, said.stderr) == (EXIT_OK, "")
    assert said.stdout == run_ferry(*command.split(), "--help", cwd=tmp_path).stdout
    assert said.stdout.startswith(f"ferry {command}: ")


def test_help_names_every_command(tmp_path):
    out = run_ferry("--help", cwd=tmp_path).stdout
    for command in "serve", "check", "call", "jobs", "version":
        assert re.search(rf"^  {command} ", out, re.M)


@pytest.mark.parametrize("args, word", [
    ([], "usage"),
    (["srve"], '"srve"; did you mean serve'),
    (["help", "srve"], '"srve"; did you mean serve'),
    (["serve", "--nope"], "nope"),
    (["serve", "--lisen", ":0"], "did you mean --listen"),
    (["serve", "ferry.yaml"], "ferry.yaml"),
    (["check", "-c"], "-c, --config needs a value"),
    (["version", "now"], "now"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_wrong_usage_is_told(tmp_path, args, word):
    result = run_ferry(*args, cwd=tmp_path)
    assert result.returncode == EXIT_USAGE
    assert result.stdout == ""
    assert re.search(word, result.stderr)


def test_a_set_that_does_not_parse_is_a_wrong_config(tmp_path):
    result = run_ferry("check", "--set", "drain", cwd=tmp_path)
    assert result.returncode == EXIT_CONFIG
    assert "--set drain" in result.stderr


def test_check_says_ok(tmp_path):
    (tmp_path / "ferry.yaml").write_text(CONFIG)
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (EXIT_OK, "")
    assert result.stdout == ("ferry.yaml: ok, 1 route, 1 pool\n"
                             "  /noop: open to everyone\n")


def test_check_opens_the_worker_of_callbacks(tmp_path):
    secret = tmp_path / "callbacks.key"
    secret.write_text("whsec_!\n")
    secret.chmod(0o600)
    (tmp_path / "ferry.yaml").write_text(
        'callbacks: {allow: "https://example.org/", secret_file: callbacks.key}\n' + CONFIG)
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (EXIT_CONFIG, "")
    assert result.stderr.startswith(f"ferry: callbacks: {secret}: ")


def test_check_makes_nothing(tmp_path):
    run_ferry("check", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


# ---- what it was started with ----

def test_nothing_takes_the_place_of_a_standard_stream_that_was_closed(tmp_path):
    (tmp_path / "ferry.yaml").write_text(CONFIG)
    server = subprocess.Popen(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", FERRY, "serve", "-c", "ferry.yaml",
         "--listen", "unix:public.sock", "--set", "admin.listen=unix:admin.sock"], cwd=tmp_path)
    wait_until((tmp_path / "public.sock").exists, "it listens")
    streams = [os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in range(3)]
    send_signal(server, signal.SIGTERM)
    assert server.wait(DEADLINE) == EXIT_OK
    assert streams == ["/dev/null"] * 3


def test_signals_that_whoever_started_it_blocked_or_ignored_come_all_the_same(serve):
    server = serve("workers: {echo: {use: exec, command: [/bin/cat]}}\nroutes: {/echo: {worker: echo}}",
                   starter=["env", "--block-signal=TERM", "--ignore-signal=CHLD"])
    assert server.request("POST", "/echo", body="said").body == b"said"
    server.terminate()
    assert server.wait() == EXIT_OK


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_process_of_a_container_can_be_ended_before_it_serves(tmp_path, number):
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    os.mkfifo(tmp_path / "ferry.yaml")  # nobody writes a config to it
    process = subprocess.Popen(["unshare", *user, "--pid", "--fork", "--kill-child",
                                FERRY, "serve", "-c", "ferry.yaml"], cwd=tmp_path)
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def is_ended():  # what comes before its main is ignored, as it is the first process
        for child in children.read_text().split() if children.exists() else []:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), number)
        return process.poll() is not None

    try:
        wait_until(is_ended, "it has ended")
    finally:
        process.kill()
    assert process.wait() == 128 + number


def test_a_limit_of_a_files_size_is_an_error_and_no_signal(tmp_path):
    (tmp_path / "ferry.yaml").write_text(CONFIG)
    result = subprocess.run(["prlimit", "--fsize=4096", FERRY, "serve", "-c", "ferry.yaml", *FREE_PORTS],
                            cwd=tmp_path, stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert result.returncode == EXIT_RUNTIME
    assert 'msg="cannot start" error="the jobs\' database: disk I/O error"' in result.stderr
