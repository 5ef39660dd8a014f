"""Three programs of examples/: reminder, no_overlap and blocking_database."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import DEADLINE, FERRY, SANITIZER, Reply, send_signal, wait_until

EXAMPLES = pathlib.Path(FERRY).parent / "examples"


def check_end(process, stderr):
    assert not SANITIZER.search(stderr), stderr
    assert process.returncode == 0, stderr


class Program:
    """An example that serves HTTP: PROGRAM ADDRESS ARGS..."""

    def __init__(self, name, *args):
        self.process = subprocess.Popen([EXAMPLES / name, "127.0.0.1:0", *map(str, args)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line + self.process.stderr.read()
        self.address = line.removeprefix("listening on ").strip()
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr))
        self.reader.start()

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.address, timeout=DEADLINE)
        connection.request(method, path, body=body)
        reply = Reply(connection.getresponse())
        connection.close()
        return reply

    def stop(self):
        """End it in order; returns what it had logged."""
        if self.process.poll() is None:
            send_signal(self.process, signal.SIGTERM)
        self.process.wait(DEADLINE)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        check_end(self.process, "".join(self.lines))
        return "".join(self.lines)


@pytest.fixture
def program():
    """program(NAME, ARGS...) starts an example; what is still running then ends with the test."""
    programs = []

    def start(name, *args):
        programs.append(Program(name, *args))
        return programs[-1]

    yield start
    for each in programs:
        if each.process.poll() is None:
            each.stop()


# ---- reminder ----

class Mailbox:
    """A mail command that waits for the test before it takes a message."""

    def __init__(self, folder):
        self.gate = folder / "gate"
        self.messages = folder / "messages"
        self.messages.touch()
        os.mkfifo(self.gate)
        self.fd = os.open(self.gate, os.O_RDWR)
        self.command = f"head -c 1 {self.gate} >/dev/null && cat >>{self.messages}"

    def let(self, count):
        os.write(self.fd, b"x" * count)


@pytest.fixture
def mailbox(tmp_path):
    box = Mailbox(tmp_path)
    yield box
    os.close(box.fd)


def test_reminder_answers_before_it_sends(program, mailbox):
    server = program("reminder", mailbox.command)
    for name in "ann", "bob", "cid":  # one more than there are threads
        reply = server.request("POST", f"/remind?to={name}@example.org", f"Lunch, {name}")
        assert (reply.status, reply.text()) == (202, "you will be reminded\n")
    assert mailbox.messages.read_text() == ""
    mailbox.let(3)
    wait_until(lambda: sum("msg=sent" in line for line in server.lines) == 3, "all are sent")
    sent = mailbox.messages.read_text()
    for name in "ann", "bob", "cid":
        assert f"To: {name}@example.org\nSubject: A reminder\n\nLunch, {name}\n" in sent


def test_reminder_logs_a_failure(program):
    server = program("reminder", "cat >/dev/null; false")
    assert server.request("POST", "/remind?to=ann@example.org", "Lunch").status == 202
    wait_until(lambda: any('msg="not sent" to=ann@example.org' in line for line in server.lines),
               "the failure is logged")


def test_reminder_refuses_what_it_cannot_send(program, mailbox):
    server = program("reminder", mailbox.command)
    for query in "", "?to=nobody", "?to=a@b%0d%0aBcc:c@d", f"?to=a@{'b' * 130}":
        assert server.request("POST", f"/remind{query}", "x").status == 400
    assert server.request("POST", "/remind?to=a@b", "x" * 1024).status == 400


def test_reminder_keeps_its_promises_when_told_to_end(program, mailbox):
    server = program("reminder", mailbox.command)
    assert server.request("POST", "/remind?to=ann@example.org", "Lunch").status == 202
    send_signal(server.process, signal.SIGTERM)
    mailbox.let(1)
    server.process.wait(DEADLINE)  # of itself: a second signal may come when nobody hears it
    assert "msg=sent to=ann@example.org" in server.stop()
    assert "Lunch" in mailbox.messages.read_text()


# ---- no_overlap ----

def test_no_overlap():
    done = subprocess.run([EXAMPLES / "no_overlap", "2", "25", "5"], capture_output=True, text=True,
                          timeout=DEADLINE)
    check_end(done, done.stderr)
    *lines, count = done.stdout.splitlines()
    assert lines == [line for run in range(1, 6)
                     for line in (f"run {run} begins, 1 at once", f"run {run} ends")]
    runs, beats = map(int, re.fullmatch(r"(\d+) runs in (\d+) beats", count).groups())
    assert runs == 5 and beats >= runs


# ---- blocking_database ----

def test_database_keeps_notes(program, tmp_path):
    server = program("blocking_database", tmp_path / "notes.db")
    reply = server.request("POST", "/notes", "buy milk")
    assert (reply.status, reply.json()) == (201, {"id": 1})
    assert server.request("POST", "/notes", "").json() == {"id": 2}
    reply = server.request("GET", "/notes/1")
    assert (reply.status, reply.text()) == (200, "buy milk")
    assert server.request("GET", "/notes/2").text() == ""
    assert server.request("GET", "/notes/3").status == 404
    assert server.request("GET", "/notes/1x").status == 404
    server.stop()
    again = program("blocking_database", tmp_path / "notes.db")
    assert again.request("GET", "/notes/1").text() == "buy milk"


def test_database_takes_many_at_once(program, tmp_path):
    server = program("blocking_database", tmp_path / "notes.db")

    def keep(number):
        return json.loads(server.request("POST", "/notes", f"note {number}").body)["id"], number

    with ThreadPoolExecutor(16) as clients:
        kept = dict(clients.map(keep, range(48)))
    assert sorted(kept) == list(range(1, 49))
    for note, number in kept.items():
        assert server.request("GET", f"/notes/{note}").text() == f"note {number}"


def test_database_has_one_connection_a_thread(program, tmp_path):
    server = program("blocking_database", tmp_path / "notes.db")
    with ThreadPoolExecutor(16) as clients:
        list(clients.map(lambda n: server.request("POST", "/notes", str(n)), range(48)))
    files = [os.path.realpath(entry) for entry in
             pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()]
    assert 1 <= files.count(str(tmp_path / "notes.db")) <= 4


def test_database_passes_its_error_on(program, tmp_path):
    server = program("blocking_database", tmp_path / "notes.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "notes.db")) as other:
        other.execute("DROP TABLE notes")
        other.commit()
    assert "no such table" in server.request("GET", "/notes/1").problem()
    assert "no such table" in server.request("POST", "/notes", "lost").problem()
