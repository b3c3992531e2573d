"""docs/results.md: the training experiments' tables, from their records in `results/training/`.

Every comparison is of runs with equal budgets; a figure that several seeds share is their mean ±
their sample standard deviation, a ratio has its confidence interval. A run without a record is left
out, and counted.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy import stats

from benchmarks import markdown
from kernels.dcgan import dcgan
from training.experiments import RECORDS, SUITES, Experiment
from training.redundancy import redundancy

LEVELS = ("64", "32", "16", "mean")
FLOAT = "float-w64-102k"  # what the comparison's other runs are compared with


def metric_run(layers: str) -> str:
    """The name of the metric's run with these layers binarized: "0", "123", "partial", "float"."""
    discriminator = "" if layers == "float" else "-floatd"
    return f"{layers}-w64-102k{discriminator}-float32"


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
        return with_spread(self.mean(level), self.spread(level), 1)

    def over(self, other: Group) -> str:
        """The ratio of the geometric means, and its 95 % confidence interval where both sides have
        several runs (Welch's t-test of the logarithms).
        """
        logs = [[math.log(swd["mean"]) for swd in group.swd] for group in (self, other)]
        ratio = math.exp(statistics.fmean(logs[0]) - statistics.fmean(logs[1]))
        if min(map(len, logs)) < 2:
            return f"{ratio:.2f}"
        bounds = stats.ttest_ind(*logs, equal_var=False).confidence_interval()
        return f"{ratio:.2f} ({math.exp(bounds.low):.2f} … {math.exp(bounds.high):.2f})"


def with_spread(value: float, spread: float | None, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text if spread is None else f"{text} ± {spread:.{digits}f}"


def record(experiment: Experiment) -> dict[str, Any] | None:
    """What is kept of a run; None where it has not been made."""
    path = RECORDS / f"{experiment.name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def _manifest(path: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(path.read_text())["manifest"]
    return manifest


def records(suite: str) -> dict[str, dict[str, Any]]:
    """The records of a suite's made runs, by name, in the suite's order."""
    made = {experiment.name: record(experiment) for experiment in SUITES[suite]()}
    return {name: found for name, found in made.items() if found is not None}


def groups(suite: str) -> dict[str, Group]:
    """The made runs of a suite, by all that tells them apart but the seed, in the suite's order."""
    found: dict[str, list[dict[str, float]]] = {}
    for name, made in records(suite).items():
        shared = name.replace(f"-s{made['manifest']['provenance']['seed']}", "")
        found.setdefault(shared, []).append(made["manifest"]["swd"])
    return {name: Group(name, tuple(swd)) for name, swd in found.items()}


def progress(suite: str) -> str:
    """In one line: how many of a suite's runs have been made, and the command that makes them."""
    command = f"`python -m training experiments RUNS --data FOLDER --only {suite}`"
    made, every = records(suite), len({experiment.name for experiment in SUITES[suite]()})
    if not made:
        return f"Not run yet: {command}.\n"
    dtypes = Counter(each["manifest"]["provenance"]["options"]["compute"] for each in made.values())
    how = " and ".join(f"{count} in {dtype}" for dtype, count in dtypes.most_common())
    return f"{len(made)} of {every} runs made, {how}, by {command}.\n"


def comparison_table() -> str:
    """Variants × discriminator: SWD by level, and the mean over float's."""
    made = groups("comparison")
    rows = []
    for name, group in made.items():
        variant = name.split("-")[0]
        discriminator = "float" if variant == "float" or name.endswith("floatd") else "binarized"
        cells = [group.cell(level) for level in LEVELS]
        ratio = group.over(made[FLOAT]) if FLOAT in made and name != FLOAT else "–"
        rows.append([f"`{variant}`", discriminator, str(len(group.swd)), *cells, ratio])
    head = ["generator", "discriminator", "seeds", "64", "32", "16", "mean", "over `float`"]
    return markdown.table(head, rows)


@dataclass(frozen=True)
class Damage:
    """One layer's redundancy, and SWD (mean) with it binarized alone and with it kept alone."""

    layer: int
    redundancy: float
    alone: float | None
    kept: float | None


def damages() -> list[Damage]:
    """The metric's suite, layer by layer."""
    made = {name: group.mean() for name, group in groups("metric").items()}
    layers = "01234"
    result = []
    for layer, geometry in enumerate(dcgan(64)):
        others = layers.replace(str(layer), "")
        kept = "partial" if layer == 4 else others
        result.append(
            Damage(
                layer,
                redundancy(geometry).ratio,
                made.get(metric_run(str(layer))),
                made.get(metric_run(kept)),
            )
        )
    return result


def metric_table() -> str:
    """A row a layer: what the metric says of it, and what binarizing it does. First, no layer."""
    none = groups("metric").get(metric_run("float"))
    rows = [["none", "–", "–", none.cell(), "–"]] if none else []
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
    return markdown.table(head, rows)


def again() -> str:
    """In one paragraph: runs of the metric that were also made in bfloat16, of the same seed."""
    pairs = []
    for name, made in records("metric").items():
        path = RECORDS / f"{name.removesuffix('-float32')}.json"
        if path.exists():
            layers = made["manifest"]["variant"]
            words = {"float": "none", "partial": "all but the last"}.get(layers, f"layer {layers}")
            ours, theirs = (each["swd"]["mean"] for each in (made["manifest"], _manifest(path)))
            pairs.append(f"{words} {ours:.1f} and {theirs:.1f}")
    if not pairs:
        return ""
    told = ", ".join(pairs)
    return f"\nHow far a single run goes, by the same seed in float32 and in bfloat16: {told}.\n"


def rank_correlation(values: Sequence[float | None]) -> tuple[float, float] | None:
    """Spearman's ρ of the layers' redundancy with their SWD, and its exact two-sided p among all
    orders; None until every layer's run is made.
    """
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    ratios = [damage.redundancy for damage in damages()]

    def rho(order: Any) -> Any:
        return stats.spearmanr(ratios, order).statistic

    exact = stats.permutation_test(
        (known,), rho, permutation_type="pairings", n_resamples=math.factorial(len(known))
    )
    return float(exact.statistic), float(exact.pvalue)


def verdict() -> str:
    """Whether the metric orders the damage, in one paragraph; empty until all runs are made."""
    points = damages()
    alone = rank_correlation([point.alone for point in points])
    kept = rank_correlation([point.kept for point in points])
    if alone is None or kept is None:
        return ""
    made = groups("metric")
    ends, last = made[metric_run("123")], made[metric_run("partial")]
    return (
        "\nThe layer that the metric keeps, and the others: SWD "
        f"{_apart([(point, point.alone) for point in points])} binarized alone, "
        f"{_apart([(point, point.kept) for point in points])} kept float alone. "
        "Spearman's ρ of a layer's redundancy with SWD: "
        f"{alone[0]:+.2f} where it is binarized alone (expected negative; exact p {alone[1]:.2f}), "
        f"{kept[0]:+.2f} where it alone stays float (expected positive; exact p {kept[1]:.2f}). "
        f"With the projection float as well as the last layer, SWD is {ends.cell()}; with the last "
        f"layer alone, {last.cell()}.\n"
    )


def _apart(points: Sequence[tuple[Damage, float | None]]) -> str:
    """The SWD of layers that the metric keeps, and the range of the others'."""
    keeps = [swd for point, swd in points if swd is not None and point.redundancy <= 1]
    others = [swd for point, swd in points if swd is not None and point.redundancy > 1]
    kept = ", ".join(f"{swd:.1f}" for swd in keeps)
    return f"{kept} against {min(others):.1f} … {max(others):.1f}"


def suite_table(words: dict[str, str], head: str) -> str:
    """The made runs that `words` names, of whatever suite, by level."""
    made = {name: group for suite in SUITES for name, group in groups(suite).items()}
    rows = [
        [text, *(made[name].cell(level) for level in LEVELS)]
        for name, text in words.items()
        if name in made
    ]
    return markdown.table([head, *LEVELS], rows)


def aligned_table() -> str:
    """Generators from scratch and students, by level; and how near each comes to the teacher's
    image of a latent: a student's manifest has it, of the others the record.
    """
    rows = []
    for made in records("aligned").values():
        options, swd = made["manifest"]["provenance"]["options"], made["manifest"]["swd"]
        taught = made["manifest"]["export"].get("teacher")
        alike = taught or made.get("likeness")
        rows.append(
            [
                f"`{options['variant']}`",
                f"{options['images']:,}",
                f"{options['teacher_weight']:g}" if taught else "from scratch",
                *(f"{swd[level]:.1f}" for level in LEVELS),
                *([f"{alike['psnr_db']:.1f}", f"{alike['ssim']:.2f}"] if alike else ["–", "–"]),
            ]
        )
    return markdown.table(["generator", "images", "pull", *LEVELS, "PSNR, dB", "SSIM"], rows)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
