"""Messages of the email worker, read by a parser that is not ours: Python's email package."""

import base64
import email
import email.header
import email.policy
import email.utils
import pathlib

import pytest

CONFIG = """
workers:
  mailer: {use: email, from: "Jörg's ferry <ferry@example.org>"}
routes:
  /email: {worker: mailer, methods: [POST]}
"""

LINES = "first\n.dot\n..\nFrom here\ntrailing blank \n\ttab\t\n" + "wide " * 40 + "\n"
HAN = "漢字かな交じり文" * 12


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(CONFIG)


def send(server, **request):
    """Post an e-mail; returns the message that came out of it, parsed without any complaint."""
    request = {"to": "ann@example.org", "subject": "s", **request}
    reply = server.post_json("/email", request)
    assert reply.status == 200, reply.body
    raw = (pathlib.Path(server.folder) / reply.json()["file"]).read_bytes()
    assert all(len(line) <= 76 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert raw.isascii()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    message.raw = raw
    assert [part.defects for part in message.walk()] == [[] for _ in message.walk()]
    assert [header.defects for header in message.values()] == [() for _ in message.values()]
    assert message["Message-ID"] == reply.json()["message_id"]
    assert message["Date"].datetime.utcoffset().total_seconds() == 0
    return message


@pytest.mark.parametrize("subject", [
    "Hello", "", "Grüße aus Köln", HAN, "😀" * 60, "=?utf-8?q?not_encoded?=", "two  blanks",
    "x" * 500, "word " * 60 + "end", "a, b; c <d> \"e\" (f) \\", "ä" + " b" * 100,
])
def test_subject(server, subject):
    assert send(server, subject=subject, text="t")["Subject"] == subject


@pytest.mark.parametrize("name", [
    "", "Ann Ott", "Ott, Ann", 'Ann "the" Ott', "Jörg", HAN, "a\\b", "(no comment)", "=?x?=",
    "Ann @ Home", "Dr. Ott", "x" * 300,
])
def test_recipient(server, name):
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '" ' if name else ""
    message = send(server, to=[f"{quoted}<ann@example.org>", "b@example.org"], text="t")
    assert [to.addr_spec for to in message["To"].addresses] == ["ann@example.org", "b@example.org"]
    # The modern parser puts blanks between the encoded words of a name; the older one is right.
    older = email.message_from_bytes(message.raw)
    (words, _) = email.utils.getaddresses([older["To"]])[0]
    assert str(email.header.make_header(email.header.decode_header(words))) == name
    assert message["From"].addresses[0].display_name == "Jörg's ferry"


def content(part):
    return part.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("text", ["", "plain", LINES, HAN, "=" * 300, " " * 300, "a\n\n\n", "\n"])
def test_text_and_html(server, text):
    message = send(server, text=text, html=f"<p>{text}</p>")
    assert message.get_content_type() == "multipart/alternative"
    (plain, html) = message.iter_parts()
    assert content(plain) == text
    assert html.get_content_type() == "text/html"
    assert content(html) == f"<p>{text}</p>"
    alone = send(server, text=text)
    assert alone.get_content_type() == "text/plain"
    assert content(alone) == (text if text[-1:] in ("", "\n") else text + "\n")  # its last line ends


def test_blind_copies_are_blind(server):
    message = send(server, text="t", cc="c@example.org", bcc="secret@example.org",
                   reply_to="Help <help@example.org>")
    assert message["Cc"] == "c@example.org"
    assert message["Reply-To"] == "Help <help@example.org>"
    assert "secret" not in message.as_string()


# ---- attachments and headers ----

FILES = {
    "a.pdf": ("application/pdf", b"%PDF-1.4\n" + bytes(range(256)) * 10),
    "Größe & Maß.csv": ("text/csv", "ä;ö\r\n".encode()),
    HAN[:40] + ".txt": ("text/plain", b""),
    'a "quoted" name, with spaces; and = that is long.bin': ("application/octet-stream", b"\0"),
    "deck.pptx": ("application/vnd.openxmlformats-officedocument.presentationml.presentation",
                  b"x" * 57),
}


def attachment(name, **more):
    (content_type, content) = FILES[name]
    return {"filename": name, "content_type": content_type,
            "content": base64.b64encode(content).decode(), **more}


def test_attachments_arrive_as_they_were(server):
    message = send(server, text="t", html="<p>", attachments=[attachment(name) for name in FILES])
    assert message.get_content_type() == "multipart/mixed"
    assert message.get_body(("html",)).get_content().startswith("<p>")
    parts = list(message.iter_attachments())
    assert [part.get_filename() for part in parts] == list(FILES)
    for part, (content_type, content) in zip(parts, FILES.values()):
        assert part.get_content_disposition() == "attachment"
        assert part.get_content_type() == content_type
        assert part.get_payload(decode=True) == content


def test_an_image_within_the_html(server):
    picture = {"filename": "logo.png", "content_type": "image/png", "content": "iVBORw0KGgo=",
               "content_id": "logo@example.org"}
    message = send(server, text="t", html="<img src='cid:logo@example.org'>",
                   attachments=[attachment("a.pdf"), picture])
    related = message.get_body(("related",))
    assert related.get_content_type() == "multipart/related"
    (html, image) = related.iter_parts()
    assert html.get_content_type() == "text/html"
    assert image["Content-ID"] == "<logo@example.org>"
    assert image.get_content_disposition() == "inline"
    assert image.get_content() == b"\x89PNG\r\n\x1a\n"
    assert [part.get_filename() for part in message.iter_attachments()] == ["a.pdf"]


def test_headers_of_the_callers_own(server):
    message = send(server, text="t", headers={
        "X-Campaign": "Frühling " + HAN, "In-Reply-To": "<before@example.org>",
        "Auto-Submitted": "auto-generated", "X-Words": "word " * 40 + "end"})
    assert message["X-Campaign"] == "Frühling " + HAN
    assert message["In-Reply-To"] == "<before@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Words"] == "word " * 40 + "end"


def test_a_header_cannot_replace_what_ferry_writes(server):
    for name in ("Bcc", "from", "Content-Type", "Message-ID"):
        reply = server.post_json("/email", {"to": "a@example.org", "subject": "s", "text": "t",
                                            "headers": {name: "x"}})
        assert reply.status == 400
        assert f"{name} cannot be set" in reply.problem()
