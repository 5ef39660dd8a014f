"""Idempotency-Key: what is sent twice is done once."""

import concurrent.futures

import pytest

from harness import UNFINISHED, wait_until

CONFIG = """
plugins: [{gate.plugin}]
workers:
  {gate_settings}
pools:
  default: {{threads: 2}}
  single: {{threads: 1}}
routes:
  /later: {{worker: echo, methods: [POST], mode: defer}}
  /other: {{worker: echo, methods: [POST], mode: defer}}
  /users/{{id}}: {{worker: echo, methods: [POST], mode: defer}}
  /echo: {{worker: echo, methods: [POST], mode: either}}
  /call: {{worker: echo, methods: [POST]}}
  /gate: {{worker: gate, pool: single, methods: [POST], mode: either, timeout: 60s}}
  /hasty: {{worker: gate, pool: single, methods: [POST], mode: either, timeout: 1s}}
"""


@pytest.fixture
def server(serve, gate):
    return serve(CONFIG.format(gate=gate, gate_settings=gate.settings()))


def post(server, path, body=b"body", key='"k1"', prefer=None, type="text/plain"):
    return send(server, path, body, key, prefer, type).reply()


def send(server, path, body=b"body", key='"k1"', prefer=None, type="text/plain"):
    headers = {"Idempotency-Key": key, "Content-Type": type}
    if prefer:
        headers["Prefer"] = prefer
    return server.send("POST", path, body=body, headers=headers)


# ---- the same again ----

def test_the_same_request_gets_the_same_job(server):
    first, second = post(server, "/later"), post(server, "/later")
    assert (first.status, second.status) == (202, 202)
    assert first.headers["Location"] == second.headers["Location"]
    assert {**first.json(), "state": None} == {**second.json(), "state": None}
    server.wait_job(first.headers["Location"], "succeeded")
    assert post(server, "/later").json()["state"] == "succeeded"
    server.wait_metric('ferry_jobs{state="succeeded"}', 1)


def test_a_key_with_and_without_quotes_is_one_key(server):
    assert post(server, "/later", key="abc").headers["Location"] == \
        post(server, "/later", key='"abc"').headers["Location"]


def test_a_key_is_remembered_over_a_restart(server):
    first = post(server, "/later")
    server.kill()
    server.start()
    assert post(server, "/later").headers["Location"] == first.headers["Location"]
    assert post(server, "/later", body=b"other").status == 422


def test_a_wait_for_what_was_done_before_gets_the_stored_result(server):
    post(server, "/later", body=b"once")
    reply = post(server, "/later", body=b"once", prefer="wait=60")
    assert (reply.status, reply.body) == (200, b"once")


def test_when_to_look_again_is_told_by_the_earlier_job(server):
    def post_late(delay):
        return server.request("POST", "/later", body=b"x",
                              headers={"Idempotency-Key": "k", "Ferry-Delay": delay})

    assert post_late("30s").headers["Retry-After"] in ("29", "30")
    assert int(post_late("2s").headers["Retry-After"]) > 2


# ---- not the same ----

@pytest.mark.parametrize("change", [
    {"body": b"other"}, {"type": "text/html"}, {"path": "/users/1?x=2"}, {"path": "/users/2?x=1"}])
def test_another_request_with_the_same_key_is_refused(server, change):
    request = {"path": "/users/1?x=1", "body": b"body", "type": "text/plain"}
    first = post(server, **request)
    assert first.status == 202
    second = post(server, **{**request, **change})
    assert second.status == 422
    assert "Idempotency-Key" in second.problem()
    assert second.headers["Location"] is None


def test_a_key_belongs_to_its_route(server):
    first, second = post(server, "/later"), post(server, "/other", body=b"other")
    assert (first.status, second.status) == (202, 202)
    assert first.headers["Location"] != second.headers["Location"]


@pytest.mark.parametrize("key", ["", '""', '"open', "two words", "k" * 256, "caf\u00e9"])
def test_a_key_that_is_none_is_refused_by_name(server, key):
    reply = post(server, "/later", key=key.encode("latin-1"))
    assert reply.status == 400
    assert "Idempotency-Key" in reply.problem()


# ---- at once ----

def test_of_two_at_once_one_is_made(server):
    def ask(_):
        return post(server, "/later", prefer="respond-async")

    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        replies = list(clients.map(ask, range(64)))
    assert {reply.status for reply in replies} == {202}
    assert len({reply.headers["Location"] for reply in replies}) == 1


def test_two_of_one_key_that_wait_do_not_both(server, gate):
    first = send(server, "/gate?name=a", prefer="wait=60")
    wait_until(lambda: gate.runs() == ["a"], "the first one runs")
    second = post(server, "/gate?name=a", prefer="wait=60")
    assert second.status == 409
    assert second.headers["Retry-After"] == "1"
    assert post(server, "/gate?name=a", body=b"other", prefer="wait=60").status == 422
    assert post(server, "/gate?name=a", prefer="respond-async").status == 202
    gate.let()
    assert first.reply().body == b"through"
    again = post(server, "/gate?name=a", prefer="wait=60")
    assert (again.status, again.body) == (200, b"through")
    assert gate.runs() == ["a"]


# ---- while the queue is full ----

def test_while_the_queue_is_full_a_known_key_is_answered(serve, gate):
    config = CONFIG.format(gate=gate, gate_settings=gate.settings())
    server = serve(config + "jobs: {max_pending: 1}\n")
    first = post(server, "/gate?name=a", prefer="respond-async")
    assert first.status == 202
    again = post(server, "/gate?name=a", prefer="respond-async")
    assert again.status == 202
    assert again.headers["Location"] == first.headers["Location"]
    assert post(server, "/gate?name=a", body=b"other").status == 422
    refused = post(server, "/gate?name=b", key="k2")
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0
    waiting = send(server, "/gate?name=a", prefer="wait=60")
    server.wait_metric("ferry_held_waits", 1)
    gate.let()
    assert waiting.reply().body == b"through"
    assert gate.runs() == ["a"]


# ---- on a route that may be waited for ----

def test_a_plain_call_with_a_key_is_a_job_that_runs_once(server, gate):
    first = send(server, "/gate?name=a")
    wait_until(lambda: gate.runs() == ["a"], "it runs")
    first.leave()
    server.wait_metric("ferry_held_waits", 0)
    second = send(server, "/gate?name=a")
    server.wait_metric("ferry_held_waits", 1)
    gate.let()
    reply = second.reply()
    assert (reply.status, reply.body) == (200, b"through")
    assert reply.headers["Location"].startswith("/jobs/")
    assert reply.headers["Preference-Applied"] is None
    assert gate.runs() == ["a"]


def test_a_plain_call_with_a_key_that_takes_too_long_is_answered_with_its_job(server, gate):
    reply = post(server, "/hasty?name=a")
    assert reply.status == 202
    assert server.get(reply.headers["Location"]).json()["state"] in UNFINISHED
    gate.let_all()
    server.wait_job(reply.headers["Location"], "succeeded")


def test_without_a_key_a_plain_call_makes_no_job(server):
    reply = server.request("POST", "/echo", body=b"x")
    assert (reply.status, reply.headers["Location"]) == (200, None)


def test_where_nothing_is_deferred_the_key_is_the_workers(server):
    assert [post(server, "/call", body=body).body for body in (b"1", b"2")] == [b"1", b"2"]
