"""docs/concepts.md: weights as bits, and what each layer's redundancy is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import model_store
from docs.draw.faces import digests
from docs.draw.picture import Picture, save_figure
from docs.units import size
from kernels import packing
from training.redundancy import redundancy

LAYER, TAP, CHANNEL = 1, (1, 1), 0  # whose weights `bits` shows
SIDE = 8  # 64 input channels as a square: a row is a byte
INK, FAINT, KEEP, BINARY, FLOAT = "#333333", "#888888", "#d9730d", "#2a7f62", "#4a6fa5"
STYLE: Any = {
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "svg.hashsalt": "pbgen",  # the same file from the same figure
}


def bits() -> Figure:
    """64 float weights, their signs with one scale, and the bytes that hold the signs."""
    layer = model_store.load("float").layers[LAYER]
    weight = layer.weight[*TAP, CHANNEL, : SIDE * SIDE].astype(np.float32)
    square = weight.reshape(SIDE, SIDE)
    scale = float(np.abs(weight).mean())
    signs = np.where(square >= 0, scale, -scale)
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots(1, 3)
    bound = float(np.abs(weight).max())
    _cells(axes[0], square, bound)
    axes[0].set_title("64 float weights")
    axes[0].set_xlabel(f"{weight.nbytes} bytes")
    _cells(axes[1], signs, bound)
    for (y, x), value in np.ndenumerate(signs):
        axes[1].text(x, y, "+" if value > 0 else "−", ha="center", va="center", color=INK)
    axes[1].set_title(f"their signs × mean |w| = {scale:.3f}")
    axes[1].set_xlabel("one scale for the whole channel")
    packed = packing.pack(signs).ravel()
    _cells(axes[2], np.zeros_like(signs), 1)
    for (y, x), value in np.ndenumerate(signs):
        bit = "1" if value > 0 else "0"
        axes[2].text(x, y, bit, ha="center", va="center", color=INK if value > 0 else FAINT)
    axes[2].set_yticks(range(SIDE), [f"{byte:02x}" for byte in packed], family="monospace")
    axes[2].yaxis.tick_right()
    axes[2].set_title("packed, bit 0 first")
    axes[2].set_xlabel(f"{packed.nbytes} bytes")
    return figure


def _cells(axes: Axes, square: NDArray[np.floating[Any]], bound: float) -> None:
    axes.imshow(square, "RdBu", vmin=-bound, vmax=bound)
    axes.set_xticks([])
    axes.set_yticks([])
    for edge in np.arange(0.5, SIDE - 1):
        axes.axhline(edge, color="white", linewidth=1)
        axes.axvline(edge, color="white", linewidth=1)


def redundancy_by_layer() -> Figure:
    """The metric of each layer, and what its weights weigh in the float and partial generators."""
    layers = model_store.load("partial").layers
    names = [f"{each.geometry.c_in} → {each.geometry.c_out}" for each in layers]
    metrics = [redundancy(each.geometry) for each in layers]
    rows = np.arange(len(layers))
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    ratios = [each.ratio for each in metrics]
    colours = [BINARY if each.redundant else KEEP for each in metrics]
    left.barh(rows, np.log2(ratios), color=colours, height=0.62)
    left.axvline(0, color=INK, linewidth=1)
    for row, each in zip(rows, metrics, strict=True):
        words = f" {each.rank:,} ÷ {each.positions:,} = {each.ratio:g} "
        left.text(max(0.0, np.log2(each.ratio)), row, words, va="center")
    left.set_xlim(-3, 13.5)
    left.set_xticks([])
    left.set_title("weights of an output ÷ output positions")
    left.set_xlabel("← keep | binarize →", x=0.3)
    height = 0.36
    for offset, variant, colour in ((-0.5, "float", FLOAT), (0.5, "partial", BINARY)):
        weights = [each.weight.nbytes for each in model_store.load(variant).layers]
        bars = right.barh(rows + offset * height, weights, height, color=colour, label=variant)
        sizes = [size(count, 1) for count in weights]
        if variant == "partial":
            bars.patches[-1].set_color(KEEP)
            sizes[-1] += ", fixed point"
        right.bar_label(bars, sizes, padding=3, fontsize=8)
    right.set_xscale("log")
    right.set_xlim(1e3, 1e8)
    right.set_xticks([])
    right.minorticks_off()
    right.set_title("bytes of its weights (logarithmic)")
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.set_yticks(rows, names)
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    return figure


def _picture(figure: Callable[[], Figure]) -> Picture:
    def draw(path: Path, _digests: Any, mark: str) -> None:
        with mpl.rc_context(STYLE):
            save_figure(figure(), path, mark)

    return Picture(digests, draw)


PICTURES = {"bits.svg": _picture(bits), "redundancy.svg": _picture(redundancy_by_layer)}
