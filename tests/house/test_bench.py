"""What ./dev bench compare tells of its rounds, without measuring anything."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import figures  # noqa: E402
from lib import machine, report  # noqa: E402
from lib.context import Context  # noqa: E402
from lib.figure import Figure, at_least, at_most, medians  # noqa: E402
from lib.peers import Peer  # noqa: E402
from lib.process import Failed  # noqa: E402


def peer(name):
    made = Peer()
    made.name, made.title = name, f"the {name}"
    return made


FERRY, OTHER = peer("ferry"), peer("other")
TITLES = {"ferry": "ferry", "other": "the other"}


def result(values, missing=()):
    return {"values": values, "missing": dict(missing), "failed": {}, "rounds": 3, "date": "2026-11-25",
            "others": [0.02, 0.01]}


def told(figure, values, missing=()):
    return report.text([figure], {figure.name: result(values, missing)}, TITLES)


def test_a_target_is_held_by_the_ratio_of_the_medians():
    values = {"ferry": [100, 130, 120], "other": [100, 1, 1000]}
    assert medians(values) == {"ferry": 120, "other": 100}
    assert at_least(1.2, OTHER).holds(medians(values))
    assert not at_least(1.21, OTHER).holds(medians(values))
    assert at_most(120).holds(medians(values))


def test_a_target_whose_peer_is_missing_is_neither_held_nor_left_out():
    figure = Figure("rate", "requests", "requests/s", "more", (at_least(1.2, OTHER),))
    assert not figure.targets[0].holds({"ferry": 5})
    assert "| not measured | - |" in told(figure, {"ferry": [5]})


def test_a_peer_that_is_missing_is_a_row_that_says_why():
    figure = Figure("rate", "requests", "requests/s", "more")
    assert "| the other | missing: no compiler | | |" in told(
        figure, {"ferry": [5]}, {"other": "no\ncompiler"})


@pytest.mark.parametrize("better, first", [("more", "**ferry**"), ("less", "the other")])
def test_the_best_is_told_first(better, first):
    text = told(Figure("rate", "requests", "requests/s", better), {"ferry": [5], "other": [2]})
    assert text.splitlines()[-2].startswith(f"| {first} |")


def test_what_is_written_replaces_what_was_written_before_and_nothing_else(tmp_path, monkeypatch):
    page = tmp_path / "speed.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    monkeypatch.setattr(report, "PAGE", page)
    report.write("new\n")
    assert page.read_text() == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"


def test_each_round_begins_with_another_contender():
    orders = [Context(number, {}, print).turns([FERRY, OTHER]) for number in range(2)]
    assert orders == [[FERRY, OTHER], [OTHER, FERRY]]


def test_what_others_disturbed_is_measured_again_but_not_for_ever(monkeypatch):
    shares = iter([0.5, 0.01, 0.4, 0.5])
    monkeypatch.setattr(machine.Others, "share", lambda self: next(shares))
    values = iter(range(1, 6))
    context = Context(0, {}, lambda text: None)
    results = context.each([FERRY, OTHER], lambda _context, _peer: {"rate": next(values)})
    assert results == {"rate": {"ferry": 2, "other": 3}}
    assert context.others == [0.01, 0.4]


def test_a_measurement_that_fails_takes_none_of_the_others_with_it():
    def measure_one(_context, contender):
        if contender is OTHER:
            raise Failed("it broke")
        return {"rate": 7}
    context = Context(0, {}, lambda text: None)
    assert context.each([OTHER, FERRY], measure_one) == {"rate": {"ferry": 7}}
    assert context.failures == {"other": "it broke"}


def test_every_figure_has_a_name_of_its_own_and_targets_among_its_contenders():
    names = [figure.name for module in figures.ALL for figure in module.FIGURES]
    assert len(names) == len(set(names))
    for module in figures.ALL:
        contenders = {contender.name for contender in module.CONTENDERS}
        for target in (target for figure in module.FIGURES for target in figure.targets):
            assert target.peer is None or target.peer.name in contenders
