"""A client that sends bytes as they are, cut as told, and reads what comes back."""

import random
import socket

PATIENCE = 60  # seconds until a test gives up; never a measure


class NoReply(Exception):
    """The connection ended where a reply was awaited."""


class Wire:
    """One connection. Replies are read by their Content-Length."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, pieces):
        """Send as much as the server takes: it may have refused already."""
        try:
            for piece in pieces:
                self.socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def read_reply(self, is_head=False):
        """(status, headers, body); an interim reply is skipped."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                raise NoReply(self.buffer)
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines
        headers = {name.lower(): value for name, _, value in (h.partition(": ") for h in lines[1:])}
        if status == "100":
            return self.read_reply(is_head)
        length = 0 if is_head or status in ("204", "304") else int(headers["content-length"])
        while len(self.buffer) < length:
            if not self._more():
                raise NoReply(self.buffer)
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(status), headers, body

    def read_end(self):
        """What still comes until the server closes."""
        while self._more():
            pass
        return self.buffer


def whole(text):
    return [text]


def single_bytes(text):
    return [text[i:i + 1] for i in range(len(text))]


def random_cuts(seed):
    def cut(text):
        chance = random.Random(f"{seed} {text[:64]!r} {len(text)}")
        places = sorted(chance.sample(range(len(text) + 1), min(len(text), chance.randint(1, 8))))
        return [text[a:b] for a, b in zip([0, *places], [*places, len(text)]) if a != b]
    return cut
