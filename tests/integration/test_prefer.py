"""Prefer: respond-async and wait=N. What is waited for is a job: committed first, and run once."""

import concurrent.futures

import pytest

from harness import wait_until
from test_drain import beside_the_signal, read_reply, send_headers

CONFIG = """
log: {{level: debug}}
limits: {{connections: {connections}}}
drain: {drain}
plugins: [{gate.plugin}]
workers:
  {gate_settings}
  fails: {{use: exec, command: [/bin/sh, -c, "echo no >&2; exit 3"]}}
pools:
  default: {{threads: 2}}
  single: {{threads: 1}}
routes:
  /echo: {{worker: echo, methods: [POST], mode: either}}
  /later: {{worker: echo, methods: [POST], mode: defer}}
  /big: {{worker: echo, methods: [POST], mode: either, max_result: 1MiB}}
  /call: {{worker: echo, methods: [POST]}}
  /gate: {{worker: gate, pool: single, methods: [POST], mode: either, timeout: 0}}
  /sleep: {{worker: sleep, methods: [POST], mode: defer}}
  /fails: {{worker: fails, methods: [POST], mode: defer, retry: {{attempts: 2, backoff: 1ms..1ms}}}}
"""


@pytest.fixture
def start(serve, gate):
    def start(connections=10000, drain="30s"):
        return serve(CONFIG.format(gate=gate, gate_settings=gate.settings(), drain=drain,
                                   connections=connections))
    return start


def prefer(value, **headers):
    return {"Prefer": value, "Content-Type": "text/plain", **headers}


def wait_held(server, count):
    server.wait_metric("ferry_held_waits", count)


# ---- the answer ----

@pytest.mark.parametrize("path", ["/echo", "/later"])
def test_a_wait_is_answered_with_the_result_itself(start, path):
    server = start()
    reply = server.request("POST", path, body=b"hello", headers=prefer("wait=60"))
    assert (reply.status, reply.body) == (200, b"hello")
    assert reply.headers["Content-Type"] == "text/plain"
    assert reply.headers["Preference-Applied"] == "wait=60"
    job = server.get(reply.headers["Location"]).json()
    assert (job["state"], job["result"]["body"]) == ("succeeded", "hello")
    wait_held(server, 0)


@pytest.mark.parametrize("length, status", [(65536, 200), (65537, 202)])
def test_a_result_that_is_too_long_to_be_kept_is_not_taken_for_an_empty_one(start, length, status):
    server = start()
    reply = server.request("POST", "/later", body=b"x" * length, headers=prefer("wait=60"))
    again = server.get(reply.headers["Location"] + "/result")
    assert (reply.status, again.status) == (status, 200 if status == 200 else 410)
    assert (len(again.body) == length) == (status == 200)
    if status == 202:
        assert reply.json()["state"] == "succeeded"
        assert "too long" in again.problem()
        server.wait_logged("a result is too long to be kept", "bytes=65537")
        job = server.get(reply.headers["Location"]).json()
        assert (job["state"], job["result"]["body"], job["result"]["bytes"]) == \
            ("succeeded", None, None)


def test_a_route_may_keep_longer_results(start):
    server = start()
    for length, status in (2**20, 200), (2**20 + 1, 202):
        body = b"x" * length
        for _ in range(2):
            reply = server.request("POST", "/big", body=body,
                                   headers={"Idempotency-Key": str(length)})
            assert (reply.status, reply.body == body) == (status, status == 200)
        job = server.get(reply.headers["Location"])
        result = {"bytes": length if status == 200 else None, "body": None}
        assert {**job.json()["result"], **result} == job.json()["result"]
        kept = server.get(reply.headers["Location"] + "/result")
        assert (kept.status, kept.body == body) == (200 if status == 200 else 410, status == 200)


def test_a_wait_for_a_dead_job_is_answered_with_its_error(start):
    server = start()
    reply = server.request("POST", "/fails", headers=prefer("wait=60"))
    assert reply.status == 502
    assert reply.problem()
    job = server.get(reply.headers["Location"]).json()
    assert (job["state"], job["attempt"]) == ("dead", 2)


def test_when_the_time_is_up_the_answer_is_202_and_the_job_runs_on(start, gate):
    server = start()
    in_time = server.request("POST", "/echo", headers=prefer("wait=1"))  # its time ends with it
    assert in_time.status in (200, 202)
    reply = server.request("POST", "/gate?name=on", headers=prefer("wait=1"))
    assert reply.status == 202
    assert reply.json()["state"] in ("queued", "running")
    assert reply.headers["Preference-Applied"] == "wait=1"
    assert reply.headers["Retry-After"] == "1"
    gate.let()
    server.wait_job(reply.headers["Location"], "succeeded")
    assert gate.runs() == ["on"]


def test_a_wait_of_nothing_is_an_answer_at_once(start):
    server = start()
    reply = server.request("POST", "/gate", headers=prefer("wait=0"))
    assert reply.status == 202
    assert reply.headers["Preference-Applied"] == "wait=0"


def test_respond_async_and_wait_go_together(start):
    server = start()
    reply = server.request("POST", "/echo", body=b"x", headers=prefer("respond-async, wait=60"))
    assert (reply.status, reply.body) == (200, b"x")
    assert reply.headers["Preference-Applied"] == "respond-async, wait=60"
    assert reply.headers["Vary"] == "Prefer"


def test_what_is_longer_than_the_longest_wait_says_so(start):
    server = start()
    reply = server.request("POST", "/echo", body=b"x", headers=prefer("wait=86400"))
    assert reply.headers["Preference-Applied"] == "wait=300"


def test_a_malformed_wait_is_no_wait(start):
    server = start()
    live = server.request("POST", "/echo", body=b"x", headers=prefer("wait=soon"))
    assert (live.status, live.headers["Location"]) == (200, None)
    later = server.request("POST", "/later", body=b"x", headers=prefer("wait=soon"))
    assert (later.status, later.headers["Preference-Applied"]) == (202, None)


def test_a_route_that_runs_at_once_ignores_prefer(start):
    server = start()
    reply = server.request("POST", "/call", body=b"x", headers=prefer("wait=5, respond-async"))
    assert (reply.status, reply.headers["Location"]) == (200, None)
    assert reply.headers["Preference-Applied"] is None


def test_jobs_that_end_at_once_are_never_waited_for_in_vain(start):
    """A job may end before anybody watches it."""
    server = start()

    def ask(n):
        reply = server.request("POST", "/later", body=b"%d" % n, headers=prefer("wait=60"))
        return reply.status, reply.body

    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        for n, answer in enumerate(clients.map(ask, range(400))):
            assert answer == (200, b"%d" % n)
    wait_held(server, 0)


def test_a_cancelled_job_ends_its_wait(start):
    server = start()
    held = server.send("POST", "/later", headers=prefer("wait=60", **{"Ferry-Delay": "1h"}))
    wait_held(server, 1)
    assert server.request("POST", "/jobs/cancel?route=/later", admin=True).json() == {"changed": 1}
    reply = held.reply()
    assert reply.status == 410
    assert "cancelled" in reply.problem()


# ---- who waits no more ----

def test_a_client_that_leaves_ends_the_wait_and_not_the_job(start, gate):
    server = start()
    held = server.send("POST", "/gate?name=left", headers=prefer("wait=300"))
    wait_held(server, 1)
    wait_until(lambda: gate.runs() == ["left"], "the job runs")
    held.leave()
    wait_held(server, 0)
    gate.let()
    server.wait_metric('ferry_jobs{state="succeeded"}', 1)
    assert gate.runs() == ["left"]


def test_past_half_of_the_connections_nobody_is_held(start):
    server = start(connections=8)
    held = [server.send("POST", "/later", headers=prefer("wait=300", **{"Ferry-Delay": "1h"}))
            for _ in range(4)]
    wait_held(server, 4)
    reply = server.request("POST", "/later", headers=prefer("wait=300, respond-async",
                                                            **{"Ferry-Delay": "1h"}))
    assert reply.status == 202
    assert reply.headers["Preference-Applied"] == "respond-async"
    for each in held:
        each.leave()
    wait_held(server, 0)
    reply = server.request("POST", "/later", body=b"y", headers=prefer("wait=300"))
    assert (reply.status, reply.body) == (200, b"y")


def test_a_hundred_waits_are_answered_when_the_server_leaves(start):
    server = start()
    held = [server.send("POST", "/later", headers=prefer("wait=300", **{"Ferry-Delay": "1h"}))
            for _ in range(100)]
    wait_held(server, 100)
    server.terminate()
    places = set()
    for each in held:
        reply = each.reply()
        assert (reply.status, reply.json()["state"]) == (202, "scheduled")
        assert reply.headers["Connection"] == "close"
        places.add(reply.headers["Location"])
    assert server.wait() == 0
    server.start()
    assert len(places) == 100
    assert {server.get(place).json()["state"] for place in places} == {"scheduled"}


def test_a_wait_that_begins_in_a_drain_is_answered_at_once(start, gate):
    server = start()
    running = server.send("POST", "/gate", headers=prefer("respond-async"))
    assert running.reply().status == 202
    wait_until(lambda: gate.runs(), "the job keeps the server from leaving")
    with send_headers(server, "/later", 1, "Prefer: wait=300\r\n") as client:
        server.terminate()
        server.wait_logged("msg=draining")
        client.sendall(b"x")
        reply = read_reply(client)
        assert (reply.status, reply.headers["Preference-Applied"]) == (202, None)
    gate.let()
    assert server.wait() == 0


def test_a_wait_whose_job_is_on_its_way_to_the_disk_as_a_drain_begins_is_answered_at_once(start):
    server = start(drain="1h")
    connection = server.connect()
    connection.request("POST", "/later", headers=prefer("respond-async"))
    assert connection.getresponse().read()
    with beside_the_signal(server):
        connection.request("POST", "/later", headers=prefer("wait=300", **{"Ferry-Delay": "1h"}))
    reply = connection.getresponse()
    assert (reply.status, reply.headers["Connection"]) == (202, "close")
    assert reply.headers["Preference-Applied"] == "wait=300"
    assert server.wait() == 0
