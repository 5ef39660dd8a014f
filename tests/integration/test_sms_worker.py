"""sms against gateways of each shape (gateway.py), by the examples in conf/ and by configs of its own.

The gateway verifies signatures itself, from their specifications; it takes a message, or misbehaves, by
the last digits of its number.
"""

import base64
import json
import re

import pytest

import gateway as shapes
from harness import EXIT_CONFIG, ROOT, run_ferry

EXAMPLES = {"form": ROOT / "conf" / "sms-form.yaml", "signed": ROOT / "conf" / "sms-signed.yaml",
            "get": ROOT / "conf" / "sms-get.yaml"}
SECRETS = {"SMS_ACCOUNT": shapes.ACCOUNT, "SMS_TOKEN": shapes.TOKEN,
           "SMS_ACCESS_KEY": shapes.ACCESS_KEY, "SMS_ACCESS_SECRET": shapes.ACCESS_SECRET}
NUMBER = {"form": "+491511234", "signed": "+861380000", "get": "1380000"}  # and four digits more
TEXT = "Grüße & more: 100% +1 = \"ä\" 漢字 😀\n?#/"
FAST = ["--set", "routes./sms.retry={attempts: 5, backoff: 10ms..20ms}"]


def request(to, **more):
    return {"to": to, "text": TEXT, "code": 'a "quoted" code', **more}


def start_example(serve, gateway, shape, *args, mode="defer", secrets=SECRETS):
    """The example as it stands, sent to our gateway instead of its own."""
    sets = ["--set", f"workers.gateway.url={gateway.url}/{shape}", "--set", "workers.gateway.dry_run=false",
            "--set", f"routes./sms.mode={mode}", *FAST, *args]
    return serve(EXAMPLES[shape].read_text(), args=sets, env=secrets)


def message_of(shape, entry):
    """(number, text or its substitute) that the gateway got."""
    if shape == "form":
        pairs = dict(shapes.urllib.parse.parse_qsl(entry["body"]))
        return pairs["To"], pairs["Body"]
    pairs = dict(entry["query"])
    if shape == "signed":
        return pairs["PhoneNumbers"], json.loads(pairs["TemplateParam"])["code"]
    return pairs["mobile"], pairs["content"]


# ---- the examples ----

@pytest.mark.parametrize("shape", EXAMPLES)
def test_an_example_is_accepted_as_it_stands(tmp_path, shape):
    result = run_ferry("check", "-c", str(EXAMPLES[shape]), cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr


@pytest.mark.parametrize("shape", EXAMPLES)
def test_an_example_sends_nothing_as_it_stands(serve, shape):
    server = serve(EXAMPLES[shape].read_text(), args=["--set", "routes./sms.mode=call"], env=SECRETS)
    reply = server.post_json("/sms", request(NUMBER[shape] + "9999"))
    assert reply.status == 200, reply.body
    (sent,) = reply.json()["requests"]
    assert reply.json()["dry_run"] is True
    assert server.has_logged("level=warn", "dry_run")
    assert sent["url"].startswith("https://sms.example.org/")
    for secret in SECRETS.values():
        assert secret not in reply.text()
    assert base64.b64encode(shapes.TOKEN.encode()).decode()[:8] not in reply.text()
    assert "SECRET" in sent["url"]


@pytest.mark.parametrize("shape", EXAMPLES)
@pytest.mark.parametrize("mode", ["call", "defer"])
def test_an_example_sends(serve, gateway, shape, mode):
    server = start_example(serve, gateway, shape, mode=mode)
    number = NUMBER[shape] + "9999"
    if mode == "call":
        reply = server.post_json("/sms", request(number))
        assert reply.status == 200, reply.body
        result = reply.json()
    else:
        result = server.wait_job(server.post_job("/sms", request(number)), "succeeded")["result"]["body"]
    assert result["to"] == number
    digits = number.strip("+")
    assert result["message_id"] == {"form": f"SM{digits}", "signed": f"B{digits}",
                                    "get": "9007199254740993"}[shape]
    (entry,) = gateway.requests()
    text = 'a "quoted" code' if shape == "signed" else TEXT
    assert message_of(shape, entry) == (number if shape == "form" else digits, text)
    assert shapes.TOKEN not in server.log() and shapes.ACCESS_SECRET not in server.log()


@pytest.mark.parametrize("shape", EXAMPLES)
def test_a_number_that_the_gateway_refuses_is_tried_once(serve, gateway, shape):
    server = start_example(serve, gateway, shape)
    job = server.wait_job(server.post_job("/sms", request(NUMBER[shape] + "0001")), "dead")
    assert job["attempt"] == 1
    assert re.search("the gateway refused it: status (200|400): .*n(o|umber)", job["error"]["message"])
    assert len(gateway.requests()) == 1


@pytest.mark.parametrize("shape", EXAMPLES)
@pytest.mark.parametrize("knob", ["0002", "0003", "0004"])
def test_trouble_that_may_pass_does(serve, gateway, shape, knob):
    server = start_example(serve, gateway, shape)
    job = server.wait_job(server.post_job("/sms", request(NUMBER[shape] + knob)), "succeeded")
    assert job["attempt"] == 2
    assert len(gateway.requests()) == 2


@pytest.mark.parametrize("shape", EXAMPLES)
def test_an_answer_that_does_not_come_is_asked_for_again(serve, gateway, shape):
    server = start_example(serve, gateway, shape, "--set", "workers.gateway.timeout=500ms",
                           "--set", "routes./sms.retry={attempts: 1000, backoff: 10ms..20ms}")
    job = server.wait_job(server.post_job("/sms", request(NUMBER[shape] + "0005")), "succeeded")
    assert job["attempt"] > 1  # on a busy machine the second answer may be late as well
    assert len(gateway.requests()) > 1


@pytest.mark.parametrize("shape", EXAMPLES)
def test_a_wrong_key_is_no_messages_fault(serve, gateway, shape):
    wrong = {name: "not-the-key" for name in SECRETS}
    server = start_example(serve, gateway, shape, "--set", "workers.gateway.pause.for=10ms", mode="call",
                           secrets=wrong)
    reply = server.post_json("/sms", request(NUMBER[shape] + "9999"))
    assert reply.status == 502  # it may pass: when somebody has repaired it
    assert "the gateway did not take it" in reply.problem()
    assert "not-the-key" not in reply.problem()  # though a gateway may repeat it


# ---- several numbers ----

def form_config(gateway, more="", success="{status: 201}"):
    return f"""
workers:
  gateway:
    use: sms
    url: "{gateway.url}/form"
    auth: {{type: basic, username: {shapes.ACCOUNT}, password: "{shapes.TOKEN}"}}
    form: {{To: "{{{{to}}}}", Body: "{{{{text}}}}", Id: "{{{{delivery_id}}}}", Try: "{{{{attempt}}}}"}}
    success: {success}
    message_id: /sid
    error_message: /message
    permanent: {{pointer: /code, in: [21211]}}
    {more}
routes:
  /sms: {{worker: gateway, methods: [POST]}}
  /later: {{worker: gateway, mode: defer, retry: {{attempts: 6, backoff: 10ms..20ms}}}}
"""


def sent_numbers(gateway):
    return [message_of("form", entry)[0] for entry in gateway.requests("/form")]


def test_each_number_is_a_message_with_a_status_of_its_own(serve, gateway):
    server = serve(form_config(gateway))
    numbers = ["+49151000111", "+491510000001", "+49151000222", "+49151000111"]
    reply = server.post_json("/sms", request(numbers))
    assert reply.status == 200
    assert reply.json() == {"sent": 2, "refused": 1, "results": [
        {"to": "+49151000111", "message_id": "SM49151000111"},
        {"to": "+491510000001", "error": "status 400: the number is not valid"},
        {"to": "+49151000222", "message_id": "SM49151000222"}]}
    assert sent_numbers(gateway) == numbers[:3]


def test_a_retry_goes_to_those_numbers_that_are_left(serve, gateway):
    server = serve(form_config(gateway))
    numbers = ["+49151000111", "+491510000003", "+491510000001", "+491520000003", "+49151000222"]
    job = server.wait_job(server.post_job("/later", request(numbers)), "succeeded")
    result = job["result"]["body"]
    assert (result["sent"], result["refused"], job["attempt"]) == (4, 1, 2)
    assert [entry["to"] for entry in result["results"]] == numbers
    assert sorted(sent_numbers(gateway)) == sorted([*numbers, numbers[1], numbers[3]])


def test_a_number_that_is_never_answered_does_not_keep_the_others_waiting(serve, gateway):
    server = serve(form_config(gateway))
    numbers = ["+491510000006", "+49151000111", "+49151000222"]
    job = server.wait_job(server.post_job("/later", request(numbers)), "dead")
    assert job["error"]["message"].startswith("2 of 3 numbers are done; ")
    assert sorted(n for n in sent_numbers(gateway) if n != numbers[0]) == numbers[1:]


def test_a_message_keeps_its_id_and_shares_it_with_no_other(serve, gateway):
    server = serve(form_config(gateway))
    server.wait_job(server.post_job("/later", request(["+491510000003", "+49151000222"])), "succeeded")
    ids = {}
    for entry in gateway.requests("/form"):
        pairs = dict(shapes.urllib.parse.parse_qsl(entry["body"]))
        ids.setdefault(pairs["To"], set()).add(pairs["Id"])
    first, second = ids["+491510000003"], ids["+49151000222"]
    assert len(first) == len(second) == 1 and first != second


def test_a_gateway_that_is_busy_is_asked_for_no_other_number(serve, gateway):
    server = serve(form_config(gateway))
    reply = server.post_json("/sms", request(["+491510000002", "+49151000222"]))
    assert reply.status == 502
    assert reply.problem().startswith("0 of 2 numbers are done; the gateway did not take it: status 429")
    assert sent_numbers(gateway) == ["+491510000002"]


def test_of_several_times_to_come_back_the_longest_counts(serve, gateway):
    server = serve(f"""
workers:
  gateway:
    use: sms
    url: "{gateway.url}/status/500"
    query: {{retry_after: "{{{{to}}}}"}}
    numbers: "[0-9]+"
routes: {{/sms: {{worker: gateway}}}}
""")
    reply = server.post_json("/sms", request(["7", "60", "8"]))
    assert len(gateway.requests("/status/500")) == 3
    assert (reply.status, reply.headers["Retry-After"]) == (502, "60")


def test_when_all_are_refused_it_is_a_failure(serve, gateway):
    server = serve(form_config(gateway))
    reply = server.post_json("/sms", request(["+491510000001", "+491520000001"]))
    assert (reply.status, reply.problem()) == (422, "the gateway refused it: status 400: the number is not valid")


def test_a_live_call_sends_once_also_where_the_connection_was_used_before(serve, gateway):
    server = serve(form_config(gateway), args=["--set", "pools.default.threads=1"])
    numbers = ["+49151000222", "+491510000004"]
    assert server.post_json("/sms", request(numbers[0])).status == 200
    reply = server.post_json("/sms", request(numbers[1]))
    assert reply.status == 502
    assert "the connection was lost before the answer" in reply.problem()
    assert sent_numbers(gateway) == numbers
    assert len({entry["connection"] for entry in gateway.requests("/form")}) == 1


# ---- requests that are refused ----

@pytest.mark.parametrize("body, problem", [
    ("", "there is no body: send a JSON object"),
    ("{", "not JSON"), ("[]", "must be a JSON object"), ({"text": "t"}, "to: missing"),
    ({"to": [], "text": "t"}, "to: missing"), ({"to": 49151, "text": "t"}, "to: must be a number"),
    ({"to": "0151 234", "text": "t"}, 'to: "0151 234" is not'), ({"to": "+49151000111"}, "text: missing"),
    ({"to": "+49151000111", "text": 1}, "text: must be a string"),
    ({"to": ["+49151000111", "x"], "text": "t"}, 'to: "x" is not'),
    ({"to": "+49151000111\n", "text": "t"}, "is not a number"),
    ({"to": "+49151000111", "text": "ä" * 11}, "text: 11 characters, at most 10"),
    ({"to": [f"+491510001{i:03}" for i in range(101)], "text": "t"}, "more than 100 numbers"),
])
def test_a_request_that_cannot_be_sent_is_refused(serve, gateway, body, problem):
    server = serve(form_config(gateway, "max_length: 10"))
    body = body if isinstance(body, str) else json.dumps(body)
    reply = server.request("POST", "/sms", body=body)
    assert reply.status == 400
    assert problem in reply.problem()
    assert gateway.requests() == []


def test_length_is_counted_in_characters(serve, gateway):
    server = serve(form_config(gateway, "max_length: 10"))
    assert server.post_json("/sms", {"to": "+49151000111", "text": "😀" * 10}).status == 200


# ---- other shapes ----

JSON_CONFIG = """
workers:
  gateway:
    use: sms
    url: "{gateway.url}/json"
    auth: {{type: bearer, token: "{{{{secret:TOKEN}}}}"}}
    {body}
    secrets_file: secrets
    success: {{status: [200, 202-204]}}
    message_id: /messages/0/id
    error_message: /errors/0/detail
    headers: {{X-Id: "{{{{delivery_id}}}}", X-Note: "{{{{note}}}}"}}
routes: {{/sms: {{worker: gateway, methods: [POST]}}}}
"""


@pytest.mark.parametrize("body", [
    'json: {to: ["{{to}}"], message: {text: "{{text}}", count: "{{count}}"}}',
    """json_text: '{"to": ["{{to}}"], "message": {"text": "{{text}}", "count": "{{count}}"}, "flash": true, "validity": 60}'""",
])
def test_json_with_a_bearer_token(serve, gateway, tmp_path, body):
    (tmp_path / "secrets").write_text(f"# of the gateway\n\nOTHER=x\nTOKEN={shapes.TOKEN}\n")
    server = serve(JSON_CONFIG.format(gateway=gateway, body=body))
    reply = server.post_json("/sms", request("+49151000111", note="n", count=3))
    assert reply.status == 200, reply.body
    assert reply.json() == {"to": "+49151000111", "message_id": "J-+49151000111"}
    (entry,) = gateway.requests("/json")
    sent = json.loads(entry["body"].encode("latin-1"))
    assert sent.pop("flash", True) is True and sent.pop("validity", 60) == 60
    assert sent == {"to": ["+49151000111"], "message": {"text": TEXT, "count": "3"}}
    assert entry["headers"]["content-type"] == "application/json"
    assert entry["headers"]["x-note"] == "n"


def test_a_value_cannot_break_out_of_a_header(serve, gateway, tmp_path):
    (tmp_path / "secrets").write_text(f"TOKEN={shapes.TOKEN}\n")
    server = serve(JSON_CONFIG.format(gateway=gateway, body='json: {to: ["{{to}}"]}'))
    reply = server.post_json("/sms", request("+49151000111", note="a\r\nX-Evil: 1"))
    assert (reply.status, gateway.requests()) == (400, [])
    assert "line breaks" in reply.problem()
    reply = server.post_json("/sms", request("+49151000111"))
    assert reply.problem() == "note: missing, this gateway needs it"


def test_aws_signature(serve, gateway):
    server = serve(f"""
workers:
  gateway:
    use: sms
    url: "{gateway.url}/sigv4"
    method: POST
    query: {{zone: "{{{{to}}}}", Action: "Publish now", b: "{{{{text}}}}"}}
    form: {{PhoneNumber: "{{{{to}}}}", Message: "{{{{text}}}}"}}
    auth: {{type: aws_sigv4, key_id: {shapes.ACCESS_KEY}, key: "{shapes.ACCESS_SECRET}", scope: "aws:amz:eu-west-1:sns"}}
    message_id: /id
routes: {{/sms: {{worker: gateway, methods: [POST]}}}}
""")
    reply = server.post_json("/sms", request("+49151000111"))
    assert reply.status == 200, reply.body


@pytest.mark.parametrize("settings, problem", [
    ("form: {a: b}", "url is missing"),
    ('url: "http://{{to}}.org/"', "a template belongs behind the host"),
    ('url: "ftp://x/"', "http://HOST/PATH"),
    ('url: "http://x/?a=b", auth: {type: hmac, key: k}', 'belongs to "query"'),
    ('url: "http://x/", query: {a: "{{to"}', "a {{ without its }}"),
    ('url: "http://x/", query: {a: "{{t o}}"}', "a name of letters"),
    ('url: "http://x/", query: {a: "{{secret:NOBODY_KNOWS}}"}', 'there is no secret "NOBODY_KNOWS"'),
    ('url: "http://x/", query: {a: [b]}', "query.a: must be a single value"),
    ('url: "http://x/", form: {a: b}, json: {a: b}', "one body"),
    ('url: "http://x/", form: {a: b}, method: GET', "GET has no body"),
    ('url: "http://x/", json_text: "{"', "not JSON"),
    ('url: "http://x/", headers: {"A b": c}', "cannot be set as a header"),
    ('url: "http://x/", auth: {type: digest}', "none, basic, bearer, hmac or aws_sigv4"),
    ('url: "http://x/", auth: {type: basic, username: a}', "auth.password is missing"),
    ('url: "http://x/", auth: {type: aws_sigv4, key_id: a, key: b, scope: aws}', "aws:amz:REGION:SERVICE"),
    ('url: "http://x/", success: {status: 20x}', "success.status: a status, or a range"),
    ('url: "http://x/", success: {status: [200, 99]}', "success.status: a status, or a range"),
    ('url: "http://x/", success: {status: 200-600}', "success.status: a status, or a range"),
    ('url: "http://x/", success: {status: 299-200}', "success.status: a status, or a range"),
    ('url: "http://x/", success: {status: "+200"}', "success.status: a status, or a range"),
    ('url: "http://x/", success: {equals: OK}', "success.pointer is missing"),
    ('url: "http://x/", success: {pointer: code}', "success.pointer: a JSON pointer"),
    ('url: "http://x/", success: {pointer: /c, equals: [a, b]}', 'for several there is "in"'),
    ('url: "http://x/", sucess: {pointer: /c}', 'unknown key "sucess"'),
    ('url: "http://x/", success: {pinter: /c}', 'unknown key "pinter" in success'),
    ('url: "http://x/", numbers: "("', "not a regular expression"),
    ('url: "http://x/", secrets_file: /nonexistent', "/nonexistent"),
    ('url: "http://x/", secrets_file: /dev/null', "/dev/null: it is empty"),
    ('url: "http://x/", timeout: 0', "more than 0"),
])
def test_a_gateway_that_is_described_wrongly_is_refused_with_the_line(tmp_path, settings, problem):
    (tmp_path / "ferry.yaml").write_text(
        f"workers:\n  gateway: {{use: sms, {settings}}}\nroutes: {{/sms: {{worker: gateway}}}}\n")
    result = run_ferry("check", "-c", "ferry.yaml", cwd=tmp_path)
    assert result.returncode == EXIT_CONFIG
    assert problem in result.stderr + result.stdout, result.stderr
    assert "ferry.yaml:2:" in result.stderr + result.stdout
