"""Generators: choice of instruction set, errors, threads, memory held."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kernels import Generator, available_isas, generator, latents, native
from kernels.team import Team
from tests import factories

ROOT = Path(__file__).parents[2]
VARIANTS = ("float", "full", "partial")


def test_the_best_instruction_set_is_chosen_and_any_can_be_forced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PBGEN_ISA", raising=False)
    assert Generator(factories.generator()).isa == available_isas()[0]
    monkeypatch.setenv("PBGEN_ISA", "portable" if "portable" in available_isas() else "numpy")
    assert Generator(factories.generator()).isa in {"portable", "numpy"}
    assert Generator(factories.generator(), isa="numpy").isa == "numpy"
    monkeypatch.setenv("PBGEN_ISA", "")
    assert Generator(factories.generator()).isa == available_isas()[0]


def test_an_instruction_set_that_the_machine_lacks_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValueError, match=r"one of .*numpy, not 'avx1024'"):
        Generator(factories.generator(), isa="avx1024")
    monkeypatch.setenv("PBGEN_ISA", "mmx")
    with pytest.raises(ValueError, match="not 'mmx'"):
        Generator(factories.generator())


def test_without_the_library_numpy_runs_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Generator(factories.generator()).run(latents(3, 2, 12))
    monkeypatch.delenv("PBGEN_ISA", raising=False)
    monkeypatch.setattr(native, "isas", dict)
    generator._warn_of_numpy.cache_clear()
    with pytest.warns(RuntimeWarning, match="C kernels were not built"):
        fallback = Generator(factories.generator())
    assert fallback.isa == "numpy"
    np.testing.assert_array_equal(fallback.run(latents(3, 2, 12)), expected)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 13), np.uint8),
        np.zeros(12, np.uint8),
        np.zeros((2, 12), np.int8),
        np.zeros((2, 12)),
    ],
    ids=str,
)
@pytest.mark.parametrize("isa", [available_isas()[0], "numpy"])
def test_latents_of_another_shape_or_dtype_are_refused(isa: str, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"latents must be uint8 \[N, 12\], not"):
        Generator(factories.generator(), isa=isa).run(wrong)


@pytest.mark.parametrize("isa", available_isas())
def test_strided_latents_and_empty_batches_are_fine(isa: str) -> None:
    made = Generator(factories.generator(), isa=isa)
    z = latents(9, 5, 24)
    np.testing.assert_array_equal(made.run(z[:, ::2]), made.run(z[:, ::2].copy()))
    assert made.run(z[:0, :12]).shape == (0, 16, 16, 3)


@pytest.mark.parametrize(
    ("quota", "count"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("9900000 100000", 8)],
)
def test_processors_are_no_more_than_a_containers_quota(
    quota: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)
    monkeypatch.setattr(generator, "CPU_MAX", tmp_path / "cpu.max")
    assert generator.processors() == 8
    generator.CPU_MAX.write_text(f"{quota}\n")
    assert generator.processors() == count


def test_fewer_than_one_thread_is_refused() -> None:
    with pytest.raises(ValueError, match="threads must be at least 1, not 0"):
        Generator(factories.generator(), threads=0)


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("batch", [1, 7, 33])  # shared layers, shared layers, shared images
def test_threads_do_not_change_a_byte(isa: str, variant: factories.Variant, batch: int) -> None:
    spec = factories.generator(variant)
    z = latents(0, batch, 12)
    expected = Generator(spec, isa=isa).run(z)
    np.testing.assert_array_equal(Generator(spec, 2, isa).run(z), expected)


@pytest.mark.parametrize("isa", native.isas())
@pytest.mark.parametrize("members", [2, 3])
def test_a_team_larger_than_the_machine_gives_the_same(isa: str, members: int) -> None:
    prepared = native.NativeGenerator(factories.generator("full"), isa)
    team = Team(prepared, members)
    for batch in (1, 5, 30):
        z = latents(3, batch, 12)
        np.testing.assert_array_equal(team.run(z), prepared.run(z))


def team_of_two() -> tuple[Team, NDArray[np.uint8], NDArray[np.uint8]]:
    """A team, latents and their images."""
    prepared = native.NativeGenerator(factories.generator(), next(iter(native.isas())))
    z = latents(3, 5, 12)
    return Team(prepared, 2), z, prepared.run(z)


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_a_helper_that_cannot_start_is_done_without_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    team, z, expected = team_of_two()
    with monkeypatch.context() as limited:
        limited.setattr(threading.Thread, "start", refuse)
        for _ in range(2):
            np.testing.assert_array_equal(team.run(z), expected)
    assert not team._helpers
    np.testing.assert_array_equal(team.run(z), expected)
    assert team._helpers


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # which is what is tested
def test_a_forked_process_has_helpers_of_its_own() -> None:
    """Also when a call of the parent's is under way."""
    team, z, expected = team_of_two()
    team.run(z)

    def child() -> None:
        np.testing.assert_array_equal(team.run(z), expected)
        assert threading.active_count() == 2

    process = multiprocessing.get_context("fork").Process(target=child)
    with team._waking, team._busy:
        process.start()
    process.join(60)
    process.kill()  # were it waiting for its parent's threads
    assert process.exitcode == 0


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("threads", [1, 2])
def test_many_callers_share_one_generator(isa: str, threads: int) -> None:
    made = Generator(factories.generator(), threads, isa)
    batches = [latents(seed, 1 + seed % 5, 12) for seed in range(40)]
    expected = [made.run(z, alone=True) for z in batches]
    with ThreadPoolExecutor(4) as pool:
        for got, wanted in zip(pool.map(made.run, batches), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_a_call_holds_no_gil() -> None:
    made = Generator(factories.generator(widths=(256, 128, 64, 32, 3)), isa="portable")
    z = latents(0, 12, 12)
    ticks, running = 0, threading.Event()

    def call() -> None:
        running.set()
        made.run(z)

    thread = threading.Thread(target=call)
    thread.start()
    running.wait()
    while thread.is_alive():
        ticks += 1  # only another thread without the GIL lets this count up
    thread.join()
    assert ticks > 1000


@pytest.mark.parametrize("isa", [isa for isa in available_isas() if isa != "numpy"])
def test_binary_weights_stay_bits(isa: str) -> None:
    held = {
        variant: Generator(
            factories.generator(variant, widths=(512, 256, 128, 64, 3), latent_dim=100), isa=isa
        ).resident_bytes
        for variant in VARIANTS
    }
    bits = 100 * 512 * 16 + 16 * (512 * 256 + 256 * 128 + 128 * 64)
    # Beside the bits: the projection's column sums, and its 25 quads of inputs rounded up to 28.
    assert bits / 8 <= held["partial"]["binary"] <= 1.12 * bits / 8
    assert held["partial"]["fixed"] > 0 == held["partial"]["float"]
    assert held["full"]["binary"] > held["partial"]["binary"]
    assert sum(held["float"].values()) / sum(held["partial"].values()) >= 25.81


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_memory_at_full_size_stays_within_its_bounds() -> None:
    spec = factories.generator("partial", widths=(1024, 512, 256, 128, 3), latent_dim=100)
    for isa in native.isas():
        made = native.NativeGenerator(spec, isa)
        assert sum(made.resident_bytes.values()) <= 1.75e6
        assert made.scratch_bytes(1) <= 1.5e6
        assert made.scratch_bytes(16) == made.scratch_bytes(10_000)


def test_kernels_bench_prints_a_row_and_writes_json(tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    options = ["--variants", "partial", "--widths", "8", "--sizes", "8", "--batches", "1", "2"]
    options += ["--seconds", "0.01", "--json", str(report)]
    command = [sys.executable, "-m", "kernels.bench", *options]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert re.search("^partial ", run.stdout, re.MULTILINE)
    text = report.read_text()
    assert '"median_ms"' in text
    assert '"cpu"' in text
