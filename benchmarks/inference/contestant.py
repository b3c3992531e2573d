"""Who takes part: a network, the runtime that runs it and how, and the threads it may use."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

KERNELS = "kernels"  # this project's own runtime
PYTORCH, ONNXRUNTIME, OPENVINO = "PyTorch", "ONNX Runtime", "OpenVINO"


class Absent(Exception):
    """A contestant that cannot take part, and why."""


@dataclass(frozen=True)
class Contestant:
    """One way to run one network.

    mode  the kernels' instruction set; of a peer, what `engines` says
    """

    runtime: str
    mode: str
    threads: int
    variant: str = "float"
    width: int = 128  # 1024-512-256-128-3
    image_size: int = 64

    @property
    def network(self) -> str:
        """Name of the network's file, without its suffix."""
        return f"{self.variant}-{self.width}-{self.image_size}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
