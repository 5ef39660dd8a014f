"""E-mail as jobs through real relays: who gets it, what is tried again, and nobody gets it twice."""

import email
import email.policy
import json
import re

import pytest

from harness import ROOT, SmtpServer, make_certificate, wait_until
from postfix_relay import Postfix

CONFIG = """
workers:
  mailer:
    use: email
    from: "ferry <ferry@example.org>"
    relay: "{relay}"
    greylist_wait: 10ms
    pause: 10ms
    login_pause: 10ms
    {more}
routes:
  /email:
    worker: mailer
    methods: [POST]
    mode: defer
    retry: {{attempts: 5, backoff: 10ms..20ms}}
"""
WORDS = {"subject": "hello", "text": "from ferry"}


@pytest.fixture
def start(serve):
    def start(relay, **settings):
        more = "".join(f"\n    {key}: {value}" for key, value in settings.items())
        return serve(CONFIG.format(relay=relay, more=more.strip()))
    return start


@pytest.fixture
def peer(tmp_path):
    """peer(*args) starts an SMTP server with these arguments."""
    servers = []

    def peer(*args):
        servers.append(SmtpServer(tmp_path, *args))
        return servers[-1]

    yield peer
    for server in servers:
        server.stop()


def run_job(server, state="succeeded", **request):
    return server.wait_job(server.post_job("/email", {**WORDS, **request}), state)


def statuses(job):
    return {one["address"]: (one["status"], one["code"])
            for one in job["result"]["body"]["recipients"]}


def deliveries(relay):
    """Every address that a message was taken for, once for each time."""
    return sorted(address for message in relay.messages() for address in message["to"])


# ---- several recipients ----

def test_the_result_has_a_status_for_every_recipient(start, smtp):
    job = run_job(start(smtp.url), to=["a@example.org", "reject@example.org"], cc="c@example.org")
    assert job["attempt"] == 1
    assert job["result"]["body"]["accepted"] == 2
    assert statuses(job) == {"a@example.org": ("accepted", 250),
                             "reject@example.org": ("refused", 550),
                             "c@example.org": ("accepted", 250)}


def test_nobody_gets_a_message_twice(start, smtp):
    to = ["a@example.org", "greylist-1@example.org", "reject@example.org"]
    job = run_job(start(smtp.url), to=to, bcc=["greylist-2@example.org", "b@example.org"])
    assert job["attempt"] == 2
    assert statuses(job) == {"a@example.org": ("accepted", 250),
                             "greylist-1@example.org": ("accepted", 250),
                             "reject@example.org": ("refused", 550),
                             "greylist-2@example.org": ("accepted", 250),
                             "b@example.org": ("accepted", 250)}
    assert deliveries(smtp) == ["a@example.org", "b@example.org", "greylist-1@example.org",
                                "greylist-2@example.org"]
    (first, second) = [email.message_from_string(message["data"], policy=email.policy.default)
                       for message in smtp.messages()]
    assert first["Message-ID"] == second["Message-ID"]
    assert second["To"] == ", ".join(to)


def test_all_refused_is_dead_and_names_them(start, smtp):
    job = run_job(start(smtp.url), "dead", to=["reject@example.org", "reject@example.net"])
    assert job["attempt"] == 1
    assert "reject@example.org: 550 5.1.1 no such mailbox here" in job["error"]["message"]
    assert "reject@example.net: 550" in job["error"]["message"]


# ---- what is tried again ----

@pytest.mark.parametrize("to, attempts", [
    ("greylist-1@example.org", 2),  # 451 at RCPT
    ("tempfail-2@example.org", 3),  # 451 after DATA
])
def test_refused_for_now_is_tried_again(start, smtp, to, attempts):
    job = run_job(start(smtp.url), to=to)
    assert job["attempt"] == attempts
    assert deliveries(smtp) == [to]


@pytest.mark.parametrize("to, error", [
    ("reject@example.org", "550 5.1.1"), ("reject-data@example.org", "554 5.6.0"),
])
def test_refused_for_good_is_not_tried_again(start, smtp, to, error):
    job = run_job(start(smtp.url), "dead", to=to)
    assert job["attempt"] == 1
    assert error in job["error"]["message"]
    assert deliveries(smtp) == []


def test_an_answer_that_was_lost_is_asked_for_again_under_one_message_id(start, smtp):
    job = run_job(start(smtp.url), to="drop@example.org")
    assert job["attempt"] == 2
    (first, second) = smtp.messages()
    assert first["message_id"] == second["message_id"] == job["result"]["body"]["message_id"]


def test_a_relay_that_closes_down_is_tried_until_the_attempts_are_used_up(start, smtp):
    job = run_job(start(smtp.url), "dead", to="hangup@example.org")
    assert job["attempt"] == 5
    assert "421 4.3.2 closing down" in job["error"]["message"]


# ---- who we are ----

def test_starttls_and_auth(start, peer, tmp_path):
    (certificate, key) = make_certificate(tmp_path)
    password = tmp_path / "password"
    password.write_text("right\n")
    relay = peer("--starttls", certificate, key, "--auth", "me:right")
    job = run_job(start(relay.url, username="me", password_file=password, ca_file=certificate),
                  to="a@example.org")
    assert job["attempt"] == 1
    (message,) = relay.messages()
    assert message["tls"] and message["auth"]


def test_a_wrong_password_is_never_the_messages_fault(start, peer, tmp_path):
    password = tmp_path / "password"
    password.write_text("mistaken\n")
    relay = peer("--auth", "me:right")
    server = start(relay.url, username="me", password_file=password, starttls="none")
    job = run_job(server, "dead", to="a@example.org")
    assert job["attempt"] == 5
    assert "535" in job["error"]["message"]
    assert "mistaken" not in server.log()


# ---- what is seen ----

def test_progress_shows_while_the_relay_thinks(start, peer, tmp_path):
    hold = tmp_path / "go on"
    relay = peer("--hold", hold)
    server = start(relay.url)
    path = server.post_job("/email", {**WORDS, "to": "a@example.org", "text": "x" * 100000})

    def is_sent():
        progress = server.get(path).json()["progress"]
        return progress and "KiB sent" in progress["message"] and progress["fraction"] > 0.9

    wait_until(is_sent, "the progress shows that the message was sent")
    hold.touch()
    server.wait_job(path, "succeeded")


def test_templates_are_filled_in(start, smtp, tmp_path):
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / "welcome.subject.txt").write_text("Welcome, {{name}}\n")
    (folder / "welcome.html").write_text("<p>Dear {{name}}</p>\n")
    server = start(smtp.url, templates=folder)
    path = server.post_job("/email", {"to": "a@example.org", "template": "welcome",
                                      "data": {"name": "Ann & Bo"}})
    server.wait_job(path, "succeeded")
    path = server.post_job("/email", {"to": "a@example.org", "template": "welcome", "data": {}})
    assert "the data has no name" in server.wait_job(path, "dead")["error"]["message"]
    (message,) = smtp.messages()
    message = email.message_from_string(message["data"], policy=email.policy.default)
    assert message["Subject"] == "Welcome, Ann & Bo"
    assert message.get_content().strip() == "<p>Dear Ann &amp; Bo</p>"


def test_the_examples_of_the_docs_work(start, smtp, tmp_path):
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / "welcome.subject.txt").write_text("Welcome")
    (folder / "welcome.txt").write_text("Dear {{name}}")
    server = start(smtp.url, templates=folder)
    examples = re.findall(r"--json '(.*?)'", (ROOT / "docs" / "email.md").read_text(), re.S)
    assert len(examples) == 2
    for example in examples:
        server.wait_job(server.post_job("/email", json.loads(example)), "succeeded")
    assert deliveries(smtp) == ["ann@example.org", "ann@example.org", "bo@example.org"]


# ---- postfix, the relay that many have ----

@pytest.fixture
def postfix(smtp):
    relay = Postfix(smtp.port)
    yield relay
    relay.stop()


def test_a_message_passes_through_postfix(start, smtp, postfix):
    server = start(postfix.url, starttls="require", ca_file=postfix.certificate)
    picture = {"filename": "grün.png", "content_type": "image/png", "content": "iVBORw0KGgo="}
    job = run_job(server, to=["a@example.org", "nobody@example.org"], cc="c@example.org",
                  subject="Grüße", text=".\n..\nend", attachments=[picture])
    assert statuses(job) == {"a@example.org": ("accepted", 250),
                             "nobody@example.org": ("refused", 550),
                             "c@example.org": ("accepted", 250)}
    wait_until(lambda: deliveries(smtp) == ["a@example.org", "c@example.org"],
               f"postfix hands it on: {postfix.log()}")
    message = email.message_from_string(smtp.messages()[0]["data"], policy=email.policy.default)
    assert "with ESMTPS" in message["Received"]
    assert message["Message-ID"] == job["result"]["body"]["message_id"]
    assert message["Subject"] == "Grüße"
    (text, attachment) = message.iter_parts()
    assert text.get_content().splitlines() == [".", "..", "end"]
    assert attachment.get_filename() == "grün.png"
    assert attachment.get_content() == b"\x89PNG\r\n\x1a\n"


def test_who_is_busy_at_postfix_is_tried_again_and_the_others_have_it_once(start, smtp, postfix):
    server = start(postfix.url, starttls="require", ca_file=postfix.certificate)
    job = run_job(server, "dead", to=["a@example.org", "busy@example.org"])
    assert job["attempt"] == 5
    assert "busy@example.org: 450 4.2.0" in job["error"]["message"]
    wait_until(lambda: deliveries(smtp) == ["a@example.org"],
               f"postfix hands it on: {postfix.log()}")
    assert postfix.log().count("(queue active)") == 1


def test_a_relay_that_wants_starttls_is_no_reason_to_give_up(start, postfix):
    job = run_job(start(postfix.url, starttls="none"), "dead", to="a@example.org")
    assert job["attempt"] == 5
    assert "530 5.7.0 Must issue a STARTTLS command first" in job["error"]["message"]
