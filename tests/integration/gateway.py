#!/usr/bin/python3
"""A real HTTP server for tests of the workers that speak HTTP: receivers of webhooks, upstreams, and
SMS gateways of each shape.

    gateway.py --output FILE [--port N] [--tls CERT KEY] [--until-eof]

It listens on 127.0.0.1, prints its port as the first line, and runs until SIGTERM (or, with
--until-eof, until its standard input closes, so that it never outlives the test that started it).

Each request becomes one JSON line in FILE, written before it is answered: method, target (as it came),
path, query (a list of pairs), headers (names in lower case), body (decoded as latin-1), connection
(the number of the TCP connection, from 1).

The path says what happens:
    /status/N           answers with that status; ?retry_after= becomes the header
    /first/N/TIMES/KEY  status N the first TIMES times for one KEY, then 200; ?retry_after= as above
    /echo               200, and the request as JSON
    /bytes/N            N bytes; /chunked/N the same without saying how many
    /redirect?to=URL    302, or ?status=
    /half/NAME          half of 1000 bytes, and the rest when somebody has asked for /release/NAME
    /slow               never answers
    /garbage            what is no HTTP
    /reset              closes the connection without an answer
    /cut                closes it in the middle of the body
SMS gateways, see their functions: /form, /signed, /get, /json, /sigv4. The number's last digits say
what becomes of a message:
    0001  refused for good          0002  the first time: too many requests, Retry-After
    0003  the first time: busy      0004  the first time taken, and the connection is cut
    0005  the first time: no answer
    0006  never an answer, the connection is cut
"""

import argparse
import base64
import collections
import hashlib
import hmac
import http.server
import json
import re
import signal
import ssl
import sys
import threading
import urllib.parse

ACCOUNT, TOKEN = "AC1", "token & more"
ACCESS_KEY, ACCESS_SECRET = "key-1", "secret+1"
ABOUT_THE_BODY = {"ETag": '"1"', "Cache-Control": "no-store", "Content-Encoding": "identity",
                  "Content-Language": "de", "Last-Modified": "Sat, 21 Nov 2026 10:09:14 GMT"}
PATIENCE = 60  # seconds that something may be held; never a measure


class State:
    """What is shared between connections."""

    def __init__(self, output):
        self.output = output
        self.lock = threading.Lock()
        self.connections = 0
        self.counts = collections.Counter()
        self.released = collections.defaultdict(threading.Event)

    def count(self, key):
        with self.lock:
            self.counts[key] += 1
            return self.counts[key]

    def new_connection(self):
        with self.lock:
            self.connections += 1
            return self.connections

    def record(self, entry):
        with self.lock:
            self.output.write(json.dumps(entry) + "\n")
            self.output.flush()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = None

    def setup(self):
        super().setup()
        self.connection_number = self.state.new_connection()

    def log_message(self, *args):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True

    # ---- answering ----

    def answer(self, status, body=b"", headers=None):
        body = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        headers = {"Content-Type": "application/json", **(headers or {})}
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        has_body = status not in (204, 304)
        if has_body:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self):
        self.close_connection = True

    def never_answer(self):
        self.connection.settimeout(PATIENCE)
        try:
            self.rfile.read(1)  # until the client goes
        except OSError:
            pass
        self.hang_up()

    # ---- requests ----

    def do(self):
        length = int(self.headers["Content-Length"] or 0)
        self.body = self.rfile.read(length)
        self.url = urllib.parse.urlsplit(self.path)
        self.query = urllib.parse.parse_qsl(self.url.query, keep_blank_values=True)
        self.state.record(self.entry())
        _, name, *rest = self.url.path.split("/")
        method = getattr(self, f"on_{name}", None)
        if method:
            method(*rest)
        else:
            self.answer(404, {"error": "no such path"})

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do

    def entry(self):
        return {
            "method": self.command,
            "target": self.path,
            "path": self.url.path,
            "query": self.query,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.body.decode("latin-1"),
            "connection": self.connection_number,
        }

    def on_status(self, status):
        self.answer(int(status), {"status": int(status)},
                    {"Retry-After": dict(self.query).get("retry_after")})

    def on_first(self, status, times, key):
        is_first = self.state.count(("first", key)) <= int(times)
        self.on_status(status if is_first else "200")

    def on_echo(self, *rest):
        self.answer(200, self.entry(), {**ABOUT_THE_BODY, "X-Other": "kept to itself"})

    def on_bytes(self, count):
        self.answer(200, b"x" * int(count), {"Content-Type": "text/plain"})

    def on_chunked(self, count):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (int(count), b"x" * int(count)))

    def on_redirect(self):
        query = dict(self.query)
        self.answer(int(query.get("status", 302)), b"moved", {"Location": query["to"]})

    def on_half(self, name):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 500)
        self.wfile.flush()
        self.state.released[name].wait(PATIENCE)
        self.wfile.write(b"x" * 500)

    def on_release(self, name):
        self.state.released[name].set()
        self.answer(204)

    def on_slow(self):
        self.never_answer()

    def on_garbage(self):
        self.wfile.write(b"this is not HTTP\r\n\r\n")
        self.hang_up()

    def on_reset(self):
        self.hang_up()

    def on_cut(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 500)
        self.hang_up()

    # ---- SMS gateways ----

    def misbehave(self, number):
        """Do what the number asks for instead of an answer; returns whether it did."""
        knob = number[-4:]
        if knob == "0006":
            self.hang_up()
            return True
        if knob not in ("0002", "0004", "0005") or self.state.count(("sms", number)) > 1:
            return False
        if knob == "0002":
            self.answer(429, {"code": 20429, "message": "too many requests"}, {"Retry-After": "1"})
        elif knob == "0004":
            self.hang_up()
        else:
            self.never_answer()
        return True

    def is_busy(self, number):
        return number.endswith("0003") and self.state.count(("busy", number)) == 1

    def on_form(self):
        """A form with basic authentication; 201 and {"sid"}, or {"code", "message"}."""
        expected = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        form = dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))
        if self.headers["Authorization"] != expected:
            self.answer(401, {"code": 20003, "message": "authenticate"})
        elif self.misbehave(form["To"]):
            pass
        elif form["To"].endswith("0001"):
            self.answer(400, {"code": 21211, "message": "the number is not valid"})
        elif self.is_busy(form["To"]):
            self.answer(500, {"code": 20500, "message": "come back later"})
        else:
            self.answer(201, {"sid": "SM" + form["To"].strip("+"), "status": "queued"})

    def signature_of_query(self):
        """Of the sorted query without Signature: what the signer should have come to."""
        def quote(text):
            return urllib.parse.quote(text, safe="-_.~")

        pairs = sorted((name, value) for name, value in self.query if name != "Signature")
        canonical = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
        string = f"{self.command}&{quote('/')}&{quote(canonical)}"
        key = ACCESS_SECRET + "&"
        return base64.b64encode(hmac.new(key.encode(), string.encode(), hashlib.sha1).digest())

    def on_signed(self):
        """A signed query; 200 with {"Code": "OK"}, or another Code and still 200."""
        query = dict(self.query)
        number = query["PhoneNumbers"]
        is_new = self.state.count(("nonce", query["SignatureNonce"])) == 1
        if query.get("Signature", "").encode() != self.signature_of_query() or not is_new:
            self.answer(200, {"Code": "SignatureDoesNotMatch", "Message": "wrong signature"})
        elif self.misbehave(number):
            pass
        elif number.endswith("0001"):
            self.answer(200, {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "no such number"})
        elif self.is_busy(number):
            self.answer(200, {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "slow down"})
        else:
            self.answer(200, {"Code": "OK", "Message": "OK", "BizId": "B" + number})

    def on_get(self):
        """Everything in the query; 200 with {"result": "0"}, or another result and still 200."""
        query = dict(self.query)
        if (query["accesskey"], query["secretkey"]) != (ACCESS_KEY, ACCESS_SECRET):
            self.answer(200, {"result": "104", "desc": "wrong key: " + query["secretkey"]})
        elif self.misbehave(query["mobile"]):
            pass
        elif query["mobile"].endswith("0001"):
            self.answer(200, {"result": "205", "desc": "no such number"})
        elif self.is_busy(query["mobile"]):
            self.answer(200, {"result": "110", "desc": "busy"})
        else:
            self.answer(200, {"result": "0", "msgid": 9007199254740993})

    def on_json(self):
        """A JSON body and a bearer token; 202 with {"messages": [{"id"}]}."""
        message = json.loads(self.body)
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.answer(403, {"errors": [{"detail": "forbidden"}]})
        else:
            self.answer(202, {"messages": [{"id": f"J-{message['to'][0]}"}]})

    def on_sigv4(self):
        """AWS' signature, version 4, over the query, the named headers and the body."""
        authorization = self.headers["Authorization"] or ""
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/([^/]+)/aws4_request, "
                             r"SignedHeaders=([^,]+), Signature=([0-9a-f]+)", authorization)
        if not match or self.signature_v4(match) != match[6]:
            self.answer(403, {"message": "the signature does not match"})
        else:
            self.answer(200, {"id": "S1"})

    def signature_v4(self, match):
        def sign(key, text):
            return hmac.new(key, text.encode(), hashlib.sha256).digest()

        def quote(text):
            return urllib.parse.quote(text, safe="-_.~")

        _, day, region, service, names, _ = match.groups()
        query = "&".join(f"{quote(n)}={quote(v)}" for n, v in sorted(self.query))
        headers = "".join(f"{name}:{self.headers[name].strip()}\n" for name in names.split(";"))
        canonical = "\n".join([self.command, self.url.path, query, headers, names,
                               hashlib.sha256(self.body).hexdigest()])
        scope = f"{day}/{region}/{service}/aws4_request"
        string = "\n".join(["AWS4-HMAC-SHA256", self.headers["X-Amz-Date"], scope,
                            hashlib.sha256(canonical.encode()).hexdigest()])
        key = sign(("AWS4" + ACCESS_SECRET).encode(), day)
        for part in region, service, "aws4_request":
            key = sign(key, part)
        return sign(key, string).hex()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description="A real HTTP server for tests.")
    parser.add_argument("--output", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--until-eof", action="store_true")
    options = parser.parse_args()
    Handler.state = State(open(options.output, "a", encoding="utf-8"))
    server = Server(("127.0.0.1", options.port), Handler)
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if options.until_eof:
        sys.stdin.buffer.read()
    else:
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main()
