"""NEON and portable C on AArch64 give the reference's pixels: cross-compiled, run by QEMU."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kernels import Deconvolution, GeneratorSpec, Precision, latents, reference
from kernels.native import PRECISIONS
from kernels.tanh import TANH
from tests import factories

ROOT = Path(__file__).parents[2]
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
SOURCES = ("cpu_arm", "dispatch", "finish", "isa_neon", "isa_portable", "layout", "nest", "plan")
SOURCES += ("run", "team")
FLAGS = ("-std=gnu11", "-O2", "-static", "-ffp-contract=off", "-fno-strict-aliasing", "-DPBGEN_ARM")

pytestmark = pytest.mark.skipif(
    not (shutil.which(COMPILER) and shutil.which(EMULATOR)),
    reason=f"needs {COMPILER} (gcc-aarch64-linux-gnu) and {EMULATOR} (qemu-user)",
)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = ROOT / "kernels" / "c"
    program = tmp_path_factory.mktemp("arm") / "runner"
    files = [str(folder / f"{name}.c") for name in SOURCES]
    command = [COMPILER, *FLAGS, "-march=armv8.2-a+dotprod", "-I", str(folder), *files]
    command += [str(Path(__file__).with_name("runner.c")), "-lm", "-o", str(program)]
    subprocess.run(command, check=True)
    return program


def dump(spec: GeneratorSpec, z: NDArray[np.uint8]) -> bytes:
    """A generator and latents in the form that runner.c reads."""
    image_bytes = len(z) * spec.image_size**2 * 3
    parts = [struct.pack("<4I", len(spec.layers), len(z), image_bytes, z.nbytes), TANH.tobytes()]
    for layer in spec.layers:
        g, precision = layer.geometry, PRECISIONS.index(layer.precision)
        shape = (g.c_in, g.c_out, g.kernel, g.stride, g.padding, g.size_in, precision)
        parts.append(struct.pack("<8I", *shape, layer.weight.nbytes))
        parts += [array.tobytes() for array in (layer.weight, layer.scale, layer.shift)]
    return b"".join((*parts, z.tobytes()))


def run(runner: Path, isa: str, spec: GeneratorSpec, z: NDArray[np.uint8]) -> NDArray[np.uint8]:
    command = [EMULATOR, "-cpu", "max", str(runner), isa]
    result = subprocess.run(command, input=dump(spec, z), capture_output=True, check=True)
    size = spec.image_size
    return np.frombuffer(result.stdout, np.uint8).reshape(len(z), size, size, 3)


def odd_generator(precisions: tuple[Precision, ...], seed: int) -> GeneratorSpec:
    """Kernels, strides and widths that DCGAN has not."""
    rng = np.random.default_rng(seed)
    widths = [*rng.choice([1, 15, 17, 33, 63, 65, 100], 3).tolist(), 3]
    shapes = [Deconvolution(widths[0], widths[1], int(rng.integers(3, 6)), 1, 0, 1)]
    for c_in, c_out in ((widths[1], widths[2]), (widths[2], 3)):
        kernel, stride = int(rng.integers(3, 6)), int(rng.integers(1, 3))
        padding = int(rng.integers(0, kernel - 1))
        shapes.append(Deconvolution(c_in, c_out, kernel, stride, padding, shapes[-1].size_out))
    return GeneratorSpec(
        tuple(
            factories.layer(
                shape,
                precisions[int(rng.integers(len(precisions)))],
                rng,
                first=i == 0,
                last=i == 2,
            )
            for i, shape in enumerate(shapes)
        )
    )


@pytest.mark.parametrize("isa", ["neon", "portable"])
@pytest.mark.parametrize("variant", ["float", "full", "partial"])
@pytest.mark.parametrize("batch", [1, 5, 17])
def test_dcgan_on_arm(runner: Path, isa: str, variant: factories.Variant, batch: int) -> None:
    spec = factories.generator(variant, widths=(64, 33, 3), latent_dim=100)
    z = latents(4, batch)
    np.testing.assert_array_equal(run(runner, isa, spec, z), reference.run(spec, z))


@pytest.mark.parametrize("isa", ["neon", "portable"])
@pytest.mark.parametrize("seed", range(8))
def test_odd_geometry_on_arm(runner: Path, isa: str, seed: int) -> None:
    floats = seed % 4 == 3
    precisions = (Precision.FLOAT,) if floats else (Precision.BINARY, Precision.FIXED)
    spec = odd_generator(precisions, seed)
    z = latents(seed, 1 + seed % 3 * 7, spec.latent_dim)
    np.testing.assert_array_equal(run(runner, isa, spec, z), reference.run(spec, z))
