"""Ferry-Callback: a signed message to whoever wants to hear of a job's end, itself a job."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

import pytest

from harness import wait_until

CONFIG = """
{callbacks}
workers:
  fails: {{use: exec, command: [/bin/sh, -c, "exit 2"]}}
routes:
  /later: {{worker: echo, methods: [POST], mode: defer}}
  /echo: {{worker: echo, methods: [POST], mode: either}}
  /call: {{worker: echo, methods: [POST]}}
  /fails: {{worker: fails, methods: [POST], mode: defer, retry: {{attempts: 1}}}}
"""
KEY = bytes(range(32))


class Receiver:
    """An HTTP server that keeps what it is sent, and answers as it is told to, then with 204."""

    def __init__(self):
        self.received = []
        self.answers = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((self.path, dict(self.headers.items()), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def wait(self, count=1):
        wait_until(lambda: len(self.received) >= count, f"{count} callbacks came")
        assert len(self.received) == count
        return self.received[-1]

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def server(serve, receiver, tmp_path):
    (tmp_path / "key").write_text("whsec_" + base64.b64encode(KEY).decode())
    (tmp_path / "key").chmod(0o600)
    callbacks = (f"callbacks: {{allow: ['{receiver.url}/in/'], secret_file: key, "
                 "retry: {attempts: 3, backoff: 10ms..20ms}}")
    return serve(CONFIG.format(callbacks=callbacks))


def post(server, receiver, path="/later", body=b"hello", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request("POST", path, body=body, headers={
        "Content-Type": "text/plain", "Ferry-Callback": receiver.url + "/in/box?a=1", **headers})


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def verify(headers, body):
    """As Standard Webhooks has it."""
    headers = lower(headers)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" in headers["webhook-signature"].split(" ")
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 300


def test_the_end_of_a_job_is_told_once_and_signed(server, receiver):
    reply = post(server, receiver)
    assert reply.status == 202
    path, headers, body = receiver.wait()
    assert path == "/in/box?a=1"
    verify(headers, body)
    event = json.loads(body)
    assert event["type"] == "job.succeeded"
    assert event["data"]["delivery_id"] == reply.json()["delivery_id"]
    assert event["data"]["result"] == {"status": 200, "content_type": "text/plain",
                                       "bytes": 5, "body": "hello"}


def test_the_jobs_id_does_not_leave_with_its_callback(server, receiver):
    reply = post(server, receiver)
    _, headers, body = receiver.wait()
    assert reply.json()["id"] not in body.decode() + repr(headers)


def test_a_dead_job_is_told_of_with_its_error(server, receiver):
    post(server, receiver, "/fails")
    event = json.loads(receiver.wait()[2])
    assert (event["type"], event["data"]["state"]) == ("job.dead", "dead")
    assert event["data"]["error"]["message"]


def test_a_cancelled_job_is_told_of(server, receiver):
    place = post(server, receiver, Ferry_Delay="1h").headers["Location"]
    assert server.request("DELETE", place).status == 200
    assert json.loads(receiver.wait()[2])["type"] == "job.cancelled"


def test_a_callback_is_tried_again_under_one_id(server, receiver):
    receiver.answers += [500, 503]
    post(server, receiver)
    receiver.wait(3)
    for _, headers, body in receiver.received:
        verify(headers, body)
    assert len({lower(headers)["webhook-id"] for _, headers, _ in receiver.received}) == 1
    assert len({body for _, _, body in receiver.received}) == 1


def test_a_callback_is_a_job_in_view(server, receiver):
    receiver.answers += [410]
    post(server, receiver)
    receiver.wait()

    def dead():
        jobs = server.get("/jobs?route=callback&state=dead", admin=True).json()["jobs"]
        return jobs and jobs[0]

    job = wait_until(dead, "the callback is dead")
    assert (job["route"], job["error"]["code"]) == ("callback", "gone")


def test_a_callback_of_a_held_request_comes_as_well(server, receiver):
    reply = post(server, receiver, "/echo", Prefer="wait=60")
    assert (reply.status, reply.body) == (200, b"hello")
    receiver.wait()


def test_a_repeated_request_adds_no_callback(server, receiver):
    for _ in range(2):
        assert post(server, receiver, Idempotency_Key="k").status == 202
    receiver.wait()
    post(server, receiver, Idempotency_Key="other")
    receiver.wait(2)


@pytest.mark.parametrize("path", ["/box", "/in", "/in/../box", "/in/%2e%2e/box", "/in/a b"])
def test_a_url_that_is_not_allowed_is_refused(server, receiver, path):
    reply = post(server, receiver, Ferry_Callback=receiver.url + path)
    assert reply.status == 400
    assert "Ferry-Callback" in reply.problem()
    assert server.get("/jobs", admin=True).json()["jobs"] == []


def test_where_nothing_is_deferred_nobody_is_told(server, receiver):
    for path in "/call", "/echo":
        reply = post(server, receiver, path)
        assert reply.status == 400
        assert "Ferry-Callback" in reply.problem()


def test_callbacks_are_off_by_default(serve, receiver):
    server = serve(CONFIG.format(callbacks=""))
    reply = post(server, receiver)
    assert reply.status == 400
    assert "not enabled" in reply.problem()
