"""python -m deploy.preview: draws the dashboard from Prometheus's answers to its queries.

For the README and for machines without Grafana; `make stack` and `make users` give it data.
"""

from __future__ import annotations

import argparse
import itertools
import math
import re
import time
from pathlib import Path
from typing import Any

import httpx
import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MultipleLocator

from deploy.panels import ROWS
from deploy.queries import WAITING, Panel, Query

WINDOW_S = 15
CORES = "cores"  # legends of a processor begin so
COLOURS = {"float": "#5794f2", "full": "#ff9830", "partial": "#73bf69"}
NAMED = {"red": "#f2495c", "orange": "#ff9830", "green": "#73bf69"}  # of thresholds
OTHERS = ("#b877d9", "#f2495c", "#fade2a", "#8ab8ff", "#ca95e5", "#96d98d", "#ffa6b0", "#c0d8ff")
DARK, PLATE, TEXT, FAINT, EMPTY = "#111217", "#181b1f", "#d8d9da", "#2c3235", "#8e9196"
UNIT_PIXELS = 42  # of height, for Grafana's 30
DPI = 100


def ask(url: str, call: str, query: Query, **parameters: float) -> list[tuple[str, Any]]:
    """(legend, values) of each series, by name."""
    expr = query.expr.replace("$__rate_interval", f"{WINDOW_S}s").replace("$variant", ".+")
    answer = httpx.get(f"{url}/api/v1/{call}", params={"query": expr, **parameters}, timeout=30)
    series = answer.raise_for_status().json()["data"]["result"]
    found = []
    for each in series:
        legend = query.legend
        for label in re.findall(r"{{(\w+)}}", legend):
            legend = legend.replace(f"{{{{{label}}}}}", each["metric"].get(label, ""))
        found.append((legend, each.get("values") or each["value"]))
    return sorted(found, key=lambda pair: pair[0])


def spelled(unit: str, value: float) -> str:
    """A value in the words of a Grafana unit."""
    if unit == "s":
        return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"
    if unit == "bytes":
        size, name = (value / 2**20, "MiB") if value >= 2**20 else (value / 2**10, "KiB")
        return f"{size:.3g} {name}"
    if unit == "percentunit":
        return f"{value:.0%}" if value == round(value, 2) else f"{value:.1%}"
    number = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    if unit == "reqps":
        return f"{number}/s"
    if unit.startswith("suffix:"):
        return number + unit.removeprefix("suffix:").partition(" ")[0]  # no words
    return number


def colours(legends: list[str]) -> list[str]:
    """The variants' own colours where a legend begins or ends with one."""
    others = itertools.cycle(OTHERS)
    return [
        COLOURS.get(legend.split(" ")[0]) or COLOURS.get(legend.split(" ")[-1]) or next(others)
        for legend in legends
    ]


def colour_at(panel: Panel, value: float) -> str:
    """A value's colour by the panel's thresholds: green if it has none, as in Grafana."""
    reached = [each for each in panel.thresholds if each.start is None or value >= each.start]
    return NAMED[reached[-1].colour if reached else "green"]


def draw_timeseries(axes: Axes, panel: Panel, url: str, span_s: float, end: float) -> None:
    asked = {"start": end - span_s, "end": end, "step": 1}
    shown = [pair for query in panel.queries for pair in ask(url, "query_range", query, **asked)]
    if not shown:
        say_nothing(axes)
        return
    legends = [legend for legend, _ in shown]
    right = draw_right_axis(axes) if any(each.startswith(CORES) for each in legends) else axes
    lines = []
    for (legend, values), colour in zip(shown, colours(legends), strict=True):
        times = [float(at) - end for at, _ in values]
        numbers = [float(value) for _, value in values]
        side = right if legend.startswith(CORES) else axes
        dashes = "--" if legend.startswith(WAITING) else "-"
        lines += side.plot(times, numbers, dashes, linewidth=1.4, label=legend, color=colour)
        side.fill_between(times, numbers, alpha=0.08, color=colour, linewidth=0)
    for each in panel.thresholds:
        if each.start is not None:
            axes.axhline(each.start, color=NAMED[each.colour], linestyle="--", linewidth=1)
    for side in (axes, right):
        side.set_ylim(bottom=0)
    axes.set_xlim(-span_s, 0)
    axes.grid(color=FAINT, linewidth=0.6)
    if panel.unit == "bytes":  # whole powers of two, as Grafana has them
        axes.yaxis.set_major_locator(MultipleLocator(2 ** round(math.log2(axes.get_ylim()[1] / 5))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: spelled(panel.unit, value)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} s"))
    axes.legend(
        handles=lines,
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.1),
        ncols=panel.width // 2,
        fontsize=6,
        frameon=False,
        labelcolor=TEXT,
        handlelength=1.2,
        columnspacing=0.8,
    )


def draw_right_axis(axes: Axes) -> Axes:
    """For what has another unit than the panel."""
    right = axes.twinx()
    right.spines[:].set_visible(False)
    right.tick_params(length=0, pad=-16)
    return right


def draw_bars(axes: Axes, panel: Panel, url: str, end: float) -> None:
    shown = [pair for query in panel.queries for pair in ask(url, "query", query, time=end)][::-1]
    if not shown:
        say_nothing(axes)
        return
    legends = [legend for legend, _ in shown]
    numbers = [float(value[1]) for _, value in shown]
    bars = axes.barh(legends, numbers, color=colours(legends), height=0.7)
    axes.bar_label(
        bars, [spelled(panel.unit, value) for value in numbers], color=TEXT, fontsize=7, padding=3
    )
    axes.set_xlim(0, 1.3 * max(numbers))
    axes.xaxis.set_visible(False)


def draw_stat(axes: Axes, panel: Panel, url: str, end: float) -> None:
    shown = [pair for query in panel.queries for pair in ask(url, "query", query, time=end)]
    axes.axis("off")
    if not shown:
        say_nothing(axes)
    if len(shown) == 1:
        value = float(shown[0][1][1])
        words, colour = spelled(panel.unit, value), colour_at(panel, value)
        axes.text(0.5, 0.45, words, fontsize=26, color=colour, ha="center", va="center")
        return
    for i, (legend, _) in enumerate(shown):
        axes.text(
            (i + 0.5) / len(shown),
            0.45,
            legend.replace("@", "\n@"),
            fontsize=11,
            ha="center",
            va="center",
            color=colours([legend.split("@")[0]])[0],
        )


def say_nothing(axes: Axes) -> None:
    """As Grafana does where a query returns nothing: no errors, say."""
    axes.axis("off")
    axes.text(0.5, 0.5, "No data", fontsize=11, ha="center", va="center", color=EMPTY)


def draw(url: str, span_s: float, path: Path) -> None:
    """Draws the last `span_s` seconds into a PNG."""
    end = time.time()
    style: Any = {
        "text.color": TEXT,
        "axes.labelcolor": TEXT,
        "xtick.color": TEXT,
        "ytick.color": TEXT,
    } | {"axes.edgecolor": FAINT, "font.size": 8, "xtick.labelsize": 6.5, "ytick.labelsize": 6.5}
    mpl.rcParams.update(style)
    heights = [row.height * UNIT_PIXELS for row in ROWS]
    width, top, total = 1600, 50, sum(heights) + 50
    figure = plt.figure(figsize=(width / DPI, total / DPI), dpi=DPI, facecolor=DARK)
    figure.text(0.01, 1 - 30 / total, "PBGen: side by side", fontsize=15, weight="bold")
    for row, height in zip(ROWS, heights, strict=True):
        left = 0
        for panel in row.panels:
            x, w = left / 24, panel.width / 24
            y, h = 1 - (top + height) / total, height / total
            gap_x, gap_y = 4 / width, 4 / total
            plate = (x + gap_x, y + gap_y, w - 2 * gap_x, h - 2 * gap_y)
            figure.add_artist(Rectangle(plate[:2], *plate[2:], color=PLATE, zorder=-1))
            figure.text(x + 14 / width, y + h - 24 / total, panel.title, fontsize=9)
            indent = 100 if panel.kind == "bargauge" else 58 if panel.kind == "timeseries" else 10
            below = 68 if panel.kind == "timeseries" else 16
            inside = (
                x + indent / width,
                y + below / total,
                w - (indent + 22) / width,
                h - (below + 40) / total,
            )
            axes = figure.add_axes(inside, facecolor=PLATE)
            axes.spines[:].set_visible(False)
            axes.tick_params(length=0)
            if panel.kind == "timeseries":
                draw_timeseries(axes, panel, url, span_s, end)
            elif panel.kind == "bargauge":
                draw_bars(axes, panel, url, end)
            else:
                draw_stat(axes, panel, url, end)
            left += panel.width
        top += height
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor=DARK)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.preview", description=__doc__)
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", metavar="URL")
    parser.add_argument("--span", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--out", type=Path, default=Path("dashboard.png"))
    options = parser.parse_args()
    draw(options.prometheus, options.span, options.out)


if __name__ == "__main__":
    main()
