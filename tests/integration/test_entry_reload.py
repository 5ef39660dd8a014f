"""Who may enter by a client certificate; and what SIGHUP changes of who may enter."""

import base64
import hashlib
import os
import pathlib
import subprocess

import pytest

from certificates import Authority
from examples import is_answered
from harness import wait_until
from test_reload import reload
from test_tls import context, get, listen

# ---- client certificates ----


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    authority.sign("server")
    authority.sign("alice", subject="/O=Example/CN=alice")
    authority.sign("bob", subject="/O=Example/CN=bob")
    authority.sign("almost", subject="/O=Example/CN=alice,O=Example")
    return authority


def hash_of(token):
    return hashlib.sha256(token.encode()).hexdigest() + "\n"


def write_tokens(path, *tokens):
    path.write_text("".join(map(hash_of, tokens)))
    path.chmod(0o600)


@pytest.fixture(scope="module")
def server(serve_module, authority):
    write_tokens(serve_module.folder / "tokens", "t0ken")
    ca = f", client_ca: {authority.certificate}, client: request"
    return serve_module(f"""
listen: {listen(authority, ca)}
routes:
  /alice: {{worker: noop, auth: {{client_cert: "CN=alice,O=Example"}}}}
  /both: {{worker: noop, auth: {{client_cert: ["CN=carl", "CN=bob,O=Example"], bearer_file: tokens}}}}
  /open: {{worker: noop}}
""")


def status(server, authority, path, client=None):
    return get(server.address, context(authority, client), path)[0]


def test_a_certificate_that_is_named_lets_in(server, authority):
    assert status(server, authority, "/alice", "alice") == 200
    assert status(server, authority, "/both", "bob") == 200


@pytest.mark.parametrize("client", ["bob", "almost", None])
def test_another_one_does_not(server, authority, client):
    assert status(server, authority, "/alice", client) == 403
    assert status(server, authority, "/open", client) == 200


def test_a_token_is_enough_where_either_is_asked(server, authority):
    assert status(server, authority, "/both", "alice") == 401


def test_without_tls_nobody_has_a_certificate(serve):
    server = serve("routes: {/: {worker: noop, auth: {client_cert: CN=alice}}}\n")
    reply = server.get("/")
    assert (reply.status, reply.problem()) == (403, "a client certificate is needed")


# ---- SIGHUP ----

def ask(server, token, path="/"):
    return server.get(path, headers={"Authorization": f"Bearer {token}"}).status


def test_a_reload_reads_the_files_again(serve, tmp_path):
    write_tokens(tmp_path / "tokens", "old", "kept")
    server = serve("auth: {bearer_file: tokens}\nroutes: {/: {worker: noop}}\n")
    assert [ask(server, token) for token in ("old", "kept", "new")] == [200, 200, 401]
    write_tokens(tmp_path / "tokens", "kept", "new")
    assert ask(server, "new") == 401
    reload(server)
    assert [ask(server, token) for token in ("old", "kept", "new")] == [401, 200, 200]


def has_loaded_openssl(server):
    return "libcrypto" in pathlib.Path(f"/proc/{server.process.pid}/maps").read_text()


def test_what_checks_tokens_is_loaded_before_the_first_one_comes(serve, tmp_path):
    """The loop would wait for it, and all others with it."""
    write_tokens(tmp_path / "tokens", "t0ken")
    server = serve("routes: {/: {worker: noop}}\n")
    assert not has_loaded_openssl(server)
    reload(server, "auth: {bearer_file: tokens}\nroutes: {/: {worker: noop}}\n")
    assert has_loaded_openssl(server)
    server.stop()
    server.start()
    assert has_loaded_openssl(server)


def test_a_reload_to_a_file_that_is_wrong_leaves_the_door_as_it_was(serve, tmp_path):
    write_tokens(tmp_path / "tokens", "t0ken")
    server = serve("auth: {bearer_file: tokens}\nroutes: {/: {worker: noop}}\n")
    (tmp_path / "tokens").write_text("pl4nted\n")
    reload(server, success=False)
    assert [ask(server, token) for token in ("t0ken", "pl4nted")] == [200, 401]
    os.unlink(tmp_path / "tokens")
    reload(server, success=False)
    assert [ask(server, token) for token in ("t0ken", "")] == [200, 401]
    assert "pl4nted" not in server.log()


def test_a_reload_changes_auth_cors_and_proxies(serve, tmp_path):
    write_tokens(tmp_path / "tokens", "t0ken")
    server = serve("trusted_proxies: 127.0.0.1\nroutes: {/: {worker: noop, client_rate: 2/h}}\n")
    page = {"Origin": "https://app.example.org"}

    def from_client(number):
        return server.get("/", headers={"X-Forwarded-For": f"192.0.2.{number}", **page})

    assert [from_client(number).status for number in range(3)] == [200] * 3
    reload(server, "cors: {origins: [https://app.example.org]}\n"
                   "routes: {/: {worker: noop, client_rate: 2/h}}\n")
    replies = [from_client(number) for number in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[0].headers["Access-Control-Allow-Origin"] == page["Origin"]
    reply = server.request("OPTIONS", "/jobs/1",
                           headers={**page, "Access-Control-Request-Method": "GET"})
    assert reply.headers["Access-Control-Allow-Origin"] == page["Origin"]
    reload(server, "auth: {bearer_file: tokens}\nroutes: {/: {worker: noop}}\n")
    assert (ask(server, "t0ken"), ask(server, "")) == (200, 401)
    reply = server.request("OPTIONS", "/jobs/1",
                           headers={**page, "Access-Control-Request-Method": "GET"})
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_who_waits_for_a_look_at_his_password_gets_in_by_the_door_he_came_to(serve, tmp_path):
    hashed = subprocess.run(["openssl", "passwd", "-6", "-salt", "rounds=400000$salt", "secret"],
                            text=True, capture_output=True, check=True).stdout  # slow
    (tmp_path / "users").write_text(f"ann:{hashed}")
    (tmp_path / "users").chmod(0o600)
    server = serve("routes: {/: {worker: noop, auth: {basic_file: users}}, /other: {worker: noop}}\n")
    login = base64.b64encode(b"ann:secret").decode()
    waiting = server.send("GET", "/", headers={"Authorization": f"Basic {login}"})
    wait_until(lambda: is_answered(waiting) or  # if this machine is slower than that look
               server.metric('ferry_requests_in_flight{route="/"}') == 1, "it is in flight")
    reload(server, "routes: {/other: {worker: noop}}\n")
    assert server.get("/").status == 404
    assert waiting.reply().status == 200
