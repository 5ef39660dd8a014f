"""A plug-in may set a locale for the whole process: what ferry reads and writes stays as it is."""

import signal
import subprocess

import pytest

from harness import compile_plugin, wait_until
from test_health_metrics import parse_metrics

# In this one numbers have a comma, and I is not the capital of i.
PLUGIN = """
#include <locale.h>
#include <stdlib.h>

#include <ferry/worker.h>

static int open_turkish(ferry_settings *settings, void **state, ferry_error *error)
{
    (void)settings, (void)state, (void)error;
    return setlocale(LC_ALL, "tr_TR") ? 0 : FERRY_INTERNAL;
}

static int run(ferry_call *call, void *state)
{
    (void)state;
    char *end;
    double half = strtod("0,5", &end);
    return ferry_call_reply_text(call, half == 0.5 && !*end ? 200 : 500, "as set");
}
FERRY_WORKER(turkish, .open = open_turkish, .run = run)
"""


@pytest.fixture
def server(tmp_path, serve, steps):
    subprocess.run(["localedef", "-i", "tr_TR", "-f", "ISO-8859-9", tmp_path / "tr_TR"], check=True)
    plugin = compile_plugin(tmp_path, "turkish", PLUGIN)
    server = serve(f"""
plugins: [{plugin}, {steps.plugin}]
workers: {{{steps.settings()}}}
routes:
  /locale: {{worker: turkish}}
  /sleep: {{worker: sleep, timeout: 60.5s}}
  /echo: {{worker: echo, timeout: 1.5m, mode: either}}
  /steps: {{worker: steps, mode: defer}}
""", env={"LOCPATH": str(tmp_path)})
    assert server.get("/locale").status == 200
    return server


def test_a_locale_of_a_plugin_is_its_own(server, steps):
    assert server.get("/sleep?seconds=0.001").json() == {"slept_ms": 1}
    parse_metrics(server.get("/metrics", admin=True).text())

    path = server.post_job("/steps", {})
    steps.tell("50 half")
    progress = wait_until(lambda: server.get(path).json()["progress"], "there is progress")
    assert progress["fraction"] == 0.5
    steps.tell("end")
    server.wait_job(path, "succeeded")

    key = {"IDEMPOTENCY-KEY": "one", "PREFER": "RESPOND-ASYNC"}
    first, second = (server.request("POST", "/echo", body="b", headers=key) for _ in range(2))
    assert (first.status, first.headers["Location"]) == (202, second.headers["Location"])

    server.signal(signal.SIGHUP)  # durations are read again
    server.wait_logged("msg=reloaded")
    assert server.get("/locale").status == 200
