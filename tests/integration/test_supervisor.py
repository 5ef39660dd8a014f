"""What a supervisor hears, as systemd would."""

import contextlib
import os
import re
import socket

import pytest

from harness import DEADLINE
from test_reload import reload

CONFIG = "routes: {/noop: {worker: noop}}"


@pytest.mark.parametrize("is_abstract", [False, True])
def test_a_supervisor_hears_when_it_serves_reloads_and_stops(serve, tmp_path, is_abstract):
    name = f"@ferry-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as supervisor:
        supervisor.settimeout(DEADLINE)
        supervisor.bind("\0" + name[1:] if is_abstract else name)
        server = serve(CONFIG, env={"NOTIFY_SOCKET": name})

        def heard():
            news = supervisor.recv(1000).decode()
            return re.fullmatch(r"(\w+=1)\nMONOTONIC_USEC=\d+\n", news)[1]

        assert heard() == "READY=1"
        for text, success in ((CONFIG, True), ("routes: 1", False)):
            reload(server, text, success)
            assert [heard(), heard()] == ["RELOADING=1", "READY=1"]
        server.stop()
        assert heard() == "STOPPING=1"


def test_a_supervisor_that_is_gone_holds_nothing_up(serve, tmp_path):
    server = serve(CONFIG, env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    reload(server, CONFIG)
    assert server.get("/noop").status == 200
