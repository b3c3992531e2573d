"""The measurement of inference: who takes part, what is counted, and that nothing is left out."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest

import kernels
from benchmarks import artifacts
from benchmarks.inference import agreement, entries, results, tables, work
from benchmarks.inference.contestant import KERNELS, ONNXRUNTIME, PYTORCH, Absent, Contestant
from benchmarks.inference.engines import EAGER, FLOAT32, HALVED, PyTorch
from benchmarks.inference.load import Clock
from benchmarks.inference.race import race
from benchmarks.inference.worker import Ready
from benchmarks.plain import grey_levels
from kernels import native, reference
from kernels.bench import random_generator
from kernels.spec import Deconvolution, LayerSpec, Precision

ROOT = Path(__file__).parents[2]
SMALL = {"width": 4, "image_size": 8}


@pytest.mark.parametrize("shape", [(3, 5, 4, 2, 1, 4), (2, 3, 5, 1, 2, 7), (4, 2, 4, 1, 0, 1)])
def test_multiply_adds_are_those_that_reach_the_output(shape: tuple[int, ...]) -> None:
    g = Deconvolution(*shape)
    ones = np.ones((g.kernel, g.kernel, g.c_out, g.c_in), np.int16)
    layer = LayerSpec(g, Precision.FIXED, ones, *np.ones((2, g.c_out), np.float32))
    inputs = np.ones((1, g.size_in, g.size_in, g.c_in), np.int64)
    assert work._inside(g) == reference.sums(layer, inputs).sum()


def test_images_that_run_together_are_those_of_the_c_sources() -> None:
    for path in (ROOT / "kernels" / "c").glob("isa_*.c"):
        (images,) = re.findall(r"\.images = (\d+)", path.read_text()) or [None]
        if images:
            isa = path.stem.removeprefix("isa_")
            assert work.TOGETHER.get(isa, work.TOGETHER_ELSEWHERE) == int(images)


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_traffic_shares_the_weights_among_images_that_run_together() -> None:
    spec, isa = random_generator("partial", width=4, image_size=8), "portable"
    one, many = (work.traffic(spec, isa, 1, batch) for batch in (1, 64))
    assert one.weights == sum(native.NativeGenerator(spec, isa).resident_bytes.values())
    assert many.weights == one.weights / work.TOGETHER_ELSEWHERE
    assert many.activations == one.activations == 100 + 2 * 4 * 4 * 4 + 3 * 8 * 8


def test_pytorch_makes_the_kernels_pictures_of_the_same_network(tmp_path: Path) -> None:
    contestant = Contestant(PYTORCH, EAGER, 1, **SMALL)
    path = tmp_path / (contestant.network + PyTorch.suffix)
    artifacts.write(path, "float", **SMALL)
    engine = PyTorch(contestant)
    engine.load(path)
    drawn = kernels.latents(1, 4)
    theirs = grey_levels(engine.call(drawn)())
    ours = kernels.Generator(random_generator("float", 4, 8)).run(drawn)
    assert theirs.std() > 10
    assert agreement.difference(theirs, ours).largest <= agreement.SUMMED.largest


def test_a_race_reports_rows_and_who_is_absent(tmp_path: Path) -> None:
    isa = kernels.available_isas()[0]
    ours, missing = (
        Contestant(KERNELS, isa, 1, "partial", **SMALL),
        Contestant(ONNXRUNTIME, FLOAT32, 1, **SMALL),
    )
    artifacts.write(tmp_path / f"{ours.network}.safetensors", "partial", **SMALL)
    (tmp_path / f"{missing.network}.onnx.reason").write_text("not exported: no onnx")
    outcome = race({ours: (1, 2), missing: (1,)}, tmp_path, seconds=0.02, rounds=2)
    assert [(row.contestant, row.batch) for row in outcome.rows] == [(ours, 1), (ours, 2)]
    for row in outcome.rows:
        told = row.to_json()
        assert 0 < told["low_ms"] <= told["median_ms"] <= told["high_ms"]
        assert told["calls"] >= 2
    assert outcome.ready[ours].pictures.shape == (8, 8, 8, 3)
    assert list(outcome.absent) == [missing]
    assert "onnx" in outcome.absent[missing]  # its package or its file is missing


def test_a_contestant_with_other_pictures_is_turned_away() -> None:
    contestant = Contestant(PYTORCH, EAGER, 1)
    met: dict[Contestant, agreement.Difference] = {}
    check = agreement.checker([contestant], met)
    right = kernels.Generator(random_generator("float")).run(kernels.latents(1, 8))
    check(contestant, Ready("", 0, None, right))
    assert met[contestant] == agreement.Difference(0, 0)
    with pytest.raises(Absent, match="differ by"):
        check(contestant, Ready("", 0, None, np.roll(right, 1, axis=0)))


def test_everyone_is_entered_on_one_and_two_threads() -> None:
    entered = {(each.runtime, each.mode, each.threads) for each in entries.speed()}
    assert {(*peer, threads) for peer in entries.PEERS for threads in (1, 2)} <= entered
    fast = [isa for isa in native.isas() if isa != entries.PORTABLE]
    assert {(KERNELS, isa, threads) for isa in fast for threads in (1, 2)} <= entered


def test_a_result_is_named_by_date_and_processor() -> None:
    machine = {
        "cpu": "Intel(R) Xeon(R) Processor (family/model/stepping 6/167/1)",
        "measured_at": "2026-11-23T21:49:37+00:00",
    }
    assert results.name(machine) == "kernels-2026-11-23-intel-r-xeon-r-processor-6-167-1.json"


def test_tables_show_losses_and_reasons() -> None:
    def row(runtime: str, mode: str, ms: float) -> dict[str, object]:
        figures = {"batch": 1, "median_ms": ms, "multiply_adds": 10**9}
        traffic = {"weight_bytes": 1e6, "activation_bytes": 5e5, "scratch_bytes": 2e6}
        variant = "partial" if runtime == KERNELS else "float"
        return Contestant(runtime, mode, 1, variant).to_json() | figures | traffic

    ours, theirs = row(KERNELS, "avx512", 4.0), row(PYTORCH, EAGER, 2.0)
    result = {
        "machine": {"cpu": "a", "cpus": 2, "compiler": "b", "commit": "c", "measured_at": "d"},
        "versions": {},
        "other_load": 0.25,
        "peaks": [{"isa": "avx512", "operand": "bytes", "multiply_adds_a_second": 5e11}],
        "rows": [ours, theirs],
        "absent": [Contestant(ONNXRUNTIME, FLOAT32, 2).to_json() | {"reason": "not at hand"}],
        "differences": [],
        "memory": [],
        "growth": [],
        "first_image": {"partial": {"median_ms": 20, "low_ms": 19, "high_ms": 25}},
    }
    text = tables.everything(result)
    assert re.search(r"\| PyTorch, float32 +\| +0\.50 \|", text)  # twice as fast as ours
    assert re.search(r"\| `partial`, avx512 \| +50% \| +1\.00 \| +0\.50 \|", text)
    assert "ONNX Runtime, float32, 2 threads: not at hand" in text


def test_the_load_of_others_is_what_is_not_ours() -> None:
    before, later = Clock(all=100, busy=50, ours=10), Clock(all=300, busy=150, ours=60)
    assert before.others(later) == 0.25
    assert Clock(0, 0, 0).others(Clock(0, 0, 0)) == 0
    first, end = Clock.now([]), time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert Clock.now([]).ours > first.ours


def test_the_newest_result_of_each_processor_is_shown_the_ablest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    for day, cpu, modes in (
        ("2026-01-03", "Old (family/model/stepping 6/1/1)", ["avx2"]),
        ("2026-01-01", "New (family/model/stepping 6/2/1)", ["amx", "avx512", "avx2"]),
        ("2026-01-02", "New (family/model/stepping 6/2/1)", ["amx", "avx512", "avx2"]),
    ):
        rows = [{"runtime": KERNELS, "mode": mode} for mode in modes]
        results.write({"machine": {"measured_at": day, "cpu": cpu}, "rows": rows})
    shown = results.machines()
    assert [each["machine"]["measured_at"] for each in shown] == ["2026-01-02", "2026-01-03"]
    assert [tables.title(each) for each in shown] == ["AMX: New (6/2/1)", "AVX2: Old (6/1/1)"]


def test_pytorch_is_absent_in_a_dtype_that_the_processor_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx2": True})
    PyTorch(Contestant(PYTORCH, EAGER, 1))
    for mode in HALVED:
        with pytest.raises(Absent, match="no instructions for bfloat16"):
            PyTorch(Contestant(PYTORCH, mode, 1))
