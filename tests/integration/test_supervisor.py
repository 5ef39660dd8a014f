"""What a supervisor hears, as systemd would."""

import contextlib
import os
import re
import signal
import socket

import pytest

from harness import DEADLINE, EXIT_OK, wait_until
from test_reload import gate_config, open_for_reader, reload

CONFIG = "routes: {/noop: {worker: noop}}"


@contextlib.contextmanager
def supervise(name):
    """A supervisor's socket, and what gives the next that it hears."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as supervisor:
        supervisor.settimeout(DEADLINE)
        supervisor.bind("\0" + name[1:] if name.startswith("@") else name)

        def heard():
            news = supervisor.recv(1000).decode()
            return re.fullmatch(r"(\w+=1)\nMONOTONIC_USEC=\d+\n", news)[1]

        yield supervisor, heard


@pytest.mark.parametrize("is_abstract", [False, True])
def test_a_supervisor_hears_when_it_serves_reloads_and_stops(serve, tmp_path, is_abstract):
    name = f"@ferry-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with supervise(name) as (_, heard):
        server = serve(CONFIG, env={"NOTIFY_SOCKET": name})
        assert heard() == "READY=1"
        for text, success in ((CONFIG, True), ("routes: 1", False)):
            reload(server, text, success)
            assert [heard(), heard()] == ["RELOADING=1", "READY=1"]
        server.stop()
        assert heard() == "STOPPING=1"


def test_a_reload_that_fails_in_a_drain_is_no_news(serve, gate, tmp_path):
    name, tokens = str(tmp_path / "notify"), tmp_path / "tokens"
    os.mkfifo(tokens)
    with supervise(name) as (supervisor, heard):
        server = serve(gate_config(gate), env={"NOTIFY_SOCKET": name})
        call = server.send("GET", "/own")
        server.wait_busy(1, "own")
        server.config.write_text("auth: {bearer_file: tokens}\n" + gate_config(gate))
        server.signal(signal.SIGHUP)
        fifo = wait_until(lambda: open_for_reader(tokens), "the file of tokens is read")
        server.terminate()
        assert [heard() for _ in range(3)] == ["READY=1", "RELOADING=1", "STOPPING=1"]
        os.write(fifo, b"no token\n")
        os.close(fifo)
        server.wait_logged("reload failed")
        gate.let()
        assert call.reply().status == 200
        assert server.wait() == EXIT_OK
        supervisor.setblocking(False)
        with pytest.raises(BlockingIOError):
            heard()


def test_a_supervisor_that_is_gone_holds_nothing_up(serve, tmp_path):
    server = serve(CONFIG, env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    reload(server, CONFIG)
    assert server.get("/noop").status == 200
