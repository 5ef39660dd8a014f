"""docs/speed.svg: a small panel of bars for each figure that has a contender beside ferry."""

import textwrap

from lib import machine
from lib.figure import medians

PLOT = machine.ROOT / "docs" / "speed.svg"
COLUMNS = 3
TITLE_WIDTH = 60  # letters
OURS, THEIRS = "#1f6feb", "#b8c0cc"


def panel(axes, figure, result, titles):
    middle = medians(result["values"])
    names = sorted(middle, key=middle.get, reverse=figure.better == "less")  # the best on top
    spread = [[middle[name] - min(result["values"][name]) for name in names],
              [max(result["values"][name]) - middle[name] for name in names]]
    axes.barh([titles[name] for name in names], [middle[name] for name in names], xerr=spread,
              color=[OURS if name == "ferry" else THEIRS for name in names],
              error_kw={"elinewidth": 0.8, "ecolor": "#444"})
    title = textwrap.fill(figure.title, TITLE_WIDTH)
    axes.set_title(f"{title}\n{figure.unit}, {figure.better} is better", fontsize=8)
    if max(middle.values()) > 50 * min(middle.values()):
        axes.set_xscale("log")
    axes.tick_params(labelsize=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def write(figures, results, titles):
    """Draw all that was measured on more than ferry; needs python3-matplotlib."""
    shown = [figure for figure in figures
             if len(results.get(figure.name, {"values": {}})["values"]) > 1]
    if not shown:
        return
    import matplotlib  # here, as the table can be had without it
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "ferry", "svg.fonttype": "none",
                                "font.family": "sans-serif"})
    from matplotlib import pyplot
    rows = -(-len(shown) // COLUMNS)
    page, grid = pyplot.subplots(rows, COLUMNS, figsize=(13, 2.3 * rows), squeeze=False)
    for axes in grid.flat[len(shown):]:
        axes.axis("off")
    for axes, figure in zip(grid.flat, shown):
        panel(axes, figure, results[figure.name], titles)
    page.tight_layout()
    page.savefig(PLOT, metadata={"Date": None})
