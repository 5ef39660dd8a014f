"""SIGTERM: every request that was accepted gets its answer, every job keeps its place."""

import contextlib
import http.client
import os
import signal
import socket

import pytest

from harness import DEADLINE, EXIT_OK, compile_plugin, split_address, wait_until
from test_limits import stick


@pytest.fixture
def server(serve, gate):
    return serve(f"""
drain: 1h
plugins: [{gate.plugin}]
workers:
  {gate.settings()}
pools:
  default: {{threads: 2, queue_timeout: 0}}
routes:
  /gate: {{worker: gate, timeout: 0}}
  /hurry: {{worker: gate, timeout: 50ms}}
  /echo: {{worker: echo, methods: [POST]}}
  /job: {{worker: gate, methods: [POST], mode: defer, timeout: 0}}
""")


def begin_drain(server):
    server.terminate()
    server.wait_logged("msg=draining")


def send_headers(server, path, length, more=""):
    """Send a request up to its body, and wait until the server asks for that."""
    client = server.open_socket()
    client.sendall(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n{more}"
                   "Expect: 100-continue\r\n\r\n".encode())
    wanted = b"HTTP/1.1 100 Continue\r\n\r\n"
    got = b""
    while len(got) < len(wanted):
        part = client.recv(len(wanted) - len(got))
        assert part, got
        got += part
    assert got == wanted
    return client


@contextlib.contextmanager
def beside_the_signal(server):
    """What is sent here is there before SIGTERM, in the same turn of the server's loop."""
    server.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, server.process.pid, os.WSTOPPED | os.WNOWAIT)
    yield
    server.terminate()
    server.process.send_signal(signal.SIGCONT)


def serves_on(server):
    """It takes longer to ask so often than a drain takes to see that nothing is left."""
    return all(server.get("/livez", admin=True).status == 200 for _ in range(200))


def read_reply(client):
    reply = http.client.HTTPResponse(client)
    reply.begin()
    return reply


# ---- requests ----

def test_every_accepted_request_is_answered(server, gate):
    calls = [server.send("GET", "/gate") for _ in range(5)]
    server.wait_busy(2)
    server.wait_queued(3)
    begin_drain(server)
    gate.let(5)
    replies = [call.reply() for call in calls]
    assert [reply.text() for reply in replies] == ["through"] * 5
    assert [reply.headers["Connection"] for reply in replies] == ["close"] * 5
    assert server.wait() == EXIT_OK
    assert len(gate.runs()) == 5


def test_new_connections_are_refused(server, gate):
    call = server.send("GET", "/gate")
    server.wait_busy(1)
    begin_drain(server)
    with pytest.raises(ConnectionRefusedError):
        server.open_socket()
    gate.let()
    assert call.reply().status == 200


def test_an_idle_connection_is_closed(server, gate):
    call = server.send("GET", "/gate")
    server.wait_busy(1)
    idle = server.connect()
    idle.request("POST", "/echo", body=b"x")
    assert idle.getresponse().read() == b"x"
    begin_drain(server)
    assert idle.sock.recv(1) == b""
    idle.close()
    gate.let()
    assert call.reply().status == 200


def test_a_body_that_was_half_received_is_finished(server):
    with send_headers(server, "/echo", 8) as client:
        client.sendall(b"half")
        begin_drain(server)
        client.sendall(b"rest")
        reply = read_reply(client)
        assert (reply.status, reply.read()) == (200, b"halfrest")
        assert reply.headers["Connection"] == "close"
    assert server.wait() == EXIT_OK


def test_a_request_that_comes_in_beside_the_signal_is_answered(server):
    with contextlib.ExitStack() as closed:
        with beside_the_signal(server):
            client = closed.enter_context(server.open_socket())
            client.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nsaved")
        reply = read_reply(client)
        assert (reply.status, reply.read()) == (200, b"saved")
    assert server.wait() == EXIT_OK


def test_a_reply_that_is_on_its_way_is_sent_to_its_end(server):
    body = os.urandom(8 << 20)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(DEADLINE)
        client.connect(split_address(server.address))
        client.sendall(f"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n"
                       .encode() + body)
        assert client.recv(12) == b"HTTP/1.1 200"
        begin_drain(server)
        assert serves_on(server)
        got = b""
        while part := client.recv(1 << 20):
            got += part
    assert got.endswith(b"\r\n\r\n" + body)
    assert server.wait() == EXIT_OK


def test_a_call_that_nobody_waits_for_any_more_ends_before_the_server(server, gate):
    stick(server, "/hurry", "default")
    begin_drain(server)
    assert serves_on(server)
    gate.let()
    assert server.wait() == EXIT_OK
    assert not server.has_logged("left behind")


def test_a_request_whose_password_is_looked_at_is_answered(serve, tmp_path):
    users = tmp_path / "users"
    users.write_text("ann:$6$rounds=3000000$saltsalt$" + "x" * 86 + "\n")  # takes a second or two
    users.chmod(0o600)
    server = serve(f"routes: {{/noop: {{worker: noop, auth: {{basic_file: {users}}}}}}}\n")
    asked = server.send("GET", "/noop", headers={"Authorization": "Basic YW5uOng="})
    server.wait_metric('ferry_requests_in_flight{route="/noop"}', 1)
    begin_drain(server)
    assert asked.reply().status == 401
    assert server.wait() == EXIT_OK


def test_readyz_says_503_on_the_admin_listener_while_draining(server, gate):
    call = server.send("GET", "/gate")
    server.wait_busy(1)
    assert server.get("/readyz", admin=True).status == 200
    begin_drain(server)
    reply = server.get("/readyz", admin=True)
    assert (reply.status, reply.problem()) == (503, "draining")
    assert server.get("/livez", admin=True).status == 200
    gate.let()
    assert call.reply().status == 200


def test_an_idle_server_ends_at_once(server):
    server.terminate()
    assert server.wait() == EXIT_OK
    assert server.has_logged("msg=stopped")


def test_signals_at_the_very_end_change_nothing(server):
    server.terminate()
    server.wait_logged("msg=stopped")
    while server.process.poll() is None:
        server.process.send_signal(signal.SIGTERM)
    assert server.wait() == EXIT_OK


def test_nothing_is_reloaded_any_more(server, gate):
    call = server.send("GET", "/gate")
    server.wait_busy(1)
    begin_drain(server)
    server.signal(signal.SIGHUP)
    assert serves_on(server)
    gate.let()
    assert call.reply().status == 200
    assert server.wait() == EXIT_OK
    assert not server.has_logged("msg=reloading")


def test_sigint_drains_as_well(server, gate):
    call = server.send("GET", "/gate")
    server.wait_busy(1)
    server.signal(signal.SIGINT)
    server.wait_logged("msg=draining")
    gate.let()
    assert call.reply().status == 200
    assert server.wait() == EXIT_OK


def test_a_second_signal_ends_it_with_a_call_stuck(server):
    stick(server, "/hurry", "default")
    begin_drain(server)
    server.terminate()
    assert server.wait() == EXIT_OK
    assert server.has_logged("level=warn", "second signal")


# ---- jobs ----

def test_a_running_job_ends_before_the_server(server, gate):
    job = server.post_job("/job?name=running", {})
    wait_until(lambda: gate.runs() == ["running"], "the job runs")
    begin_drain(server)
    gate.let()
    assert server.wait() == EXIT_OK
    server.start()
    assert server.get(job).json()["state"] == "succeeded"
    assert gate.runs() == ["running"]


def test_a_job_accepted_while_draining_runs_at_the_next_start(server, gate):
    with send_headers(server, "/job?name=late", 2) as client:
        begin_drain(server)
        client.sendall(b"{}")
        reply = read_reply(client)
        assert reply.status == 202
        job = reply.headers["Location"]
    assert server.wait() == EXIT_OK
    assert gate.runs() == []
    gate.let()
    server.start()
    assert server.wait_job(job, "succeeded")["attempt"] == 1


@pytest.mark.parametrize("way", ["limit", "second signal"])
def test_a_job_that_outlasts_the_drain_runs_again_and_counts_no_crash(server, gate, way):
    if way == "limit":
        server.args += ["--set", "drain=50ms"]
        server.restart()
    job = server.post_job("/job?name=cut", {})
    wait_until(lambda: gate.runs() == ["cut"], "the job runs")
    begin_drain(server)
    if way == "second signal":
        server.terminate()
    assert server.wait() == EXIT_OK
    gate.let()
    server.start()
    ended = server.wait_job(job, "succeeded")
    assert (ended["crashes"], ended["attempt"]) == (0, 1)
    assert gate.runs() == ["cut", "cut"]


# ---- threads ----

def test_a_thread_that_does_not_come_out_of_its_worker_is_left_behind(serve, tmp_path):
    plugin = compile_plugin(tmp_path, "clingy", """
        #include <ferry/worker.h>
        #include <unistd.h>
        static int open_thread(void *state, void **thread_state, ferry_error *error)
        {
            (void)error;
            *thread_state = state;
            return 0;
        }
        static void close_thread(void *thread_state)
        {
            (void)thread_state;
            for (;;)
                pause();
        }
        static int run(ferry_call *call, void *state)
        {
            (void)state;
            return ferry_call_reply_text(call, 200, "here");
        }
        FERRY_WORKER(clingy, .thread_open = open_thread, .thread_close = close_thread, .run = run)
    """)
    server = serve(f"plugins: [{plugin}]\nroutes:\n  /clingy: {{worker: clingy}}\n")
    assert server.get("/clingy").text() == "here"
    server.terminate()
    assert server.wait() == EXIT_OK
    assert server.has_logged("level=warn", "threads left behind", "pool=default")


POOLS = 40
MANY_POOLS = """
plugins: [{plugin}]
pools: {{%s}}
routes: {{%s}}
""" % (", ".join(f"p{i}: {{{{threads: 1}}}}" for i in range(POOLS)),
       ", ".join(f"/{i}: {{{{worker: meeting, pool: p{i}}}}}" for i in range(POOLS)))

# A thread that ends does so when so many end with it.
MEETING = """
    #include <ferry/worker.h>
    #include <stdatomic.h>
    #include <unistd.h>
    static atomic_int waiting;
    static int open_thread(void *state, void **thread_state, ferry_error *error)
    {
        (void)state, (void)thread_state, (void)error;
        return 0;
    }
    static void close_thread(void *state)
    {
        (void)state;
        atomic_fetch_add(&waiting, 1);
        while (atomic_load(&waiting) < %d)
            usleep(1000);
    }
    static int run(ferry_call *call, void *state)
    {
        (void)state;
        return ferry_call_reply_text(call, 200, "ok");
    }
    FERRY_WORKER(meeting, .thread_open = open_thread, .thread_close = close_thread, .run = run)
"""


def serve_meeting(serve, tmp_path, count):
    plugin = compile_plugin(tmp_path, "meeting", MEETING % count)
    server = serve(MANY_POOLS.format(plugin=plugin))
    for i in range(POOLS):
        assert server.get(f"/{i}").status == 200
    return server


def test_pools_end_side_by_side(serve, tmp_path):
    server = serve_meeting(serve, tmp_path, POOLS)
    server.stop()
    assert not server.has_logged("left behind")


def test_pools_of_an_old_config_end_side_by_side(serve, tmp_path):
    server = serve_meeting(serve, tmp_path, POOLS)
    server.config.write_text("routes: {/noop: {worker: noop}}")
    server.signal(signal.SIGHUP)
    server.wait_logged("the config before has drained")
    server.stop()
    assert not server.has_logged("left behind")


def test_many_pools_that_hang_take_no_longer_than_one(serve, tmp_path):
    server = serve_meeting(serve, tmp_path, POOLS + 1)
    server.terminate()
    assert server.wait() == EXIT_OK  # within a deadline that two seconds for each would pass
    assert server.has_logged("left behind")
