"""Who may enter a route: tokens, passwords, how often, from behind which proxy, from which page."""

import base64
import concurrent.futures
import contextlib
import hashlib
import http.client
import socket
import subprocess

import pytest

from harness import EXIT_CONFIG, EXIT_OK, compile_plugin, run_ferry

TOKEN, OLD_TOKEN = "t0ken-of-ci", "t0ken-of-old"
PASSWORD = "open sesame"
ORIGIN = "https://app.example.org"


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def hash_password(password):
    return subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password, text=True,
                          capture_output=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A bearer_file and a basic_file, made as the documentation says."""
    folder = tmp_path_factory.mktemp("entry")
    sums = [hashlib.sha256(token.encode()).hexdigest() for token in (TOKEN, OLD_TOKEN)]
    (folder / "tokens").write_text(f"# who may\nci:{sums[0]}\n{sums[1]}  -\n")
    (folder / "users").write_text(f"ann:{hash_password(PASSWORD)}\nbob:{hash_password('b')}\n")
    for name in ("tokens", "users"):
        (folder / name).chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def seen_plugin(tmp_path_factory):
    """A worker that answers with the Authorization header that it sees."""
    return compile_plugin(tmp_path_factory.mktemp("seen"), "seen", """
#include <ferry/worker.h>
static int run(ferry_call *call, void *state)
{
    (void)state;
    const char *seen = ferry_call_header(call, "Authorization");
    return ferry_call_reply_text(call, 200, seen ? seen : ferry_call_header(call, "X-Other"));
}
FERRY_WORKER(seen, .run = run)
""")


@pytest.fixture(scope="module")
def server(files, serve_module, seen_plugin):
    return serve_module(f"""
plugins: [{seen_plugin}]
routes:
  /open: {{worker: noop}}
  /token: {{worker: noop, auth: {{bearer_file: {files}/tokens}}}}
  /password: {{worker: noop, auth: {{basic_file: {files}/users}}}}
  /either: {{worker: noop, auth: {{bearer_file: {files}/tokens, basic_file: {files}/users}}}}
  /later: {{worker: echo, methods: [POST], mode: defer, auth: {{bearer_file: {files}/tokens}}}}
  /kept: {{worker: seen, auth: {{bearer_file: {files}/tokens}}}}
  /passed: {{worker: seen, auth: {{bearer_file: {files}/tokens, forward_credentials: true}}}}
  /open-seen: {{worker: seen}}
""")


def ask(server, path, authorization=None, **kwargs):
    headers = kwargs.pop("headers", {})
    if authorization is not None:
        headers = {**headers, "Authorization": authorization}
    return server.get(path, headers=headers, **kwargs)


# ---- tokens ----

@pytest.mark.parametrize("token", [TOKEN, OLD_TOKEN])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_token_of_the_file_lets_in(server, token, scheme):
    assert ask(server, "/token", f"{scheme} {token}").status == 200


@pytest.mark.parametrize("authorization", [
    "Bearer", "Bearer " + TOKEN[:-1], f"Bearer {TOKEN}x", f"Bearer {TOKEN} x", f"Token {TOKEN}",
    TOKEN, f"Bearer {hashlib.sha256(TOKEN.encode()).hexdigest()}", "Bearer ci:" + TOKEN,
    basic("ci", TOKEN), basic("ann", PASSWORD)])
def test_anything_else_does_not(server, authorization):
    reply = ask(server, "/token", authorization)
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"].startswith('Bearer realm="ferry"')
    assert "Authorization" in reply.problem()


def test_a_wrong_token_is_called_invalid(server):
    reply = ask(server, "/token", "Bearer wrong")
    assert reply.headers.get_all("WWW-Authenticate") == [
        'Bearer realm="ferry", error="invalid_token"']


def test_without_a_token_the_answer_says_what_to_send(server):
    reply = ask(server, "/token")
    assert reply.status == 401
    assert reply.headers.get_all("WWW-Authenticate") == ['Bearer realm="ferry"']
    assert "Bearer" in reply.problem()


def test_a_route_that_says_nothing_is_open(server):
    assert ask(server, "/open").status == 200


def test_two_authorization_headers_are_refused(server):
    connection = server.connect()
    connection.putrequest("GET", "/token")
    connection.putheader("Authorization", "Bearer wrong")
    connection.putheader("Authorization", f"Bearer {TOKEN}")
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_who_may_not_enter_leaves_no_job(server):
    before = server.get("/jobs", admin=True).json()["jobs"]
    assert server.post_json("/later", {}).status == 401
    assert server.get("/jobs", admin=True).json()["jobs"] == before
    job = server.post_job("/later", {}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert server.wait_job(job, "succeeded")["route"] == "/later"  # its id is the permission


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_every_method_of_the_route_is_asked(server, method):
    assert server.request(method, "/token").status == 401


# ---- passwords ----

def test_a_password_lets_in(server):
    for _ in range(3):
        assert ask(server, "/password", basic("ann", PASSWORD)).status == 200
    assert ask(server, "/password", basic("bob", "b")).status == 200


@pytest.mark.parametrize("authorization", [
    "Basic", "Basic ?", basic("ann", ""), basic("ann", "b"), basic("carl", "b"),
    basic("carl", PASSWORD), f"Bearer {TOKEN}"])
def test_another_one_does_not(server, authorization):
    reply = ask(server, "/password", authorization)
    assert reply.status == 401
    assert reply.headers.get_all("WWW-Authenticate") == ['Basic realm="ferry", charset="UTF-8"']


def test_many_at_once_wait_for_one_look(server):
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        replies = pool.map(lambda _: ask(server, "/either", basic("ann", PASSWORD)), range(20))
        assert {reply.status for reply in replies} == {200}


def test_either_is_enough_where_both_are_asked(server):
    assert ask(server, "/either", f"Bearer {TOKEN}").status == 200
    assert ask(server, "/either", basic("bob", "b")).status == 200
    assert len(ask(server, "/either").headers.get_all("WWW-Authenticate")) == 2


def test_who_guesses_is_held_back_and_who_knows_is_not(serve, files):
    server = serve("trusted_proxies: [127.0.0.1]\n"
                   f"routes: {{/: {{worker: noop, auth: {{basic_file: {files}/users}}}}}}\n")
    guesser = {"X-Forwarded-For": "192.0.2.1"}
    assert ask(server, "/", basic("ann", PASSWORD), headers=guesser).status == 200

    statuses = set()
    for guess in range(200):  # until they come faster than one a second
        reply = ask(server, "/", basic("ann", f"guess {guess}"), headers=guesser)
        statuses.add(reply.status)
        if reply.status == 429:
            break
    assert statuses == {401, 429}
    server.wait_logged("too many passwords were tried from 192.0.2.1")
    assert int(reply.headers["Retry-After"]) >= 1
    assert ask(server, "/", basic("ann", PASSWORD), headers=guesser).status == 200
    assert ask(server, "/", basic("bob", "b"),
               headers={"X-Forwarded-For": "192.0.2.2"}).status == 200


# ---- what the worker sees ----

def test_credentials_that_ferry_checked_stay_with_it(server):
    reply = ask(server, "/kept", f"Bearer {TOKEN}", headers={"X-Other": "another header"})
    assert reply.text() == "another header"


def test_the_config_can_pass_them_on(server):
    assert ask(server, "/passed", f"Bearer {TOKEN}").text() == f"Bearer {TOKEN}"


def test_an_open_route_passes_them_on(server):
    assert ask(server, "/open-seen", "Bearer other").text() == "Bearer other"


# ---- the default of all routes ----

def test_auth_of_the_config_is_that_of_every_route_but_who_says_otherwise(serve, files):
    server = serve(f"auth: {{bearer_file: {files}/tokens}}\n"
                   "routes:\n"
                   "  /closed: {worker: noop}\n"
                   "  /open: {worker: noop, auth: none}\n")
    assert ask(server, "/closed").status == 401
    assert ask(server, "/closed", f"Bearer {TOKEN}").status == 200
    assert ask(server, "/open").status == 200
    assert server.get("/livez").status == 200


def test_check_says_which_routes_are_open(tmp_path, files):
    (tmp_path / "ferry.yaml").write_text(
        f"auth: {{bearer_file: {files}/tokens}}\n"
        "routes:\n"
        "  /a: {worker: noop}\n"
        "  /b: {worker: noop, auth: none}\n"
        f"  /c: {{worker: noop, auth: {{basic_file: {files}/users}}}}\n")
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (EXIT_OK, "")
    assert result.stdout.splitlines()[1:] == [
        "  /a: a bearer token", "  /b: open to everyone", "  /c: a password"]


@pytest.mark.parametrize("address", [
    "0.0.0.0:0", ":0", "[::]:0", "[0:0:0:0:0:0:0:0]:0", "[::0]:0", "[::ffff:0.0.0.0]:0",
    "0:0", "::", ":::0", "*:0", "localhost:0", "127.0.0.1.example:0", "128.0.0.1:0", "192.0.2.1:0"])
@pytest.mark.parametrize("way", ["file", "set", "environment"])
def test_an_open_admin_listener_off_loopback_does_not_start(tmp_path, address, way):
    env, args, text = {}, [], "routes: {/: {worker: noop}}\n"
    if way == "file":
        text += f"admin: {{listen: '{address}'}}\n"
    elif way == "set":
        args = ["--set", f'admin.listen="{address}"']
    else:
        env = {"FERRY_ADMIN__LISTEN": f'"{address}"'}
    (tmp_path / "ferry.yaml").write_text(text)
    result = run_ferry("serve", "-c", "ferry.yaml", "--listen", "127.0.0.1:0", *args, cwd=tmp_path,
                       env=env)
    assert result.returncode == EXIT_CONFIG
    assert "admin" in result.stderr or "listen" in result.stderr or address in result.stderr
    assert "msg=listening" not in result.stderr


# ---- how often ----

def statuses_of(server, path, count, client=None):
    headers = {"X-Forwarded-For": client} if client else {}
    return [server.get(path, headers=headers).status for _ in range(count)]


@pytest.fixture(scope="module")
def limited(serve_module, files):
    return serve_module(f"""
state: limited
trusted_proxies: [127.0.0.1]
routes:
  /two: {{worker: noop, client_rate: 2/h}}
  /six: {{worker: noop, client_rate: {{rate: 2/h, burst: 6}}}}
  /later: {{worker: echo, methods: [POST], mode: defer, client_rate: 1/h}}
  /token: {{worker: noop, client_rate: 3/h, auth: {{bearer_file: {files}/tokens}}}}
""")


def test_a_client_that_asks_too_often_gets_429(limited):
    assert statuses_of(limited, "/two", 3, "192.0.2.10") == [200, 200, 429]
    reply = limited.get("/two", headers={"X-Forwarded-For": "192.0.2.10"})
    assert 1 <= int(reply.headers["Retry-After"]) <= 1800
    assert reply.problem() == "2 requests each hour, of one client"


def test_a_burst_is_what_the_config_says(limited):
    assert statuses_of(limited, "/six", 7, "192.0.2.20") == [200] * 6 + [429]


def test_clients_and_routes_do_not_count_against_each_other(limited):
    assert statuses_of(limited, "/two", 3, "192.0.2.30") == [200, 200, 429]
    assert statuses_of(limited, "/two", 2, "192.0.2.31") == [200, 200]
    assert statuses_of(limited, "/six", 2, "192.0.2.30") == [200, 200]


def test_a_network_of_ipv6_is_one_client(limited):
    assert statuses_of(limited, "/two", 2, "2001:db8::1") == [200, 200]
    assert statuses_of(limited, "/two", 1, "2001:db8::ffff:2") == [429]
    assert statuses_of(limited, "/two", 1, "2001:db8:0:1::1") == [200]


def test_a_job_counts_as_any_request(limited):
    client = {"X-Forwarded-For": "192.0.2.40"}
    assert limited.post_json("/later", {}, headers=client).status == 202
    assert limited.post_json("/later", {}, headers=client).status == 429


def test_who_may_not_enter_counts_too(limited):
    client = {"X-Forwarded-For": "192.0.2.50"}
    statuses = [ask(limited, "/token", "Bearer wrong", headers=client).status for _ in range(4)]
    assert statuses == [401, 401, 401, 429]


def test_a_proxy_on_a_unix_socket_is_believed_if_it_is_trusted(serve):
    server = serve("trusted_proxies: unix\nroutes: {/two: {worker: noop, client_rate: 2/h}}\n",
                   args=["--listen", "unix:entry.sock"])

    def get(client):
        with contextlib.closing(http.client.HTTPConnection("proxied")) as connection:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(str(server.folder / "entry.sock"))
            connection.request("GET", "/two", headers={"X-Forwarded-For": client})
            return connection.getresponse().status

    assert [get("192.0.2.60") for _ in range(3)] == [200, 200, 429]
    assert get("192.0.2.61") == 200


def test_nobody_is_believed_who_is_not_trusted(serve):
    server = serve("trusted_proxies: [10.0.0.0/8]\n"
                   "routes: {/two: {worker: noop, client_rate: 2/h}}\n")
    assert [*statuses_of(server, "/two", 1, "192.0.2.1"), *statuses_of(server, "/two", 1, "10.0.0.1"),
            *statuses_of(server, "/two", 1, "192.0.2.2")] == [200, 200, 429]


# ---- browsers ----

@pytest.fixture(scope="module")
def pages(serve_module, files):
    return serve_module(f"""
state: pages
cors: {{origins: [{ORIGIN}, "http://127.0.0.1:3000"], credentials: true}}
auth: {{bearer_file: {files}/tokens}}
workers:
  fails: {{use: exec, command: [/bin/sh, -c, "exit 2"]}}
routes:
  /page: {{worker: noop}}
  /fails: {{worker: fails}}
  /later: {{worker: echo, methods: [POST], mode: defer}}
  /options: {{worker: noop, methods: [GET, OPTIONS]}}
  /heads: {{worker: noop, methods: [GET, HEAD]}}
  /any: {{worker: noop, methods: PUT, cors: {{origins: "*", headers: [X-One], max_age: 1h}}}}
  /none: {{worker: noop, cors: none}}
""")


def preflight(server, path, origin=ORIGIN, method="GET"):
    return server.request("OPTIONS", path, headers={
        "Origin": origin, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization"})


def allowed_by(reply):
    return reply.headers["Access-Control-Allow-Origin"]


@pytest.mark.parametrize("path", ["/page", "/later", "/options"])
def test_a_preflight_is_answered_without_credentials(pages, path):
    reply = preflight(pages, path)
    assert (reply.status, reply.body) == (204, b"")
    assert allowed_by(reply) == ORIGIN
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Authorization" in reply.headers["Access-Control-Allow-Headers"]
    assert reply.headers["Access-Control-Max-Age"] == "600"
    assert reply.headers["Vary"] == "Origin"


def test_a_preflight_tells_the_methods_of_the_route(pages):
    assert preflight(pages, "/page").headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert preflight(pages, "/any").headers["Access-Control-Allow-Methods"] == "PUT"


@pytest.mark.parametrize("origin", [
    "null", "https://app.example.org.evil.example", "http://app.example.org", "*",
    "https://APP.example.org"])
def test_another_origin_is_never_given_back(pages, origin):
    for reply in (preflight(pages, "/page", origin),
                  ask(pages, "/page", f"Bearer {TOKEN}", headers={"Origin": origin})):
        assert not [name for name in reply.headers if name.startswith("Access-Control-")]
        assert reply.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path, authorization, status", [
    ("/page", f"Bearer {TOKEN}", 200), ("/page", "Bearer wrong", 401),
    ("/fails", f"Bearer {TOKEN}", 502)])
def test_a_page_can_read_every_answer(pages, path, authorization, status):
    reply = ask(pages, path, authorization, headers={"Origin": ORIGIN})
    assert reply.status == status
    assert allowed_by(reply) == ORIGIN
    assert "Location" in reply.headers["Access-Control-Expose-Headers"]


def test_a_page_can_follow_its_job(pages):
    reply = pages.post_json("/later", {}, headers={"Origin": ORIGIN,
                                                   "Authorization": f"Bearer {TOKEN}"})
    assert (reply.status, allowed_by(reply)) == (202, ORIGIN)
    job = reply.headers["Location"]
    assert allowed_by(pages.get(job, headers={"Origin": ORIGIN})) == ORIGIN
    assert preflight(pages, job).headers["Access-Control-Allow-Methods"] == "GET, DELETE"
    assert allowed_by(preflight(pages, job + "/events")) == ORIGIN
    pages.wait_job(job, "succeeded")


def test_a_star_is_any_page_without_credentials(pages):
    reply = pages.request("PUT", "/any", headers={"Origin": "https://evil.example",
                                                  "Authorization": f"Bearer {TOKEN}"})
    assert (reply.status, allowed_by(reply)) == (200, "*")
    assert "Access-Control-Allow-Credentials" not in reply.headers
    assert preflight(pages, "/any").headers["Access-Control-Max-Age"] == "3600"


def test_a_route_without_cors_says_nothing(pages):
    assert allowed_by(preflight(pages, "/none")) is None
    assert allowed_by(ask(pages, "/none", f"Bearer {TOKEN}", headers={"Origin": ORIGIN})) is None


def test_options_that_is_no_preflight_is_answered_as_ever(pages):
    reply = pages.request("OPTIONS", "/page", headers={"Origin": ORIGIN})
    assert (reply.status, reply.headers["Allow"]) == (204, "GET, POST, HEAD, OPTIONS")
    assert pages.request("OPTIONS", "/heads").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert pages.request("OPTIONS", "/any").headers["Allow"] == "PUT, OPTIONS"
    assert pages.request("OPTIONS", "/options").status == 401
    assert pages.request("OPTIONS", "/none").headers["Allow"] == "GET, POST, HEAD, OPTIONS"
