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
from benchmarks.inference.worker import Ready, Worker
from benchmarks.plain import grey_levels
from kernels import native, reference
from kernels.random_weights import random_generator
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


def test_images_that_run_together_and_tables_are_those_of_the_c_sources() -> None:
    for path in (ROOT / "kernels" / "c").glob("isa_*.c"):
        isa, source = path.stem.removeprefix("isa_"), path.read_text()
        (images,) = re.findall(r"\.images = (\d+)", source)
        assert work.TOGETHER.get(isa, work.TOGETHER_ELSEWHERE) == int(images)
        assert (isa in work.LOOK_UP) == (".tables = " in source)
    for isa, (images, columns) in work.LOOK_UP.items():
        source = (ROOT / "kernels" / "c" / f"{isa}_tables.h").read_text()
        assert re.findall(r"\.images = (\d+)", source) == [str(images)]
        assert re.findall(r"\.columns = (\d+)", source) == [str(columns)]


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
@pytest.mark.parametrize("threads", [1, 2])
def test_traffic_shares_the_weights_among_images_that_run_together(threads: int) -> None:
    spec = random_generator("partial", width=4, image_size=8)
    generator = native.NativeGenerator(spec, "portable")
    held = sum(generator.resident_bytes.values())
    one, many = (work.traffic(spec, "portable", threads, batch) for batch in (1, 40))
    assert one.weights == held
    assert many.weights == 3 * held / 40  # of 16, 16 and 8 images
    assert many.scratch == generator.scratch_bytes(40, threads)


@pytest.mark.parametrize(
    ("variant", "isa", "width", "together"),
    [
        ("partial", "amx", 64, 8),
        ("partial", "avx512", 64, 1),
        ("partial", "avx512", 32, 16),  # the first layer has 64 columns, the second 32
        ("partial", "avx2", 4, 2),
        ("xnor", "avx2", 64, 16),
        ("partial", "portable", 64, 16),
        ("float", "avx2", 64, 16),
    ],
)
def test_few_images_run_together_where_all_layers_but_the_last_are_looked_up(
    variant: str, isa: str, width: int, together: int
) -> None:
    assert work._together(random_generator(variant, width, image_size=16), isa) == together


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
@pytest.mark.parametrize(
    ("variant", "bits"),  # a channel of each layer's input
    [("partial", (8, 8, 8)), ("xnor", (8, 1, 8)), ("float", (32, 32, 32))],
)
def test_activations_are_as_wide_as_the_layer_that_reads_them_wants(
    variant: str, bits: tuple[int, ...]
) -> None:
    inputs = [width * n // 8 for width, n in zip((100, 8 * 4**2, 4 * 8**2), bits, strict=True)]
    met = work.traffic(random_generator(variant, width=4, image_size=16), "portable", 1, 1)
    assert met.activations == inputs[0] + 2 * (inputs[1] + inputs[2]) + 3 * 16**2


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
        assert 0 < told["p10_ms"] <= told["median_ms"] <= told["p90_ms"]
        assert told["calls"] >= 2
    assert outcome.ready[ours].pictures.shape == (8, 8, 8, 3)
    assert list(outcome.absent) == [missing]
    assert "onnx" in outcome.absent[missing]  # its package or its file is missing


def test_a_contestant_that_dies_between_its_turns_is_absent(tmp_path: Path) -> None:
    contestant = Contestant(KERNELS, kernels.available_isas()[0], 1, "partial", **SMALL)
    artifacts.write(tmp_path / f"{contestant.network}.safetensors", "partial", **SMALL)
    worker = Worker(contestant, tmp_path, (1,))
    worker.ready()
    worker._process.kill()
    worker._process.join()
    with pytest.raises(Absent, match="ended with code -9"):
        worker.turn(1, 0.01)
    worker.close()


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
        "first_image": {"partial": {"median_ms": 20, "min_ms": 19, "max_ms": 25}},
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
