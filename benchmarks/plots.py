"""The training experiments' plots, each marked with the digest of the figures that it shows.

A test compares the marks with the records, since a picture's bytes depend on Matplotlib's version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from benchmarks.experiments import FLOAT, FULL, Damage, Group, damages, groups, record
from training.experiments import SUITES

INK, ACCENT, MUTED = "#1f2937", "#b45309", "#9ca3af"
COLORS = {"float": MUTED, "full": ACCENT, "partial": "#0f766e"}
MARK = "Source"  # of PNG's text fields


def digest(data: Any) -> str:
    """Of the figures that a plot shows."""
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def mark(path: Path) -> str | None:
    """The digest that a plot carries; None where there is no plot."""
    if not path.exists():
        return None
    with Image.open(path) as plot:
        return str(plot.info.get(MARK))


def save(figure: Figure, path: Path, data: Any) -> None:
    figure.savefig(path, dpi=150, metadata={MARK: digest(data), "Software": None})


def metric_data() -> Any:
    """The layers' points and the bands beside them; None until every layer's runs are made."""
    comparison, points = groups("comparison"), damages()
    if any(point.alone is None or point.kept is None for point in points):
        return None
    bands = [_band(comparison.get(name)) for name in (FLOAT, FULL)]
    return [[vars(point) for point in points], bands]


def metric(path: Path, data: Any) -> None:
    """Damage against redundancy, a point a layer, over the spread of the runs at either end."""
    points, (none, every) = [Damage(**point) for point in data[0]], data[1]
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True)
    alone = [(point, point.alone) for point in points]
    kept = [(point, point.kept) for point in points]
    _points(left, alone, none, "one layer binarized", "none binarized")
    _points(right, kept, every, "all but one layer binarized", "all binarized")
    save(figure, path, data)


def _band(reference: Group | None) -> tuple[float, float] | None:
    if reference is None:
        return None
    mean, spread = reference.mean(), reference.spread() or 0
    return mean - spread, mean + spread


def _points(
    axes: Any,
    points: Sequence[tuple[Damage, float | None]],
    band: tuple[float, float] | None,
    title: str,
    label: str,
) -> None:
    if band:
        axes.axhspan(*band, color=MUTED, alpha=0.35, lw=0, label=f"{label}, ± its spread")
        axes.legend(loc="lower right", frameon=False, fontsize=9)
    axes.axvline(1, color=MUTED, lw=1, ls="--")
    for damage, swd in points:
        if swd is not None:
            color = ACCENT if damage.redundancy < 1 else INK
            axes.plot(damage.redundancy, swd, "o", color=color, ms=7)
            axes.annotate(
                f"layer {damage.layer}",
                (damage.redundancy, swd),
                textcoords="offset points",
                xytext=(7, 5),
                color=color,
                fontsize=9,
            )
    axes.margins(y=0.1)
    axes.set(xscale="log", xlabel="redundancy, c_in·k² / (h·w)", ylim=(0, None), title=title)
    axes.set_ylabel("SWD × 10³, mean of levels")
    axes.spines[["top", "right"]].set_visible(False)


def curves_data() -> Any:
    """A line for each made run of the comparison: what it is, images seen, SWD; None without."""
    lines = []
    for experiment in SUITES["comparison"]():
        made = record(experiment)
        if made:
            options = experiment.options
            points = [(row["images"], row["swd"]["mean"]) for row in made["log"] if "swd" in row]
            dashed = options.variant != "float" and not options.binary_discriminator
            lines.append((options.variant, dashed, points))
    return lines or None


def curves(path: Path, data: Any) -> None:
    """SWD of 2,000 images over the images seen, a line a run of the comparison."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    labelled: set[str] = set()
    for variant, dashed, points in data:
        label = variant + (", float discriminator" if dashed else "")
        axes.plot(
            *zip(*points, strict=True),
            color=COLORS[variant],
            ls="--" if dashed else "-",
            label=None if label in labelled else label,
        )
        labelled.add(label)
    axes.set(xlabel="images seen", ylabel="SWD × 10³, mean of levels", ylim=(0, None))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path, data)
