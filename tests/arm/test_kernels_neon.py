"""NEON and portable C on AArch64 give the reference's pixels: cross-compiled, run by QEMU."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from kernels import GeneratorSpec, Precision, latents, reference
from kernels.native import PRECISIONS
from kernels.tanh import TANH
from tests import building, factories
from tests.kernel_cases import EXAMPLES, Case, cases, with_denormals

COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
LIBRARIES = "/usr/aarch64-linux-gnu"  # C's own, for that machine

pytestmark = pytest.mark.skipif(
    not (shutil.which(COMPILER) and shutil.which(EMULATOR)),
    reason=f"needs {COMPILER} (gcc-aarch64-linux-gnu) and {EMULATOR} (qemu-user)",
)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arm")
    options = {"CMAKE_SYSTEM_NAME": "Linux", "CMAKE_SYSTEM_PROCESSOR": "aarch64"}
    library = building.compiled(folder, CMAKE_C_COMPILER=COMPILER, **options)
    program = folder / "runner"
    command = [COMPILER, "-I", str(building.ROOT / "kernels" / "c")]
    command += [str(Path(__file__).with_name(name)) for name in ("runner.c", "mode.c")]
    command += [str(library), f"-Wl,-rpath,{folder}"]
    subprocess.run([*command, "-o", str(program)], check=True)
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
    command = [EMULATOR, "-cpu", "max", "-L", LIBRARIES, str(runner), isa]
    result = subprocess.run(command, input=dump(spec, z), capture_output=True, check=True)
    size = spec.image_size
    return np.frombuffer(result.stdout, np.uint8).reshape(len(z), size, size, 3)


@pytest.mark.parametrize("isa", ["neon", "portable"])
@pytest.mark.parametrize("variant", ["float", "full", "partial"])
@pytest.mark.parametrize("batch", [1, 5, 17])
def test_dcgan_on_arm(runner: Path, isa: str, variant: factories.Variant, batch: int) -> None:
    spec = factories.generator(variant, widths=(64, 33, 3), latent_dim=100)
    z = latents(4, batch)
    np.testing.assert_array_equal(run(runner, isa, spec, z), reference.run(spec, z))


@pytest.mark.parametrize("isa", ["neon", "portable"])
def test_denormals_are_kept_on_arm(runner: Path, isa: str) -> None:
    """The runner's thread flushes them (mode.c); the reference's does not."""
    spec, z = with_denormals(), np.full((1, 1), 255, np.uint8)
    np.testing.assert_array_equal(run(runner, isa, spec, z), reference.run(spec, z))


def check(runner: Path, case: Case) -> None:
    z = latents(case.seed, case.batch, case.spec.latent_dim)
    expected = reference.run(case.spec, z)
    for isa in ("neon", "portable"):
        np.testing.assert_array_equal(run(runner, isa, case.spec, z), expected, isa)


@settings(max_examples=EXAMPLES // 8 + 1)
@given(case=cases((Precision.BINARY, Precision.FIXED, Precision.XNOR), 5e6))
def test_integer_generators_on_arm(runner: Path, case: Case) -> None:
    check(runner, case)


@settings(max_examples=EXAMPLES // 16 + 1)
@given(case=cases((Precision.FLOAT,), 5e5))
def test_float_generators_on_arm(runner: Path, case: Case) -> None:
    check(runner, case)
