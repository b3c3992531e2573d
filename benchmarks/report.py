"""The generated blocks and plots of `docs/results.md` and `docs/models.md`, from what is logged.

    python -m benchmarks.report     (make results)

Nothing is trained or timed here: a block whose runs or measurements are not there yet says so, with
the command that makes them. Tests check that the pages and plots are what this makes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import accounting, blocks, card, experiments, measured, plots

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = DOCS / "pictures"
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
TRIAL = (
    "`python -m training train RUN --variant partial --width 64 --discriminator-width 32 --images "
    "12800 --teacher float --teacher-weight WEIGHT --data FOLDER`, then `python -m training export "
    "RUN --out FILE --data FOLDER --swd-images 2000`"
)
PLOTS: dict[str, tuple[Callable[[], Any], Callable[[Path, Any], None]]] = {
    "curves.png": (plots.curves_data, plots.curves),
    "metric.png": (plots.metric_data, plots.metric),
}


def comparison() -> str:
    picture = _picture("curves.png", "SWD over the images seen, a line a run")
    return _suite("comparison", experiments.comparison_table, picture)


def metric() -> str:
    picture = _picture("metric.png", "Damage against redundancy, a point a layer")
    return _suite(
        "metric", experiments.metric_table, experiments.again() + experiments.verdict() + picture
    )


def losses() -> str:
    return _suite("losses", lambda: experiments.suite_table(LOSSES, "generator, loss"))


def tried() -> str:
    return _suite("tried", lambda: experiments.suite_table(RECIPES, "generator, recipe"))


def aligned() -> str:
    made = experiments.records("aligned").values()
    suite = _suite("aligned", lambda: experiments.aligned_table(made))
    trials = experiments.trials()
    if not trials:
        return suite
    images = trials[0]["manifest"]["export"]["swd_images"]
    return (
        f"{experiments.aligned_table(trials)}\nTrials of minutes with the shipped `float@1` as "
        f"teacher, SWD of {images:,} images: {TRIAL}.\n\n{suite}"
    )


def _suite(name: str, table: Callable[[], str], after: str = "") -> str:
    """A suite's progress, and where runs have been made their table and what follows it."""
    if not experiments.records(name):
        return experiments.progress(name)
    return f"{table()}\n{experiments.progress(name)}{after}"


def _picture(name: str, text: str) -> str:
    data, _ = PLOTS[name]
    return f"\n![{text}](pictures/{name})\n" if data() else ""


PAGES: dict[Path, dict[str, Callable[[], str]]] = {
    DOCS / "results.md": {
        "paper": measured.paper,
        "memory": measured.memory,
        "accounting": accounting.table,
        "inference": measured.inference,
        "steps": measured.steps,
        "quality": measured.quality,
        "neighbours": measured.neighbours,
        "comparison": comparison,
        "metric": metric,
        "losses": losses,
        "tried": tried,
        "aligned": aligned,
    },
    DOCS / "models.md": {"models": card.models, "export": card.export},
}


def page(path: Path) -> str:
    """A page with all of its blocks made anew."""
    text = path.read_text()
    for name, body in PAGES[path].items():
        text = blocks.fill(text, name, body())
    return text


def main() -> None:
    for name, (data, draw) in PLOTS.items():
        shown = data()
        if shown and plots.mark(PICTURES / name) != plots.digest(shown):
            draw(PICTURES / name, shown)
    for path in PAGES:
        path.write_text(page(path))


if __name__ == "__main__":
    main()
