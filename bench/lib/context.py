"""One round of measurements: whose turn it is, their servers, and what went wrong."""

import contextlib
import shutil
import tempfile

from lib import machine
from lib.process import Failed, Process, free_port, get


class Server(Process):
    """A peer that answers on `port`."""

    def __init__(self, peer, port, threads, core, folder):
        self.port = port
        super().__init__(peer.command(port, threads, folder), core, folder, peer.environment())
        try:
            self.wait_for(lambda: (get(port, peer.first_path) or [0])[0] == 200,
                          f"{peer.title} answers on {peer.first_path}")
        except Failed:
            self.stop()
            raise


DISTURBED = 0.1  # of the machine, used by others: then it is measured again
ATTEMPTS = 2


class Context:
    """Handed to a figure's measure(): one for each round."""

    def __init__(self, number, missing, say):
        self.number = number
        self.missing = missing  # {contender: why}
        self.say = say
        self.failures = {}  # {contender: why}, of this round
        self.others = []  # what others used while each was measured, of 1

    def turns(self, contenders):
        """Those that are there, in this round's order: each round another one begins."""
        there = [peer for peer in contenders if peer.name not in self.missing]
        begin = self.number % len(there) if there else 0
        return there[begin:] + there[:begin]

    def each(self, contenders, measure_one):
        """measure_one(context, peer) -> {figure: value} for each of them: {figure: {peer: value}}."""
        results = {}
        for peer in self.turns(contenders):
            try:
                values = self.undisturbed(measure_one, peer)
            except (Failed, OSError) as error:
                self.failures[peer.name] = str(error)
                self.say(f"{peer.title}: failed: {error}")
                continue
            for name, value in values.items():
                results.setdefault(name, {})[peer.name] = value
            self.say(f"{peer.title}: " + ", ".join(f"{name} {value:.6g}"
                                                   for name, value in values.items()))
        return results

    def undisturbed(self, measure_one, peer):
        """Measure again while others use too much of the machine, but not for ever; the least
        disturbed counts."""
        found = []
        for _ in range(ATTEMPTS):
            others = machine.Others()
            values = measure_one(self, peer)
            found.append((others.share(), values))
            if found[-1][0] <= DISTURBED:
                break
            self.say(f"{peer.title}: others used {found[-1][0]:.0%} of the machine")
        share, values = min(found, key=lambda each: each[0])
        self.others.append(share)
        return values

    @contextlib.contextmanager
    def folder(self):
        """An empty folder on the disk of build/, gone behind the body."""
        path = tempfile.mkdtemp(dir=machine.BUILD, prefix="run-")
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def serve(self, peer, threads, core=machine.SERVER_CORE):
        """That peer's server with a pool of so many threads; on any core if it is None."""
        with self.folder() as folder, Server(peer, free_port(), threads, core, folder) as server:
            yield server
