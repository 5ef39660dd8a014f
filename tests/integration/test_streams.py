"""The echo server of examples/ against socat: split bytes, half-close, a slow peer, unix sockets."""

import pathlib
import signal
import subprocess

import pytest

from harness import DEADLINE, FERRY, SANITIZER, send_signal

ECHO_SERVER = pathlib.Path(FERRY).parent / "examples" / "echo_server"


class EchoServer:
    def __init__(self, address="127.0.0.1:0", delay_ms=0):
        self.process = subprocess.Popen([ECHO_SERVER, address, str(delay_ms)], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line + self.process.stderr.read()
        self.address = line.removeprefix("listening on ").strip()

    def socat(self, *options, **pipes):
        """A socat between its stdin and stdout and the server, which waits for the server's end."""
        host = self.address
        peer = f"UNIX-CONNECT:{host[5:]}" if host.startswith("unix:") else f"TCP:{host},nodelay"
        return subprocess.Popen(["socat", "-t", str(DEADLINE), *options, "-", peer],
                                **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **pipes})

    def talk(self, data, *options):
        """Send all, half-close, and return all that came."""
        client = self.socat(*options)
        return client.communicate(data, timeout=DEADLINE)[0]

    def stop(self):
        send_signal(self.process, signal.SIGTERM)
        _, stderr = self.process.communicate(timeout=DEADLINE)
        assert not SANITIZER.search(stderr), stderr
        assert self.process.returncode == 0, stderr


@pytest.fixture
def echo():
    server = EchoServer()
    yield server
    server.stop()


def test_bytes_that_come_one_by_one(echo):
    assert echo.talk(b"one byte at a time\nand again\n", "-b", "1") == \
        b"one byte at a time\nand again\n"


def test_lines_that_come_at_once_and_a_half_close(echo):
    lines = b"".join(b"line %d\n" % i for i in range(500))
    assert echo.talk(lines) == lines


def test_the_answer_may_come_long_after_the_half_close():
    server = EchoServer(delay_ms=200)
    assert server.talk(b"question\n") == b"question\n"
    server.stop()


def test_what_is_no_whole_line_is_not_answered(echo):
    assert echo.talk(b"whole\npart") == b"whole\n"


def test_a_line_past_the_maximum_ends_the_connection(echo):
    line = b"x" * (64 * 1024 - 1) + b"\n"
    assert echo.talk(line) == line
    client = echo.socat(stderr=subprocess.DEVNULL)  # which may be reset
    out, _ = client.communicate(b"x" + line, timeout=DEADLINE)
    assert out == b""


def test_a_conversation(echo):
    client = echo.socat()
    for i in range(20):
        client.stdin.write(b"%d?\n" % i)
        client.stdin.flush()
        assert client.stdout.readline() == b"%d?\n" % i
    assert client.communicate(timeout=DEADLINE)[0] == b""


def test_a_slow_peer_holds_up_nobody_else(echo, tmp_path):
    lines = b"".join(b"%7d" % i + b"." * 8000 + b"\n" for i in range(4000))  # more than buffers hold
    sent = tmp_path / "sent"
    sent.write_bytes(lines)
    with sent.open("rb") as stdin:
        slow = echo.socat(stdin=stdin)
        assert slow.stdout.read(7) == lines[:7]
        assert echo.talk(b"quick\n") == b"quick\n"
        assert slow.stdout.read() == lines[7:]
        assert slow.wait(DEADLINE) == 0


def test_a_unix_socket(tmp_path):
    server = EchoServer(f"unix:{tmp_path}/echo.sock")
    assert server.talk(b"through a file\n") == b"through a file\n"
    server.stop()
    assert not (tmp_path / "echo.sock").exists()


def test_clients_that_leave_in_the_middle():
    server = EchoServer(delay_ms=50)
    for data in b"", b"half", b"whole\n":
        client = server.socat()
        client.stdin.write(data)
        client.stdin.flush()
        client.kill()
        client.communicate()
    assert server.talk(b"still here\n") == b"still here\n"
    server.stop()
