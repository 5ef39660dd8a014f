"""SIGHUP: a new config is taken all or nothing, and nobody notices who was not meant to."""

import contextlib
import hashlib
import os
import pathlib
import signal
import threading

import pytest

from certificates import Authority
from harness import LONG, Server, compile_plugin, read_all, wait_until
from test_startup import MOVER
from test_tls import connect, context

RELOADS = 200 if LONG else 20


def reload(server, config=None, success=True):
    """Send SIGHUP with a new config in place, and wait for how it ends."""
    text = "msg=reloaded" if success else 'msg="reload failed'
    before = sum(text in line for line in server.lines)
    if config is not None:
        server.config.write_text(config)
    server.signal(signal.SIGHUP)
    wait_until(lambda: sum(text in line for line in server.lines) > before,
               lambda: f"{text}: {server.log()}")


def wait_drained(server, count=1):
    wait_until(lambda: sum("has drained" in line for line in server.lines) >= count, "drained")


# ---- what changes ----

def test_routes_are_added_changed_and_removed(serve):
    server = serve("routes: {/a: {worker: noop}, /b: {worker: noop}}")
    reload(server, "routes: {/a: {worker: echo, methods: [POST]}, /c: {worker: noop}}")
    assert server.request("POST", "/a", body=b"hello").body == b"hello"
    assert server.get("/b").status == 404
    assert server.get("/c").text() == "ok"
    assert server.get("/readyz").status == 200


def test_reloads_are_counted(serve):
    server = serve("routes: {/a: {worker: noop}}")
    reload(server, "routes: {/b: {worker: noop}}")
    reload(server, "routes: 1", success=False)
    assert server.metric('ferry_reloads_total{outcome="succeeded"}') == 1
    assert server.metric('ferry_reloads_total{outcome="failed"}') == 1
    server.wait_metric("ferry_old_configs", 0)


def test_a_wrong_config_changes_nothing_and_the_log_says_what_is_wrong(serve):
    server = serve("routes: {/a: {worker: noop}}")
    reload(server, "routes: {/b: {worker: nope}}", success=False)
    assert server.has_logged("level=error", "ferry.yaml:1:23", "unknown worker")
    assert server.get("/a").status == 200
    assert server.get("/b").status == 404
    reload(server, "routes: {/b: {worker: noop}}")
    assert server.get("/b").status == 200


@pytest.mark.parametrize("config", ["", "# being written\n", "routes: {}\n"])
def test_a_file_without_routes_is_not_taken(serve, config):
    server = serve("routes: {/a: {worker: noop}}")
    reload(server, config, success=False)
    assert server.has_logged("level=error", "no routes")
    assert server.get("/a").status == 200


def test_an_unchanged_pool_keeps_its_threads(serve):
    config = "pools: {own: {threads: 2}}\nroutes: {/a: {worker: noop, pool: own}}"
    server = serve(config)
    reload(server, config.replace("/a", "/b"))
    assert server.has_logged("msg=reloaded", "pools=2", "kept_pools=2")


def test_a_pool_that_several_configs_have_had_ends_with_the_last_of_them(serve, gate):
    config = gate_config(gate) + "  /own2: {worker: noop, pool: own, methods: [POST], mode: defer}\n"
    server = serve(config)
    held = server.send("GET", "/own?name=held")
    server.wait_busy(1, pool="own")
    reload(server, config + "  /a: {worker: noop}\n")
    reload(server, config + "  /b: {worker: noop}\n")
    reload(server, "routes: {/: {worker: noop}}")
    gate.let_all()
    assert held.reply().status == 200
    wait_drained(server, 3)
    server.wait_metric('ferry_pool_threads{pool="own"}', 0)
    reload(server, config)
    server.wait_job(server.post_job("/own2", {}), "succeeded")


def test_a_pool_changes_its_size(serve):
    config = "pools: {own: {threads: 2}}\nroutes: {/a: {worker: noop, pool: own}}"
    server = serve(config)
    reload(server, config.replace("threads: 2", "threads: 5"))
    assert server.metric('ferry_pool_threads{pool="own"}') == 5
    wait_drained(server)
    assert server.metric('ferry_pool_threads{pool="own"}') == 5
    assert server.get("/a").status == 200


def test_a_pool_changes_how_nice_its_threads_are(serve):
    config = ("pools: {own: {nice: 3}}\nworkers: {say: {use: exec, command: [nice]}}\n"
              "routes: {/say: {worker: say, pool: own}}")
    server = serve(config)
    assert int(server.get("/say").text()) == min(os.nice(0) + 3, 19)
    reload(server, config.replace("nice: 3", "nice: 7"))
    assert int(server.get("/say").text()) == min(os.nice(0) + 7, 19)


def test_a_worker_with_new_settings_is_opened_anew(serve):
    config = "workers: {say: {use: exec, command: [echo, one]}}\nroutes: {/say: {worker: say}}"
    server = serve(config)
    assert server.get("/say").text() == "one\n"
    reload(server, config.replace("one", "two"))
    assert server.get("/say").text() == "two\n"
    wait_drained(server)
    assert server.get("/say").text() == "two\n"


def test_limits_change(serve):
    server = serve("routes: {/: {worker: echo}}")
    assert server.request("POST", "/", body=b"x" * 100).status == 200
    reload(server, "limits: {body_bytes: 50}\nroutes: {/: {worker: echo}}")
    assert server.request("POST", "/", body=b"x" * 100).status == 413


def test_the_deadline_of_a_whole_request_changes(serve):
    server = serve("routes: {/: {worker: noop}}")
    reload(server, "limits: {request_timeout: 50ms}\nroutes: {/: {worker: noop}}")
    with server.open_socket() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert read_all(client) == b""
    assert server.metric('ferry_http_timed_out_total{phase="request"}') == 1


def test_what_needs_a_restart_is_said_and_the_rest_applies(serve):
    server = serve("routes: {/a: {worker: noop}}")
    reload(server, "state: elsewhere\nadmin: {tls: {cert: x, key: x}}\n"
                   "routes: {/b: {worker: noop}}", success=False)
    reload(server, "state: elsewhere\nplugins: [absent.so]\njobs: {max_crashes: 9}\n"
                   "routes: {/b: {worker: noop}}")
    assert server.has_logged("needs a restart", "key=state")
    assert server.has_logged("needs a restart", "key=plugins")
    assert server.has_logged("needs a restart", "key=jobs.max_crashes")
    assert not server.has_logged("needs a restart", "key=listen")
    assert server.get("/b").status == 200
    assert not (server.folder / "elsewhere").exists()


def status_of_admin(server, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return server.get("/metrics", admin=True, headers=headers).status


def test_the_admin_token_changes(serve, tmp_path):
    routes = "routes: {/a: {worker: noop}}"
    (tmp_path / "token").write_text("first")
    server = serve(f"admin: {{token_file: token}}\n{routes}")
    (tmp_path / "token").write_text("second")
    reload(server)
    assert status_of_admin(server, "first") == 401
    assert status_of_admin(server, "second") == 200
    reload(server, routes)
    assert status_of_admin(server) == 200


def test_the_admin_token_stays_where_the_admin_listener_does(serve, tmp_path):
    """A config without a token is one for loopback: not for where the server still listens."""
    routes = "routes: {/a: {worker: noop}}"
    (tmp_path / "token").write_text("t0ken")
    # A form of loopback that a config does not take for one.
    server = serve(f"admin: {{listen: '[0:0:0:0:0:0:0:1]:0', token_file: token}}\n{routes}")
    reload(server, f"admin: {{listen: '127.0.0.1:0'}}\n{routes}")
    assert server.has_logged("needs a restart", "key=admin.listen")
    assert server.has_logged("needs a restart", "key=admin.token_file")
    assert not server.has_logged("needs a restart", "key=listen")
    assert status_of_admin(server) == 401
    assert status_of_admin(server, "t0ken") == 200


def test_a_metric_goes_on_counting(serve):
    server = serve("routes: {/a: {worker: noop}}")
    series = 'ferry_requests_total{route="/a",method="GET",code="200"}'
    server.get("/a")
    reload(server, "pools: {default: {threads: 3}}\nroutes: {/a: {worker: noop}}")
    server.get("/a")
    assert server.metric(series) == 2


# ---- what is under way ----

class Traffic:
    """Clients that ask all the time, on connections that they keep; every answer must be 200."""

    def __init__(self, server, paths, count=4):
        self.failures, self.done, self.answers = [], threading.Event(), 0
        self.threads = [threading.Thread(target=self._run, args=(server, paths[i % len(paths)]))
                        for i in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, server, path):
        connection = server.connect()
        try:
            while not self.done.is_set():
                connection.request("GET", path)
                reply = connection.getresponse()
                body = reply.read()
                self.answers += 1
                if reply.status != 200:
                    self.failures.append((path, reply.status, body))
        except OSError as error:
            self.failures.append((path, error))
        finally:
            connection.close()

    def stop(self):
        self.done.set()
        for thread in self.threads:
            thread.join()


def test_no_request_fails_while_the_config_changes_again_and_again(serve):
    def config(turn):
        return (f"pools: {{changing: {{threads: {1 + turn % 3}}}, same: {{threads: 2}}}}\n"
                f"workers: {{say: {{use: exec, command: [echo, \"{turn}\"]}}}}\n"
                f"routes:\n"
                f"  /changing: {{worker: sleep, pool: changing}}\n"
                f"  /same: {{worker: noop, pool: same}}\n"
                f"  /turn{turn}: {{worker: noop, pool: changing}}\n"
                f"  /say: {{worker: say, pool: changing}}\n")

    server = serve(config(0))
    traffic = Traffic(server, ["/changing?ms=1", "/same", "/say", "/same"])
    for turn in range(1, RELOADS + 1):
        answers = traffic.answers
        reload(server, config(turn))
        assert server.get(f"/turn{turn}").status == 200
        assert server.get(f"/turn{turn - 1}").status == 404
        wait_until(lambda: traffic.answers > answers, "requests flow")
    traffic.stop()
    assert not traffic.failures
    wait_drained(server, RELOADS)
    assert server.get("/say").text() == f"{RELOADS}\n"


def test_reloads_that_come_faster_than_they_end_become_one_more(serve):
    server = serve("routes: {/a: {worker: noop}}")
    for _ in range(50):
        server.signal(signal.SIGHUP)
    reload(server, "routes: {/b: {worker: noop}}")
    wait_until(lambda: server.get("/b").status == 200, "the last config is taken")


def open_for_reader(fifo):
    """The end to write to of a fifo that somebody reads; None while nobody does."""
    with contextlib.suppress(OSError):
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_a_signal_while_a_reload_takes_long_is_said_to_be_heeded_later(serve, tmp_path):
    tokens = tmp_path / "tokens"
    os.mkfifo(tokens)
    server = serve("routes: {/a: {worker: noop}}")
    server.config.write_text("auth: {bearer_file: tokens}\nroutes: {/b: {worker: noop}}")
    server.signal(signal.SIGHUP)
    fifo = wait_until(lambda: open_for_reader(tokens), "the file of tokens is read")
    server.signal(signal.SIGHUP)
    server.wait_logged("another one follows")
    server.config.write_text("routes: {/c: {worker: noop}}")
    os.write(fifo, b"0" * 64 + b"\n")
    os.close(fifo)
    wait_until(lambda: server.get("/c").status == 200, "the last config is taken")


def test_a_signal_while_the_server_starts_is_heeded_when_it_serves(tmp_path):
    tokens, later = tmp_path / "tokens", tmp_path / "later"
    os.mkfifo(tokens)
    later.write_text("0" * 64 + "\n")
    server = Server(tmp_path, "auth: {bearer_file: tokens}\nroutes: {/a: {worker: noop}}")
    server.launch()
    try:
        fifo = wait_until(lambda: open_for_reader(tokens), "the config is read")
        server.signal(signal.SIGHUP)
        later.rename(tokens)
        os.write(fifo, b"0" * 64 + b"\n")
        os.close(fifo)
        server.wait_serving()
        server.wait_logged("msg=reloaded")
    finally:
        server.stop()


def gate_config(gate, more="", pool="threads: 1"):
    return (f"plugins: [{gate.plugin}]\n"
            f"workers:\n  {gate.settings()}\n"
            f"pools: {{own: {{{pool}}}}}\n"
            f"routes:\n  /own: {{worker: gate, pool: own, timeout: 0}}\n{more}")


def test_a_call_of_the_old_config_ends_and_does_not_block_the_new_one(serve, gate):
    server = serve(gate_config(gate))
    old = server.send("GET", "/own?name=old")
    server.wait_busy(1, pool="own")
    reload(server, gate_config(gate, "  /other: {worker: noop, pool: own}\n", "threads: 2"))
    assert server.get("/other").status == 200
    new = server.send("GET", "/own?name=new")
    server.wait_busy(1, pool="own")
    assert not server.has_logged("has drained")
    gate.let_all()
    assert old.reply().status == 200
    assert new.reply().status == 200
    wait_drained(server)


def test_calls_that_hang_bound_the_number_of_old_configs(serve, gate):
    def config(turn):
        return gate_config(gate, pool=f"threads: {turn}")

    server = serve(config(1))
    calls = []
    for turn in range(2, 18):
        calls.append(server.send("GET", "/own"))
        server.wait_busy(1, pool="own")
        reload(server, config(turn))
    assert server.metric("ferry_old_configs") == 16
    reload(server, config(18), success=False)
    gate.let_all()
    assert all(call.reply().status == 200 for call in calls)
    server.wait_metric("ferry_old_configs", 0)
    reload(server, config(18))


def test_a_drain_waits_for_the_calls_of_an_old_config(serve, gate):
    server = serve(gate_config(gate))
    old = server.send("GET", "/own?name=old")
    server.wait_busy(1, pool="own")
    reload(server, "routes: {/: {worker: noop}}")
    server.terminate()
    server.wait_logged("msg=draining")
    gate.let_all()
    assert old.reply().status == 200
    assert server.wait() == 0


# ---- jobs ----

DEFER = "methods: [POST], mode: defer"


def test_deferred_jobs_go_on_by_the_new_routes(serve, gate):
    def config(more, pool):
        return gate_config(gate, f"  /later: {{worker: {more}, pool: own, {DEFER}, timeout: 0}}\n", pool)

    server = serve(config("gate", "threads: 1"))
    running = server.post_job("/later?name=running", {})
    server.wait_busy(1, pool="own")
    waiting = server.post_job("/later?name=waiting", {})
    reload(server, config("noop", "threads: 2"))
    assert server.wait_job(waiting, "succeeded")["attempt"] == 1
    assert server.get(running).json()["state"] == "running"
    gate.let_all()
    server.wait_job(running, "succeeded")
    wait_drained(server)
    assert server.wait_job(server.post_job("/later", {}), "succeeded")


def test_the_jobs_of_a_removed_route_stay_and_go_on_when_it_is_back(serve, gate):
    later = f"  /later: {{worker: gate, pool: own, {DEFER}, timeout: 0}}\n"
    server = serve(gate_config(gate, later))
    running = server.post_job("/later?name=running", {})
    server.wait_busy(1, pool="own")
    waiting = server.post_job("/later?name=waiting", {})
    reload(server, "routes: {/: {worker: noop}}")
    assert server.request("POST", "/later").status == 404
    assert server.has_logged("jobs of a route that is not configured")
    gate.let_all()
    server.wait_job(running, "succeeded")
    assert server.get(waiting).json()["state"] == "queued"
    wait_drained(server)
    reload(server, f"routes: {{/later: {{worker: noop, {DEFER}}}}}")
    server.wait_job(waiting, "succeeded")


def test_a_paused_route_stays_paused(serve):
    config = f"routes: {{/later: {{worker: noop, {DEFER}, priority: 0}}}}"
    server = serve(config)
    assert server.request("POST", "/routes/pause?route=/later", admin=True).status == 200
    reload(server, config.replace("priority: 0", "priority: 5"))
    waiting = server.post_job("/later", {})
    assert server.get(waiting).json()["state"] == "queued"


def test_a_held_request_is_answered_by_the_config_that_it_came_under(serve, gate):
    later = f"  /later: {{worker: gate, pool: own, methods: [POST], mode: either, timeout: 0}}\n"
    server = serve(gate_config(gate, later))
    held = server.send("POST", "/later?name=held", headers={"Prefer": "wait=60"})
    server.wait_busy(1, pool="own")
    reload(server, "routes: {/: {worker: noop}}")
    gate.let_all()
    assert held.reply().status == 200
    wait_drained(server)


def test_schedules_change(serve):
    def config(name):
        return (f"schedules: [{{name: {name}, route: /later, every: 1s}}]\n"
                f"routes: {{/later: {{worker: noop, {DEFER}}}}}")

    def runs(name):
        return server.metric(f'ferry_schedule_runs_total{{schedule="{name}",outcome="added"}}') or 0

    server = serve(config("one"))
    wait_until(lambda: runs("one") > 0, "it runs")
    reload(server, config("two"))
    wait_until(lambda: runs("two") > 0, "the new one runs")
    count = runs("one")
    wait_until(lambda: runs("two") > 2, "the new one runs on")
    assert runs("one") == count


# ---- certificates ----

def test_new_connections_see_a_new_certificate_and_old_ones_go_on(serve, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server", subject="/CN=first")
    config = (f"listen: {{address: \"127.0.0.1:0\", tls: {{cert: {certificate}, key: {key}}}}}\n"
              "routes: {/: {worker: noop}}\n")
    server = serve(config)

    def subject(tls):
        return dict(pair for part in tls.getpeercert()["subject"] for pair in part)["commonName"]

    def ask(tls):
        tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reply = tls.recv(4096)
        while not reply.endswith(b"ok"):
            reply += tls.recv(4096)
        return reply

    with connect(server.address, context(authority)) as old:
        assert subject(old) == "first" and ask(old).startswith(b"HTTP/1.1 200")
        authority.sign("server", subject="/CN=second")
        reload(server)
        with connect(server.address, context(authority)) as new:
            assert subject(new) == "second" and ask(new).startswith(b"HTTP/1.1 200")
        assert ask(old).startswith(b"HTTP/1.1 200")
    key.write_text("no key")
    reload(server, success=False)
    with connect(server.address, context(authority)) as tls:
        assert subject(tls) == "second"


RELATIVE = """
listen: [127.0.0.1:0, {{address: 127.0.0.1:0, tls: {{cert: new.pem, key: new.key, client_ca: ca.pem}}}}]
admin: {{listen: 127.0.0.1:0, token_file: word}}
plugins: [mover.so]
callbacks: {{allow: ["https://a/"], secret_file: word}}
workers: {{mover: {{use: mover, to: {elsewhere}, isolated: true}}, goes: {{use: mover, to: {elsewhere}}}}}
routes: {{/move: {{worker: goes}}, /{name}: {{worker: mover, auth: {{bearer_file: door}}}}}}
"""


def test_relative_paths_mean_what_they_did_when_a_plugin_has_gone_elsewhere(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Authority(tmp_path).sign("new")
    compile_plugin(tmp_path, "mover", MOVER)
    (tmp_path / "word").write_text("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\n")
    (tmp_path / "door").write_text(hashlib.sha256(b"open").hexdigest() + "\n")
    for name in "word", "door", "new.key":
        (tmp_path / name).chmod(0o600)
    server = Server(tmp_path, RELATIVE.format(elsewhere=elsewhere, name="a"))
    absolute, server.config = server.config, pathlib.Path("ferry.yaml")
    server.start()
    server.config = absolute
    try:
        assert server.get("/move").status == 200
        reload(server, RELATIVE.format(elsewhere=elsewhere, name="b"))
        assert server.get("/b", headers={"Authorization": "Bearer open"}).text() == "here"
        assert not server.has_logged("a change needs a restart")
        reload(server, "routes: {/c: {worker: nope}}", success=False)
        server.wait_logged("finding=\"ferry.yaml:1:23: error: unknown worker")
    finally:
        server.stop()
