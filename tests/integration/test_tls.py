"""TLS on listeners: with whom it is spoken and how, and that nothing is spoken beside it."""

import contextlib
import http.client
import os
import socket
import ssl
import subprocess

import pytest

from certificates import Authority
from harness import DEADLINE, read_all, run_ferry, split_address

ROUTES = "routes: {/: {worker: noop}, /sleep: {worker: sleep}, /echo: {worker: echo}}\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    authority.sign("server")
    authority.sign("alice", subject="/O=Example/CN=alice")
    return authority


def listen(authority, more="", name="server"):
    folder = authority.folder
    return (f"{{address: \"127.0.0.1:0\", "
            f"tls: {{cert: {folder}/{name}.pem, key: {folder}/{name}.key{more}}}}}")


def context(authority, client=None):
    made = ssl.create_default_context(cafile=str(authority.certificate))
    if client:
        made.load_cert_chain(f"{authority.folder}/{client}.pem", f"{authority.folder}/{client}.key")
    return made


def connect(address, made):
    raw = socket.create_connection(split_address(address), timeout=DEADLINE)
    return made.wrap_socket(raw, server_hostname="localhost")


def get(address, made, path="/"):
    connection = http.client.HTTPSConnection(address, context=made, timeout=DEADLINE)
    connection.request("GET", path)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, body


def listening(server):
    return [line.split("addr=")[1].split()[0] for line in server.lines if "listener=public" in line]


@pytest.fixture(scope="module")
def server(serve_module, authority):
    return serve_module(f"listen: {listen(authority)}\n{ROUTES}")


# ---- with whom ----

def test_curl_and_python_get_an_answer_over_tls(server, authority):
    assert get(server.address, context(authority)) == (200, b"ok")
    url = f"https://localhost:{split_address(server.address)[1]}/"
    out = subprocess.run(["curl", "-sS", "--cacert", authority.certificate, "-w", "%{http_version}",
                          url], capture_output=True, text=True, timeout=DEADLINE)
    assert out.stdout == "ok1.1", out.stderr


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tls_1_2_and_1_3_are_spoken(server, authority, version):
    made = context(authority)
    made.minimum_version = made.maximum_version = ssl.TLSVersion[version]
    with connect(server.address, made) as tls:
        assert tls.version() == version.replace("_", ".")
        assert "GCM" in tls.cipher()[0] or "CHACHA20" in tls.cipher()[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_1_is_refused(server, authority):
    made = context(authority)
    made.set_ciphers("DEFAULT:@SECLEVEL=0")
    made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        connect(server.address, made)


@pytest.mark.parametrize("cipher", ["AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA"])
def test_ciphers_without_forward_secrecy_or_aead_are_refused(server, authority, cipher):
    made = context(authority)
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(cipher)
    with pytest.raises(ssl.SSLError):
        connect(server.address, made)


def test_alpn_agrees_on_http_1_1(server, authority):
    made = context(authority)
    made.set_alpn_protocols(["h2", "http/1.1"])
    with connect(server.address, made) as tls:
        assert tls.selected_alpn_protocol() == "http/1.1"


def test_alpn_without_http_1_1_ends_the_handshake(server, authority):
    made = context(authority)
    made.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError):
        connect(server.address, made)


def test_requests_follow_each_other_on_a_connection(server, authority):
    connection = http.client.HTTPSConnection(server.address, context=context(authority),
                                             timeout=DEADLINE)
    for _ in range(20):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ok"
    connection.close()


def read_until(tls, ending):
    received = b""
    while not received.endswith(ending):
        piece = tls.recv(65536)
        assert piece, received[-200:]
        received += piece
    return received


def test_a_large_body_goes_both_ways(server, authority):
    body = os.urandom(5 << 20)
    connection = http.client.HTTPSConnection(server.address, context=context(authority),
                                             timeout=DEADLINE)
    for _ in range(3):
        connection.request("POST", "/echo", body=body)
        assert connection.getresponse().read() == body
    connection.close()


def test_chunks_with_extensions_and_pipelined_requests_are_read(server, authority):
    chunked = (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"5;name=value\r\nhello\r\n0\r\n\r\n")
    with connect(server.address, context(authority)) as tls:
        tls.sendall(chunked + chunked)
        assert read_until(tls, b"hello").count(b"hello") in (1, 2)
        tls.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(tls, b"ok")


def test_the_end_of_a_connection_is_said(server, authority):
    with connect(server.address, context(authority)) as tls:
        tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        tls.suppress_ragged_eofs = False
        received = b""
        while piece := tls.recv(4096):
            received += piece
        assert received.endswith(b"ok")


# ---- beside it ----

def test_plain_bytes_on_a_tls_port_get_no_http_answer(server):
    with server.open_socket() as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := plain.recv(4096):
                received += piece
    assert b"HTTP" not in received


def test_a_slow_handshake_is_cut_off(serve, authority):
    server = serve(f"listen: {listen(authority)}\nlimits: {{header_timeout: 50ms}}\n{ROUTES}")
    with server.open_socket() as slow:
        slow.sendall(b"\x16\x03\x01")  # the beginning of a record
        assert read_all(slow) == b""


def test_a_malformed_request_over_tls_is_answered_over_tls(server, authority):
    with connect(server.address, context(authority)) as tls:
        tls.sendall(b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n")
        assert tls.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_leaves_cancels_its_call(server, authority):
    with connect(server.address, context(authority)) as tls:
        tls.sendall(b"GET /sleep?seconds=3600 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        server.wait_busy(1)
    server.wait_busy(0)


# ---- client certificates ----

def test_a_required_client_certificate_is_required(serve, authority):
    ca = f", client_ca: {authority.certificate}"
    server = serve(f"listen: {listen(authority, ca)}\n{ROUTES}")
    assert get(server.address, context(authority, "alice"))[0] == 200
    with pytest.raises((ssl.SSLError, ConnectionError)):
        get(server.address, context(authority))


def test_a_requested_client_certificate_may_be_absent_but_not_another_ones(serve, authority,
                                                                           tmp_path):
    ca = f", client_ca: {authority.certificate}, client: request"
    server = serve(f"listen: {listen(authority, ca)}\n{ROUTES}")
    assert get(server.address, context(authority))[0] == 200
    assert get(server.address, context(authority, "alice"))[0] == 200
    certificate, key = Authority(tmp_path, "other").sign("mallory")
    made = context(authority)
    made.load_cert_chain(certificate, key)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        get(server.address, made)


# ---- where ----

def test_a_list_mixes_tls_and_plain_listeners(serve, authority):
    server = serve(f"listen: [\"127.0.0.1:0\", {listen(authority)}]\n{ROUTES}")
    plain, secure = listening(server)
    assert server.get("/").status == 200 and server.address == plain
    assert get(secure, context(authority)) == (200, b"ok")


def test_the_admin_listener_speaks_tls(serve, authority):
    folder = authority.folder
    server = serve(f"admin: {{tls: {{cert: {folder}/server.pem, key: {folder}/server.key}}}}\n{ROUTES}")
    assert get(server.admin_address, context(authority), "/livez") == (200, b"ok\n")


def test_ferry_jobs_reaches_an_admin_listener_with_tls(serve, authority):
    folder = authority.folder
    server = serve(f"admin: {{tls: {{cert: {folder}/server.pem, key: {folder}/server.key}}}}\n{ROUTES}")
    result = run_ferry("jobs", "list", "-c", "ferry.yaml", "--admin", server.admin_address,
                       cwd=server.folder)
    assert result.returncode == 0, result.stderr
    plain = run_ferry("jobs", "list", "--admin", server.admin_address, cwd=server.folder)
    assert plain.returncode == 1
    assert "if the admin listener speaks TLS, its certificate is in the config: -c FILE" in plain.stderr


# ---- what is wrong ----

@pytest.mark.parametrize("tls,message", [
    ("{cert: absent.pem, key: server.key}", "1:49: error: cert: absent.pem: No such file"),
    ("{cert: server.pem, key: alice.key}", "1:66: error: alice.key: cannot be used as the"),
    ("{cert: server.pem, key: alice.key}", "hint: a private key in PEM, without a passphrase, of "),
    ("{cert: server.key, key: server.key}", "hint: PEM: the server's certificate, and then those"),
    ("{cert: server.pem}", '1:42: error: tls lacks the key "key"'),
    ("{cert: server.pem, key: server.key, client: require}", "1:86: error: client certificates"),
    ("{cert: server.pem, key: server.key, client_ca: }", "1:78: error: client_ca is empty"),
    ("{cert: server.key, key: server.key}", "1:49: error: server.key: cannot be used as the cert"),
])
def test_what_is_wrong_with_tls_is_told_with_its_place(authority, tls, message):
    config = f"listen: {{address: \"127.0.0.1:8443\", tls: {tls}}}\n{ROUTES}"
    (authority.folder / "ferry.yaml").write_text(config)
    result = run_ferry("check", "-c", "ferry.yaml", cwd=authority.folder)
    assert result.returncode == 78
    assert message in result.stderr


def test_an_expired_certificate_is_a_warning(authority):
    authority.sign("old", days=-1)
    config = f"listen: {{address: \"127.0.0.1:8443\", tls: {{cert: old.pem, key: old.key}}}}\n{ROUTES}"
    (authority.folder / "ferry.yaml").write_text(config)
    result = run_ferry("check", "-c", "ferry.yaml", cwd=authority.folder)
    assert result.returncode == 0
    assert "1:49: warning: the certificate old.pem has expired" in result.stderr
