"""What a figure is: its words, what ferry should reach in it, and how its rounds are put together."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Target:
    """`ferry / peer` against a bound, or ferry's own value if the peer is None."""

    sign: str  # ">=" or "<="
    bound: float
    peer: object = None

    def value(self, medians):
        """What is held against the bound; None if it was not measured."""
        ours, theirs = medians.get("ferry"), self.peer and medians.get(self.peer.name)
        if ours is None or (self.peer and not theirs):
            return None
        return ours / theirs if self.peer else ours

    def holds(self, medians):
        value = self.value(medians)
        return value is not None and (value >= self.bound if self.sign == ">=" else
                                      value <= self.bound)


def at_least(bound, peer=None):
    return Target(">=", bound, peer)


def at_most(bound, peer=None):
    return Target("<=", bound, peer)


@dataclasses.dataclass(frozen=True)
class Figure:
    """`name` is what measure() returns it by, `title` what the table says."""

    name: str
    title: str
    unit: str
    better: str  # "more" or "less"
    targets: tuple = ()


def medians(rounds):
    """{contender: median} of {contender: [a value a round]}."""
    return {name: statistics.median(values) for name, values in rounds.items() if values}
