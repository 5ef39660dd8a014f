#!/usr/bin/python3
"""Kill the server again and again while clients post e-mails, and look for what was lost.

    kills.py [--folder FOLDER] [COUNT]

A run has a folder with all that it knows: the server's state, what was accepted, what has arrived.
Interrupted, it goes on from there the next time. The e-mails go to a real SMTP server. Some
recipients are busy at first, some do not exist, some e-mails are to be sent later, and some are
withdrawn. At the end every job that was accepted must have ended, in the way that it had to.

test_crash.py does the same a few times for each change; `./dev kills` does it a thousand times.
"""

import argparse
import collections
import contextlib
import http.client
import json
import pathlib
import random
import re
import shutil
import sys
import threading
import time

from harness import DEADLINE, UNFINISHED, Server, SmtpServer, wait_until

POSTERS = 4
PAUSE = 0.01  # of a poster, after each e-mail
LIFE = 0.3  # seconds, at most

CONFIG = """
jobs: {{max_pending: 300, max_crashes: 0}}
pools:
  mail: {{threads: 4}}
workers:
  mailer: {{use: email, greylist_wait: 100ms, pause: 10ms, relay: "{relay}"}}
routes:
  /email:
    worker: mailer
    pool: mail
    methods: [POST]
    mode: defer
    retry: {{attempts: 1000, backoff: 50ms..200ms}}
"""


class Log:
    """A file of JSON lines that outlives the run."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.entries = []
        if path.exists():
            whole = [line for line in path.read_text().splitlines(True) if line.endswith("\n")]
            self.entries = [json.loads(line) for line in whole]
            path.write_text("".join(whole))  # without the half of a line
        self.file = open(path, "a", encoding="utf-8")

    def add(self, entry):
        with self.lock:
            self.entries.append(entry)
            self.file.write(json.dumps(entry) + "\n")
            self.file.flush()

    def __len__(self):
        return len(self.entries)


class Posters:
    """Clients that post e-mails one after the other, each with a token of its own as subject."""

    def __init__(self, chance, prefix, accepted, cancelled):
        self.chance = chance
        self.prefix = prefix
        self.accepted = accepted  # a Log of [token, kind, the job's path]
        self.cancelled = cancelled  # a Log of paths whose cancel was answered with success
        self.lock = threading.Lock()
        self.next = 0
        self.scheduled = 0
        self.surprises = []  # what was answered with neither 202 nor 503
        self.address = None
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(POSTERS)]
        for thread in self.threads:
            thread.start()

    def make(self):
        with self.lock:
            self.next += 1
            kind = self.chance.choices(["plain", "busy", "later", "nobody", "withdrawn"],
                                       [60, 15, 10, 5, 10])[0]
            return f"token-{self.prefix}-{self.next}", kind

    def run(self):
        while not self.ended.is_set():
            connection = self.address and http.client.HTTPConnection(self.address, timeout=DEADLINE)
            try:
                while connection and not self.ended.is_set():
                    self.post(connection)
                    self.ended.wait(PAUSE)
            except (OSError, http.client.HTTPException):
                pass  # killed: what it was about may have been accepted, and may not
            finally:
                if connection:
                    connection.close()
            self.ended.wait(0.005)

    def post(self, connection):
        token, kind = self.make()
        name = {"busy": "tempfail-2", "nobody": "reject"}.get(kind, token)
        mail = {"to": f"{name}@example.org", "subject": token, "text": "x" * 200}
        headers = {"Ferry-Delay": "1s"} if kind in ("later", "withdrawn") else {}
        connection.request("POST", "/email", body=json.dumps(mail), headers=headers)
        reply = connection.getresponse()
        body = reply.read()
        if reply.status == 503:  # too many are pending
            return
        if reply.status != 202:
            self.surprises.append((token, reply.status, body))
            return
        path = reply.headers["Location"]
        self.accepted.add([token, kind, path])
        self.scheduled += json.loads(body)["state"] == "scheduled"
        if kind == "withdrawn":
            self.withdraw(connection, path)

    def withdraw(self, connection, path):
        connection.request("DELETE", path)
        reply = connection.getresponse()
        reply.read()
        if reply.status < 300:
            self.cancelled.add(path)

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


class Run:
    def __init__(self, folder, seed):
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.chance = random.Random(seed)
        self.accepted = Log(self.folder / "accepted.jsonl")
        self.cancelled = Log(self.folder / "cancelled.jsonl")
        self.kills = Log(self.folder / "kills.jsonl")
        self.starts = Log(self.folder / "starts.jsonl")
        self.starts.add(seed)
        self.smtp = SmtpServer(self.folder)
        # It must not outlive us: the next run could not have the folder.
        self.server = Server(self.folder, CONFIG.format(relay=self.smtp.url),
                             starter=["setpriv", "--pdeathsig", "KILL"])
        self.posters = None

    # ---- killing ----

    def kill_once(self):
        """One life of the server, most often while it serves, sometimes while it starts."""
        server = self.server
        server.launch()
        if self.chance.random() < 0.1:
            time.sleep(self.chance.uniform(0, 0.1))
        else:
            server.wait_serving()
            self.posters.address = server.address
            time.sleep(self.chance.uniform(0, LIFE))
        server.kill()
        self.kills.add(len(self.accepted))

    def kill(self, count, progress=lambda: None):
        """Kill it until the run has seen so many kills."""
        self.posters = Posters(self.chance, len(self.starts), self.accepted, self.cancelled)
        try:
            while len(self.kills) < count:
                self.kill_once()
                progress()
        finally:
            self.posters.stop()
            if self.server.process:
                self.server.kill()
        assert self.posters.surprises == []

    # ---- looking ----

    def pending(self):
        return sum(self.server.metric(f'ferry_jobs{{state="{state}"}}') or 0
                   for state in UNFINISHED)

    def jobs(self):
        """All that was accepted, as [token, kind, the job]."""
        with contextlib.closing(self.server.connect()) as connection:
            for token, kind, path in self.accepted.entries:
                connection.request("GET", path)
                reply = connection.getresponse()
                body = reply.read()
                assert reply.status == 200, f"{token} was accepted and is lost: {reply.status}"
                yield token, kind, path, json.loads(body)

    def arrivals(self):
        """Of each token: the Message-IDs of its copies."""
        found = collections.defaultdict(list)
        for message in self.smtp.messages():
            token = re.search(r"^Subject: (token-\d+-\d+)\r?$", message["data"], re.M)[1]
            found[token].append(message["message_id"])
        return found

    def check_job(self, token, kind, job, copies, was_cancelled):
        state = job["state"]
        allowed = ["dead"] if kind == "nobody" else ["succeeded"]
        if was_cancelled:
            allowed.append("cancelled")
        elif kind == "withdrawn":  # the answer to its cancel may have been killed
            allowed.append("cancelled")
        assert state in allowed, f"{token} ({kind}) ended as {state}"
        if state == "succeeded":
            assert copies, f"{token} was accepted and has not arrived"
        if kind == "nobody" or (state == "cancelled" and job["attempt"] + job["crashes"] == 0):
            assert not copies, f"{token} has arrived and should not have"
        assert len(copies) <= 1 + job["crashes"], \
            f"{token} has arrived {len(copies)} times, with {job['crashes']} interruptions"

    def finish(self):
        """Let every job end, and check each; returns the counts."""
        self.server.start()
        try:
            wait_until(lambda: self.pending() == 0, "every job has ended", deadline=5 * DEADLINE)
            jobs = list(self.jobs())
        finally:
            self.server.stop()
        arrived = self.arrivals()
        withdrawn = set(self.cancelled.entries)
        states = collections.Counter()
        for token, kind, path, job in jobs:
            self.check_job(token, kind, job, arrived.get(token, []), path in withdrawn)
            states[job["state"]] += 1
        for token, ids in arrived.items():
            assert ids[0] and len(set(ids)) == 1, f"{token}: its copies differ in their Message-ID"
        ids = [ids[0] for ids in arrived.values()]
        assert len(set(ids)) == len(ids), "two e-mails have one Message-ID"
        copies = sum(map(len, arrived.values()))
        return {"kills": len(self.kills), "accepted": len(jobs), **states,
                "arrived": len(arrived), "duplicates": copies - len(arrived)}

    def close(self):
        self.smtp.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("count", nargs="?", type=int, default=1000)
    parser.add_argument("--folder", default="build/kills")
    options = parser.parse_args()
    run = Run(options.folder, random.SystemRandom().randrange(2**32))
    before, began = len(run.kills), time.monotonic()
    if before:
        print(f"going on after {before} kills, in {options.folder}")

    def progress():
        done = len(run.kills) - before
        print(f"\r{len(run.kills)} of {options.count} kills, "
              f"{(time.monotonic() - began) / done:.2f} s each, "
              f"{len(run.accepted)} accepted ", end="", flush=True)

    try:
        run.kill(options.count, progress)
        counts = run.finish()
    except KeyboardInterrupt:
        sys.exit("\ninterrupted: the next one goes on from here")
    finally:
        run.close()
    print("\n" + ", ".join(f"{count} {name}" for name, count in counts.items())
          + ": none was lost")
    shutil.rmtree(options.folder)


if __name__ == "__main__":
    main()
