"""From the start of the program to its first answer. ferry's is that of /readyz, with its database
of an earlier run open; the second start of each is measured, when its files are in memory."""

import socket
import time

from figures.noop import THREADS
from lib import machine
from lib.figure import Figure, at_most
from lib.peers import FERRY_PEER, GO, GUNICORN, HYPER, NGINX, PISCINA, TORNADO
from lib.process import Failed, Process, free_port

PATIENCE = 10  # seconds

CONTENDERS = [FERRY_PEER, NGINX, HYPER, GO, PISCINA, TORNADO, GUNICORN]

FIGURES = [
    Figure("start", "start to the first answer, database open", "ms", "less", (at_most(10),)),
]


def is_answered(port, path):
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            peer.settimeout(PATIENCE)
            peer.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            return peer.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def start_ms(peer, folder):
    port = free_port()
    path = "/readyz" if peer is FERRY_PEER else peer.first_path
    command = peer.command(port, THREADS, folder)
    began = time.perf_counter()
    with Process(command, machine.SERVER_CORE, folder, peer.environment()) as process:
        while not is_answered(port, path):
            if time.perf_counter() - began > PATIENCE:
                raise Failed(f"no answer: {process.log_end()}")
            time.sleep(0.0002)
        return (time.perf_counter() - began) * 1000


def measure_one(context, peer):
    with context.folder() as folder:
        start_ms(peer, folder)
        return {"start": start_ms(peer, folder)}


def measure(context):
    return context.each(CONTENDERS, measure_one)
