"""Random requests, bent at random, and what h11 makes of them.

The server may refuse what h11 takes: it is the stricter one. What it accepts, h11 must accept, with
the same bodies. Where the server is wider on purpose, the model follows it:

- empty lines before a request are skipped (RFC 9112, 2.2);
- blanks may stand before a chunk's extension (RFC 9112, 7.1.1);
- HTTP/1.0 may keep its connection;
- after CONNECT there is nothing: the server refuses it.
"""

import random
import re

import h11

from framing_table import ROWS

HOST = b"Host: h\r\n"
BLANK_BEFORE_EXTENSION = re.compile(rb"(\n[0-9A-Fa-f]{1,16})[ \t]+;")

# What bends a request in an interesting way.
PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b";", b",", b"\x00", b"\x0b", b"\xff", b"0", b"1",
          b"a", b"f", b"-", b"+", b"0x", b"%", b"%00", b"%41", b"/", b"//", b"?", b"#", b"*", b"\"",
          b"\r\n\r\n", b"\r\n ", b"0\r\n\r\n", b"HTTP/1.1", b"HTTP/1.0", b"http://h/", b"chunked",
          b"gzip, ", b"Host: h\r\n", b"Content-Length: 3\r\n", b"Content-Length: 0\r\n",
          b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n",
          b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Expect: 100-continue\r\n",
          b"A: b\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"HEAD", b"POST", b";a=b", b";a=\"b\""]


def chunked(chance, body):
    """A body in chunks, with extensions and trailers now and then."""
    out = b""
    while body:
        size = chance.randint(1, len(body))
        extension = chance.choice([b"", b"", b"", b";a", b";a=b", b";a=\"b\"", b" ;a"])
        out += b"%x%s\r\n%s\r\n" % (size, extension, body[:size])
        body = body[size:]
    return out + b"0\r\n" + chance.choice([b"", b"", b"A: b\r\n"]) + b"\r\n"


def request(chance):
    method = chance.choice([b"GET", b"POST", b"POST", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE"])
    version = chance.choice([b"1.1"] * 8 + [b"1.0"])
    path = chance.choice([b"/echo"] * 6 + [b"/echo?a=b", b"/none", b"http://h/echo"])
    head = b"%s %s HTTP/%s\r\n%s" % (method, path, version, HOST)
    for _ in range(chance.randint(0, 2)):
        head += chance.choice([b"A: b\r\n", b"Connection: keep-alive\r\n", b"X-Y:z\r\n", b"C: d, e\r\n"])
    if method in (b"GET", b"HEAD", b"OPTIONS"):
        return head + b"\r\n"
    body = chance.randbytes(chance.randint(0, 20))
    if chance.random() < 0.5 and version == b"1.1":
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(chance, body)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def bend(chance, text):
    at = chance.randrange(len(text) + 1)
    length = chance.choice([1, 1, 2, 4, 12])
    action = chance.randrange(6)
    if action == 0:
        return text[:at] + text[at + length:]
    if action == 1:
        return text[:at] + chance.choice(PIECES) + text[at:]
    if action == 2:
        return text[:at] + chance.choice(PIECES) + text[at + length:]
    if action == 3:
        return text[:at] + text[at:at + length] * 2 + text[at + length:]
    if action == 4 and text:
        at = min(at, len(text) - 1)
        return text[:at] + bytes([text[at] ^ 1 << chance.randrange(8)]) + text[at + 1:]
    lines = text.split(b"\r\n")
    chance.shuffle(lines)
    return b"\r\n".join(lines) if chance.random() < 0.2 else text[:at] + chance.randbytes(1) + text[at:]


def mutation(seed):
    """The text of a seed: a few requests, one after the other, bent a few times."""
    chance = random.Random(seed)
    if chance.random() < 0.3:
        text = chance.choice(ROWS)[1][:4096]
    else:
        text = b"".join(request(chance) for _ in range(chance.randint(1, 3)))
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        text = bend(chance, text)
    return text


# ---- the model ----

def tokens(headers, name):
    return [token.strip().lower() for key, value in headers if key == name
            for token in value.split(b",")]


def one_request(data):
    """(request, body, the rest), or None if there is no whole and good one."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    body = b""
    asked = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            return None
        if isinstance(event, h11.Request):
            asked = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return asked, body, connection.trailing_data[0]
        else:
            return None


def readings(data):
    """The text, and the same without the blanks that h11 does not know (or that are in a body)."""
    return [data, BLANK_BEFORE_EXTENSION.sub(rb"\1;", data)]


def accepted_by_h11(data):
    """(method, target, body) of each request, until one is not good or the connection ends."""
    requests = []
    while True:
        while data.startswith(b"\r\n"):
            data = data[2:]
        try:
            found = data and one_request(data)
        except h11.RemoteProtocolError:
            found = None
        if not found:
            return requests
        asked, body, data = found
        requests.append((asked.method, asked.target, body))
        connection = tokens(asked.headers, b"connection")
        if b"close" in connection or (asked.http_version == b"1.0" and
                                      b"keep-alive" not in connection):
            return requests
