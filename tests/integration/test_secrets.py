"""No secret is told: everything is planted with some, much goes wrong, and all that is said is read."""

import base64
import hashlib
import itertools
import re
import socket
import subprocess

import pytest

from harness import EXIT_CONFIG, run_ferry, wait_until

# Where each stands. Words that occur nowhere else, so that a search finds a part of one as well.
PLANTED = {
    "the admin token": "pl4nted-admin",
    "a bearer token": "pl4nted-bearer",
    "a wrong bearer token": "pl4nted-wrong",
    "a password": "pl4nted-password",
    "a wrong password": "pl4nted-guess",
    "the secret of callbacks": "pl4nted-callbacks",
    "the secret of a webhook": "pl4nted-webhook",
    "a secret of an sms gateway": "pl4nted-sms",
    "a secret of the environment": "pl4nted-environment",
    "the password of a relay": "pl4nted-relay",
    "the query of a URL of the config": "pl4nted-url",
    "a header of the config": "pl4nted-header",
    "the query of a request": "pl4nted-query",
    "a header of a request": "pl4nted-api-key",
    "a cookie": "pl4nted-cookie",
    "Authorization of an open route": "pl4nted-foreign",
    "a body": "pl4nted-body",
}
WORD = "pl4nted"


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def write_secret(folder, name, text):
    (folder / name).write_text(text)
    (folder / name).chmod(0o600)


def plant(folder):
    """Write the files of secrets, as the documentation says."""
    hashed = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=PLANTED["a password"],
                            text=True, capture_output=True, check=True).stdout.strip()
    digest = hashlib.sha256(PLANTED["a bearer token"].encode()).hexdigest()
    write_secret(folder, "admin", PLANTED["the admin token"])
    write_secret(folder, "tokens", f"ci:{digest}\n")
    write_secret(folder, "users", f"ann:{hashed}\n")
    write_secret(folder, "callbacks", PLANTED["the secret of callbacks"])
    write_secret(folder, "webhook", PLANTED["the secret of a webhook"])
    write_secret(folder, "sms", f"KEY={PLANTED['a secret of an sms gateway']}\n")
    write_secret(folder, "relay", PLANTED["the password of a relay"])


def config_of(folder, upstream):
    """Routes of every kind, to an upstream that does not take anything."""
    plant(folder)
    return f"""
log: {{level: debug}}
admin: {{token_file: admin}}
callbacks: {{allow: ['{upstream}/'], secret_file: callbacks, retry: {{attempts: 2, backoff: 10ms}}}}
workers:
  hooks: {{use: webhook, url: '{upstream}/hook', secret_file: webhook}}
  fetches: {{use: fetch, url: '{upstream}/fetch?key={PLANTED["the query of a URL of the config"]}',
             headers: "X-Key: {PLANTED["a header of the config"]}"}}
  gateway:
    use: sms
    url: '{upstream}/send'
    secrets_file: sms
    query: {{key: '{{{{secret:KEY}}}}', other: '{{{{secret:PLANTED_KEY}}}}', to: '{{{{to}}}}'}}
  mailer: {{use: email, relay: 'smtp://{upstream.removeprefix("http://")}', username: ann,
            password_file: relay, starttls: require, from: a@example.org}}
  fails: {{use: exec, command: [/bin/sh, -c, "exit 2"]}}
routes:
  /open: {{worker: noop}}
  /fails: {{worker: fails}}
  /sleep: {{worker: sleep, timeout: 10ms}}
  /token: {{worker: noop, auth: {{bearer_file: tokens, basic_file: users}}}}
  /hook: {{worker: hooks, methods: [POST], mode: either, retry: {{attempts: 1}}}}
  /fetch: {{worker: fetches, mode: either, retry: {{attempts: 1}}}}
  /sms: {{worker: gateway, methods: [POST], mode: either, retry: {{attempts: 1}}}}
  /email: {{worker: mailer, methods: [POST], mode: either, retry: {{attempts: 1}}}}
"""


ENVIRONMENT = {"PLANTED_KEY": PLANTED["a secret of the environment"]}
BODIES = {
    "/sms": {"to": "+4915112345678", "text": PLANTED["a body"]},
    "/email": {"to": "a@example.org", "subject": "s", "text": PLANTED["a body"]},
    "/hook": {"text": PLANTED["a body"]}, "/fetch": {"text": PLANTED["a body"]},
}


@pytest.fixture(scope="module")
def upstream():
    """One that refuses: the port is taken, so that nobody else gets it, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield "http://127.0.0.1:%d" % taken.getsockname()[1]


@pytest.fixture(scope="module")
def server(serve_module, upstream):
    return serve_module(config_of(serve_module.folder, upstream), env=ENVIRONMENT)


def make_trouble(server, upstream):
    """Send every secret that a request can hold to every route, so that it fails."""
    query = f"?key={PLANTED['the query of a request']}"
    headers = {"X-Api-Key": PLANTED["a header of a request"], "Cookie": PLANTED["a cookie"],
               "Authorization": f"Bearer {PLANTED['Authorization of an open route']}"}
    for path in ("/open", "/fails", "/sleep", "/nowhere", "/jobs", "/jobs/" + "0" * 32):
        server.get(f"{path}{query}&ms=500", headers=headers)
        server.request("PATCH", path + query, headers=headers)
    for authorization in (
            f"Bearer {PLANTED['a bearer token']}", f"Bearer {PLANTED['a wrong bearer token']}",
            basic("ann", PLANTED["a password"]), basic("ann", PLANTED["a wrong password"]),
            f"Bearer {PLANTED['a wrong bearer token']} malformed"):
        server.get("/token" + query, headers={**headers, "Authorization": authorization})
        server.get("/metrics" + query, admin=True, headers={"Authorization": authorization})
    for path, body in BODIES.items():
        assert server.post_json(path + query, body, headers=headers).status in (502, 504)


def admin_header():
    return {"Authorization": f"Bearer {PLANTED['the admin token']}"}


def leave_jobs(server, upstream):
    """The same as jobs, with a callback that fails, too; returns when all have ended."""
    headers = {"Prefer": "respond-async", "Ferry-Callback": upstream + "/told",
               "Authorization": f"Bearer {PLANTED['Authorization of an open route']}",
               "Cookie": PLANTED["a cookie"], "X-Api-Key": PLANTED["a header of a request"]}
    for path, body in BODIES.items():
        path += f"?key={PLANTED['the query of a request']}"
        server.wait_job(server.post_job(path, body, headers=headers), "dead")
    wait_until(lambda: len(server.get("/jobs?state=dead", admin=True,
                                      headers=admin_header()).json()["jobs"]) == 2 * len(BODIES),
               "the callbacks are dead")


def found_in(text):
    """What of the secrets is in a text, as it stands or encoded."""
    encoded = [base64.b64encode(value.encode()).decode().rstrip("=")[:-1]
               for value in PLANTED.values()]
    hexed = [value.encode().hex() for value in PLANTED.values()]
    return [part for part in itertools.chain([WORD], encoded, hexed) if part in text]


def test_no_secret_is_told_whatever_goes_wrong(server, upstream):
    make_trouble(server, upstream)
    leave_jobs(server, upstream)
    metrics = server.get("/metrics", admin=True, headers=admin_header()).text()
    jobs = server.get("/jobs?limit=100", admin=True, headers=admin_header()).text()
    assert "ferry_requests_total" in metrics and "dead" in jobs
    server.wait_logged("request failed")
    server.wait_logged("a job is dead")
    assert found_in(server.log()) == []
    assert found_in(metrics) == []
    assert found_in(jobs) == []
    # Bodies and queries are the jobs' own, and stay with them; what lets somebody in does not.
    written = b"".join(path.read_bytes() for path in (server.folder / "var").rglob("*")
                       if path.is_file())
    kept = ("a body", "the query of a request", "a header of a request")
    assert [name for name, value in PLANTED.items()
            if value.encode() in written and name not in kept] == []


def test_check_tells_no_secret(tmp_path, upstream):
    (tmp_path / "ferry.yaml").write_text(config_of(tmp_path, upstream))
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path, env=ENVIRONMENT)
    assert (result.returncode, result.stderr) == (0, "")
    assert found_in(result.stdout) == []


@pytest.mark.parametrize("name", ["admin", "tokens", "users", "callbacks", "webhook", "sms"])
def test_check_tells_no_secret_of_a_file_that_is_wrong(tmp_path, upstream, name):
    """A file that holds a secret where something else should stand, and is open to all."""
    (tmp_path / "ferry.yaml").write_text(config_of(tmp_path, upstream))
    (tmp_path / name).write_bytes(f"{WORD} as it is\n{WORD}:{WORD}\nwhsec_{WORD}!\n".encode())
    (tmp_path / name).chmod(0o644)
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path, env=ENVIRONMENT)
    assert found_in(result.stdout + result.stderr) == []
    assert result.returncode == EXIT_CONFIG or "chmod 600" in result.stderr, result.stderr


# ---- what strangers write does not forge a line ----

NASTY = {
    "a line break": "%0Ats=2026-01-01T00:00:00.000Z%20level=error%20msg=forged",
    "a carriage return": "%0D%0Ats=2026%20msg=forged",
    "a terminal's escape": "%1B]0;forged%07%1B[31m",
    "a quote": "%22%20msg=forged%20x=%22",
    "invalid UTF-8": "%FF%C0%AF%ED%A0%80msg=forged",
    "a line separator": "%E2%80%A8msg=forged%C2%85",
}


def test_what_is_asked_forges_no_line_of_the_log(serve, tmp_path):
    script = tmp_path / "tell"
    script.write_text("#!/bin/sh\ncat >&2\nexit 2\n")
    script.chmod(0o755)
    server = serve(f"""
log: {{level: debug}}
workers:
  tells: {{use: exec, command: [{script}]}}
routes:
  /sleep: {{worker: sleep}}
  /tells: {{worker: tells, methods: [POST]}}
""")
    for text in NASTY.values():
        assert server.get(f"/sleep?ms=1{text}").status == 400
        server.get(f"/{text}")
        body = bytes.fromhex("".join(
            re.sub(r"%(..)|(.)", lambda m: m[1] or m[2].encode().hex(), text)))
        assert server.request("POST", "/tells", body=body).status == 502
    server.stop()
    for line in server.lines:
        assert re.match(r"ts=\S+ level=\w+ msg=", line), line
        assert not re.match(r"ts=\S+ level=\w+ msg=forged", line), line
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\x80-\x9f\u2028\u2029\ufffe\udc80-\udcff]", line), \
            ascii(line)
        assert not re.search(r' msg=forged', re.sub(r'"(\\.|[^"\\])*"', "", line)), line
    assert sum("forged" in line for line in server.lines) >= len(NASTY)  # it was logged, escaped
