"""The servers that keep jobs on disk: ferry, and what people would pick instead.

Each acknowledges a job when it is on disk. Data is below build/, on the same disk for all; each is
Debian's, with its own defaults but for what makes it durable. All that belongs to one of them runs
on the server's core.
"""

import contextlib
import glob
import os
import pathlib
import re
import shutil
import socket
import subprocess

from lib import machine
from lib.enqueue import enqueue
from lib.peers import Ferry, Missing, Peer
from lib.process import Process, free_port, get, run

THREADS = 8  # ferry's own default


class Queue(Peer):
    protocol = ""  # how bench/enqueue calls it
    program = ""
    package = ""
    arguments = ()  # more for bench/enqueue

    def prepare(self):
        if not self.find():
            raise Missing(f"{self.package} is not installed")

    def find(self):
        return shutil.which(self.program, path=f"{os.environ['PATH']}:/usr/sbin")

    @contextlib.contextmanager
    def serve(self, folder):
        """Run it on the data in that folder, until it takes jobs and as long as the body does."""
        with Server(self, folder) as server:
            server.wait_for(lambda: self.is_ready(server.port), f"{self.title} takes jobs")
            yield server

    def is_ready(self, port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0


class Server(Process):
    """A queue that runs, and takes jobs at `port`."""

    def __init__(self, queue, folder):
        self.queue, self.port = queue, free_port()
        super().__init__(queue.command(self.port, THREADS, folder), machine.SERVER_CORE, folder,
                         queue.environment())

    def enqueue(self, connections, seconds, *arguments, **options):
        return enqueue(self.queue.protocol, self.port, connections, seconds, *self.queue.arguments,
                       *arguments, **options)

    def enqueue_and_run(self, connections, seconds):
        """ferry's alone: until they have run as well."""
        admin = re.search(r"listener=admin addr=(\S+)", self.log.read_text())[1]
        return self.enqueue(connections, seconds, "--completed", admin)


class FerryJobs(Ferry):
    """With one more route than conf/ferry.yaml has: a no-op worker, deferred. Its jobs run as they
    come, and share the core with what accepts them."""

    protocol = "http"
    arguments = ("--path", "/job")
    serve = Queue.serve

    def command(self, port, threads, folder):
        return [*super().command(port, threads, folder), "--set", "routes./job.worker=noop",
                "--set", "routes./job.mode=defer", "--set", "jobs.max_pending=4000000"]

    def is_ready(self, port):
        return (get(port, "/livez") or [0])[0] == 200


class FerryLater(FerryJobs):
    """Jobs that are not due yet: what accepting alone costs, as with a queue that nobody reads."""

    name = "ferry_later"
    title = "ferry, jobs for later"
    arguments = (*FerryJobs.arguments, "--header", "Ferry-Delay: 720h")


class Redis(Queue):
    name = "redis"
    title = "Redis, LPUSH, appendfsync always"
    protocol = "redis"
    program = "redis-server"
    package = "redis-server"

    def command(self, port, threads, folder):
        return [self.find(), "--bind", "127.0.0.1", "--port", port, "--dir", folder, "--save", "",
                "--appendonly", "yes", "--appendfsync", "always"]


class Beanstalkd(Queue):
    name = "beanstalkd"
    title = "beanstalkd -f0"
    protocol = "beanstalk"
    program = "beanstalkd"
    package = "beanstalkd"

    def command(self, port, threads, folder):
        return [self.find(), "-l", "127.0.0.1", "-p", port, "-b", folder, "-f0"]


class Postgres(Queue):
    """It refuses to run as root, so that root runs it as the user of Debian's package."""

    name = "postgres"
    title = "PostgreSQL, single inserts"
    protocol = "postgres"
    package = "postgresql-15"
    table = "CREATE TABLE IF NOT EXISTS jobs (id bigserial PRIMARY KEY, payload bytea NOT NULL)"

    def find(self, program="postgres"):
        return next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{program}"))), None)

    def unprivileged(self, command):
        if os.getuid() != 0:
            return command
        return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", *command]

    def command(self, port, threads, folder):
        data = pathlib.Path(folder, "data")
        data.mkdir()
        if os.getuid() == 0:
            os.chmod(folder, 0o711)
            shutil.chown(data, "postgres")
        run(self.unprivileged([self.find("initdb"), "-D", data, "-A", "trust", "-U", "bench"]))
        return self.unprivileged([self.find(), "-D", data, "-c", "listen_addresses=127.0.0.1", "-c",
                                  f"port={port}", "-c", "unix_socket_directories="])

    def is_ready(self, port):
        return subprocess.run([self.find("psql"), "-q", "-h", "127.0.0.1", "-p", str(port), "-U",
                               "bench", "-c", self.table, "postgres"], capture_output=True,
                              check=False).returncode == 0


class RabbitMQ(Queue):
    """With the name server that Erlang's distribution needs, one of its own."""

    name = "rabbitmq"
    title = "RabbitMQ, publisher confirms"
    protocol = "amqp"
    program = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    package = "rabbitmq-server"

    def __init__(self):
        self.settings = {}

    def prepare(self):
        super().prepare()
        if not shutil.which("epmd"):
            raise Missing("epmd, of erlang-base, is not installed")

    @contextlib.contextmanager
    def serve(self, folder):
        folder = pathlib.Path(folder)
        names = folder / "names"
        names.mkdir()
        self.settings = {
            "HOME": str(folder), "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(free_port()),
            "RABBITMQ_NODENAME": "bench@localhost", "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"), "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_LOGS": "-", "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        (folder / "plugins").write_text("[].\n")
        with Process(["epmd"], machine.SERVER_CORE, names, self.settings), \
                super().serve(folder) as server:
            yield server

    def environment(self):
        return self.settings

    def command(self, port, threads, folder):
        pathlib.Path(folder, "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
        return [self.program]


FERRY_JOBS = FerryJobs()
FERRY_LATER = FerryLater()
REDIS = Redis()
BEANSTALKD = Beanstalkd()
POSTGRES = Postgres()
RABBITMQ = RabbitMQ()
