"""The operator's view of all jobs, on the admin listener."""

import concurrent.futures
import socket

import pytest

from harness import read_all, wait_until

CONFIG = """
{admin}
plugins: [{gate.plugin}]
workers:
  {gate_settings}
  fails: {{use: exec, command: [/bin/sh, -c, "exit 2"]}}
pools:
  default: {{threads: 2}}
  single: {{threads: 1}}
routes:
  /later: {{worker: echo, methods: [POST], mode: defer}}
  /other: {{worker: echo, methods: [POST], mode: defer}}
  /fails: {{worker: fails, methods: [POST], mode: defer, retry: {{attempts: 1}}}}
  /sleep: {{worker: sleep, pool: single, methods: [POST], mode: defer}}
  /gate: {{worker: gate, pool: single, methods: [POST], mode: defer, timeout: 0}}
  /brief: {{worker: echo, methods: [POST], mode: defer, retention: 1s}}
"""
DELAYED = {"Ferry-Delay": "1h"}


@pytest.fixture
def start(serve, gate):
    def start(admin=""):
        return serve(CONFIG.format(admin=admin, gate=gate, gate_settings=gate.settings()))
    return start


@pytest.fixture
def server(start):
    return start()


def admin(server, method, path, **kwargs):
    return server.request(method, path, admin=True, **kwargs)


def list_all(server, query=""):
    """The jobs of all pages."""
    jobs, after = [], ""
    while after is not None:
        reply = admin(server, "GET", f"/jobs?{query}" + (f"&after={after}" if after else ""))
        assert reply.status == 200, reply.body
        page = reply.json()
        assert set(page) == {"jobs", "next"}
        jobs += page["jobs"]
        after = page["next"]
    return jobs


def post_delayed(server, count, path="/later"):
    return [server.post_job(path, n, headers=DELAYED) for n in range(count)]


def place_of(job):
    return f"/jobs/{job['id']}"


# ---- listing ----

def test_jobs_are_listed_from_the_newest_to_the_oldest_page_by_page(server):
    places = post_delayed(server, 25)
    listed = [place_of(job) for job in list_all(server, "limit=10")]
    assert listed == places[::-1]


def test_pages_stay_in_step_while_jobs_come(server):
    places = post_delayed(server, 6)
    first = admin(server, "GET", "/jobs?limit=3").json()
    post_delayed(server, 5)
    second = admin(server, "GET", f"/jobs?limit=3&after={first['next']}").json()
    assert [place_of(job) for job in first["jobs"] + second["jobs"]] == places[::-1]


def test_a_listing_is_filtered_by_state_and_route(server):
    later, other = post_delayed(server, 2), post_delayed(server, 1, "/other")
    dead = server.post_job("/fails", {})
    server.wait_job(dead, "dead")
    places = {
        "": {*later, *other, dead},
        "state=dead": {dead},
        "state=dead,scheduled": {*later, *other, dead},
        "route=/other": {*other},
        "state=scheduled&route=/later": {*later},
        "state=dead&route=/later": set(),
        "route=/nowhere": set(),
    }
    for query, expected in places.items():
        assert {place_of(job) for job in list_all(server, query)} == expected, query


def test_a_listing_has_no_bodies_of_results(server):
    place = server.post_job("/later", {"a": 1})
    whole = server.wait_job(place, "succeeded")
    [listed] = list_all(server)
    assert listed == {**whole, "result": {**whole["result"], "bytes": None, "body": None}}


@pytest.mark.parametrize("query, hint", [
    ("state=lost", "scheduled, queued"), ("state=", "scheduled, queued"),
    ("limit=0", "1 to 1000"), ("limit=1001", "1 to 1000"), ("limit=x", "1 to 1000"),
    ("after=x", "next"), ("stat=dead", "state, route"),
    ("route=/later&route=/other", "one at a time")])
def test_a_listing_that_is_not_understood_says_what_is(server, query, hint):
    reply = admin(server, "GET", f"/jobs?{query}")
    assert reply.status == 400
    assert hint in reply.problem()


# ---- one job ----

def test_the_operator_gets_a_result_in_which_no_script_runs(server):
    page = b"<script>alert(1)</script>"
    reply = server.request("POST", "/later", body=page, headers={"Content-Type": "text/html"})
    place = reply.headers["Location"]
    server.wait_job(place, "succeeded")
    reply = admin(server, "GET", place + "/result")
    assert (reply.status, reply.headers["Content-Type"], reply.body) == (200, "text/html", page)
    assert reply.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_the_operator_sees_a_job_as_its_owner_does(server):
    place = server.post_job("/later", {"a": 1})
    server.wait_job(place, "succeeded")
    assert admin(server, "GET", place).json() == server.get(place).json()
    assert admin(server, "GET", place + "/result").body == server.get(place + "/result").body


def test_a_dead_job_is_tried_again(server):
    place = server.post_job("/fails", {})
    server.wait_job(place, "dead")
    reply = admin(server, "POST", place + "/retry")
    assert reply.status == 200
    assert reply.json()["id"] == place.removeprefix("/jobs/")
    again = server.wait_job(place, "dead")
    assert again["attempt"] == 1
    server.wait_metric('ferry_job_attempts_total{route="/fails",outcome="dead"}', 2)


def test_a_job_that_waits_is_run_now_by_a_retry(server):
    [place] = post_delayed(server, 1)
    assert admin(server, "POST", place + "/retry").status == 200
    server.wait_job(place, "succeeded")


def test_what_succeeded_or_runs_is_not_tried_again(server, gate):
    done = server.post_job("/later", {})
    server.wait_job(done, "succeeded")
    running = server.post_job("/gate", {})
    wait_until(lambda: gate.runs(), "it runs")
    for place, state in (done, "succeeded"), (running, "running"):
        reply = admin(server, "POST", place + "/retry")
        assert reply.status == 409
        assert state in reply.problem()


def test_a_running_job_is_told_to_end(server):
    place = server.post_job("/sleep?seconds=300", {})
    server.wait_busy(1, "single")
    reply = server.request("DELETE", place)
    assert (reply.status, reply.json()["state"] in ("running", "cancelled")) == (202, True)
    job = server.wait_job(place, "cancelled")
    assert not job["cancelling"]
    assert server.get(place + "/result").status == 410


def test_a_running_job_that_does_not_listen_is_cancelling_and_then_as_it_ends(server, gate):
    place = server.post_job("/gate", {})
    wait_until(lambda: gate.runs(), "it runs")
    reply = admin(server, "POST", place + "/cancel")
    assert reply.status == 202
    assert (reply.json()["state"], reply.json()["cancelling"]) == ("running", True)
    gate.let()
    wait_until(lambda: server.get(place).json()["state"] in ("succeeded", "cancelled"), "it ends")


def test_only_a_job_that_has_ended_is_deleted(server):
    [place] = post_delayed(server, 1)
    reply = admin(server, "DELETE", place)
    assert reply.status == 409
    assert "cancel it first" in reply.problem()
    assert admin(server, "POST", place + "/cancel").status == 200
    reply = admin(server, "DELETE", place)
    assert (reply.status, reply.body) == (204, b"")
    assert server.get(place).status in (404, 410)
    assert list_all(server) == []


@pytest.mark.parametrize("method, action", [("POST", "/retry"), ("POST", "/cancel"),
                                            ("DELETE", ""), ("GET", "/result")])
@pytest.mark.parametrize("id", ["0" * 32, "no-id", "a" * 300])
def test_an_unknown_job_is_not_found_whatever_is_asked(server, method, action, id):
    reply = admin(server, method, f"/jobs/{id}{action}")
    assert reply.status == 404
    assert reply.problem()


def test_a_cancel_that_races_with_the_end_tells_the_truth(server):
    def race(n):
        place = server.post_job("/later", n)
        reply = server.request("DELETE", place)
        wait_until(lambda: server.get(place).json()["state"] in ("succeeded", "cancelled"), "end")
        return reply.status, server.get(place).json()["state"]

    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        for status, state in clients.map(race, range(200)):
            assert (status, state) in {(200, "cancelled"), (202, "cancelled"), (202, "succeeded"),
                                       (409, "succeeded")}


def test_a_job_past_its_retention_is_gone(server):
    place = server.post_job("/brief", {})
    wait_until(lambda: server.get(place).status == 410, "its retention is over")
    for path in place, place + "/result", place + "/events":
        reply = server.get(path)
        assert reply.status == 410
        assert reply.problem()
    assert server.request("DELETE", place).status == 410


# ---- a job's owner ----

def test_the_result_is_what_a_live_call_would_have_answered(server):
    reply = server.request("POST", "/later", body=b"\x00\xff", headers={"Content-Type": "a/b"})
    place = reply.headers["Location"]
    server.wait_job(place, "succeeded")
    result = server.get(place + "/result")
    assert (result.status, result.body) == (200, b"\x00\xff")
    assert result.headers["Content-Type"] == "a/b"
    assert result.headers["Cache-Control"] == "no-store"


def test_the_result_of_a_job_that_has_not_ended_is_the_job(server):
    [place] = post_delayed(server, 1)
    reply = server.get(place + "/result")
    assert (reply.status, reply.json()["state"]) == (202, "scheduled")
    assert reply.headers["Retry-After"] == "60"


def test_the_result_of_a_dead_job_is_its_error(server):
    place = server.post_job("/fails", {})
    server.wait_job(place, "dead")
    reply = server.get(place + "/result")
    assert reply.status == 502
    assert reply.problem()


def test_a_job_is_not_for_caches(server):
    place = server.post_job("/later", {})
    server.wait_job(place, "succeeded")
    reply = server.get(place)
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Retry-After"] is None


@pytest.mark.parametrize("method, path, allow", [
    ("POST", "", {"GET", "HEAD", "DELETE", "OPTIONS"}),
    ("POST", "/result", {"GET", "HEAD", "OPTIONS"}),
    ("DELETE", "/events", {"GET", "HEAD", "OPTIONS"})])
def test_another_method_on_a_jobs_path_is_a_405(server, method, path, allow):
    place = server.post_job("/later", {})
    reply = server.request(method, place + path)
    assert reply.status == 405
    assert set(reply.headers["Allow"].split(", ")) == allow


@pytest.mark.parametrize("method, path", [("POST", "/retry"), ("POST", "/cancel")])
def test_what_is_the_operators_is_not_for_strangers(server, method, path):
    place = server.post_job("/later", {})
    assert server.request(method, place + path).status == 404
    assert server.request("POST", "/jobs" + path + "?all=true").status in (404, 405)
    assert server.request("DELETE", "/jobs?all=true").status == 405
    assert server.get("/jobs/stats").status == 404


# ---- many ----

def test_two_thousand_jobs_are_cancelled_and_deleted_at_once(server):
    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        list(clients.map(lambda _: post_delayed(server, 125), range(16)))
    [other] = post_delayed(server, 1, "/other")
    reply = admin(server, "POST", "/jobs/cancel?route=/later")
    assert (reply.status, reply.json()) == (200, {"changed": 2000})
    assert server.metric('ferry_jobs{state="cancelled"}') == 2000
    assert server.get(other).json()["state"] == "scheduled"
    assert admin(server, "POST", "/jobs/cancel?route=/later").json() == {"changed": 0}
    reply = admin(server, "DELETE", "/jobs?state=cancelled")
    assert reply.json() == {"changed": 2000}
    assert [place_of(job) for job in list_all(server)] == [other]


def test_the_dead_are_tried_again_together(server):
    places = [server.post_job("/fails", n) for n in range(10)]
    for place in places:
        server.wait_job(place, "dead")
    [waiting] = post_delayed(server, 1)
    assert admin(server, "POST", "/jobs/retry?state=dead").json() == {"changed": 10}
    server.wait_metric('ferry_job_attempts_total{route="/fails",outcome="dead"}', 20)
    assert server.get(waiting).json()["state"] == "scheduled"


@pytest.mark.parametrize("method, path", [("POST", "/jobs/retry"), ("POST", "/jobs/cancel"),
                                          ("DELETE", "/jobs")])
@pytest.mark.parametrize("query", ["", "all=yes", "sate=dead", "state=", "limit=5&all=true",
                                   "route=/later&route=/other"])
def test_a_change_of_many_is_refused_unless_it_says_which(server, method, path, query):
    [place] = post_delayed(server, 1)
    reply = admin(server, method, f"{path}?{query}")
    assert reply.status == 400
    assert reply.problem()
    assert server.get(place).json()["state"] == "scheduled"


def test_all_means_all(server):
    post_delayed(server, 3)
    post_delayed(server, 3, "/other")
    assert admin(server, "POST", "/jobs/cancel?all=true").json() == {"changed": 6}


def test_a_change_of_many_ends_when_its_client_has_left(server):
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        list(clients.map(lambda _: post_delayed(server, 125), range(8)))
    server.send("POST", "/jobs/cancel?all=true", admin=True).leave()
    server.wait_metric('ferry_jobs{state="cancelled"}', 1000)


# ---- routes ----

def route_stats(server, route):
    stats = admin(server, "GET", "/jobs/stats").json()
    return next(each for each in stats["routes"] if each["route"] == route)


def test_stats_count_by_state_and_route(server):
    post_delayed(server, 2)
    place = server.post_job("/other", {})
    server.wait_job(place, "succeeded")
    server.wait_metric('ferry_jobs{state="succeeded"}', 1)  # it may be on disk before it is counted
    stats = admin(server, "GET", "/jobs/stats").json()
    states = {"scheduled": 2, "queued": 0, "running": 0, "retrying": 0, "succeeded": 1, "dead": 0,
              "cancelled": 0}
    assert stats["states"] == states
    assert {route["route"] for route in stats["routes"]} >= {"/later", "/other", "/fails"}
    assert route_stats(server, "/later") == {
        "route": "/later", "known": True, "gate": "open", "until": None, "failures": 0,
        "states": {**states, "succeeded": 0}}


def test_a_paused_route_runs_nothing_until_it_is_resumed(server):
    reply = admin(server, "POST", "/routes/pause?route=/later")
    assert (reply.status, reply.json()) == (200, {"route": "/later", "gate": "paused"})
    place = server.post_job("/later", {})
    server.wait_job(server.post_job("/other", {}), "succeeded")
    assert server.get(place).json()["state"] == "queued"
    server.restart()
    assert route_stats(server, "/later")["gate"] == "paused"
    assert server.get(place).json()["state"] == "queued"
    reply = admin(server, "POST", "/routes/resume?route=/later")
    assert reply.json() == {"route": "/later", "gate": "open"}
    server.wait_job(place, "succeeded")


def test_what_waits_of_a_route_and_why_is_in_the_metrics(server):
    def metric(name):
        return server.metric(f'ferry_route_{name}{{route="/later"}}')

    assert [metric(name) for name in ("open", "queued_jobs", "late_seconds")] == [1, 0, 0]
    admin(server, "POST", "/routes/pause?route=/later")
    place = server.post_job("/later", {})
    wait_until(lambda: metric("late_seconds") > 0, "a job is late")
    assert [metric(name) for name in ("open", "queued_jobs")] == [0, 1]
    admin(server, "POST", "/routes/resume?route=/later")
    server.wait_job(place, "succeeded")
    server.wait_metric('ferry_route_queued_jobs{route="/later"}', 0)
    assert [metric(name) for name in ("open", "late_seconds")] == [1, 0]


def test_only_a_route_that_is_there_can_be_paused(server):
    for action in "pause", "resume":
        assert admin(server, "POST", f"/routes/{action}?route=/nowhere").status == 404
        assert admin(server, "POST", f"/routes/{action}").status == 400


@pytest.mark.parametrize("action", ["pause", "resume"])
@pytest.mark.parametrize("query", ["route=/later&route=/other", "route=/later&for=1h",
                                   "reason=x&route=/later"])
def test_a_route_is_not_paused_or_resumed_by_half_of_a_query(server, action, query):
    before = admin(server, "GET", "/jobs/stats").json()
    assert admin(server, "POST", f"/routes/{action}?{query}").status == 400
    assert admin(server, "GET", "/jobs/stats").json() == before


@pytest.mark.parametrize("method, path", [
    ("GET", "{job}"), ("GET", "{job}/result"), ("GET", "{job}/events"), ("DELETE", "{job}"),
    ("POST", "{job}/retry"), ("POST", "{job}/cancel"), ("GET", "/jobs/stats"), ("GET", "/schedules")])
def test_where_nothing_can_be_asked_for_a_query_is_refused(server, method, path):
    [place] = post_delayed(server, 1)
    reply = admin(server, method, path.format(job=place) + "?state=dead")
    assert reply.status == 400
    assert "state: unknown" in reply.problem()
    assert server.get(place).json()["state"] == "scheduled"


# ---- the token ----

@pytest.mark.parametrize("method, path", [
    ("GET", "/jobs"), ("DELETE", "/jobs?all=true"), ("POST", "/jobs/retry?all=true"),
    ("POST", "/jobs/cancel?all=true"), ("GET", "/jobs/stats"), ("GET", "{place}"),
    ("DELETE", "{place}"), ("GET", "{place}/result"), ("GET", "{place}/events"),
    ("POST", "{place}/retry"), ("POST", "{place}/cancel"), ("POST", "/routes/pause?route=/later"),
    ("POST", "/routes/resume?route=/later"), ("GET", "/schedules"), ("GET", "/metrics")])
def test_every_path_of_the_operator_asks_for_the_token(start, tmp_path, method, path):
    (tmp_path / "token").write_text("secret")
    server = start("admin: {token_file: token}")
    [place] = post_delayed(server, 1)
    path = path.format(place=place)
    for headers in {}, {"Authorization": "Bearer wrong"}:
        reply = admin(server, method, path, headers=headers)
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert server.get(place).json()["state"] == "scheduled"
    if not path.endswith("events"):
        reply = admin(server, method, path, headers={"Authorization": "Bearer secret"})
        assert reply.status != 401


OTHER_PAGES = [
    {"Origin": "https://page.example"}, {"Origin": "null"}, {"Origin": ""},
    {"Host": "page.example:8003"}, {"Host": "localhost.example"},
    # Its own name leads here.
    {"Host": "page.example:8003", "Origin": "http://page.example:8003"},
    # Another scheme, name, port or page of the same machine.
    {"Host": "127.0.0.1:8003", "Origin": "https://127.0.0.1:8003"},
    {"Host": "127.0.0.1:8003", "Origin": "http://localhost:8003"},
    {"Host": "127.0.0.1:8003", "Origin": "http://127.0.0.1:8002"},
    {"Host": "127.0.0.1:8003", "Origin": "http://127.0.0.1"},
    {"Host": "127.0.0.1:8003", "Origin": "http://127.0.0.1:80031"},
    {"Host": "127.0.0.1:8003", "Origin": "http://127.0.0.1:8003.example"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Host": "127.0.0.1:8003", "Origin": "http://127.0.0.1:8003", "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("header", OTHER_PAGES, ids=str)
def test_a_web_page_may_not_ask_where_there_is_no_token(server, header):
    [place] = post_delayed(server, 1)
    for method, path in (("POST", "/jobs/cancel?all=true"), ("GET", "/metrics"), ("GET", "/jobs"),
                         ("POST", "/routes/pause?route=/later")):
        reply = admin(server, method, path, headers=header)
        assert reply.status == 403
        assert "token_file" in reply.problem()
    assert server.get(place).json()["state"] == "scheduled"
    assert server.metric('ferry_route_open{route="/later"}') == 1


@pytest.mark.parametrize("host", ["127.0.0.1:8003", "localhost:8003", "[::1]:8003", "localhost"])
def test_a_page_of_the_listener_itself_may_ask_and_act(server, host):
    [place] = post_delayed(server, 1)
    page = {"Host": host, "Sec-Fetch-Site": "same-origin"}
    assert admin(server, "GET", "/jobs", headers=page).status == 200
    page["Origin"] = f"http://{host}"
    assert admin(server, "POST", place + "/cancel", headers=page).status == 200
    assert admin(server, "DELETE", place, headers=page).status == 204


def test_over_a_unix_socket_a_page_is_refused_by_its_name_too(start, tmp_path):
    server = start(f"admin: {{listen: 'unix:{tmp_path}/admin.sock'}}")
    for more, status in (("", 200), ("Origin: http://page.example\r\n", 403)):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{tmp_path}/admin.sock")
            client.sendall(f"GET /metrics HTTP/1.1\r\nHost: page.example\r\n{more}"
                           "Connection: close\r\n\r\n".encode())
            assert read_all(client).startswith(f"HTTP/1.1 {status} ".encode())
    assert server.process.poll() is None


def test_what_is_typed_into_a_browser_is_answered(server):
    assert admin(server, "GET", "/metrics", headers={"Sec-Fetch-Site": "none"}).status == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8003", "127.0.0.1", "[::1]:8003"])
def test_an_address_and_localhost_are_no_names_of_a_web_page(server, host):
    assert admin(server, "GET", "/jobs", headers={"Host": host}).status == 200


def test_who_has_the_token_may_be_a_web_page(start, tmp_path):
    (tmp_path / "token").write_text("secret")
    server = start("admin: {token_file: token}")
    headers = {"Authorization": "Bearer secret", "Origin": "https://page.example",
               "Host": "page.example", "Sec-Fetch-Site": "cross-site"}
    assert admin(server, "GET", "/jobs", headers=headers).status == 200
