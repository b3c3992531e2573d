"""The probe of the machine's limit."""

from __future__ import annotations

import shutil
from itertools import product

import pytest

from benchmarks import peak
from benchmarks.inference.entries import PORTABLE
from benchmarks.inference.tables import LIKE, OPERANDS
from kernels import native

pytestmark = pytest.mark.skipif(
    not (shutil.which("cc") and "avx2" in native.isas()),
    reason="needs a C compiler and a processor with AVX2",
)


def test_each_instruction_set_at_hand_has_a_limit() -> None:
    peaks = peak.measure()
    for isa, operand in product(native.isas().keys() - {PORTABLE}, {"bytes", *OPERANDS.values()}):
        assert {(isa, operand), (LIKE.get(isa), operand)} & peaks.keys()
    # AVX2's two are too near to each other (391 and 351 on Zen 3) for a machine that is busy.
    assert ("avx512", "bits") not in peaks or peaks["avx512", "bits"] > peaks["avx512", "bytes"]
    # A byte product is a quarter as wide as a float's, and no machine does fewer of them.
    assert all(peaks[isa, "bytes"] > peaks[isa, "floats"] for isa, o in peaks if o == "floats")


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false"])
def test_without_a_compiler_that_can_there_is_no_limit(
    compiler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler)
    assert peak.measure() == {}
