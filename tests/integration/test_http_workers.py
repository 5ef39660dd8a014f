"""fetch and webhook against a real HTTP server that plays good, slow, broken and busy (gateway.py)."""

import base64
import hashlib
import hmac
import http.client
import json
import re
import subprocess
import time

import pytest

from gateway import ABOUT_THE_BODY
from harness import EXIT_CONFIG, ROOT, Gateway, run_ferry, split_address, wait_until

SECRETS = [b"a secret of 32 bytes, or about it", b"an older one of which few know...."]

CONFIG = """
log: {{level: debug}}
workers:
  fixed: {{use: fetch, url: "{url}/echo/{{id}}?tag={{tag}}&fixed=1", method: GET, headers: ["X-Key: k 1"]}}
  echo: {{use: fetch, url: "{url}/echo", headers: ["Accept: text/*"]}}
  open: {{use: fetch, allow: ["{url}/status", "{url}/first/", "{url}/bytes/", "{url}/chunked/"], max_bytes: 1KiB}}
  broken: {{use: fetch, allow: ["{url}/"]}}
  hasty: {{use: fetch, allow: ["{url}/slow"], timeout: 50ms}}
  patient: {{use: fetch, allow: ["{url}/"], redirects: 3, headers: ["X-Key: k"]}}
  loose: {{use: fetch, url: "{url}/redirect?to={{to}}", redirects: 1}}
  nobody: {{use: fetch, url: "http://127.0.0.1:1/"}}
  unknown: {{use: fetch, url: "http://nobody.invalid/"}}
  hook: {{use: webhook, url: "{url}/{{path}}", allow: ["{url}/first"], secret_file: secrets, headers: ["X-Sender: ferry"]}}
  plain: {{use: webhook, allow: ["{url}/"]}}
  typed: {{use: webhook, allow: ["{url}/"], headers: ["content-type: application/cloudevents+json"]}}
  brief: {{use: webhook, allow: ["{url}/slow"], timeout: 50ms}}
routes:
  /fixed/{{id}}: {{worker: fixed, methods: [GET, POST]}}
  /echo: {{worker: echo, methods: [GET, POST, PUT, DELETE, PATCH]}}
  /open: {{worker: open}}
  /broken: {{worker: broken}}
  /hasty: {{worker: hasty}}
  /patient: {{worker: patient}}
  /loose: {{worker: loose}}
  /nobody: {{worker: nobody}}
  /unknown: {{worker: unknown}}
  /later: {{worker: open, mode: defer, retry: {{attempts: 5, backoff: 10ms..20ms}}}}
  /half: {{worker: patient, mode: defer}}
  /hook/{{path}}: {{worker: hook, methods: [POST]}}
  /plain: {{worker: plain, methods: [POST]}}
  /typed: {{worker: typed, methods: [POST]}}
  /brief: {{worker: brief, methods: [POST]}}
  /deliver: {{worker: plain, mode: defer, retry: {{attempts: 5, backoff: 10ms..20ms}}}}
"""


def config(gateway):
    return CONFIG.format(url=gateway.url)


@pytest.fixture(scope="module")
def server(serve_module, gateway_module):
    lines = ["whsec_" + base64.b64encode(SECRETS[0]).decode(), SECRETS[1].decode(), ""]
    (serve_module.folder / "secrets").write_text("\n".join(lines))
    # A proxy of the environment is not asked: there is none.
    return serve_module(config(gateway_module), env={"http_proxy": "http://127.0.0.1:1"})


@pytest.fixture
def upstream(gateway_module, server):
    return gateway_module


# ---- fetch: what goes out ----

def test_parameters_are_escaped_in_their_places(server, upstream):
    reply = server.get("/fixed/a%20b%26c%2Fd%3Fe?tag=x%26y%3D1+%23")
    assert reply.json()["target"] == "/echo/a%20b%26c%2Fd%3Fe?tag=x%26y%3D1%20%23&fixed=1"


@pytest.mark.parametrize("path", ["/fixed/..?tag=1", "/fixed/%2e%2e?tag=1", "/fixed/.?tag=1",
                                  "/fixed/x%2F..%2F..?tag=1", "/fixed/x%5C..?tag=1"])
def test_a_parameter_cannot_climb_out_of_its_place(server, upstream, path):
    before = len(upstream.requests())
    reply = server.get(path)
    assert reply.status in (400, 404)
    assert len(upstream.requests()) == before


def test_without_allow_a_caller_chooses_no_url(server, upstream):
    reply = server.get(f"/fixed/7?tag=1&url={upstream.url}/status/200")
    assert reply.json()["target"] == "/echo/7?tag=1&fixed=1"


def test_a_missing_parameter_is_named(server):
    reply = server.get("/fixed/7")
    assert (reply.status, reply.problem()) == (400, "tag: missing, the URL has a place for it")


def test_the_call_goes_along_with_what_belongs_to_its_body(server):
    for method in "POST", "PUT", "PATCH":
        reply = server.request(method, "/echo", body=b"a\0b", headers={
            "Content-Type": "image/png", "Accept": "image/*", "Cookie": "c=1",
            "Authorization": "Bearer x", "X-Mine": "1"})
        sent = reply.json()
        assert (sent["method"], sent["body"]) == (method, "a\0b")
        assert sent["headers"]["content-type"] == "image/png"
        assert sent["headers"]["accept"] == "text/*"  # the config's comes first
        assert not {"cookie", "authorization", "x-mine", "expect"} & set(sent["headers"])
        assert sent["headers"]["user-agent"].startswith("ferry/")
    sent = server.get("/echo", headers={"Content-Type": "image/png"}).json()
    assert (sent["method"], sent["body"]) == ("GET", "")
    assert not {"content-type", "content-length"} & set(sent["headers"])
    assert server.request("DELETE", "/echo").json()["method"] == "DELETE"


def test_the_answer_is_passed_on(server, upstream):
    reply = server.get("/open", headers={"Accept": "x/y"})
    assert reply.status == 400  # which URL?
    reply = server.get(f"/open?url={upstream.url}/bytes/1000")
    assert (reply.status, reply.body) == (200, b"x" * 1000)
    assert reply.headers["Content-Type"] == "text/plain"
    reply = server.get("/echo")
    assert {name: reply.headers[name] for name in ABOUT_THE_BODY} == ABOUT_THE_BODY
    assert reply.headers["X-Other"] is None


@pytest.mark.parametrize("status", [204, 301, 404, 408, 418, 429, 500, 503, 599])
def test_the_status_is_the_upstreams(server, upstream, status):
    reply = server.get(f"/open?url={upstream.url}/status/{status}")
    assert reply.status == status
    if status != 204:
        assert reply.json() == {"status": status}


def test_a_status_that_there_is_not_may_pass(server, upstream):
    reply = server.get(f"/open?url={upstream.url}/status/600")
    assert (reply.status, reply.problem()) == (502, "127.0.0.1 answered with the status 600")


def test_a_live_caller_is_told_when_to_come_back(server, upstream):
    reply = server.get(f"/open?url={upstream.url}/status/503%3Fretry_after=7")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "7")
    reply = server.request("POST", f"/plain?url={upstream.url}/status/429%3Fretry_after=8", body="b")
    assert (reply.status, reply.headers["Retry-After"]) == (502, "8")


def test_connections_are_used_again(server, upstream):
    server.get("/nobody")  # the pool's threads have handles of their own: one thread, one connection
    for _ in range(40):
        server.get("/echo")
    connections = {entry["connection"] for entry in upstream.requests("/echo")[-40:]}
    assert len(connections) <= 8


# ---- fetch: what is refused ----

@pytest.mark.parametrize("url", [
    "{url}/statuses/200", "{url}/statu", "{url}/", "{url}", "http://127.0.0.1:1/status/200",
    "https://{address}/status/200", "http://localhost:1/status/200", "http://{address}.evil.org/status/1",
    "http://evil.org#{address}/status/1", "ftp://{address}/status/1", "//{address}/status/1",
    "http://x@{address}/status/200", "http://{address}@evil.org/status/200",
    "{url}/status/../echo", "{url}/status/%2e%2e/echo", "{url}/status/..%2Fecho",
    "{url}/status/%5C..%5Cecho", "{url}/first", "{url}/status/200 HTTP/1.1", "{url}/status/%zz", "",
    "file:///etc/passwd", "{url}/status/200\r\nX: y",
])
def test_only_what_allow_matches_is_asked_for(server, upstream, url):
    before = len(upstream.requests())
    url = url.format(url=upstream.url, address=upstream.address)
    quoted = "".join(f"%{byte:02X}" for byte in url.encode())
    reply = server.get(f"/open?url={quoted}")
    assert reply.status in (400, 403), url
    assert len(upstream.requests()) == before


def test_a_worker_without_url_and_allow_does_not_open(tmp_path):
    (tmp_path / "ferry.yaml").write_text("routes: {/any: {worker: fetch}}\n")
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path)
    assert result.returncode == EXIT_CONFIG
    assert "url is missing" in result.stderr + result.stdout
    assert "whoever reaches this server" in result.stderr + result.stdout


def test_an_answer_past_max_bytes_is_a_failure(server, upstream):
    for kind in "bytes", "chunked":
        reply = server.get(f"/open?url={upstream.url}/{kind}/1025")
        assert reply.status == 413
        assert "more than 1024 bytes" in reply.problem()
        assert server.get(f"/open?url={upstream.url}/{kind}/1024").body == b"x" * 1024


# ---- fetch: trouble ----

@pytest.mark.parametrize("what", ["reset", "cut", "garbage"])
def test_a_broken_answer_may_pass(server, upstream, what):
    reply = server.get(f"/broken?url={upstream.url}/{what}")
    assert reply.status == 502
    assert reply.problem().startswith("127.0.0.1: ")


def test_what_may_be_asked_again_is_where_the_connection_was_used_before(serve, gateway):
    server = serve(f"""
pools: {{default: {{threads: 1}}}}
workers: {{any: {{use: fetch, allow: "{gateway.url}/"}}}}
routes: {{/any: {{worker: any, methods: [GET, POST, PUT]}}}}
""")
    for method, count in ("GET", 2), ("POST", 1), ("PUT", 2):
        assert server.get(f"/any?url={gateway.url}/status/200").status == 200
        before = len(gateway.requests("/reset"))
        reply = server.request(method, f"/any?url={gateway.url}/reset")
        assert reply.status == 502
        assert len(gateway.requests("/reset")) - before == count


def test_a_post_that_became_a_get_may_be_asked_again(serve, gateway):
    server = serve(f"""
pools: {{default: {{threads: 1}}}}
workers: {{any: {{use: fetch, allow: "{gateway.url}/", redirects: 1}}}}
routes: {{/any: {{worker: any, methods: [POST]}}}}
""")
    to = f"{gateway.url}/redirect%3Fto=/reset%26status=303"
    assert server.request("POST", f"/any?url={to}").status == 502
    assert [entry["method"] for entry in gateway.requests("/reset")] == ["GET", "GET"]


def test_nobody_there_may_pass(server):
    assert server.get("/nobody").status == 502
    reply = server.get("/unknown")
    assert reply.status == 502
    assert "nobody.invalid" in reply.problem()


def test_no_answer_in_time_is_504(server, upstream):
    reply = server.get(f"/hasty?url={upstream.url}/slow")
    assert (reply.status, reply.problem()) == (504, "127.0.0.1: no answer in time")


def test_a_caller_who_leaves_ends_the_transfer(server, upstream):
    pending = server.send("GET", f"/patient?url={upstream.url}/slow")
    server.wait_busy(1)
    pending.leave()
    server.wait_busy(0)


def test_a_job_is_tried_until_the_upstream_answers(server, upstream):
    url = f"{upstream.url}/first/503/2/later?retry_after=0"
    job = server.wait_job(server.post_job(f"/later?url={url}", {}), "succeeded")
    assert job["attempt"] == 3
    job = server.wait_job(server.post_job(f"/later?url={upstream.url}/status/404", {}), "dead")
    assert job["attempt"] == 1


def test_progress_shows_how_much_has_come(server, upstream):
    path = server.post_job(f"/half?url={upstream.url}/half/p", {})

    def progress():
        return server.get(path).json()["progress"]

    shown = wait_until(progress, "progress shows")
    assert shown["fraction"] == 0.5, shown
    assert shown["message"] == "500 of 1000 bytes"
    host, port = split_address(upstream.address)
    connection = http.client.HTTPConnection(host, port)
    connection.request("GET", "/release/p")
    assert connection.getresponse().status == 204
    connection.close()
    server.wait_job(path, "succeeded")


# ---- fetch: redirects ----

def test_a_redirect_is_answered_as_it_is(server, upstream):
    reply = server.get(f"/broken?url={upstream.url}/redirect%3Fto=/echo")
    assert (reply.status, reply.headers["Location"]) == (302, "/echo")


def test_redirects_are_followed_where_the_config_says_so(server, upstream):
    reply = server.get(f"/patient?url={upstream.url}/redirect%3Fto=/echo")
    assert (reply.status, reply.json()["path"]) == (200, "/echo")
    assert reply.json()["headers"]["x-key"] == "k"


@pytest.mark.parametrize("status, method", [(301, "GET"), (302, "GET"), (303, "GET"),
                                            (307, "POST"), (308, "POST")])
def test_a_redirected_post_is_what_its_status_says(server, upstream, status, method):
    to = f"{upstream.url}/redirect%3Fto=/echo%26status={status}"
    sent = server.request("POST", f"/patient?url={to}", body="b",
                          headers={"Content-Type": "text/x", "Accept": "a/b"}).json()
    headers = sent["headers"]
    about_body = {name: headers[name] for name in headers if name.startswith("content-")}
    assert (sent["method"], sent["body"], about_body) == (
        ("POST", "b", {"content-type": "text/x", "content-length": "1"}) if method == "POST"
        else ("GET", "", {}))
    assert (headers["x-key"], headers["accept"]) == ("k", "a/b")


def test_a_redirect_out_of_allow_is_not_followed(server, upstream):
    reply = server.get(f"/patient?url={upstream.url}/redirect%3Fto=http://127.0.0.1:1/")
    assert reply.status == 403
    assert "allow" in reply.problem()


def test_without_allow_a_redirect_leads_anywhere(server):
    reply = server.get("/loose?to=/echo")
    assert (reply.status, reply.json()["path"]) == (200, "/echo")


def test_redirects_without_end_have_one(server, upstream):
    to = "/redirect%253Fto%253D" * 5
    reply = server.get(f"/patient?url={upstream.url}/redirect%3Fto={to}")
    assert reply.status == 502
    assert "more than 3 redirects" in reply.problem()


def test_a_redirected_head_stays_one(server, upstream):
    to = f"{upstream.url}/redirect%3Fto=/echo%26status=303"
    assert server.request("HEAD", f"/patient?url={to}").status == 200
    assert upstream.requests("/echo")[-1]["method"] == "HEAD"


def test_what_the_config_says_to_one_host_is_not_told_to_another(serve, gateway, tmp_path):
    (tmp_path / "other").mkdir()
    other = Gateway(tmp_path / "other")
    try:
        server = serve(f"""
workers:
  any: {{use: fetch, allow: ["{gateway.url}/", "{other.url}/"], redirects: 1, headers: ["X-Key: k"]}}
routes: {{/any: {{worker: any}}}}
""")
        assert server.get(f"/any?url={gateway.url}/redirect%3Fto={other.url}/echo").status == 200
        assert gateway.requests("/redirect")[-1]["headers"]["x-key"] == "k"
        assert "x-key" not in other.requests("/echo")[-1]["headers"]
    finally:
        other.stop()


# ---- TLS ----

@pytest.fixture
def tls(tmp_path):
    (tmp_path / "tls").mkdir()
    cert, key = tmp_path / "tls" / "cert.pem", tmp_path / "tls" / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    server = Gateway(tmp_path / "tls", "--tls", str(cert), str(key))
    yield server, cert
    server.stop()


def test_a_certificate_is_checked(serve, tls):
    gateway, cert = tls
    server = serve(f"""
workers:
  known: {{use: fetch, url: "{gateway.url}/echo", ca_file: {cert}}}
  unknown: {{use: fetch, url: "{gateway.url}/echo"}}
routes: {{/known: {{worker: known}}, /unknown: {{worker: unknown}}}}
""")
    assert server.get("/known").status == 200
    reply = server.get("/unknown")
    assert reply.status == 502
    assert "certificate" in reply.problem()
    assert len(gateway.requests("/echo")) == 1


def test_a_redirect_does_not_lead_out_of_tls(serve, tls, gateway):
    secure, cert = tls
    server = serve(f"""
workers:
  any: {{use: fetch, allow: ["{secure.url}/", "{gateway.url}/"], redirects: 1, ca_file: {cert}}}
routes: {{/any: {{worker: any}}}}
""")
    assert server.get(f"/any?url={secure.url}/redirect%3Fto=/echo").status == 200
    reply = server.get(f"/any?url={secure.url}/redirect%3Fto={gateway.url}/echo")
    assert (reply.status, reply.problem()) == (403, "127.0.0.1 redirects from https to http")
    assert gateway.requests() == []


# ---- webhook ----

def signatures(entry, secrets):
    """As a receiver computes them, from the specification."""
    headers = entry["headers"]
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    text += entry["body"].encode("latin-1")
    return ["v1," + base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()
            for secret in secrets]


@pytest.mark.parametrize("body", [b"", b'{"a": 1}', "é\0\xff".encode("latin-1"), b"x" * 100000])
def test_a_receiver_can_verify_who_sent_it_and_when(server, upstream, body):
    reply = server.request("POST", "/hook/echo", body=body,
                           headers={"Content-Type": "application/vnd.x+json"})
    assert (reply.status, reply.json()["status"]) == (200, 200)
    entry = upstream.requests("/echo")[-1]
    assert (entry["method"], entry["body"].encode("latin-1")) == ("POST", body)
    assert entry["headers"]["content-type"] == "application/vnd.x+json"
    assert entry["headers"]["x-sender"] == "ferry"
    assert entry["headers"]["webhook-id"] == reply.json()["webhook_id"]
    assert abs(int(entry["headers"]["webhook-timestamp"]) - time.time()) < 300
    assert entry["headers"]["webhook-signature"].split(" ") == signatures(entry, SECRETS)


def test_what_the_docs_tell_a_receiver_to_do(server, upstream):
    text = (ROOT / "docs" / "http-workers.md").read_text()
    [code] = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    names = {}
    exec(code, names)
    server.request("POST", "/hook/echo", body=b"body")
    headers = upstream.requests("/echo")[-1]["headers"]
    secret = "whsec_" + base64.b64encode(SECRETS[0]).decode()
    names["verify"](secret, headers, b"body")
    for wrong in ((secret, headers, b"other"), ("whsec_b3RoZXI=", headers, b"body"),
                  (secret, {**headers, "webhook-timestamp": "1"}, b"body")):
        with pytest.raises(ValueError):
            names["verify"](*wrong)


def test_without_a_secret_it_is_unsigned(server, upstream):
    assert server.request("POST", f"/plain?url={upstream.url}/echo", body="b").status == 200
    headers = upstream.requests("/echo")[-1]["headers"]
    assert "webhook-id" in headers and "webhook-signature" not in headers


def test_the_type_of_the_config_takes_the_place_of_the_callers(server, upstream):
    reply = server.request("POST", f"/typed?url={upstream.url}/echo", body="{}",
                           headers={"Content-Type": "text/plain"})
    assert reply.status == 200
    sent = upstream.requests("/echo")[-1]["headers"]
    assert sent["content-type"] == "application/cloudevents+json"


def test_the_url_of_the_call_must_be_allowed(server, upstream):
    reply = server.request("POST", f"/hook/echo?url={upstream.url}/status/200", body="b")
    assert reply.status == 403 and '"allow" does not match' in reply.problem()
    reply = server.request("POST", f"/hook/echo?url={upstream.url}/first/500/0/k", body="b")
    assert reply.status == 200


def test_every_attempt_has_the_same_id(server, upstream):
    url = f"{upstream.url}/first/500/2/hook"
    job = server.wait_job(server.post_job(f"/deliver?url={url}", {"event": 1}), "succeeded")
    assert job["attempt"] == 3
    sent = upstream.requests("/first/500/2/hook")
    assert len({entry["headers"]["webhook-id"] for entry in sent}) == 1
    assert sent[0]["headers"]["webhook-id"] not in job["id"]
    assert {entry["body"] for entry in sent} == {json.dumps({"event": 1})}


@pytest.mark.parametrize("status", [302, 400, 404, 422, 429, 500, 503])
def test_whatever_a_receiver_answers_it_is_asked_again(server, upstream, status):
    url = f"{upstream.url}/first/{status}/1/again{status}"
    job = server.wait_job(server.post_job(f"/deliver?url={url}", {}), "succeeded")
    assert job["attempt"] == 2


def test_gone_is_gone(server, upstream):
    job = server.wait_job(server.post_job(f"/deliver?url={upstream.url}/status/410", {}), "dead")
    assert job["attempt"] == 1
    assert job["error"]["message"] == '127.0.0.1 answered 410: {"status": 410}'


def test_a_receiver_that_says_when_is_asked_then(server, upstream):
    url = f"{upstream.url}/first/503/1/when?retry_after=1"
    job = server.wait_job(server.post_job(f"/deliver?url={url}", {}), "succeeded")
    assert job["attempt"] == 2


@pytest.mark.parametrize("path, what, status", [
    ("/plain", "reset", 502), ("/plain", "garbage", 502), ("/brief", "slow", 504)])
def test_a_receiver_that_breaks_may_pass(server, upstream, path, what, status):
    assert server.request("POST", f"{path}?url={upstream.url}/{what}", body="b").status == status


def test_a_long_answer_is_not_kept(server, upstream):
    reply = server.request("POST", f"/plain?url={upstream.url}/bytes/10000000", body="b")
    assert (reply.status, reply.json()["status"]) == (200, 200)
