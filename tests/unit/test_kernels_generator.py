"""Generators: choice of instruction set, errors, threads, memory held."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels import Generator, GeneratorSpec, available_isas, bench, generator, latents, native
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
        [[0] * 12],
        None,
    ],
    ids=str,
)
@pytest.mark.parametrize("isa", [available_isas()[0], "numpy"])
def test_latents_of_another_shape_or_dtype_are_refused(isa: str, wrong: Any) -> None:
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


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2", None])
def test_fewer_than_one_thread_is_refused(wrong: Any) -> None:
    message = re.escape(f"threads must be an integer of at least 1, not {wrong!r}")
    with pytest.raises(ValueError, match=message):
        Generator(factories.generator(), threads=wrong)


@pytest.mark.parametrize("isa", available_isas())
def test_threads_are_as_many_as_work(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "processors", lambda: 2)
    found = [Generator(factories.generator(), threads, isa).threads for threads in (1, 2, 64)]
    assert found == ([1, 1, 1] if isa == "numpy" else [1, 2, 2])


def test_more_images_than_the_library_counts_are_refused() -> None:
    z = np.broadcast_to(latents(0, 1, 12), (2**32, 12))
    with pytest.raises(ValueError, match="images must be at most 4294967295, not 4294967296"):
        Generator(factories.generator()).run(z)


@pytest.mark.parametrize("isa", native.isas())
def test_arrays_that_are_not_aligned_are_no_matter(isa: str) -> None:
    """As those over a file's bytes may be; C would read them as if they were."""
    spec = factories.generator()
    *before, last = spec.layers
    memory = np.zeros(last.weight.nbytes + 1, np.uint8)
    weight = memory[1:].view(np.int16).reshape(last.weight.shape)
    weight[:] = last.weight
    assert not weight.flags.aligned
    arrays = native._contiguous(replace(last, weight=weight))
    assert all(array.flags.aligned for array in arrays)
    z = latents(0, 3, 12)
    odd = GeneratorSpec((*before, replace(last, weight=weight)))
    np.testing.assert_array_equal(Generator(odd, isa=isa).run(z), Generator(spec, isa=isa).run(z))


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("batch", [1, 7, 33])  # shared layers, shared layers, shared images
def test_threads_do_not_change_a_byte(isa: str, variant: factories.Variant, batch: int) -> None:
    spec = factories.generator(variant)
    z = latents(0, batch, 12)
    expected = Generator(spec, isa=isa).run(z)
    np.testing.assert_array_equal(Generator(spec, 2, isa).run(z), expected)


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

    def call() -> tuple[float, float]:
        began = time.perf_counter()
        made.run(z)
        return began, time.perf_counter()

    def others_run_meanwhile() -> bool:
        ticks = []
        with ThreadPoolExecutor(1) as pool:
            calling = pool.submit(call)
            while not calling.done():
                ticks.append(time.perf_counter())
                time.sleep(0.001)
        began, ended = calling.result()
        # The middle half: at both ends the caller runs Python, and may hand over the GIL there.
        quarter = (ended - began) / 4
        return any(began + quarter < tick < ended - quarter for tick in ticks)

    assert any(others_run_meanwhile() for _ in range(10))  # a busy machine may stall one of them


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
        for images, members in ((1, 2), (5, 3), (32, 2), (10_000, 3)):
            assert made.scratch_bytes(images, members) <= members * made.scratch_bytes(images)


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_no_images_are_made_of_no_latents_and_nobody_makes_none() -> None:
    spec = factories.generator("partial")
    for _ in range(8):  # fresh: what has run has scratch memory, and none is asked for
        made = native.NativeGenerator(spec, next(iter(native.isas())))
        none = made.run(np.empty((0, spec.latent_dim), np.uint8))
        assert none.shape == (0, spec.image_size, spec.image_size, 3)
    with pytest.raises(native.NativeError, match="no members"):
        made.scratch_bytes(1, members=0)


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


def test_kernels_bench_tells_the_threads_that_worked() -> None:
    rows = bench.rows_of(["partial"], [available_isas()[0]], [8], [8], [10**6], [1])
    assert [row.threads for row, _ in rows] == [
        1 if available_isas()[0] == "numpy" else generator.processors()
    ]


def test_kernels_bench_has_a_row_for_each_number_of_threads_that_worked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generator, "processors", lambda: 2)
    rows = list(bench.rows_of(["partial"], available_isas(), [8], [8], [1, 2, 4], [1, 8]))
    worked = {isa: (1,) if isa == "numpy" else (1, 2) for isa in available_isas()}
    assert [(row.isa, row.threads, row.batch) for row, _ in rows] == [
        (isa, threads, batch)
        for isa in available_isas()
        for threads in worked[isa]
        for batch in (1, 8)
    ]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--json", "/nonexistent/rows.json", "cannot write /nonexistent/rows.json: No such file"),
        ("--json", "/", "cannot write /: Is a directory"),
        ("--widths", "100000", "width 100000 at image size 64 makes no generator: "),
        ("--batches", "99999999999", "must be 1 … 4294967295, not '99999999999'"),
        ("--batches", "9" * 5000, "must be 1 … 4294967295, not '999"),
        ("--seconds", "abc", "must be a number above 0, not 'abc'"),
    ],
)
def test_wrong_calls_of_kernels_bench_are_told_before_any_work(
    option: str,
    value: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bench, "measure", None)
    with pytest.raises(SystemExit) as exit:
        bench.main([option, value])
    assert exit.value.code == 2
    assert words in capsys.readouterr().err


def test_kernels_bench_tells_that_a_batch_takes_too_much_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(*_arguments: object) -> None:
        raise MemoryError("Unable to allocate")

    monkeypatch.setattr(bench, "measure", measure)
    with pytest.raises(SystemExit) as exit:
        bench.main(["--widths", "8", "--sizes", "8"])
    assert exit.value.code == 2
    assert "more memory than there is: Unable to allocate" in capsys.readouterr().err
