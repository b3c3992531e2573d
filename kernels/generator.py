"""Generator(spec).run(latents) → images, on the instruction set of choice."""

from __future__ import annotations

import os
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernels import native
from kernels.spec import GeneratorSpec
from kernels.team import Team
from kernels.vectorized import VectorizedGenerator

NUMPY = "numpy"
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # a container's quota (cgroup v2)


def available_isas() -> tuple[str, ...]:
    """Instruction sets that this build and machine have, best first; the last is the NumPy path."""
    return (*native.isas(), NUMPY)


def choose_isa(isa: str | None = None) -> str:
    """`isa`, or PBGEN_ISA from the environment, or the best.

    Raises ValueError for one that this machine lacks, listing those it has.
    """
    wanted = isa or os.environ.get("PBGEN_ISA") or None
    present = available_isas()
    if wanted is None:
        if present[0] == NUMPY:
            _warn_of_numpy()
        return present[0]
    if wanted not in present:
        raise ValueError(f"isa must be one of {', '.join(present)}, not {wanted!r}")
    return wanted


@cache
def _warn_of_numpy() -> None:
    warnings.warn(
        "PBGen's C kernels were not built (no C compiler at installation?): generators run on the "
        "NumPy path, many times slower. Install a C compiler and reinstall.",
        RuntimeWarning,
        stacklevel=4,
    )


def processors() -> int:
    """Processors that this process may use, which its affinity and a container's quota can make
    fewer.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    if CPU_MAX.exists():
        quota, period = CPU_MAX.read_text().split()
        if quota != "max":
            count = min(count, -(-int(quota) // int(period)))
    return count


class Generator:
    """A generator prepared once for one instruction set; `run` may be called from any thread.

    threads  how many share the work of one call, the processors at hand at most; results do not
             depend on it. The attribute tells how many do: on the NumPy path one
    isa      see `choose_isa`

    Raises ValueError for fewer than one thread or an instruction set that the machine lacks.
    """

    def __init__(self, spec: GeneratorSpec, threads: int = 1, isa: str | None = None) -> None:
        if type(threads) is not int or threads < 1:
            raise ValueError(f"threads must be an integer of at least 1, not {threads!r}")
        self.isa = choose_isa(isa)
        self.threads = 1 if self.isa == NUMPY else min(threads, processors())
        self.latent_dim = spec.latent_dim
        self.image_size = spec.image_size
        self._prepared: VectorizedGenerator | Team
        if self.isa == NUMPY:
            self._prepared = VectorizedGenerator(spec)
        else:
            self._prepared = Team(native.NativeGenerator(spec, self.isa), self.threads)

    @property
    def resident_bytes(self) -> dict[str, int]:
        """Bytes that the prepared generator holds: weights by precision, and scales with shifts."""
        return self._prepared.resident_bytes

    def run(self, latents: NDArray[np.uint8], alone: bool = False) -> NDArray[np.uint8]:
        """Images of latents: u8 [N, latent_dim] → u8 [N, size, size, 3]; holds no GIL.

        alone  whether this call runs on its caller's thread only, for callers that are many

        Raises ValueError for what is no array, latents of another dtype or shape, and more than
        2³² − 1 images.
        """
        wanted = f"latents must be uint8 [N, {self.latent_dim}]"
        if not isinstance(latents, np.ndarray):
            raise ValueError(f"{wanted}, not of type {type(latents).__name__}")
        if latents.dtype != np.uint8 or latents.ndim != 2 or latents.shape[1] != self.latent_dim:
            raise ValueError(f"{wanted}, not {latents.dtype} {list(latents.shape)}")
        if len(latents) > native.LARGEST_COUNT:
            raise ValueError(f"images must be at most {native.LARGEST_COUNT}, not {len(latents)}")
        latents = np.ascontiguousarray(latents)
        if isinstance(self._prepared, Team):
            return self._prepared.run(latents, alone)
        return self._prepared.run(latents)
