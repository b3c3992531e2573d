"""A thread's floating-point mode (denormals flushed, rounding down) does not show in pixels."""

from __future__ import annotations

import ctypes as ct
import platform
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from kernels import GeneratorSpec, latents, native
from kernels.team import Team
from tests import factories
from tests.kernel_cases import with_denormals

# Of glibc's fenv_t: where the control register lies, and its bits that flush denormals and round
# down (MXCSR; FPCR).
CONTROL = {"x86_64": (28, 1 << 15 | 1 << 6 | 1 << 13), "aarch64": (0, 1 << 24 | 2 << 22)}

pytestmark = pytest.mark.skipif(
    platform.machine() not in CONTROL or platform.libc_ver()[0] != "glibc",
    reason="knows the layout of fenv_t on glibc, x86-64 and AArch64, alone",
)
SPECS = {
    "denormals": with_denormals(),
    **{variant: factories.generator(variant) for variant in factories.VARIANTS},
}


class Mode:
    """The mode of the thread."""

    def __init__(self) -> None:
        self._libm = ct.CDLL("libm.so.6")
        self._at, self.bits = CONTROL[platform.machine()]
        self._was = self._read()

    def _read(self) -> ct.Array[ct.c_char]:
        state = ct.create_string_buffer(64)
        self._libm.fegetenv(state)
        return state

    @property
    def control(self) -> int:
        value: int = struct.unpack_from("<I", self._read(), self._at)[0]
        return value & self.bits

    @contextmanager
    def changed(self) -> Iterator[None]:
        state = ct.create_string_buffer(self._was.raw)
        control = struct.unpack_from("<I", state, self._at)[0]
        struct.pack_into("<I", state, self._at, control | self.bits)
        self._libm.fesetenv(state)
        try:
            yield
        finally:
            self._libm.fesetenv(self._was)


@pytest.mark.parametrize("isa", native.isas())
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_callers_mode_does_not_matter_and_stays(isa: str, spec: GeneratorSpec) -> None:
    prepared = native.NativeGenerator(spec, isa)
    z = latents(1, 5, spec.latent_dim)
    expected = prepared.run(z)
    mode = Mode()
    assert mode.control == 0
    with mode.changed():
        images, control = prepared.run(z), mode.control
    assert control == mode.bits
    np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize("isa", native.isas())
def test_helpers_modes_do_not_matter(isa: str) -> None:
    """A thread begins in the mode of the one that started it."""
    spec = factories.generator("float", widths=(64, 32, 3))
    prepared = native.NativeGenerator(spec, isa)
    z = latents(1, 33, spec.latent_dim)
    expected = prepared.run(z)
    team, mode = Team(prepared, 2), Mode()
    with mode.changed():
        team.run(z)  # starts the helper
    for _ in range(5):
        np.testing.assert_array_equal(team.run(z), expected)
