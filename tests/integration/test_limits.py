"""Bounds and deadlines: what cannot be served is refused early, and what is late is let go of."""

import socket

import pytest

from examples import is_answered
from harness import read_all, wait_until

LONG_SLEEP = "/sleep?seconds=3600"


@pytest.fixture
def server(serve, gate):
    """Routes over the gate worker, each with one limit of its own."""
    return serve(f"""
plugins: [{gate.plugin}]
workers:
  {gate.settings()}
pools:
  default: {{threads: 1, queue: 1, queue_timeout: 0}}
  patient: {{threads: 1, queue_timeout: 0}}
  impatient: {{threads: 1, queue_timeout: 50ms}}
  pair: {{threads: 2}}
routes:
  /full: {{worker: gate, timeout: 0}}
  /impatient: {{worker: gate, pool: impatient, timeout: 0}}
  /wait: {{worker: gate, pool: patient, timeout: 0}}
  /hurry: {{worker: gate, pool: patient, timeout: 50ms}}
  /pair: {{worker: gate, pool: pair, timeout: 50ms}}
  /sleep: {{worker: sleep, pool: patient, timeout: 0}}
  /nap: {{worker: sleep, pool: patient, timeout: 50ms}}
""")


def answered(server, route, code):
    return server.metric(f'ferry_requests_total{{route="{route}",method="GET",code="{code}"}}')


def stick(server, path, pool, count=1):
    """Leave threads of a pool in calls past their deadline; returns the last reply."""
    reply = None
    while server.metric(f'ferry_stuck_threads{{pool="{pool}"}}') < count:
        reply = server.get(path)
        assert reply.status == 504  # on a busy machine it may not even have begun
    return reply


def stick_pair(server):
    stick(server, "/pair", "pair", 2)


def begin_impatient(server):
    """A call that has begun: on a busy machine it may wait too long for its thread, like any."""
    while True:
        call = server.send("GET", "/impatient?name=running")
        wait_until(lambda: is_answered(call) or
                   server.metric('ferry_pool_busy_threads{pool="impatient"}') == 1, "it has begun")
        if not is_answered(call):
            return call
        assert call.reply().status == 503


# ---- a full queue ----

def test_a_full_queue_answers_503_with_retry_after_at_once(server, gate):
    running = server.send("GET", "/full?name=running")
    server.wait_busy(1)
    waiting = server.send("GET", "/full?name=waiting")
    server.wait_queued(1)

    refused = server.get("/full?name=refused")
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert "full" in refused.problem()
    assert server.metric('ferry_pool_rejected_total{pool="default",reason="full"}') == 1

    gate.let(2)
    assert [running.reply().status, waiting.reply().status] == [200, 200]
    assert gate.runs() == ["running", "waiting"]


def test_refusals_are_in_the_log_but_do_not_flood_it(server, gate):
    calls = [server.send("GET", "/full?name=running")]
    server.wait_busy(1)
    calls.append(server.send("GET", "/full?name=waiting"))
    server.wait_queued(1)
    assert [server.get("/full").status for _ in range(5)] == [503] * 5
    server.wait_logged("requests are refused")
    gate.let(2)
    assert [call.reply().status for call in calls] == [200, 200]
    [line] = [line for line in server.log().splitlines() if "requests are refused" in line]
    assert 'level=warn' in line and "route=/full" in line and "its queue is full" in line


def test_a_call_that_waited_past_queue_timeout_gets_503_and_never_runs(server, gate):
    timed_out = 'ferry_pool_rejected_total{pool="impatient",reason="queue_timeout"}'
    running = begin_impatient(server)
    before = server.metric(timed_out)

    refused = server.get("/impatient?name=refused")
    assert refused.status == 503
    assert refused.headers["Retry-After"]
    assert refused.problem()
    assert server.metric(timed_out) == before + 1

    gate.let(2)
    assert running.reply().status == 200
    server.wait_busy(0, pool="impatient")
    assert gate.runs() == ["running"]


# ---- the deadline ----

def test_a_call_past_its_timeout_gets_504_and_its_late_result_is_dropped(server, gate):
    late = stick(server, "/hurry", "patient")
    assert "50 ms" in late.problem()
    asked = answered(server, "/hurry", 504)
    server.wait_logged("call is stuck", "route=/hurry")

    gate.let()
    server.wait_busy(0, pool="patient")
    server.wait_logged("stuck call came back", "route=/hurry")
    assert answered(server, "/hurry", 504) == asked
    assert answered(server, "/hurry", 200) is None
    assert server.metric('ferry_requests_in_flight{route="/hurry"}') == 0


def test_the_deadline_of_a_call_ends_with_it(server, gate):
    gate.let()
    assert server.get("/hurry").status in (200, 504)  # on a busy machine it may be late
    stick(server, "/hurry", "patient")  # by now the first one's time is over, too
    assert server.get("/livez").status == 200


def test_a_call_that_waits_at_its_deadline_gets_504_and_never_runs(server, gate):
    running = server.send("GET", "/wait?name=running")
    server.wait_busy(1, pool="patient")

    late = server.get("/hurry?name=late")
    assert late.status == 504
    server.wait_queued(0, pool="patient")
    assert server.metric('ferry_stuck_threads{pool="patient"}') == 0

    gate.let(2)
    assert running.reply().status == 200
    server.wait_busy(0, pool="patient")
    assert gate.runs() == ["running"]


def test_the_deadline_raises_the_cancel_flag_of_a_running_call(server):
    assert server.get("/nap?seconds=3600").status == 504
    server.wait_busy(0, pool="patient")


def test_a_call_that_heeds_its_deadline_is_one_line_of_the_log(server):
    assert server.get("/nap?seconds=3600").status == 504
    server.terminate()
    assert server.wait() == 0
    [line] = [line for line in server.log().splitlines() if "route=/nap" in line]
    assert "level=warn" in line and "request failed" in line and "50 ms" in line


# ---- stuck calls ----

def test_a_stuck_call_is_counted_and_named_in_the_log(server):
    stick(server, "/hurry", "patient")
    server.wait_logged("level=warn", "stuck", "route=/hurry", "worker=gate", "pool=patient")


def test_a_pool_with_every_thread_stuck_answers_503_at_once(server):
    stick_pair(server)
    refused = server.get("/pair")
    assert refused.status == 503
    assert refused.headers["Retry-After"]
    assert "pair" in refused.problem()
    assert server.metric('ferry_pool_rejected_total{pool="pair",reason="stuck"}') == 1


@pytest.mark.parametrize("admin", [False, True], ids=["public", "admin"])
def test_readyz_names_the_pool_with_every_thread_stuck(server, admin):
    stick_pair(server)
    reply = server.get("/readyz", admin=admin)
    assert reply.status == 503
    assert "pair" in reply.problem()
    assert server.get("/livez", admin=admin).status == 200


def test_readyz_names_every_such_pool(server):
    stick_pair(server)
    stick(server, "/hurry", "patient")
    pools = server.get("/readyz").problem().partition("in pool ")[2]
    assert sorted(pools.split(", ")) == ["pair", "patient"]


def test_a_stuck_pool_holds_up_no_other(server, gate):
    stick_pair(server)
    other = server.send("GET", "/full?name=other")
    wait_until(lambda: "other" in gate.runs(), "the other pool's call runs")
    gate.let(3)
    assert other.reply().status == 200


def test_a_pool_serves_again_when_its_threads_come_back(server, gate):
    stick_pair(server)
    gate.let(2)
    server.wait_metric('ferry_stuck_threads{pool="pair"}', 0)
    assert server.get("/readyz").status == 200
    gate.let()
    assert server.get("/pair").status == 200


# ---- a client that leaves ----

def test_a_client_that_leaves_takes_its_call_out_of_the_queue(server, gate):
    running = server.send("GET", "/wait?name=running")
    server.wait_busy(1, pool="patient")
    left = server.send("GET", "/wait?name=left")
    server.wait_queued(1, pool="patient")

    left.leave()
    server.wait_queued(0, pool="patient")
    gate.let(2)
    assert running.reply().status == 200
    server.wait_busy(0, pool="patient")
    assert gate.runs() == ["running"]


def test_a_client_that_leaves_ends_its_running_call(server):
    sleeper = server.send("GET", LONG_SLEEP)
    server.wait_busy(1, pool="patient")
    sleeper.leave()
    server.wait_busy(0, pool="patient")
    assert server.metric('ferry_requests_in_flight{route="/sleep"}') == 0


def test_a_client_that_shuts_its_sending_side_counts_as_gone(server):
    sleeper = server.send("GET", LONG_SLEEP)
    server.wait_busy(1, pool="patient")
    sleeper.connection.sock.shutdown(socket.SHUT_WR)
    server.wait_busy(0, pool="patient")
    sleeper.leave()


# ---- slow clients ----

@pytest.mark.parametrize("limit, sent", [
    ("header_timeout", b"GET /noop HTTP/1.1\r\nHost:"),
    ("body_timeout", b"POST /noop HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"),
    ("request_timeout", b"POST /noop HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"),
    ("idle_timeout", b"GET /noop HTTP/1.1\r\nHost: h\r\n\r\n"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_client_that_is_too_slow_is_disconnected(serve, limit, sent):
    server = serve(f"limits: {{{limit}: 50ms}}\nroutes: {{/noop: {{worker: noop}}}}\n")
    with server.open_socket() as client:
        client.sendall(sent)
        read_all(client)  # ends when the server has closed


def test_connections_past_the_limit_wait_until_one_ends(serve):
    server = serve("limits: {connections: 1}\nroutes: {/noop: {worker: noop}}\n")
    first = server.connect()
    first.request("GET", "/noop")
    first.getresponse().read()
    second = server.send("GET", "/noop")
    assert server.metric("ferry_connections") == 1
    first.close()
    assert second.reply().text() == "ok"
