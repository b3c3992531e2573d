"""Everything that decides a training run, saved beside it as `options.json`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from kernels.dcgan import dcgan
from kernels.spec import Deconvolution
from model_store.folder import write_file
from training.losses import LOSSES
from training.redundancy import choose_binary

VARIANTS = ("float", "full", "partial")
COMPUTE_DTYPES = ("bfloat16", "float32")
BOUNDS = {  # a width of 1024 takes 22 GB for parameters, gradients and moments
    "width": (1, 1024),
    "discriminator_width": (1, 1024),
    "images": (1, math.inf),
    "batch": (1, 1 << 16),
    "averaged": (0, math.inf),
    "checkpoint_every": (1, math.inf),
    "evaluate_every": (1, math.inf),
}

Record = TypeVar("Record")


def fast_dtype() -> str:
    """bfloat16 where the processor multiplies in it; elsewhere a step in it takes many times as
    long as one in float32.
    """
    has = torch.cpu.get_capabilities()
    fast = any(has.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return "bfloat16" if fast else "float32"


COMPUTE = fast_dtype()


@dataclass(frozen=True)
class Options:
    """A run's options; images are counted in real faces shown to the discriminator."""

    variant: str = "partial"  # or the layers to binarize, counted from 0: "0,1,2"
    width: int = 64  # channels that enter the generator's last deconvolution
    discriminator_width: int = 64
    images: int = 409_600  # the run's budget
    batch: int = 128
    loss: str = "logistic"
    binary_discriminator: bool = True  # binarized as its generator is, or all float
    teacher: str | None = None  # a float model whose images the generator is pulled towards
    teacher_weight: float = 10.0  # of the mean absolute difference, images in [−1, 1]
    learning_rate: float = 2e-4  # Adam, β₁ 0.5, β₂ 0.999
    decay_from: float = 0.4  # of the budget; from there the rate falls linearly to 0
    averaged: int = 0  # images over which the generator that is exported averages its weights
    seed: int = 0
    compute: str = COMPUTE  # the dtype of activations and of weight copies
    checkpoint_every: int = 20_480  # images
    evaluate_every: int = 102_400  # images

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, not {self.loss!r}")
        if self.compute not in COMPUTE_DTYPES:
            choices = " or ".join(COMPUTE_DTYPES)
            raise ValueError(f"compute must be {choices}, not {self.compute!r}")
        for name, (smallest, largest) in BOUNDS.items():
            value = getattr(self, name)
            if value < smallest:
                raise ValueError(f"{name} must be at least {smallest}, not {value}")
            if value > largest:
                raise ValueError(f"{name} must be at most {largest:,}, not {value}")
        binary_layers(self.variant, dcgan(self.width))
        if not 0 < self.learning_rate <= 1:
            raise ValueError(
                f"learning_rate must be above 0 and at most 1, not {self.learning_rate}"
            )
        if not 0 <= self.teacher_weight < math.inf:
            raise ValueError(f"teacher_weight must be at least 0, not {self.teacher_weight}")
        if not 0 <= self.seed < 1 << 64:  # NumPy's begin at 0, PyTorch's end there
            raise ValueError(f"seed must be between 0 and 2^64 − 1, not {self.seed}")
        if not 0 <= self.decay_from <= 1:
            raise ValueError(f"decay_from must be between 0 and 1, not {self.decay_from}")

    @property
    def steps(self) -> int:
        """Steps of the whole run, the last one included when the budget is no multiple of the
        batch.
        """
        return -(-self.images // self.batch)

    @property
    def binary(self) -> tuple[bool, ...]:
        """Whether each layer of the generator, first to last, is binarized."""
        return binary_layers(self.variant, dcgan(self.width))

    def rate(self, step: int) -> float:
        """The learning rate of a step: constant, then falling linearly to 0 at the end of the
        budget.
        """
        left = 1 - step / self.steps
        return self.learning_rate * min(
            1.0, left / (1 - self.decay_from) if self.decay_from < 1 else 1.0
        )

    def differences(self, other: Options) -> str:
        """Where two runs' options differ: "width 64, not 128; seed 0, not 1"."""
        return "; ".join(
            f"{name} {value!r}, not {asdict(other)[name]!r}"
            for name, value in asdict(self).items()
            if value != asdict(other)[name]
        )

    def save(self, path: Path) -> None:
        write(self, path)

    @classmethod
    def load(cls, path: Path) -> Options:
        """Raises ValueError for a file that holds none."""
        return read(cls, path)


def write(record: Any, path: Path) -> None:
    """Saves a dataclass as JSON, whole or not at all."""
    write_file(path, (json.dumps(asdict(record), indent=2) + "\n").encode())


def read(kind: type[Record], path: Path) -> Record:
    """The dataclass that `write` saved; ValueError, naming the file, for anything else."""
    try:
        return kind(**json.loads(path.read_bytes()))
    except (TypeError, ValueError) as error:  # no JSON or no object; a key or value too many or few
        reason = str(error).removeprefix(f"{kind.__name__}.__init__() ")
        raise ValueError(
            f"{path} is not as it was written: {reason}; bring it back from a copy, or begin a new "
            "run in another folder"
        ) from error


def binary_layers(variant: str, geometry: tuple[Deconvolution, ...]) -> tuple[bool, ...]:
    """Whether each layer is binarized, by a variant's name or by the layers it lists ("0,1,2").

    Raises ValueError for a variant or a layer that there is not.
    """
    if variant == "partial":
        return choose_binary(geometry)
    if variant in VARIANTS:
        return (variant == "full",) * len(geometry)
    named, known = variant.split(","), [str(index) for index in range(len(geometry))]
    if not set(named) <= set(known):
        raise ValueError(
            f"variant must be one of {', '.join(VARIANTS)}, or layers from 0 to {known[-1]} "
            f"such as 0,1,2, not {variant!r}"
        )
    return tuple(index in named for index in known)
