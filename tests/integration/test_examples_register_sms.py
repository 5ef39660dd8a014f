"""register_sms of examples/ and a provider: what is asked for, and how each failure is told."""

import contextlib
import os
import threading
import urllib.parse

import pytest

from examples import example, http_peer

KEYS = {"SMS_ACCESSKEY": "key+one", "SMS_SECRETKEY": "s&cret=%"}


@contextlib.contextmanager
def fake_provider(status=200, body=b'{"result": "0"}', headers=()):
    """An SMS provider; gives its URL, and the list of the requests that it got."""
    asked = []

    def answer(handler):
        asked.append(urllib.parse.urlsplit(handler.path))
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with http_peer(answer) as address:
        yield f"http://{address}/sms/send", asked


def register(provider, document=None, timeout_ms=60000):
    with example("register_sms", provider, "127.0.0.1:0", timeout_ms,
                 env={**os.environ, **KEYS}) as sms:
        return sms.post_json("/register", document or {"mobile": "13800138000"})


def why_not(reply):
    """The reason in the one problem reply that every failure of the provider ends in."""
    assert reply.status == 502
    detail = reply.problem()
    assert detail.startswith("no SMS was sent: ")
    assert not any(key in detail for key in KEYS.values())
    return detail.removeprefix("no SMS was sent: ")


def test_an_sms_that_is_sent():
    with fake_provider() as (provider, asked):
        reply = register(provider)
        assert (reply.status, reply.json()) == (200, {"sent_to": "13800138000"})
    [url] = asked
    assert url.path == "/sms/send"
    assert url.query.isascii() and " " not in url.query
    query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=True))
    code = query["content"][len("您的验证码是 "):][:6]
    assert code.isdigit()
    assert query == {"accesskey": KEYS["SMS_ACCESSKEY"], "secretkey": KEYS["SMS_SECRETKEY"],
                     "mobile": "13800138000",
                     "content": f"您的验证码是 {code} & valid for 10 min."}


@pytest.mark.parametrize("body, reason", [
    (b'{"result": "106"}', "result 106"),
    (b'{"result": ""}', "result "),
    (b'{"result": 0}', "result missing"),
    (b'{"message": "no such account"}', "result missing"),
    (b'["result", "0"]', "result missing"),
    (b'{"result": "0"', "not JSON: line 1"),
    (b"<html>maintenance</html>", "not JSON: line 1"),
    (b"", "not JSON: line 1"),
])
def test_an_answer_that_is_no_success(body, reason):
    with fake_provider(body=body) as (provider, _):
        assert why_not(register(provider)).startswith(reason)


@pytest.mark.parametrize("status", [201, 302, 403, 404, 500, 503])
def test_another_status(status):
    headers = [("Location", "/sms/send")] if status == 302 else []
    with fake_provider(status=status, headers=headers) as (provider, asked):
        assert why_not(register(provider)) == f"HTTP status {status}"
        assert len(asked) == 1  # a redirect would take the keys with it


def test_an_answer_without_end():
    with fake_provider(body=b" " * (1 << 20)) as (provider, _):
        assert why_not(register(provider))


def test_nobody_there():
    with fake_provider() as (provider, _):
        pass
    assert why_not(register(provider))


def test_a_provider_that_says_nothing():
    over = threading.Event()
    with http_peer(lambda handler: over.wait()) as address:
        assert "100 ms" in why_not(register(f"http://{address}/", timeout_ms=100))
        over.set()


def test_a_provider_that_breaks_off():
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"result": "0"')
        handler.close_connection = True

    with http_peer(answer) as address:
        assert why_not(register(f"http://{address}/"))


@pytest.mark.parametrize("document", [
    {"mobile": 13800138000}, {"mobile": ""}, {"mobile": "12345&x=1"}, {"mobile": "1" * 16},
    {"phone": "13800138000"}, ["13800138000"],
])
def test_what_is_no_registration_is_not_passed_on(document):
    with fake_provider() as (provider, asked):
        reply = register(provider, document)
        assert reply.status == 400
        assert reply.problem().startswith("mobile: ")
        assert not asked


def test_what_is_no_json():
    with fake_provider() as (provider, asked), \
            example("register_sms", provider, "127.0.0.1:0") as sms:
        reply = sms.request("POST", "/register", body="mobile=13800138000")
        assert reply.status == 400
        assert reply.problem().startswith("not JSON: line 1")
        assert not asked
