"""The training experiments' tables and plots, made from their records in `results/training/`.

Every comparison is of runs with equal budgets; a figure that several seeds share is their mean ±
their sample standard deviation. A run without a record is left out, and counted.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from kernels.dcgan import dcgan
from training.experiments import RECORDS, SUITES, Experiment
from training.redundancy import redundancy

LEVELS = ("64", "32", "16", "mean")
INK, ACCENT, MUTED = "#1f2937", "#b45309", "#9ca3af"


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone: SWD × 10³ of each, by level."""

    name: str
    swd: tuple[dict[str, float], ...]

    def mean(self, level: str = "mean") -> float:
        return statistics.fmean(swd[level] for swd in self.swd)

    def spread(self, level: str = "mean") -> float | None:
        """Sample standard deviation; None of a single run."""
        values = [swd[level] for swd in self.swd]
        return statistics.stdev(values) if len(values) > 1 else None

    def cell(self, level: str = "mean") -> str:
        spread = self.spread(level)
        return f"{self.mean(level):.1f}" + (f" ± {spread:.1f}" if spread is not None else "")


def record(experiment: Experiment) -> dict[str, Any] | None:
    """What is kept of a run; None where it has not been made."""
    path = RECORDS / f"{experiment.name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def groups(suite: str) -> list[Group]:
    """The made runs of a suite, by all that tells them apart but the seed, in the suite's order."""
    found: dict[str, list[dict[str, float]]] = {}
    for experiment in SUITES[suite]():
        made = record(experiment)
        if made:
            name = experiment.name.replace(f"-s{experiment.options.seed}", "")
            found.setdefault(name, []).append(made["manifest"]["swd"])
    return [Group(name, tuple(swd)) for name, swd in found.items()]


def by_name(groups: Iterable[Group]) -> dict[str, Group]:
    return {group.name: group for group in groups}


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def comparison_table() -> str:
    """Variants × discriminator: SWD by level, and the mean over float's."""
    made = by_name(groups("comparison"))
    reference = made["float-w64-102k"]
    rows = []
    for name, group in made.items():
        variant = name.split("-")[0]
        discriminator = "float" if variant == "float" or name.endswith("floatd") else "binarized"
        ratio = group.mean() / reference.mean()
        cells = [group.cell(level) for level in LEVELS]
        rows.append([f"`{variant}`", discriminator, str(len(group.swd)), *cells, f"{ratio:.2f}"])
    head = ["generator", "discriminator", "seeds", "64", "32", "16", "mean", "over `float`"]
    return markdown(head, rows)


@dataclass(frozen=True)
class Damage:
    """One layer's redundancy, and SWD (mean) with it binarized alone and with it kept alone."""

    layer: int
    redundancy: float
    alone: float | None
    kept: float | None


def damages() -> list[Damage]:
    """The metric's suite, layer by layer."""
    made = {name: group.mean() for name, group in by_name(groups("metric")).items()}
    layers = "01234"
    result = []
    for layer, geometry in enumerate(dcgan(64)):
        others = layers.replace(str(layer), "")
        kept = "partial" if layer == 4 else others
        result.append(
            Damage(
                layer,
                redundancy(geometry).ratio,
                made.get(f"{layer}-w64-102k-floatd"),
                made.get(f"{kept}-w64-102k-floatd"),
            )
        )
    return result


def metric_table() -> str:
    """A row a layer: what the metric says of it, and what binarizing it does."""
    rows = []
    for damage, geometry in zip(damages(), dcgan(64), strict=True):
        shape = f"{damage.layer}: {geometry.c_in} → {geometry.c_out}, {geometry.size_out}²"
        choice = "binarize" if redundancy(geometry).redundant else "keep"
        rows.append(
            [
                shape,
                f"{damage.redundancy:.2f}",
                choice,
                _figure(damage.alone),
                _figure(damage.kept),
            ]
        )
    head = ["layer", "redundancy", "choice", "binarized alone", "kept float alone"]
    return markdown(head, rows)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def suite_table(suite: str, words: dict[str, str]) -> str:
    """A suite's groups that `words` names, by level."""
    made = by_name(groups(suite))
    rows = [
        [text, *(made[name].cell(level) for level in LEVELS)]
        for name, text in words.items()
        if name in made
    ]
    return markdown(["run", *LEVELS], rows)


def metric_plot(path: Path) -> None:
    """Damage against redundancy, a point a layer, over the spread of float runs."""
    comparison = by_name(groups("comparison"))
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True)
    _points(
        left,
        [(damage, damage.alone) for damage in damages()],
        comparison["float-w64-102k"],
        "one layer binarized",
        "none binarized",
    )
    _points(
        right,
        [(damage, damage.kept) for damage in damages()],
        comparison["full-w64-102k-floatd"],
        "all but one layer binarized",
        "all binarized",
    )
    figure.savefig(path, dpi=150)


def _points(
    axes: Any,
    points: Sequence[tuple[Damage, float | None]],
    reference: Group,
    title: str,
    label: str,
) -> None:
    low, high = (reference.mean() + sign * (reference.spread() or 0) for sign in (-1, 1))
    axes.axhspan(low, high, color=MUTED, alpha=0.35, lw=0, label=f"{label}, ± its spread")
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
    axes.set(xscale="log", xlabel="redundancy, c_in·k² / (h·w)", ylim=(0, None), title=title)
    axes.set_ylabel("SWD × 10³, mean of levels")
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def curves_plot(path: Path) -> None:
    """SWD of 2,000 images over the images seen, a line a run of the comparison."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    colors = {"float": MUTED, "full": ACCENT, "partial": "#0f766e"}
    labelled: set[str] = set()
    for experiment in SUITES["comparison"]():
        made = record(experiment)
        if made:
            points = [(row["images"], row["swd"]["mean"]) for row in made["log"] if "swd" in row]
            variant = experiment.options.variant
            dashed = variant != "float" and not experiment.options.binary_discriminator
            label = variant + (", float discriminator" if dashed else "")
            axes.plot(
                *zip(*points, strict=True),
                color=colors[variant],
                ls="--" if dashed else "-",
                label=None if label in labelled else label,
            )
            labelled.add(label)
    axes.set(xlabel="images seen", ylabel="SWD × 10³, mean of levels", ylim=(0, None))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
