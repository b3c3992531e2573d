"""Pictures of a run: sheets of samples and the SWD curve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from training.data import Images

COLUMNS = 8  # of a sheet


def sheet(images: Images, path: Path) -> None:
    """Saves u8 images [N, s, s, 3] as a grid, row by row."""
    rows, size = -(-len(images) // COLUMNS), images.shape[1]
    grid = np.zeros((rows * COLUMNS, size, size, 3), np.uint8)
    grid[: len(images)] = images
    grid = grid.reshape(rows, COLUMNS, size, size, 3).swapaxes(1, 2)
    Image.fromarray(grid.reshape(rows * size, COLUMNS * size, 3)).save(path)


def swd_curve(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Plots SWD × 10³ by level over images seen, from a run's log."""
    from matplotlib.figure import Figure  # slow to import, and only runs that are evaluated need it

    points = [(row["images"], row["swd"]) for row in rows if "swd" in row]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for level in points[0][1]:
        width = 2.5 if level == "mean" else 1
        axes.plot(
            [p[0] for p in points], [p[1][level] for p in points], marker=".", lw=width, label=level
        )
    axes.set(
        xlabel="images seen", ylabel="SWD × 10³", ylim=(0, None), title="against held-out faces"
    )
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
