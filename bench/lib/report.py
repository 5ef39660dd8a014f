"""What was measured, as Markdown between two comments of docs/speed.md, and as its plot."""

import re

from lib import machine
from lib.figure import medians

PAGE = machine.ROOT / "docs" / "speed.md"
BEGIN = "<!-- what ./dev bench compare writes begins here -->"
END = "<!-- and ends here -->"


def number(value):
    """Three figures that count, or more where they are before the point."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.1f}"


def target_row(figure, target, middle):
    value = target.value(middle)
    wanted = f"{target.sign} {target.bound:g}"
    if target.peer:
        wanted += f" × {target.peer.title}"
    else:
        wanted += f" {figure.unit}"
    told = "not measured" if value is None else number(value)
    verdict = "-" if value is None else "yes" if target.holds(middle) else "**no**"
    return f"| {figure.title} | {wanted} | {told} | {verdict} |"


def targets_table(figures, results):
    rows = [target_row(figure, target, medians(results[figure.name]["values"]))
            for figure in figures if figure.name in results for target in figure.targets]
    return ["| figure | target | measured | held |", "|---|---|---|---|", *rows] if rows else []


def contender_rows(figure, result, titles):
    """A row for each, the best first; then those that gave nothing, and why."""
    middle = medians(result["values"])
    order = sorted(middle, key=middle.get, reverse=figure.better == "more")
    for name in order:
        values = result["values"][name]
        ratio = ""
        if name != "ferry" and "ferry" in middle and middle[name]:
            ratio = f"{number(middle['ferry'] / middle[name])}"
        title = f"**{titles[name]}**" if name == "ferry" else titles[name]
        yield (f"| {title} | {number(middle[name])} | {number(min(values))} to"
               f" {number(max(values))} | {ratio} |")
    for name, why in result["missing"].items():
        yield f"| {titles[name]} | missing: {one_line(why)} | | |"
    for name, why in result["failed"].items():
        if name not in middle:
            yield f"| {titles[name]} | failed: {one_line(why)} | | |"


def one_line(text):
    return re.sub(r"\s+", " ", text).replace("|", "/")[:160]


def others(shares):
    """What other programs used meanwhile; a figure may not know."""
    return f" Other programs used {max(shares):.0%} of the machine at most." if shares else ""


def figure_table(figure, result, titles):
    return [f"### {figure.title[0].upper()}{figure.title[1:]}", "",
            f"{figure.better.title()} is better. Rounds: {result['rounds']}, on {result['date']}."
            + others(result["others"]), "",
            f"| | {figure.unit}, median | least to most | ferry / this |", "|---|---|---|---|",
            *contender_rows(figure, result, titles), ""]


def text(figures, results, titles):
    """The part between the comments, for all figures of which there are results."""
    lines = [f"Machine: {machine.facts()}. Server on core {machine.SERVER_CORE}, load on core"
             f" {machine.LOAD_CORE}, unless a figure says unpinned; ferry as it is shipped.", "",
             "![ferry and its peers](speed.svg)", "", *targets_table(figures, results), ""]
    for figure in figures:
        if figure.name in results:
            lines += figure_table(figure, results[figure.name], titles)
    return "\n".join(lines).rstrip() + "\n"


def write(part):
    """Put it into the page, where it was before."""
    page = PAGE.read_text()
    if BEGIN not in page:
        page += f"\n{BEGIN}\n{END}\n"
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{part}{END}{after}")
