"""docs/results.md: each suite of training runs, as far as it has been made."""

from __future__ import annotations

from collections.abc import Callable

from docs.blocks import experiments
from docs.draw import training

RECIPES = {
    f"{variant}-w64-102k{change}-float32": f"`{variant}`, {words}"
    for variant in ("float", "partial")
    for change, words in {
        "": "as in the comparison",
        "-b64": "batch 64",
        "-decay1": "constant learning rate",
        "-lr0.0004": "twice the learning rate",
    }.items()
}
LOSSES = {
    f"{variant}-w64-102k{loss}-float32": f"`{variant}`, {words}"
    for variant in ("float", "partial")
    for loss, words in {"": "logistic", "-hinge": "hinge", "-wgan-gp": "WGAN-GP"}.items()
}


def comparison() -> str:
    text = "SWD over the images seen, a line a run"
    picture = f"\n![{text}](pictures/curves.png)\n" if training.curves_data() else ""
    return _suite("comparison", experiments.comparison_table, picture)


def metric() -> str:
    text = "Damage against redundancy, a point a layer"
    picture = f"\n![{text}](pictures/metric.png)\n" if training.metric_data() else ""
    return _suite(
        "metric", experiments.metric_table, experiments.again() + experiments.verdict() + picture
    )


def losses() -> str:
    return _suite("losses", lambda: experiments.suite_table(LOSSES, "generator, loss"))


def tried() -> str:
    return _suite("tried", lambda: experiments.suite_table(RECIPES, "generator, recipe"))


def aligned() -> str:
    return _suite("aligned", experiments.aligned_table)


def _suite(name: str, table: Callable[[], str], after: str = "") -> str:
    """A suite's progress, and where runs have been made their table and what follows it."""
    if not experiments.records(name):
        return experiments.progress(name)
    return f"{table()}\n{experiments.progress(name)}{after}"
