"""A crash says what crashed: the signal, and the calls in flight; then it is a crash as any other."""

import os
import re
import signal

import pytest

from harness import compile_plugin, run_ferry, wait_until

PLUGIN = """
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <ferry/worker.h>

static int *volatile nowhere;

static int eat_stack(volatile char *above, int depth)
{
    volatile char here[4096];
    here[0] = above[0];
    return depth == 0 ? here[0] : eat_stack(here, depth - 1) + here[0];
}

static int run(ferry_call *call, void *state)
{
    (void)state;
    const char *how = ferry_call_param(call, "how");
    char here = 0;
    while (access("go", F_OK) < 0) /* in the folder where the server runs */
        usleep(1000);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "exit") == 0)
        exit(0);
    if (strcmp(how, "stack") == 0)
        return eat_stack(&here, 1 << 20);
    *nowhere = 1;
    return 0;
}
FERRY_WORKER(boom, .run = run)
"""

CONFIG = """
plugins: [{plugin}]
workers: {{bomb: {{use: boom}}}}
jobs: {{max_crashes: 3}}
routes:
  /boom: {{worker: bomb, mode: either, methods: [POST]}}
  /sleep: {{worker: sleep}}
"""

@pytest.fixture(scope="module")
def boom_plugin(tmp_path_factory):
    return compile_plugin(tmp_path_factory.mktemp("boom"), "boom", PLUGIN)


@pytest.fixture
def server(serve, boom_plugin):
    # Sanitizers have reports of their own, and would be taken for what they look for.
    return serve(CONFIG.format(plugin=boom_plugin), env={"FERRY_CRASH_REPORT": "1"})


def crash(server, how, signal_number):
    """Crash it by a job; returns the job's path and what was said."""
    sleeping = server.send("GET", "/sleep?ms=600000")
    job = server.post_job(f"/boom?how={how}", {}, headers={"Prefer": "respond-async"})
    server.wait_busy(2)
    (server.folder / "go").touch()
    wait_until(lambda: server.process.poll() is not None, "it has ended")
    sleeping.leave()
    assert server.wait() == -signal_number
    return job, server.log()


@pytest.mark.parametrize("how, signal_name", [("null", "SIGSEGV"), ("stack", "SIGSEGV"),
                                              ("abort", "SIGABRT")])
def test_a_crash_names_the_calls_in_flight(server, how, signal_name):
    job, log = crash(server, how, getattr(signal, signal_name))
    where = " at address 0x[0-9a-f]+" if signal_name == "SIGSEGV" else ""
    assert re.search(rf"^ferry: crashed: {signal_name}{where}, in thread default-\d+, version \S+$",
                     log, re.MULTILINE), log
    calls = re.findall(r"^ferry: call in flight: (.*)$", log, re.MULTILINE)
    assert len(calls) == 2, log
    assert "worker=sleep route=/sleep delivery_id=-" in calls
    [mine] = [call for call in calls if call.endswith(" (in this thread)")]
    assert re.fullmatch(r"worker=bomb route=/boom delivery_id=[0-9a-f]{32} \(in this thread\)", mine)
    assert re.search(r"^ferry: backtrace:\n(.*\n)*.*boom\.so", log, re.MULTILINE), log
    assert job.rpartition("/")[2] not in log


def test_a_worker_that_calls_exit_is_a_crash_too(server):
    _, log = crash(server, "exit", signal.SIGABRT)
    assert "ferry: a worker called exit" in log
    assert re.search(r"worker=bomb route=/boom delivery_id=[0-9a-f]{32} \(in this thread\)", log)


@pytest.mark.parametrize("how", ["abort", "exit", "null"])
def test_the_first_process_of_a_container_crashes_as_well(serve, boom_plugin, how):
    # The kernel ignores what such a one raises, unless there is a handler.
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    server = serve(CONFIG.format(plugin=boom_plugin), env={"FERRY_CRASH_REPORT": "1"},
                   starter=["unshare", *user, "--pid", "--fork", "--kill-child"])
    assert server.has_logged("msg=serving", "pid=1")
    crashing = server.send("POST", f"/boom?how={how}")
    server.wait_busy(1)
    (server.folder / "go").touch()
    code = server.wait()
    crashing.leave()
    assert code == (-signal.SIGSEGV if how == "null" else 128 + signal.SIGABRT), server.log()
    assert "ferry: call in flight: worker=bomb" in server.log()


def test_a_worker_that_crashes_in_ferry_call_is_named(tmp_path, boom_plugin):
    (tmp_path / "ferry.yaml").write_text(CONFIG.format(plugin=boom_plugin))
    (tmp_path / "go").touch()
    result = run_ferry("call", "-c", "ferry.yaml", "/boom?how=null", "-X", "POST", cwd=tmp_path,
                       env={"FERRY_CRASH_REPORT": "1"})
    assert result.returncode == -signal.SIGSEGV
    assert "ferry: crashed: SIGSEGV" in result.stderr
    assert "worker=bomb route=/boom delivery_id=- (in this thread)" in result.stderr


def test_a_job_that_crashed_the_server_counts_a_crash(server):
    job, log = crash(server, "null", signal.SIGSEGV)
    [delivery_id] = re.findall(r"worker=bomb .* delivery_id=(\S+)", log)
    server.launch()
    assert server.wait() == -signal.SIGSEGV  # it runs again, and is the same delivery
    assert f"delivery_id={delivery_id} (in this thread)" in server.log()
    server.args += ["--set", "jobs.max_crashes=1"]
    server.start()
    dead = server.wait_job(job, "dead")
    assert dead["crashes"] == 2
