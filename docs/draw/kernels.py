"""docs/kernels.md: who takes how long, and how the cost grows, of the first section's machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.inference.contestant import KERNELS
from benchmarks.inference.results import Result, machines
from benchmarks.inference.tables import label, peak_of
from docs.draw.picture import Picture, save_figure
from docs.draw.style import ACCENT, INK, MUTED

MARKERS = ("o", "s", "D")
LINES = {"partial": "-", "float": "--"}
SERIES_COLORS = (ACCENT, "#0f766e", "#1d4ed8", "#9d174d", "#6d28d9")


def source(result: Result) -> str:
    """A plot's mark: its measurement."""
    return f"{result['machine']['measured_at']}, {result['machine']['cpu']}"


def shown() -> Result:
    return machines()[0]


def speed(path: Path, result: Result, mark: str) -> None:
    """Milliseconds an image on one thread: a line a contestant, a marker a batch size."""
    rows = [r for r in result["rows"] if r["threads"] == 1 and r["mode"] != "portable"]
    names = list(dict.fromkeys(label(r) for r in sorted(rows, key=_at_one_image, reverse=True)))
    batches = sorted({r["batch"] for r in rows})
    figure = Figure(figsize=(9, 0.34 * len(names) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    for batch, marker in zip(batches, MARKERS, strict=True):
        for mine in (True, False):
            shown = [r for r in rows if r["batch"] == batch and (r["runtime"] == KERNELS) is mine]
            at = [names.index(label(r)) for r in shown]
            ms = [r["median_ms"] for r in shown]
            spread = [
                [r["median_ms"] - r["p10_ms"] for r in shown],
                [r["p90_ms"] - r["median_ms"] for r in shown],
            ]
            color = ACCENT if mine else INK
            axes.errorbar(
                ms, at, xerr=spread, fmt=marker, color=color, ms=6, elinewidth=1, mfc=color
            )
        axes.plot([], [], marker, color=MUTED, label=f"{batch} image{'s' * (batch > 1)} a call")
    for row in rows:
        peak = peak_of(result, row) if row["runtime"] == KERNELS else None
        if peak:
            limit = row["multiply_adds"] / peak * 1e3
            axes.plot(limit, names.index(label(row)), "|", color=MUTED, ms=15, mew=2, zorder=0)
    axes.plot([], [], "|", color=MUTED, ms=12, mew=2, label="the machine's limit")
    axes.set(xscale="log", xlabel="ms an image, one thread", yticks=range(len(names)))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.set_yticklabels([name.replace("`", "") for name in names])
    for text, name in zip(axes.get_yticklabels(), names, strict=True):
        text.set_color(ACCENT if name.startswith("`") else INK)
    _tidy(axes, "x")
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    save_figure(figure, path, mark)


def growth(path: Path, result: Result, mark: str) -> None:
    """ns a thousand multiply-adds over pixels, width and images a call; flat is linear growth."""
    rows = result["growth"]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    width = min(r["width"] for r in rows if r["image_size"] == max(r["image_size"] for r in rows))
    few = {r["batch"] for r in rows if r["image_size"] != 64}
    chosen: tuple[tuple[str, str, list[dict[str, Any]]], ...] = (
        ("image_size", "pixels a side", [r for r in rows if r["width"] == width]),
        ("width", "width", [r for r in rows if r["image_size"] == 64 and r["batch"] in few]),
        ("batch", "images a call", [r for r in rows if (r["width"], r["image_size"]) == (128, 64)]),
    )
    modes = list(dict.fromkeys(r["mode"] for r in rows))
    for axes, (key, name, shown) in zip(panels, chosen, strict=True):
        for variant, mode, batch in dict.fromkeys(_series(r, key) for r in shown):
            line = [r for r in shown if _series(r, key) == (variant, mode, batch)]
            line.sort(key=lambda r: r[key])
            axes.plot(
                [r[key] for r in line],
                [1e9 * r["median_ms"] / r["multiply_adds"] for r in line],
                LINES[variant],
                color=SERIES_COLORS[modes.index(mode)],
                marker="o" if batch in (None, 1) else "s",
                ms=4,
                label=f"{variant}, {mode}" if batch in (None, 1) else None,
            )
        axes.set(xscale="log", yscale="log", xlabel=name)
        axes.set_xticks(sorted({r[key] for r in shown}))
        axes.tick_params("x", labelsize=8)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        _tidy(axes, "x")
        _tidy(axes, "y")
    panels[0].set_ylabel("ns a thousand multiply-adds")
    panels[2].legend(frameon=False, fontsize=8, loc="center right", bbox_to_anchor=(1, 0.28))
    panels[0].set_title(f"width {width}; ● 1, ■ {max(few)} images a call", fontsize=9)
    panels[1].set_title("64 pixels; likewise", fontsize=9)
    panels[2].set_title("64 pixels, width 128", fontsize=9)
    save_figure(figure, path, mark)


def _series(row: dict[str, Any], key: str) -> tuple[str, str, int | None]:
    return row["variant"], row["mode"], None if key == "batch" else row["batch"]


def _at_one_image(row: dict[str, Any]) -> float:
    return float(row["median_ms"]) if row["batch"] == 1 else 0.0


def _tidy(axes: Any, which: str) -> None:
    """Plain numbers on a logarithmic axis."""
    side = axes.xaxis if which == "x" else axes.yaxis
    side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    side.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=which, color=MUTED, alpha=0.25, lw=0.6)


PICTURES = {
    "kernels-speed.png": Picture(shown, speed, source),
    "kernels-growth.png": Picture(shown, growth, source),
}
