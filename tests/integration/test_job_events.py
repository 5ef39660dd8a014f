"""GET /jobs/ID/events: server-sent events of a job's states, progress and end."""

import http.client
import json

import pytest

from harness import wait_until

CONFIG = """
log: {{level: debug}}
limits: {{connections: 16}}
plugins: [{gate.plugin}]
workers:
  {gate_settings}
  fails: {{use: exec, command: [/bin/sh, -c, "exit 3"]}}
pools:
  default: {{threads: 2}}
  single: {{threads: 1}}
routes:
  /later: {{worker: echo, methods: [POST], mode: defer}}
  /gate: {{worker: gate, pool: single, methods: [POST], mode: defer, timeout: 0}}
  /fails: {{worker: fails, methods: [POST], mode: defer, retry: {{attempts: 3, backoff: 1s..1s}}}}
"""
DELAYED = {"Ferry-Delay": "1h"}


@pytest.fixture
def server(serve, gate):
    return serve(CONFIG.format(gate=gate, gate_settings=gate.settings()))


class Stream:
    """The events of a job, read one by one."""

    def __init__(self, server, place, last_id=None, admin=False):
        headers = {"Last-Event-ID": last_id} if last_id is not None else {}
        self.connection = server.connect(admin)
        self.connection.request("GET", place + "/events", headers=headers)
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def next(self):
        """The next event as a dict, its data parsed; None at the end."""
        event = {}
        while line := self.response.readline():
            line = line.decode().rstrip("\n")
            if line == "" and event:
                event["data"] = json.loads(event["data"])
                return event
            name, _, value = line.partition(": ")
            if name:
                event[name] = value
        return None

    def until(self, condition, what):
        """The first event that fulfils a condition; there must be one."""
        while event := self.next():
            if condition(event):
                return event
        raise AssertionError(f"the stream ended without {what}")

    def rest(self):
        events = []
        while event := self.next():
            events.append(event)
        return events

    def close(self):
        self.connection.close()


def wait_streams(server, count):
    server.wait_metric("ferry_event_streams", count)


# ---- what is told ----

def test_a_stream_tells_states_and_ends_with_the_result(server, gate):
    place = server.post_job("/gate", {})
    stream = Stream(server, place)
    assert stream.status == 200
    assert stream.response.headers["Content-Type"] == "text/event-stream"
    first = stream.next()
    assert (first["event"], first["retry"]) == ("state", "2000")
    assert first["data"]["result"] is None
    gate.let()
    end = stream.rest()[-1]
    assert end["event"] == "end"
    assert end["data"] == server.get(place).json()
    assert (end["data"]["state"], end["data"]["result"]["body"]) == ("succeeded", "through")
    wait_streams(server, 0)


def test_every_id_is_above_the_one_before(server, gate):
    place = server.post_job("/gate?steps=3", {}, headers={"Ferry-Delay": "100ms"})
    stream = Stream(server, place)
    events = [stream.until(lambda event: event["data"].get("state") == "running", "a run")]
    for step in 1, 2:
        gate.let()
        events.append(stream.until(lambda event: event["event"] == "progress", "progress"))
        assert events[-1]["data"] == {"fraction": float(f"{step / 3:.4g}"), "message": "a step"}
    gate.let()
    events += stream.rest()
    ids = [tuple(map(int, event["id"].split("."))) for event in events]
    assert ids == sorted(set(ids))
    assert [len(id) for id in ids[:3]] == [1, 2, 2]
    assert events[-1]["event"] == "end"


def test_a_job_that_has_ended_is_told_in_one_event(server):
    place = server.post_job("/later", {"a": 1})
    server.wait_job(place, "succeeded")
    events = Stream(server, place).rest()
    assert [event["event"] for event in events] == ["end"]
    assert events[0]["data"]["state"] == "succeeded"


def test_a_job_that_is_cancelled_ends_its_stream(server):
    place = server.post_job("/later", {}, headers=DELAYED)
    stream = Stream(server, place)
    assert stream.next()["data"]["state"] == "scheduled"
    server.request("DELETE", place)
    end = stream.rest()[-1]
    assert (end["event"], end["data"]["state"]) == ("end", "cancelled")


def test_a_retry_is_told_with_its_error(server):
    place = server.post_job("/fails", {})
    stream = Stream(server, place)
    event = stream.until(lambda event: event["data"]["state"] == "retrying", "a retry")
    assert event["data"]["error"]["code"] == "transient"
    assert stream.rest()[-1]["data"]["state"] == "dead"


def test_the_admin_listener_tells_the_same(server):
    place = server.post_job("/later", {})
    server.wait_job(place, "succeeded")
    assert Stream(server, place, admin=True).rest() == Stream(server, place).rest()


# ---- coming back ----

def test_nothing_that_was_seen_is_told_again(server, gate):
    place = server.post_job("/gate", {})
    stream = Stream(server, place)
    running = stream.until(lambda event: event["data"]["state"] == "running", "a run")
    stream.close()
    again = Stream(server, place, last_id=running["id"])
    assert again.status == 200
    gate.let()
    assert [event["event"] for event in again.rest()] == ["end"]


def test_who_has_seen_the_end_is_told_not_to_come_back(server):
    place = server.post_job("/later", {})
    server.wait_job(place, "succeeded")
    [end] = Stream(server, place).rest()
    again = Stream(server, place, last_id=end["id"])
    assert (again.status, again.response.read()) == (204, b"")


@pytest.mark.parametrize("last_id", ["", "none", "-1", "1.2.3"])
def test_an_id_that_is_none_of_ours_is_no_id(server, last_id):
    place = server.post_job("/later", {}, headers=DELAYED)
    stream = Stream(server, place, last_id=last_id)
    assert stream.next()["data"]["state"] == "scheduled"
    stream.close()


def test_ids_grow_over_a_restart(server, gate):
    place = server.post_job("/gate?name=a", {})
    stream = Stream(server, place)
    running = stream.until(lambda event: event["data"]["state"] == "running", "a run")
    wait_until(lambda: gate.runs() == ["a"], "it runs")
    server.kill()
    stream.close()
    server.start()
    again = Stream(server, place, last_id=running["id"])
    gate.let(2)
    events = again.rest()
    assert int(events[0]["id"]) > int(running["id"])
    assert events[-1]["event"] == "end"
    assert events[-1]["data"]["crashes"] == 1


# ---- bounds, and the end of it ----

@pytest.mark.parametrize("id", ["0" * 32, "no-id", "0" * 31, "A" * 32])
def test_an_unknown_job_has_no_events(server, id):
    reply = server.get(f"/jobs/{id}/events")
    assert reply.status == 404
    assert reply.problem()
    wait_streams(server, 0)


def test_a_client_that_leaves_frees_its_stream(server):
    place = server.post_job("/later", {}, headers=DELAYED)
    streams = [Stream(server, place) for _ in range(3)]
    for stream in streams:
        stream.next()
    wait_streams(server, 3)
    for stream in streams:
        stream.close()
    wait_streams(server, 0)


def test_past_a_quarter_of_the_connections_there_is_no_stream(server):
    place = server.post_job("/later", {}, headers=DELAYED)
    streams = [Stream(server, place) for _ in range(4)]
    reply = server.get(place + "/events")
    assert reply.status == 503
    assert reply.headers["Retry-After"]
    streams[0].close()
    wait_streams(server, 3)
    assert Stream(server, place).next()["data"]["state"] == "scheduled"


def test_streams_end_when_the_server_leaves(server):
    place = server.post_job("/later", {}, headers=DELAYED)
    streams = [Stream(server, place), Stream(server, place, admin=True)]
    for stream in streams:
        stream.next()
    server.terminate()
    for stream in streams:
        assert stream.rest() == []
    assert server.wait() == 0


def test_head_has_no_events_to_wait_for(server):
    place = server.post_job("/later", {}, headers=DELAYED)
    connection = server.connect()
    connection.request("HEAD", place + "/events")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"")
    assert response.headers["Content-Type"] == "text/event-stream"
    connection.close()
    wait_streams(server, 0)


def test_the_admin_port_asks_for_its_token(serve, tmp_path):
    (tmp_path / "token").write_text("secret")
    server = serve("admin: {token_file: token}\n"
                   "routes: {/later: {worker: echo, methods: [POST], mode: defer}}")
    place = server.post_job("/later", {})
    stream = Stream(server, place, admin=True)
    assert stream.status == 401
    assert isinstance(stream.response, http.client.HTTPResponse)
