"""Deferred jobs: 202 once on disk, tried until they end, in view at /jobs/ID."""

import email
import email.policy
import pathlib

import pytest

from harness import UNFINISHED, wait_until

# {relay} and {gate} are filled in where a test needs them.
CONFIG = """
log: {{level: debug}}
{jobs}
plugins: [{gate.plugin}]
workers:
  mailer: {{use: email, greylist_wait: 10ms, pause: 10ms, {relay}}}
  {gate_settings}
pools:
  default: {{threads: 2}}
  mail: {{threads: 1}}
  single: {{threads: 1}}
routes:
  /email:
    worker: mailer
    pool: mail
    methods: [POST]
    mode: defer
    retry: {{attempts: 5, backoff: 10ms..50ms}}
  /either: {{worker: echo, methods: [POST], mode: either}}
  /call: {{worker: echo, methods: [POST]}}
  /gate: {{worker: gate, pool: single, methods: [POST], mode: defer, timeout: 0}}
  /hurry: {{worker: gate, pool: single, methods: [POST], mode: defer, timeout: 50ms}}
"""
MAIL = {"to": "you@example.org", "subject": "hello", "text": "from ferry"}
JOB_KEYS = {"id", "delivery_id", "route", "worker", "state", "attempt", "crashes", "cancelling",
            "created_at", "run_at", "started_at", "finished_at", "progress", "error", "result"}


@pytest.fixture
def start(serve, gate):
    def start(relay=None, jobs=""):
        return serve(CONFIG.format(jobs=jobs, gate=gate, gate_settings=gate.settings(),
                                   relay=f'relay: "{relay}"' if relay else ""))
    return start


def outbox(server):
    return sorted((server.folder / "var" / "outbox").glob("*.eml"))


def read_mail(path):
    return email.message_from_bytes(pathlib.Path(path).read_bytes(), policy=email.policy.default)


# ---- accepting ----

def test_a_deferred_route_answers_202_with_the_jobs_place(start):
    server = start()
    reply = server.post_json("/email", MAIL)
    assert reply.status == 202
    assert reply.headers["Content-Type"] == "application/json"
    body = reply.json()
    assert reply.headers["Location"] == f"/jobs/{body['id']}"
    assert set(body) == {"id", "delivery_id", "state"}
    assert body["state"] in UNFINISHED
    assert len(body["id"]) == len(body["delivery_id"]) == 32
    assert body["id"] != body["delivery_id"]
    assert reply.headers["Retry-After"] == "1"


def test_a_job_shows_all_of_its_keys(start):
    server = start()
    job = server.wait_job(server.post_job("/email", MAIL), "succeeded")
    assert set(job) == JOB_KEYS
    assert (job["route"], job["worker"]) == ("/email", "mailer")
    assert (job["attempt"], job["crashes"], job["error"]) == (1, 0, None)
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]


@pytest.mark.parametrize("id", ["0" * 32, "no-id", "0" * 31, "A" * 32, "%00"])
def test_an_unknown_job_is_a_404_problem(start, id):
    server = start()
    reply = server.get(f"/jobs/{id}")
    assert reply.status in ((400, 404) if id == "%00" else (404,))
    assert reply.problem()


def test_there_is_no_list_of_jobs_for_strangers(start):
    server = start()
    assert server.get("/jobs").status == 404
    assert server.get("/jobs/").status == 404


def test_respond_async_makes_a_job_on_an_either_route(start):
    server = start()
    reply = server.request("POST", "/either", body=b"later",
                           headers={"Prefer": "respond-async", "Content-Type": "text/plain"})
    assert reply.status == 202
    assert reply.headers["Preference-Applied"] == "respond-async"
    job = server.wait_job(reply.headers["Location"], "succeeded")
    assert job["result"] == {"status": 200, "content_type": "text/plain", "bytes": 5,
                             "body": "later"}


def test_a_second_prefer_header_counts_as_well(start):
    server = start()
    with server.open_socket() as client:
        client.sendall(b"POST /either HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"
                       b"Prefer: handling=strict\r\nPrefer: depth=1, Respond-Async\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 202"


def test_an_either_route_answers_at_once_without_prefer(start):
    server = start()
    reply = server.request("POST", "/either", body=b"now")
    assert (reply.status, reply.body) == (200, b"now")
    assert reply.headers["Vary"] == "Prefer"


def test_a_call_route_ignores_prefer(start):
    server = start()
    reply = server.request("POST", "/call", body=b"now", headers={"Prefer": "respond-async"})
    assert (reply.status, reply.body) == (200, b"now")


def test_too_many_pending_jobs_are_refused_until_one_ends(start, gate):
    server = start(jobs="jobs: {max_pending: 2}")
    jobs = [server.post_job("/gate", {}) for _ in range(2)]
    refused = server.post_json("/gate", {})
    assert refused.status == 503
    assert refused.headers["Retry-After"]
    assert refused.problem()
    gate.let(2)
    for job in jobs:
        server.wait_job(job, "succeeded")
    server.post_job("/gate", {})


# ---- without a relay ----

def test_an_email_without_a_relay_is_a_file_in_the_outbox(start):
    server = start()
    mail = {"to": "Zoë <zoe@example.org>", "subject": "Grüße aus Łódź 🚢",
            "text": "Žluťoučký kůň\n.\nend"}
    server.wait_job(server.post_job("/email", mail), "succeeded")
    [path] = outbox(server)
    message = read_mail(path)
    assert message["Subject"] == mail["subject"]
    assert message["To"].addresses[0].display_name == "Zoë"
    assert message["To"].addresses[0].addr_spec == "zoe@example.org"
    assert message["From"] and message["Date"].datetime and message["Message-ID"]
    assert message.get_content().splitlines() == mail["text"].splitlines()
    assert not message.defects


# ---- with a relay ----

def test_a_transient_failure_is_tried_again_and_counted(start, smtp):
    server = start(smtp.url)
    job = server.wait_job(server.post_job("/email", {**MAIL, "to": "tempfail-2@example.org"}),
                          "succeeded")
    assert (job["attempt"], job["crashes"]) == (3, 0)
    [message] = smtp.messages()
    assert message["to"] == ["tempfail-2@example.org"]


def test_a_retry_keeps_the_message_id(start, smtp):
    server = start(smtp.url)
    server.wait_job(server.post_job("/email", {**MAIL, "to": "drop@example.org"}), "succeeded")
    first, second = smtp.messages()
    assert first["message_id"] == second["message_id"] != ""


def test_a_permanent_failure_is_dead_with_the_relays_words(start, smtp):
    server = start(smtp.url)
    job = server.wait_job(server.post_job("/email", {**MAIL, "to": "reject@example.org"}), "dead")
    assert job["attempt"] == 1
    assert "no such mailbox here" in job["error"]["message"]
    assert smtp.messages() == []


def test_a_job_is_dead_after_its_last_attempt(start, smtp):
    server = start(smtp.url)
    job = server.wait_job(server.post_job("/email", {**MAIL, "to": "tempfail@example.org"}), "dead")
    assert job["attempt"] == 5
    assert "greylisted" in job["error"]["message"]


def test_an_email_that_says_too_little_is_dead_at_once(start):
    server = start()
    job = server.wait_job(server.post_job("/email", {"subject": "to whom?"}), "dead")
    assert (job["attempt"], job["error"]["code"]) == (1, "invalid")
    assert "to" in job["error"]["message"]


# ---- what must not be told ----

def id_of(path):
    return path.removeprefix("/jobs/")


def test_the_id_is_neither_in_the_log_nor_in_the_email(start, smtp):
    server = start(smtp.url)
    ends = {"tempfail-1": "succeeded", "reject": "dead", "tempfail": "dead"}
    jobs = [server.post_job("/email", {**MAIL, "to": f"{name}@example.org"}) for name in ends]
    for job, state in zip(jobs, ends.values()):
        server.wait_job(job, state)
    for job in jobs:
        assert id_of(job) not in server.log()
        assert id_of(job) not in smtp.output.read_text()


def test_the_id_of_an_interrupted_job_is_not_in_the_log(start, gate):
    server = start()
    job = server.post_job("/hurry", {})
    server.wait_logged("overdue", "running=1")
    log = server.log()
    server.kill()
    server.start()
    server.wait_logged("interrupted")
    server.terminate()
    server.wait_logged("msg=draining")
    server.terminate()
    assert server.wait() == 0
    assert id_of(job) not in log + server.log()


def test_the_id_is_not_in_the_outbox(start):
    server = start()
    path = server.post_job("/email", MAIL)
    server.wait_job(path, "succeeded")
    [mail] = outbox(server)
    assert id_of(path) not in mail.name and id_of(path).encode() not in mail.read_bytes()


def test_credentials_are_not_written_to_disk(start):
    server = start()
    headers = {name: "do-not-write-this-down"
               for name in ("Authorization", "Cookie", "Proxy-Authorization")}
    headers["X-Other"] = "write-this-down"
    server.post_job("/gate", {}, headers=headers)
    server.kill()  # else what is done would be gone from the files
    files = [path for path in (server.folder / "var").rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert b"write-this-down" in content
    assert b"do-not-write-this-down" not in content


# ---- over time ----

def test_jobs_survive_a_restart(start, gate):
    server = start()
    done = server.post_job("/email", MAIL)
    server.wait_job(done, "succeeded")
    running = server.post_job("/gate?name=running", {})
    wait_until(lambda: gate.runs() == ["running"], "the first job runs")
    waiting = server.post_job("/gate?name=waiting", {})
    server.terminate()
    server.wait_logged("msg=draining")
    gate.let()
    assert server.wait() == 0

    server.start()
    assert server.get(done).json()["state"] == "succeeded"
    assert server.get(running).json()["state"] == "succeeded"
    gate.let()
    assert server.wait_job(waiting, "succeeded")["attempt"] == 1
    assert gate.runs() == ["running", "waiting"]


def test_a_killed_server_counts_a_crash_and_runs_the_job_again(start, gate):
    server = start()
    job = server.post_job("/gate?name=twice", {})
    wait_until(lambda: gate.runs() == ["twice"], "the job runs")
    server.kill()
    gate.let()
    server.start()
    ended = server.wait_job(job, "succeeded")
    assert (ended["attempt"], ended["crashes"]) == (1, 1)
    assert gate.runs() == ["twice", "twice"]


def test_a_job_that_was_running_in_too_many_crashes_is_dead(start, gate):
    server = start(jobs="jobs: {max_crashes: 2}")
    job = server.post_job("/gate", {})
    for crash in 1, 2:
        wait_until(lambda: len(gate.runs()) == crash, "the job runs")
        server.kill()
        server.start()
    ended = server.wait_job(job, "dead")
    assert ended["crashes"] == 2
    assert ended["error"]["message"]


def test_an_attempt_past_its_timeout_keeps_its_job_running_until_it_returns(start, gate):
    server = start()
    job = server.post_job("/hurry?name=overdue", {})
    server.wait_metric('ferry_stuck_threads{pool="single"}', 1)
    assert server.get(job).json()["state"] == "running"
    server.wait_logged("level=warn", "overdue", "route=/hurry", "worker=gate")
    assert "single" in server.get("/readyz").problem()
    gate.let()
    assert server.wait_job(job, "succeeded")["attempt"] == 1
    assert server.metric('ferry_stuck_threads{pool="single"}') == 0
    assert server.get("/readyz").status == 200
    assert gate.runs() == ["overdue"]


def test_an_attempt_that_heeds_its_deadline_is_one_line_of_the_log(serve):
    server = serve("routes: {/nap: {worker: sleep, mode: defer, timeout: 50ms, retry: {attempts: 1}}}")
    job = server.post_job("/nap?seconds=3600", {})
    assert server.wait_job(job, "dead")["error"]["code"] == "deadline"
    [line] = [line for line in server.log().splitlines() if "route=/nap" in line]
    assert "a job is dead" in line and "50 ms" in line


def test_the_log_says_when_a_route_is_paused_and_when_it_goes_on(serve, tmp_path):
    server = serve("workers: {asks: {use: exec, command: [test, -e, provider]}}\n"
                   "routes: {/asks: {worker: asks, mode: defer, breaker: {failures: 1, pause: 10ms},\n"
                   "                 retry: {attempts: 10000, backoff: 10ms}}}")
    job = server.post_job("/asks", {})
    server.wait_logged("jobs are paused: too many failures", "route=/asks")
    assert not server.has_logged("jobs go on")
    (tmp_path / "provider").touch()
    server.wait_job(job, "succeeded")
    server.wait_logged("jobs go on", "route=/asks")


def test_jobs_wait_in_line_on_a_pool_of_one_thread(start, gate):
    server = start()
    jobs = [server.post_job(f"/gate?name={n}", {}) for n in range(4)]
    gate.let(4)
    for job in jobs:
        server.wait_job(job, "succeeded")
    assert gate.runs() == ["0", "1", "2", "3"]
