"""202 means on disk: a server that is killed again and again loses no e-mail that it accepted."""

import collections
import http.client
import json
import os
import random
import re
import threading

from harness import DEADLINE, LONG, Server, wait_until

KILLS = 300 if LONG else 50
POSTERS = 4
SEED = int(os.environ.get("FERRY_SEED") or random.SystemRandom().randrange(2**32))

CONFIG = """
jobs: {{max_pending: 200, max_crashes: 0}}
pools:
  mail: {{threads: 4}}
workers:
  mailer: {{use: email, relay: "{relay}"}}
routes:
  /email:
    worker: mailer
    pool: mail
    methods: [POST]
    mode: defer
    retry: {{attempts: 1000, backoff: 50ms..200ms}}
"""


class Posters:
    """Clients that post e-mails one after the other, each with a token of its own as subject."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.accepted = {}  # token: the job's path
        self.surprises = []  # what was answered with neither 202 nor 503
        self.address = None
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(POSTERS)]
        for thread in self.threads:
            thread.start()

    def take_token(self):
        with self.lock:
            self.next += 1
            return f"token-{self.next}"

    def run(self):
        while not self.ended.is_set():
            connection = self.address and http.client.HTTPConnection(self.address, timeout=DEADLINE)
            try:
                while connection and not self.ended.is_set():
                    self.post(connection)
            except (OSError, http.client.HTTPException):
                pass  # killed: what it was about may have been accepted, and may not
            finally:
                if connection:
                    connection.close()
            self.ended.wait(0.005)

    def post(self, connection):
        token = self.take_token()
        mail = {"to": f"{token}@example.org", "subject": token, "text": "x" * 1000}
        connection.request("POST", "/email", body=json.dumps(mail))
        reply = connection.getresponse()
        reply.read()
        if reply.status == 202:
            self.accepted[token] = reply.headers["Location"]
        elif reply.status == 503:  # too many are pending
            self.ended.wait(0.01)
        else:
            self.surprises.append((token, reply.status))

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def kill_at_random(server, posters, chance):
    """One life of the server, most often while it serves, sometimes while it starts."""
    server.launch()
    if chance.random() < 0.1:
        posters.ended.wait(chance.uniform(0, 0.2))
    else:
        server.wait_serving()
        posters.address = server.address
        posters.ended.wait(chance.uniform(0, 0.4))
    server.kill()


def arrivals(smtp):
    """Of each token: the Message-IDs of its copies."""
    found = collections.defaultdict(list)
    for message in smtp.messages():
        token = re.search(r"^Subject: (token-\d+)\r?$", message["data"], re.M)[1]
        found[token].append(message["message_id"])
    return found


def unfinished(server):
    return sum(server.metric(f'ferry_jobs{{state="{state}"}}')
               for state in ("scheduled", "queued", "running", "retrying"))


def test_no_accepted_email_is_lost_over_many_kills(tmp_path, smtp, capsys):
    chance = random.Random(SEED)
    server = Server(tmp_path, CONFIG.format(relay=smtp.url))
    posters = Posters()
    try:
        for _ in range(KILLS):
            kill_at_random(server, posters, chance)
    finally:
        posters.stop()
    server.start()
    try:
        wait_until(lambda: unfinished(server) == 0, "every job has ended", deadline=5 * DEADLINE)
        assert server.metric('ferry_jobs{state="dead"}') == 0
    finally:
        server.stop()

    arrived = arrivals(smtp)
    copies = sum(map(len, arrived.values()))
    with capsys.disabled():
        print(f"\nseed {SEED}: {KILLS} kills, {len(posters.accepted)} accepted, "
              f"{len(arrived)} arrived, {copies - len(arrived)} duplicates")
    assert posters.surprises == []
    assert len(posters.accepted) > KILLS
    assert [token for token in posters.accepted if token not in arrived] == []
    assert [token for token, ids in arrived.items() if len(set(ids)) != 1 or not ids[0]] == []
    ids = [ids[0] for ids in arrived.values()]
    assert len(set(ids)) == len(ids)
