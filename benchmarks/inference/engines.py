"""The runtimes, behind one small interface.

A call takes latents in the runtime's own form and returns images in its own form (peers: float32
in, float32 out; turning those into bytes is not charged to them).
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.inference.contestant import (
    KERNELS,
    ONNXRUNTIME,
    OPENVINO,
    PYTORCH,
    Absent,
    Contestant,
)
from benchmarks.inference.exports import SUFFIXES
from benchmarks.plain import decoded, torch_network

Call = Callable[[], Any]
# PyTorch's modes. `frozen`: weights are constants of the compiled program, laid out once.
EAGER, LAST, COMPILED, AUTOCAST = "float32", "channels last", "compiled", "bfloat16 autocast"
FROZEN, FROZEN_BFLOAT16 = "compiled, frozen", "compiled, frozen, bfloat16 autocast"
HALVED = (AUTOCAST, FROZEN_BFLOAT16)
PYTORCH_MODES = (EAGER, LAST, COMPILED, AUTOCAST, FROZEN, FROZEN_BFLOAT16)
FLOAT32, INT8 = "float32", "INT8"  # of the others


class Engine(ABC):
    """A runtime whose imports are done."""

    suffix: str  # of the file that it loads
    version: str

    def files(self, path: Path) -> tuple[Path, ...]:
        """What it needs beside its own code, given the file that it loads."""
        return (path,)

    @abstractmethod
    def load(self, path: Path) -> None:
        """Make the network of a file ready."""

    @abstractmethod
    def call(self, latents: NDArray[np.uint8]) -> Call:
        """A function that makes the images of u8 latents [N, D], again and again."""


class Kernels(Engine):
    suffix = SUFFIXES["artifact"]

    def __init__(self, contestant: Contestant) -> None:
        import kernels
        from model_store import artifact

        self.version, self.contestant = "", contestant
        self.make, self.read = kernels.Generator, artifact.read

    def load(self, path: Path) -> None:
        spec = self.read(path).spec
        self.generator = self.make(spec, self.contestant.threads, self.contestant.mode)

    def call(self, latents: NDArray[np.uint8]) -> Call:
        return lambda: self.generator.run(latents)


class PyTorch(Engine):
    suffix = SUFFIXES["artifact"]

    def __init__(self, contestant: Contestant) -> None:
        if contestant.mode in (FROZEN, FROZEN_BFLOAT16):
            os.environ["TORCHINDUCTOR_FREEZING"] = "1"
        import torch

        from model_store import artifact
        from training.options import fast_dtype

        if contestant.mode in HALVED and fast_dtype() != "bfloat16":
            raise Absent(
                "this processor has no instructions for bfloat16; emulated, it takes longer"
            )
        self.torch, self.read, self.mode = torch, artifact.read, contestant.mode
        self.version = torch.__version__
        torch.set_num_threads(contestant.threads)

    def load(self, path: Path) -> None:
        torch, self.network = self.torch, torch_network(self.read(path).spec)
        if self.mode in (LAST, COMPILED, AUTOCAST):  # faster there; a frozen program chooses itself
            self.network.to(memory_format=torch.channels_last)
        if self.mode in (COMPILED, FROZEN, FROZEN_BFLOAT16):
            self.network = torch.compile(self.network, dynamic=False)

    def autocast(self) -> AbstractContextManager[Any]:
        return self.torch.autocast("cpu", self.torch.bfloat16, enabled=self.mode in HALVED)

    def call(self, latents: NDArray[np.uint8]) -> Call:
        inputs = self.torch.from_numpy(decoded(latents))

        def call() -> Any:
            with self.torch.no_grad(), self.autocast():
                return self.network(inputs)

        return call


class OnnxRuntime(Engine):
    suffix = SUFFIXES["onnx"]

    def __init__(self, contestant: Contestant) -> None:
        import onnxruntime

        self.runtime, self.version = onnxruntime, onnxruntime.__version__
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = contestant.threads
        self.options.inter_op_num_threads = 1

    def load(self, path: Path) -> None:
        self.session = self.runtime.InferenceSession(
            path, self.options, providers=["CPUExecutionProvider"]
        )

    def call(self, latents: NDArray[np.uint8]) -> Call:
        inputs = {"latents": decoded(latents)}
        return lambda: self.session.run(None, inputs)[0]


class OpenVino(Engine):
    def __init__(self, contestant: Contestant) -> None:
        os.environ["CI"] = "true"  # a measurement reports to nobody
        import openvino

        self.openvino, self.version = openvino, openvino.__version__
        self.suffix = SUFFIXES["int8" if contestant.mode == INT8 else "onnx"]
        self.options = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": contestant.threads,
        }
        if contestant.mode == FLOAT32:  # where there is bfloat16, that is the default
            self.options["INFERENCE_PRECISION_HINT"] = "f32"

    def files(self, path: Path) -> tuple[Path, ...]:
        return (path, path.with_suffix(".bin")) if path.suffix == SUFFIXES["int8"] else (path,)

    def load(self, path: Path) -> None:
        self.core = self.openvino.Core()
        self.network = self.core.read_model(path)

    def call(self, latents: NDArray[np.uint8]) -> Call:
        inputs = decoded(latents)
        self.network.reshape(list(inputs.shape))  # a program for each batch: the fastest way
        compiled = self.core.compile_model(self.network, "CPU", self.options)
        request = compiled.create_infer_request()
        return lambda: request.infer([inputs], share_inputs=True, share_outputs=True)[0]


ENGINES: dict[str, Callable[[Contestant], Engine]] = {
    KERNELS: Kernels,
    PYTORCH: PyTorch,
    ONNXRUNTIME: OnnxRuntime,
    OPENVINO: OpenVino,
}
