"""Which layers of a generator can be binarized: a metric computed from deconvolution dimensions
alone.

A deconvolution's output plane is a matrix product of weights [c_out, c_in·k²] with an unfolded
input [c_in·k², h_out·w_out], whose rank is at most min(c_in·k², h_out·w_out). Where c_in·k² exceeds
h_out·w_out, the layer has more degrees of freedom for an output plane than the plane has positions:
it is redundant, and ±1 weights can still reach what float weights reach. Where it is smaller, every
weight counts. The paper (PBGen, Liu et al., arXiv 1802.09153) defines its metric from the same
dimensions and keeps DCGAN's last layer alone in high precision; this formula is our reconstruction
of it, not the paper's text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from kernels.spec import Deconvolution, GeneratorSpec
from model_store.manifest import layer_row


@dataclass(frozen=True)
class Redundancy:
    """The metric of one layer: rank argument c_in·k² against output positions h_out·w_out."""

    rank: int
    positions: int

    @property
    def ratio(self) -> float:
        return self.rank / self.positions

    @property
    def redundant(self) -> bool:
        """True where ratio > 1: the layer can be binarized."""
        return self.rank > self.positions


def redundancy(layer: Deconvolution) -> Redundancy:
    """The redundancy metric of one deconvolution."""
    return Redundancy(rank=layer.c_in * layer.kernel**2, positions=layer.size_out**2)


def choose_binary(layers: Iterable[Deconvolution]) -> tuple[bool, ...]:
    """For each layer, whether the metric says to binarize it; for DCGAN: all but the last."""
    return tuple(redundancy(layer).redundant for layer in layers)


def layer_table(spec: GeneratorSpec) -> list[dict[str, Any]]:
    """The layer table of a manifest: geometry, precision, and this metric."""
    rows = []
    for layer in spec.layers:
        metric = redundancy(layer.geometry)
        told = {**asdict(metric), "ratio": metric.ratio, "redundant": metric.redundant}
        rows.append({**layer_row(layer), "redundancy": told})
    return rows


def table(layers: Iterable[Deconvolution]) -> str:
    """A text table of the metric, one line a layer, first to last."""
    rows = ["layer  deconvolution              output    c_in·k²  h·w out   ratio  choice"]
    for index, layer in enumerate(layers):
        metric = redundancy(layer)
        shape = f"{layer.c_in} → {layer.c_out}, {layer.kernel}×{layer.kernel} / {layer.stride}"
        choice = "binarize" if metric.redundant else "keep"
        rows.append(
            f"{index:5}  {shape:<25}  {layer.size_out:>3}×{layer.size_out:<4}"
            f"{metric.rank:9}{metric.positions:9}{metric.ratio:8.2f}  {choice}"
        )
    return "\n".join(rows)
