"""The probe of the machine's limit."""

from __future__ import annotations

import shutil

import pytest

from benchmarks import peak
from kernels import native

PROBED = ("amx", "avx512", "avx2")

pytestmark = pytest.mark.skipif(
    not (shutil.which("cc") and native.isas().keys() & set(PROBED)),
    reason="needs a C compiler and an x86 processor with AVX2",
)


def test_each_instruction_set_at_hand_has_a_limit() -> None:
    peaks = peak.measure()
    assert {isa for isa, operand in peaks if operand == "bytes"} == native.isas().keys() & set(
        PROBED
    )
    assert all(
        peaks[isa, "bits"] > peaks[isa, "bytes"]
        for isa in ("avx512", "avx2")
        if (isa, "bits") in peaks
    )
    # A byte product is a quarter as wide as a float's, and no machine does fewer of them.
    assert all(peaks[isa, "bytes"] > peaks[isa, "floats"] for isa, o in peaks if o == "floats")


def test_without_a_compiler_there_is_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert peak.measure() == {}
