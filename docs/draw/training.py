"""docs/results.md: the training experiments' plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from docs.blocks.experiments import FLOAT, Damage, damages, groups, metric_run, record
from docs.draw.picture import Picture, save_figure
from docs.draw.style import ACCENT, INK, MUTED
from training.experiments import SUITES

COLORS = {"float": MUTED, "full": ACCENT, "partial": "#0f766e"}


def metric_data() -> Any:
    """The layers' points, and what float has, more or less the spread that it has in the
    comparison; None until all of these are made.
    """
    points, none, seeds = damages(), groups("metric").get(metric_run("float")), groups("comparison")
    if none is None or any(point.alone is None or point.kept is None for point in points):
        return None
    spread = (seeds[FLOAT].spread() if FLOAT in seeds else None) or 0.0
    return [[vars(point) for point in points], [none.mean() - spread, none.mean() + spread]]


def metric(path: Path, data: Any, mark: str) -> None:
    """Damage against redundancy, a point a layer, over float's own and its spread."""
    points, band = [Damage(**point) for point in data[0]], data[1]
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True)
    alone = [(point, point.alone) for point in points]
    kept = [(point, point.kept) for point in points]
    _points(left, alone, band, "this layer binarized alone")
    _points(right, kept, band, "this layer kept float alone")
    save_figure(figure, path, mark)


def _points(
    axes: Any,
    points: Sequence[tuple[Damage, float | None]],
    band: tuple[float, float],
    title: str,
) -> None:
    axes.axhspan(*band, color=MUTED, alpha=0.35, lw=0, label="none binarized, ± its spread")
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
    most = max(swd for _, swd in points if swd is not None)
    axes.margins(x=0.15)  # with ylim, room for the labels
    axes.set(xscale="log", xlabel="redundancy, c_in·k² / (h·w)", ylim=(0, 1.15 * most), title=title)
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


def curves(path: Path, data: Any, mark: str) -> None:
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
    save_figure(figure, path, mark)


PICTURES = {"curves.png": Picture(curves_data, curves), "metric.png": Picture(metric_data, metric)}
