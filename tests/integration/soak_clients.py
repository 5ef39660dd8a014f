"""The clients of soak.py: each does one thing at its own pace, well or badly, until it is stopped.

A client is a thread with connections of its own. An answer that must not be is a surprise, and what
was answered with 202 is followed until it has ended.
"""

import collections
import http.client
import json
import random
import socket
import struct
import threading
import time

from harness import DEADLINE, UNFINISHED, split_address

LOOK_LATER = 2  # seconds after a 202 until the job is looked up, and looked up again
ALLOWED = {  # how a job of each kind may end
    "plain": {"succeeded"}, "once": {"succeeded"}, "later": {"succeeded"}, "told": {"succeeded"},
    "fails": {"dead"}, "withdrawn": {"cancelled", "succeeded"},
}
MALFORMED = [  # the request, and the status that it must get
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET /noop HTTP/1.1\nHost: a\n\n", 400),
    (b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /noop HTTP/1.1\r\nHost: a\r\n folded: yes\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413),
    (b"GET /noop HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
    (b"BREW /noop HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (b"GET /noop HTTP/2.0\r\nHost: a\r\n\r\n", 505),
]


class Ledger:
    """What all clients share: counts, surprises, and the jobs that were accepted."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.surprises = []
        self.open = collections.deque()  # (when to look, kind, path)
        self.ended = collections.Counter()

    def count(self, name):
        with self.lock:
            self.counts[name] += 1

    def surprise(self, text):
        with self.lock:
            self.counts["surprises"] += 1
            if len(self.surprises) < 20:
                self.surprises.append(text)

    def follow(self, kind, path):
        self.open.append((time.monotonic() + LOOK_LATER, kind, path))


class Client(threading.Thread):
    """Does step() again and again, so many times a second at most."""

    def __init__(self, server, ledger, rate):
        super().__init__(name=type(self).__name__)
        self.address = server.address
        self.admin_address = server.admin_address
        self.ledger = ledger
        self.pause = 1 / rate
        self.chance = random.Random()
        self.stopped = threading.Event()
        self.connection = None

    def run(self):
        while not self.stopped.wait(self.pause * self.chance.uniform(0.5, 1.5)):
            try:
                self.step()
                self.ledger.count(self.name)
            except (OSError, http.client.HTTPException) as error:
                self.ledger.surprise(f"{self.name}: {error!r}")
                self.close()
        self.close()

    def step(self):
        raise NotImplementedError

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def request(self, method, path, body=None, headers=None, admin=False):
        """One request, most often on the connection of the one before; (status, headers, body)."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                self.admin_address if admin else self.address, timeout=DEADLINE)
        self.connection.request(method, path, body=body, headers=headers or {})
        reply = self.connection.getresponse()
        body = reply.read()
        if reply.will_close or self.chance.random() < 0.1:
            self.close()
        return reply.status, reply.headers, body

    def expect(self, statuses, method, path, **kwargs):
        status, headers, body = self.request(method, path, **kwargs)
        if status not in statuses:
            self.ledger.surprise(f"{self.name}: {method} {path}: {status} {body[:200]}")
        return status, headers, body


class Live(Client):
    """Live calls. /extra comes and goes with the reloads."""

    def step(self):
        kind = self.chance.randrange(10)
        if kind < 4:
            self.expect([200], "GET", "/noop")
        elif kind < 7:
            body = bytes(self.chance.randrange(20000))
            if self.expect([200], "POST", "/echo", body=body)[2] != body:
                self.ledger.surprise("Live: an echo is not what was sent")
        elif kind < 9:
            self.expect([200], "GET", f"/sleep?ms={self.chance.randrange(200)}")
        else:
            self.expect([200, 404], "GET", "/extra")


class Posters(Client):
    """Jobs of every kind, on the routes /later (echo) and /exec; some are withdrawn again."""

    def step(self):
        kind = self.chance.choices(["plain", "once", "fails", "later", "told", "withdrawn"],
                                   [50, 10, 5, 15, 10, 10])[0]
        headers = {}
        if kind in ("later", "withdrawn"):
            headers["Ferry-Delay"] = "1s"
        if kind == "told":
            headers["Ferry-Callback"] = self.callback
        if self.chance.random() < 0.2:
            headers["Idempotency-Key"] = f'"{self.chance.getrandbits(64):x}"'
        route = "/exec" if kind in ("once", "fails") else "/later"
        status, headers, _ = self.expect([202], "POST", route, body=kind.encode(), headers=headers)
        if status != 202:
            return
        path = headers["Location"]
        self.ledger.follow(kind, path)
        if kind == "withdrawn":
            self.expect([200, 202, 409], "DELETE", path)


class Followers(Client):
    """Looks up what was accepted until it has ended."""

    def step(self):
        try:
            when, kind, path = self.ledger.open.popleft()
        except IndexError:
            return
        if when > time.monotonic():
            self.ledger.open.appendleft((when, kind, path))
            return
        status, _, body = self.expect([200, 410], "GET", path)
        state = json.loads(body)["state"] if status == 200 else "gone"
        if state in UNFINISHED:
            self.ledger.follow(kind, path)
        elif state not in ALLOWED[kind] | {"gone"}:
            self.ledger.surprise(f"a job ({kind}) ended as {state}")
        else:
            self.ledger.ended[state] += 1


class Watcher(Client):
    """Streams a job's events to their end; now and then it leaves before."""

    def step(self):
        _, headers, _ = self.expect([202], "POST", "/later", body=b"x",
                                    headers={"Ferry-Delay": "500ms"})
        self.ledger.follow("later", headers["Location"])
        self.close()
        stream = http.client.HTTPConnection(self.address, timeout=DEADLINE)
        try:
            stream.request("GET", headers["Location"] + "/events")
            reply = stream.getresponse()
            if self.chance.random() < 0.3:
                reply.readline()
            elif b"event: end" not in reply.read():
                self.ledger.surprise("Watcher: a stream ended without its end")
        finally:
            stream.close()


class Waiter(Client):
    """Prefers to wait; one of three leaves while it does."""

    def step(self):
        if self.chance.random() < 0.3:
            leave(self.address, b"POST /either?ms=200 HTTP/1.1\r\nHost: a\r\nPrefer: wait=5\r\n"
                                b"Content-Length: 0\r\n\r\n", self.chance)
        else:
            self.expect([200], "POST", "/either?ms=50", headers={"Prefer": "wait=20"})


class Admin(Client):
    """Lists jobs by states, and cancels one that was to run much later."""

    def step(self):
        state = self.chance.choice(["", "?state=dead", "?state=scheduled,queued", "?route=/exec"])
        self.expect([200], "GET", "/jobs" + state, admin=True)
        poster = http.client.HTTPConnection(self.address, timeout=DEADLINE)
        try:
            poster.request("POST", "/later", body=b"x", headers={"Ferry-Delay": "1h"})
            path = poster.getresponse().headers["Location"]
        finally:
            poster.close()
        self.ledger.follow("withdrawn", path)
        self.expect([200], "POST", path + "/cancel", admin=True)


def leave(address, sent, chance):
    """Connect, send that, and go: in order, or with a reset; at once, or a little later."""
    with socket.create_connection(split_address(address), timeout=DEADLINE) as peer:
        if sent:
            peer.sendall(sent)
        if chance.random() < 0.5:
            time.sleep(chance.uniform(0, 0.1))
        if chance.random() < 0.5:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Aborters(Client):
    """Leaves in the middle of everything."""

    SENT = [
        b"",
        b"GET /noo",
        b"GET /noop HTTP/1.1\r\nHost: a\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 5000,
        b"POST /later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nplain",
        b"GET /sleep?ms=300 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /sleep?ms=300 HTTP/1.1\r\nHost: a\r\n\r\n" * 3,
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + b"x" * 500000,
    ]

    def step(self):
        leave(self.address, self.chance.choice(self.SENT), self.chance)


class Malformers(Client):
    """Sends what is no request, and reads the answer to its end."""

    def step(self):
        sent, status = self.chance.choice(MALFORMED)
        with socket.create_connection(split_address(self.address), timeout=DEADLINE) as peer:
            peer.sendall(sent)
            answer = b""
            while data := peer.recv(65536):
                answer += data
        if not answer.startswith(b"HTTP/1.1 %d " % status):
            self.ledger.surprise(f"{sent[:60]} was answered with {answer[:60]}")
