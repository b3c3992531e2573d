"""Writes what is generated in README.md and docs/: `python -m docs`, or `make results`.

From what is logged in benchmarks/results/, from the shipped artifacts and from the code; nothing is
measured. A block or picture whose runs are not there yet says so, or is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from docs.blocks import (
    accounting,
    bulk,
    kernels,
    measured,
    models,
    playground,
    readme,
    reference,
    serving,
    suites,
)
from docs.draw import concepts, faces, training
from docs.draw import kernels as kernels_plots
from docs.draw.picture import Picture
from docs.page import fill

DOCS = Path(__file__).parent
BLOCKS: dict[Path, dict[str, Callable[[], str]]] = {
    DOCS.parent / "README.md": {"variants": readme.variants},
    DOCS / "bulk.md": {"bulk": bulk.rates},
    DOCS / "cli.md": {
        " ".join(["pbgen", *command]): partial(reference.help_text, *command)
        for command in ([], ["generate"], ["compare"], ["bench"], ["store"], ["serve"])
    },
    DOCS / "http.md": {"problems": reference.problems},
    DOCS / "kernels.md": {"figures": kernels.figures},
    DOCS / "metrics.md": {"metrics": reference.metrics},
    DOCS / "models.md": {"models": models.models, "export": models.export},
    DOCS / "operations.md": {"alerts": reference.alerts},
    DOCS / "playground.md": {"playground": playground.first_face},
    DOCS / "results.md": {
        "paper": measured.paper,
        "memory": measured.memory,
        "accounting": accounting.table,
        "inference": measured.inference,
        "steps": measured.steps,
        "quality": measured.quality,
        "neighbours": measured.neighbours,
        "comparison": suites.comparison,
        "metric": suites.metric,
        "losses": suites.losses,
        "tried": suites.tried,
        "aligned": suites.aligned,
    },
    DOCS / "serving.md": {"targets": serving.targets, "figures": serving.figures},
    DOCS / "settings.md": {"settings": reference.settings},
}
FILES: dict[Path, Callable[[], str]] = {DOCS / "openapi.json": reference.interface}
PICTURES: dict[Path, Picture] = {
    DOCS / "pictures" / name: picture
    for drawn in (concepts, faces, kernels_plots, training)
    for name, picture in drawn.PICTURES.items()
}


def page(path: Path) -> str:
    """A page with all of its blocks made anew."""
    text = path.read_text()
    for name, made in BLOCKS[path].items():
        text = fill(text, name, made())
    return text


def main() -> None:
    for path, picture in PICTURES.items():
        if picture.is_due(path):
            picture.write(path)
    for path in BLOCKS:
        path.write_text(page(path))
    for path, made in FILES.items():
        path.write_text(made())


if __name__ == "__main__":
    main()
