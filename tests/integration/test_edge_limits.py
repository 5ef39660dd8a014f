"""The edge under pressure: limits, deadlines, clients that leave, and descriptors that run out."""

import os
import resource
import socket
import struct
import time

import pytest

from harness import LONG, read_all, split_address, wait_until

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
RESET = struct.pack("ii", 1, 0)  # for SO_LINGER: a close is a reset
NOOP = "routes: {/noop: {worker: noop}}\n"
ASK = b"GET /noop HTTP/1.1\r\nHost: h\r\n\r\n"


def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def open_from(server, source):
    return socket.create_connection(split_address(server.address), timeout=60,
                                    source_address=(source, 0))


def test_one_address_cannot_take_all_connections(serve):
    server = serve("limits: {connections_per_address: 2}\n" + NOOP)
    mine = [open_from(server, "127.0.0.2") for _ in range(2)]
    server.wait_metric("ferry_connections", 2)
    with open_from(server, "127.0.0.2") as third:
        assert read_all(third).startswith(b"HTTP/1.1 503 ")
    assert server.metric('ferry_http_refused_total{reason="connections_per_address"}') == 1
    server.wait_logged("level=warn", "one address has too many connections", "peer=127.0.0.2")
    with open_from(server, "127.0.0.3") as other:
        other.sendall(ASK)
        assert other.recv(65536).startswith(b"HTTP/1.1 200 ")
    for client in mine:
        client.close()


def test_the_last_request_of_a_connection_is_announced(serve):
    server = serve("limits: {requests_per_connection: 3}\n" + NOOP)
    with server.open_socket() as client:
        client.sendall(ASK * 4)
        replies = read_all(client)
    assert replies.count(b"HTTP/1.1 200 ") == 3
    assert replies.count(b"Connection: close") == 1
    assert server.metric('ferry_http_limit_reached_total{limit="requests_per_connection"}') == 1


@pytest.mark.parametrize("phase, text", [
    ("header", b"GET /noop HTT"),
    ("header", b"\r\n\r\n"),
    ("body", b"POST /noop HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"),
    ("body", b"POST /noop HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"),
    ("request", b""),
    ("request", b"POST /noop HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"),
    ("idle", ASK),
])
def test_a_deadline_is_counted_by_its_phase(serve, phase, text):
    said = {"header": "a request's header took too long", "body": "a request's body took too long",
            "request": "a whole request took too long", "idle": "an idle connection was closed"}
    server = serve(f"limits: {{{phase}_timeout: 50ms}}\nlog: {{level: debug}}\n"
                   "routes: {/noop: {worker: noop, methods: [GET, POST]}}\n")
    with server.open_socket() as client:
        client.sendall(text)
        read_all(client)
    server.wait_metric(f'ferry_http_timed_out_total{{phase="{phase}"}}', 1)
    server.wait_logged("level=debug" if phase == "idle" else "level=warn", said[phase],
                       "peer=127.0.0.1")


def test_a_slow_drip_does_not_move_the_deadlines(serve):
    """One byte at a time, each sooner than the deadline: no progress that counts. Each drips where
    far more bytes may come than fit before the deadline."""
    server = serve("limits: {header_timeout: 300ms, body_timeout: 300ms}\n"
                   "routes: {/noop: {worker: noop, methods: [POST]}}\n")
    head = b"POST /noop HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    for phase, first, drip in (("header", b"", b"G"), ("header", b"GET / HTTP/1.1\r\n", b"a"),
                               ("body", head + b"1;", b"a"), ("body", head + b"ffff\r\n", b"x")):
        before = server.metric(f'ferry_http_timed_out_total{{phase="{phase}"}}')
        with server.open_socket() as client:
            client.settimeout(0.02)
            client.sendall(first)
            is_open = True
            while is_open:
                try:
                    client.sendall(drip)
                    is_open = bool(client.recv(65536))
                except TimeoutError:
                    pass
                except OSError:
                    is_open = False
        server.wait_metric(f'ferry_http_timed_out_total{{phase="{phase}"}}', before + 1)


def test_an_endless_size_line_is_cut_off(serve):
    server = serve("routes: {/noop: {worker: noop, methods: [POST]}}\n")
    with server.open_socket() as client:
        client.sendall(b"POST /noop HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;a=")
        sent = 0
        try:
            while sent < 32 << 20:
                sent += client.send(b"x" * 65536)
        except OSError:
            pass
        assert b" 400 " in read_all(client) or sent < 32 << 20
    server.wait_metric('ferry_http_refused_total{reason="malformed"}', 1)


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_sending_on_while_a_reply_is_not_taken_fills_no_memory(serve):
    server = serve("limits: {body_bytes: 64KiB}\n"
                   "routes: {/echo: {worker: echo, methods: [POST]}}\n")
    one = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\n" + b"x" * 65536
    before = resident_bytes(server)
    with server.open_socket() as client:
        client.settimeout(0.5)
        try:
            for _ in range(2000):  # 128 MiB, if the server took them
                client.sendall(one)
        except TimeoutError:
            pass
        assert resident_bytes(server) - before < 32 << 20


def test_a_client_that_leaves_cancels_its_call(serve, gate):
    server = serve(f"""
plugins: [{gate.plugin}]
workers:
  {gate.settings()}
pools: {{default: {{threads: 1, queue: 100, queue_timeout: 0}}}}
routes:
  /gate: {{worker: gate, timeout: 0}}
  /sleep: {{worker: sleep, timeout: 0}}
""")
    running = server.send("GET", "/gate")
    server.wait_busy(1)
    waiting = [server.send("GET", "/sleep?seconds=3600") for _ in range(20)]
    server.wait_queued(20)
    for request in waiting:
        request.leave()
    server.wait_queued(0)
    gate.let()
    assert running.reply().status == 200
    sleeping = server.send("GET", "/sleep?seconds=3600")
    server.wait_busy(1)
    sleeping.leave()  # raises the flag of the running call
    server.wait_busy(0)


def burnt_seconds(server, seconds):
    """The CPU time that passes in so many seconds."""
    before, began = cpu_seconds(server), time.monotonic()
    wait_until(lambda: time.monotonic() - began > seconds, f"{seconds} s have passed")
    return cpu_seconds(server) - before


@pytest.mark.parametrize("more", [b"", ASK * 2], ids=["alone", "with more behind it"])
@pytest.mark.parametrize("resets", [False, True], ids=["closes", "resets"])
def test_a_client_that_left_costs_no_time_while_its_call_runs(serve, gate, resets, more):
    """The call does not heed its cancel flag, so its request stays in flight."""
    server = serve(f"""
plugins: [{gate.plugin}]
workers:
  {gate.settings()}
routes:
  /gate: {{worker: gate, timeout: 0}}
  /noop: {{worker: noop}}
""")
    with server.open_socket() as client:
        client.sendall(b"GET /gate HTTP/1.1\r\nHost: h\r\n\r\n" + more)
        server.wait_busy(1)
        if resets:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    assert burnt_seconds(server, 2) < 0.2
    gate.let()
    server.wait_metric("ferry_connections", 0)


def test_in_flight_is_zero_after_many_aborts(serve):
    count = 10000 if LONG else 1000
    server = serve("pools: {default: {threads: 2, queue: 4096}}\nroutes:\n"
                   "  /sleep: {worker: sleep, methods: [GET, POST], timeout: 0}\n")
    texts = [b"GET /sleep?seconds=3600 HTTP/1.1\r\nHost: h\r\n\r\n",
             b"POST /sleep?seconds=3600 HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf",
             b"GET /sleep?seconds=3600 HTTP/1.1\r\nHost: h\r\n\r\n" * 3,
             b"GET /sleep HTT"]
    for i in range(count):
        with server.open_socket() as client:
            client.sendall(texts[i % len(texts)])
            if i % 3:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    server.wait_metric("ferry_connections", 0)
    server.wait_metric('ferry_requests_in_flight{route="/sleep"}', 0)
    server.wait_queued(0)
    server.wait_busy(0)
    assert server.metric("ferry_http_buffered_bytes") == 0
    assert server.metric("ferry_http_unsent_bytes") == 0


def test_a_server_takes_all_descriptors_that_it_may_have(serve):
    server = serve(NOOP, starter=["prlimit", "--nofile=100:300"])
    assert server.metric("process_max_fds") == 300


def test_with_few_descriptors_connections_leave_some_and_make_room(serve):
    server = serve(NOOP, starter=["prlimit", "--nofile=100:100"])
    assert server.has_logged("level=warn", "fewer file descriptors than connections",
                             "lowered_to=50 ")
    clients = [server.open_socket() for _ in range(60)]  # as many as may, and some that wait
    server.wait_metric("ferry_connections", 50)
    assert server.get("/noop").status == 200  # not only when those have left
    assert not server.has_logged("cannot be accepted")
    assert server.metric("ferry_http_made_room_total") > 0
    server.wait_logged("level=warn", "one that asked for nothing made room", "peer=127.0.0.1")
    for client in clients:
        client.close()


def test_running_out_of_descriptors_spins_not_and_passes(serve):
    server = serve(NOOP)
    pid = server.process.pid
    used = len(os.listdir(f"/proc/{pid}/fd"))
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 8, limits[1]))
    clients = [server.open_socket() for _ in range(40)]  # the rest waits in the backlog
    server.wait_logged("level=error", "connections cannot be accepted")

    assert burnt_seconds(server, 2) < 0.4
    assert len([line for line in server.lines if "cannot be accepted" in line]) <= 2

    clients[0].sendall(ASK)  # those who are in are served
    assert clients[0].recv(65536).startswith(b"HTTP/1.1 200 ")
    for client in clients[:20]:
        client.close()
    for client in clients[20:]:  # room again, one after the other
        client.sendall(ASK)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        client.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert server.get("/noop").status == 200
