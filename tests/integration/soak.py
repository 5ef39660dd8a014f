#!/usr/bin/python3
"""Everything at once for half an hour: is the server at the end as it was at the beginning?

    soak.py [--folder FOLDER] [MINUTES]

The clients of soak_clients.py call, post jobs, wait, watch, leave in the middle and send what is no
request, while the configuration is reloaded every few seconds. All is paced, so that a core stays
half free: this looks for what grows, not for what is fast. Each ten seconds go to FOLDER/soak.csv.

It fails if memory grew over the last two thirds by more than GROWTH_KIB a minute (judged from
twenty minutes on: in the first ones malloc's caches fill), if files, threads or anything in flight
are left when the load is over, if the log has an error that was not provoked, if a job that was
accepted did not end as it had to, or if any answer was not the one that it had to be.

Two things that are no growth are kept out of the memory. SQLite keeps the pages of the database
that it has touched, CACHE_KIB at most, and the database remembers the ids of deleted jobs for a
day: as much of its size is taken off. And malloc keeps free memory at the end of each of its heaps,
a MiB or two once it has seen large bodies, and gives it back now and then; so the server is told
to keep no more than MALLOC_KEEPS.
"""

import argparse
import base64
import csv
import http.server
import os
import pathlib
import re
import shutil
import signal
import sys
import threading
import time

import soak_clients as clients
from harness import DEADLINE, UNFINISHED, Server, wait_until

SAMPLE = 10  # seconds
GROWTH_KIB = 32  # a minute: 1 MiB in half an hour
JUDGED_FROM = 1200  # seconds
CACHE_KIB = 4096  # what the store allows SQLite (cache_size)
MALLOC_KEEPS = {"MALLOC_TRIM_THRESHOLD_": "131072"}  # bytes: malloc's default, for good
RELOAD = 4  # seconds
SETTLE = 0.1  # seconds
BURST = 30  # jobs, to warm up
BROKEN_EACH = 7  # reloads: that one's configuration is wrong, and must change nothing

CONFIG = """
jobs: {{keep: 2m}}
callbacks: {{allow: ["{receiver}/"], secret_file: callbacks.key, retry: {{backoff: 50ms..500ms}}}}
pools:
  default: {{threads: {threads}, queue: 256, queue_timeout: 30s}}
  jobs: {{threads: 3}}
workers:
  command:
    use: exec
    env: ["GENERATION={generation}"]
    command: [/bin/sh, -c, 'read -r kind; test "$kind" != fails && test $FERRY_ATTEMPT -gt 1']
routes:
  /noop: {{worker: noop}}
  /echo: {{worker: echo}}
  /sleep: {{worker: sleep, timeout: 10s}}
  /either: {{worker: sleep, mode: either, methods: [POST]}}
  /later: {{worker: echo, mode: defer, pool: jobs}}
  /exec: {{worker: command, mode: defer, pool: jobs, retry: {{attempts: 3, backoff: 50ms..500ms}}}}
  /tick: {{worker: noop, mode: defer, pool: jobs}}
{extra}
schedules:
  - {{name: tick, route: /tick, every: 1s}}
"""
EXPECTED_ERRORS = re.compile(r'reload failed|ferry\.yaml:\d+|unknown key')


class Receiver(http.server.ThreadingHTTPServer):
    """Takes callbacks."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


def config(receiver, generation):
    """One of two configurations, which differ in threads, a worker's settings and a route."""
    second = generation % 2
    return CONFIG.format(receiver=receiver.url, threads=6 if second else 4, generation=second,
                         extra="  /extra: {worker: noop}" if second else "")


class Reloader(threading.Thread):
    """Changes the configuration to and fro, sometimes to one that is wrong."""

    def __init__(self, server, receiver):
        super().__init__()
        self.server, self.receiver = server, receiver
        self.count = 0
        self.stopped = threading.Event()

    def reload(self, text):
        self.server.config.write_text(text)
        self.server.signal(signal.SIGHUP)

    def run(self):
        while not self.stopped.wait(RELOAD):
            self.count += 1
            text = config(self.receiver, self.count)
            self.reload(text + "unknown: 1\n" if self.count % BROKEN_EACH == 0 else text)
        self.reload(config(self.receiver, 0))


class Probe:
    """What /proc and /metrics say of the server, one row a time."""

    def __init__(self, server, path):
        self.server = server
        self.proc = pathlib.Path(f"/proc/{server.process.pid}")
        self.database = server.folder / "var" / "jobs.db"
        self.began = time.monotonic()
        self.lag = (0, 0)
        self.rows = []
        self.file = open(path, "w", newline="", encoding="utf-8")
        self.csv = None

    def metrics(self):
        text = self.server.get("/metrics", admin=True).text()
        pairs = (line.rpartition(" ") for line in text.splitlines() if line[:1] != "#")
        return {name: float(value) for name, _, value in pairs}

    @staticmethod
    def total(metrics, name):
        return int(sum(value for key, value in metrics.items() if key.partition("{")[0] == name))

    def row(self):
        # /proc first: the connection that reads /metrics is none of the load.
        row = {"seconds": round(time.monotonic() - self.began),
               "rss_kib": int(re.search(r"VmRSS:\s+(\d+)", (self.proc / "status").read_text())[1]),
               "database_kib": self.database.stat().st_size // 1024,
               "fds": len(os.listdir(self.proc / "fd")),
               "threads": len(os.listdir(self.proc / "task"))}
        metrics = self.metrics()
        lag = metrics["ferry_loop_lag_seconds_sum"], metrics["ferry_loop_lag_seconds_count"]
        row["loop_lag_ms"] = round((lag[0] - self.lag[0]) / max(lag[1] - self.lag[1], 1) * 1000, 2)
        self.lag = lag
        for name in ("connections", "requests_in_flight", "pool_busy_threads", "pool_queue_depth",
                     "event_streams", "held_waits", "http_buffered_bytes", "http_unsent_bytes",
                     "stuck_threads", "old_configs"):
            row[name] = self.total(metrics, f"ferry_{name}")
        for state in (*UNFINISHED, "succeeded", "dead", "cancelled"):
            row[state] = int(metrics[f'ferry_jobs{{state="{state}"}}'])
        return row

    def sample(self):
        row = self.row()
        if self.csv is None:
            self.csv = csv.DictWriter(self.file, row)
            self.csv.writeheader()
        self.csv.writerow(row)
        self.file.flush()
        self.rows.append(row)
        return row


IN_FLIGHT = ("connections", "requests_in_flight", "pool_busy_threads", "pool_queue_depth",
             "event_streams", "held_waits", "http_buffered_bytes", "http_unsent_bytes",
             "stuck_threads", "old_configs", *UNFINISHED)


def growth(rows):
    """The slope of the memory over the last two thirds, in KiB a minute (least squares)."""
    rows = rows[len(rows) // 3:]
    x = [row["seconds"] / 60 for row in rows]
    y = [row["rss_kib"] - min(row["database_kib"], CACHE_KIB) for row in rows]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mx) ** 2 for a in x)
    return sum((a - mx) * (b - my) for a, b in zip(x, y)) / spread if spread else 0


class Soak:
    def __init__(self, folder):
        self.folder = folder
        (folder / "callbacks.key").write_text("whsec_" + base64.b64encode(os.urandom(32)).decode())
        (folder / "callbacks.key").chmod(0o600)
        self.receiver = Receiver()
        self.ledger = clients.Ledger()
        # It must not outlive us.
        self.server = Server(folder, config(self.receiver, 0), env=MALLOC_KEEPS,
                             starter=["setpriv", "--pdeathsig", "KILL"]).start()
        self.probe = Probe(self.server, folder / "soak.csv")
        self.reloader = Reloader(self.server, self.receiver)

    def make_clients(self):
        server, ledger = self.server, self.ledger
        clients.Posters.callback = self.receiver.url + "/"
        plan = [(clients.Live, 3, 15), (clients.Posters, 2, 6), (clients.Followers, 2, 15),
                (clients.Watcher, 2, 1), (clients.Waiter, 2, 2), (clients.Admin, 1, 1),
                (clients.Aborters, 3, 8), (clients.Malformers, 1, 10)]
        return [kind(server, ledger, rate) for kind, count, rate in plan for _ in range(count)]

    def idle(self):
        """A row of a time when nothing is under way; None if something is."""
        row = self.probe.row()
        schedule_runs = "scheduled", "queued", "running", "pool_busy_threads", "requests_in_flight"
        busy = [name for name in IN_FLIGHT if row[name] and name not in schedule_runs]
        time.sleep(SETTLE)  # or a connection of ours, closed just now, is seen as one of its files
        return None if busy else row

    def run(self, minutes):
        self.warm_up()
        self.idle()
        before = wait_until(self.idle, "the server is idle")
        running = [*self.make_clients(), self.reloader]
        for client in running:
            client.start()
        end = time.monotonic() + minutes * 60
        try:
            while time.monotonic() < end:
                time.sleep(min(SAMPLE, max(0, end - time.monotonic())))
                row = self.probe.sample()
                if len(self.probe.rows) % (60 // SAMPLE) == 0:
                    self.show(row)
        finally:
            for client in running:
                client.stopped.set()
            for client in running:
                client.join()
        return before

    def warm_up(self):
        """What is opened once, at its first use or a thread's, is there from now on."""
        for generation in (1, 0):
            count = self.server.metric('ferry_reloads_total{outcome="succeeded"}')
            self.reloader.reload(config(self.receiver, generation))
            self.server.wait_metric('ferry_reloads_total{outcome="succeeded"}', count + 1)
        self.server.get("/noop")
        for _ in range(BURST):  # more at once than the pool has threads
            path = self.server.request("POST", "/exec", body="once", headers={
                "Ferry-Delay": "1s", "Ferry-Callback": self.receiver.url + "/"}).headers["Location"]
            self.ledger.follow("once", path)
        self.follow_to_the_end()

    def show(self, row):
        counts = self.ledger.counts
        print(f"minute {row['seconds'] // 60:3d}: {row['rss_kib'] / 1024:6.1f} MiB, "
              f"{row['fds']} fds, {row['threads']} threads, {row['connections']} connections, "
              f"{sum(row[state] for state in UNFINISHED)} jobs open, lag {row['loop_lag_ms']} ms, "
              f"{sum(counts.values())} steps, {self.reloader.count} reloads, "
              f"{counts['surprises']} surprises", flush=True)

    # ---- the verdict ----

    def follow_to_the_end(self):
        """Until every job that was accepted has ended; those that have not."""
        follower = clients.Followers(self.server, self.ledger, 1)
        try:
            wait_until(lambda: follower.step() or not self.ledger.open, "every job has ended")
        except AssertionError:
            pass
        finally:
            follower.close()
        return [f"accepted, and not ended: {kind} {path}" for _, kind, path in self.ledger.open]

    def wait_back(self, before):
        """Until all that was under way has ended and what it held is given back; what is left."""
        def left():
            row = self.idle()
            names = "fds", "threads"
            return row and all(row[name] <= before[name] for name in names) and row
        try:
            return [], wait_until(left, "all is given back")
        except AssertionError:
            row = self.probe.row()
            return [f"{name}: {row[name]}, before {before[name]}"
                    for name in ("fds", "threads", *IN_FLIGHT) if row[name] > before[name]], row

    def judge(self, before):
        faults = self.follow_to_the_end()
        left, after = self.wait_back(before)
        faults += left
        slope = growth(self.probe.rows)
        if self.probe.rows[-1]["seconds"] >= JUDGED_FROM and slope > GROWTH_KIB:
            faults.append(f"memory grows by {slope:.0f} KiB a minute")
        faults += [f"a surprise: {text}" for text in self.ledger.surprises]
        faults += [f"an error in the log: {line.strip()}" for line in self.server.lines
                   if "level=error" in line and not EXPECTED_ERRORS.search(line)]
        counts = self.ledger.counts
        print(f"memory over the last two thirds: {slope:+.1f} KiB a minute (at most {GROWTH_KIB})")
        for name in ("rss_kib", "fds", "threads"):
            print(f"{name}: {before[name]} before the load, {after[name]} after it")
        print("steps: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
        ended = ", ".join(f"{count} {state}" for state, count in self.ledger.ended.items())
        print(f"jobs followed: {ended}; {self.reloader.count} reloads")
        return faults

    def close(self):
        self.server.stop()
        self.receiver.shutdown()
        (self.folder / "soak.log").write_text(self.server.log())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("minutes", nargs="?", type=float, default=30)
    parser.add_argument("--folder", default="build/soak")
    options = parser.parse_args()
    folder = pathlib.Path(options.folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    soak = Soak(folder)
    try:
        faults = soak.judge(soak.run(options.minutes))
    finally:
        soak.close()
    for fault in faults:
        print(fault)
    print("FAILED" if faults else "passed", f"({folder / 'soak.csv'})")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
