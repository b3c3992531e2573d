"""The runs that compare variants, layers and losses, made one after another and recorded.

    python -m training experiments RUNS --data FOLDER [--only comparison] [--records FOLDER]

A finished run leaves its artifact in RUNS and its record in `benchmarks/results/training/`, or in
another folder: the manifest (options, provenance, SWD of the served kernels), the curves, and what
it was made on. What has a record is not run again, and a killed run goes on from its checkpoint.
What machines of any kind make computes in float32, the rest in what its machine is fast in; the
record names it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from kernels import machine
from model_store import artifact
from training import likeness
from training.loop import LOG
from training.options import Options

RECORDS = Path(__file__).parents[1] / "benchmarks" / "results" / "training"
ARTIFACT = "artifact.safetensors"  # of a finished run, in its folder
BASE, FULL_SIZE = 102_400, 819_200  # images of a run
BASE_WIDTH, FULL_WIDTH = 64, 128


@dataclass(frozen=True)
class Experiment:
    """One run: its options, its teacher, if any (a stored model, or the experiment that makes it),
    its dtype if that is not to be what the machine is fast in, and the experiment whose images of
    the same latents its own are compared with, where that is no teacher.
    """

    options: Options
    teacher: Experiment | str | None = None
    compute: str | None = None
    compared_with: Experiment | None = None

    @property
    def name(self) -> str:
        """What tells it from the others, in words that file names may hold."""
        o = self.options
        parts = [o.variant.replace(",", ""), f"w{o.width}", f"{o.images // 1000}k", f"s{o.seed}"]
        if o.discriminator_width != o.width // 2:
            parts.append(f"d{o.discriminator_width}")
        if o.variant != "float" and not o.binary_discriminator:
            parts.append("floatd")
        if o.loss != "logistic":
            parts.append(o.loss)
        if self.teacher:
            parts.append(f"taught{o.teacher_weight:g}")
        usual = Options()
        if o.batch != usual.batch:
            parts.append(f"b{o.batch}")
        if o.learning_rate != usual.learning_rate:
            parts.append(f"lr{o.learning_rate:g}")
        if o.decay_from != usual.decay_from:
            parts.append(f"decay{o.decay_from:g}")
        if o.averaged:
            parts.append(f"avg{o.averaged // 1000}k")
        if self.compute:
            parts.append(self.compute)
        return "-".join(parts)


def _options(variant: str, width: int = BASE_WIDTH, images: int = BASE, **others: Any) -> Options:
    """Options of a run; the discriminator is half as wide as its generator, unless it is told."""
    usual = {"discriminator_width": width // 2, "evaluate_every": images // 5}
    return Options(variant, width=width, images=images, **(usual | others))


def comparison() -> Iterator[Experiment]:
    """Float, full and partial, the discriminator binarized too or float: three seeds of each."""
    for seed in range(3):
        yield Experiment(_options("float", seed=seed))
        for variant in ("full", "partial"):
            for binary in (True, False):
                yield Experiment(_options(variant, seed=seed, binary_discriminator=binary))


def _anywhere(variant: str, **others: Any) -> Experiment:
    """A run that compares with others of any machine: in float32, which every one has."""
    return Experiment(_options(variant, **others), compute="float32")


def metric() -> Iterator[Experiment]:
    """None binarized, each layer alone, all but each, and all but both ends; the discriminator
    stays float.
    """
    alone = ("0", "1", "2", "3", "4")
    kept_alone = ("1,2,3,4", "0,2,3,4", "0,1,3,4", "0,1,2,4", "partial")  # partial: 0,1,2,3
    yield _anywhere("float")
    for variant in (*alone, *kept_alone, "1,2,3"):
        yield _anywhere(variant, binary_discriminator=False)


def losses() -> Iterator[Experiment]:
    """The losses of the paper's journal version, float and partial."""
    for loss in ("logistic", "hinge", "wgan-gp"):
        for variant in ("float", "partial"):
            yield _anywhere(variant, loss=loss)


def tried() -> Iterator[Experiment]:
    """The comparison's recipe and others, float and partial."""
    for change in ({}, {"batch": 64}, {"decay_from": 1.0}, {"learning_rate": 4e-4}):
        for variant in ("float", "partial"):
            yield _anywhere(variant, **change)


def aligned() -> Iterator[Experiment]:
    """`float`, `full` and `partial` from scratch, and students of that `float` against a
    discriminator like its own. A quarter of the budget is enough for these, since they start from
    the teacher's weights. The first three are those that shipped before there were any of full
    size; `full`'s seed is its second, since its discriminator won for good with the first.
    """
    budget = {"images": 409_600, "discriminator_width": BASE_WIDTH}
    teacher = Experiment(_options("float", **budget))
    yield teacher
    yield Experiment(_options("partial", **budget), compared_with=teacher)
    yield Experiment(_options("full", seed=1, **budget), compared_with=teacher)
    for weight in (50.0, 10.0):
        for variant in ("partial", "full"):
            options = _options(variant, discriminator_width=BASE_WIDTH, teacher_weight=weight)
            yield Experiment(options, teacher=teacher, compute="float32")


def shipped() -> Iterator[Experiment]:
    """The generators of the model store. `float` is in it as `float@2`, so its students need not
    wait for it to be trained again. They go on from its weights, in smaller batches, averaged, for
    a quarter of its budget; `full`, on a slower machine and at a constant rate, for an eighth and,
    since at such a rate that changes nothing of the run, 20,480 images more.
    """
    yield Experiment(_options("float", FULL_WIDTH, FULL_SIZE))
    recipe = {"batch": 64, "averaged": 12_800, "teacher_weight": 20.0}
    partial = _options("partial", FULL_WIDTH, FULL_SIZE // 4, **recipe)
    full = _options("full", FULL_WIDTH, 122_880, **recipe, decay_from=1.0)
    for options in (partial, full):
        yield Experiment(options, teacher="float@2")


SUITES = {suite.__name__: suite for suite in (comparison, metric, losses, tried, aligned, shipped)}


def run(
    experiment: Experiment, runs: Path, data: Path, records: Path, as_teacher: bool = False
) -> None:
    """Trains, exports and records an experiment, or what is left of it, and tells which; a
    teacher's artifact is made again where only its record is there.
    """
    record, folder = records / f"{experiment.name}.json", runs / experiment.name
    out = folder / ARTIFACT
    if record.exists() and (out.exists() or not as_teacher):
        print(f"{experiment.name}: recorded, not run again")
        return
    other = experiment.compared_with or experiment.teacher
    if isinstance(other, Experiment):
        run(other, runs, data, records, as_teacher=True)
    print(f"{experiment.name}: running", flush=True)
    # Processes of their own: a run's memory goes with it.
    _training("train", folder, "--data", data, *_arguments(experiment, runs))
    _training("export", folder, "--out", out, "--data", data)
    kept = _record(folder, out)
    if experiment.compared_with:
        theirs = artifact.read(runs / experiment.compared_with.name / ARTIFACT).spec
        kept["likeness"] = asdict(likeness.measure(artifact.read(out).spec, theirs))
    records.mkdir(parents=True, exist_ok=True)
    if not record.exists():  # a teacher that was made again is not the one that others had
        record.write_text(json.dumps(kept, indent=1) + "\n")


def _arguments(experiment: Experiment, runs: Path) -> list[str]:
    values = asdict(experiment.options)
    values["teacher"] = experiment.teacher
    if isinstance(experiment.teacher, Experiment):
        values["teacher"] = str(runs / experiment.teacher.name / ARTIFACT)
    values["compute"] = experiment.compute  # None: or what the run began with
    words = []
    for name, value in values.items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else "--no-" + flag.removeprefix("--"))
        elif value is not None:
            words.append(f"{flag}={value}")
    return words


def _training(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "training", *map(str, words)], check=True)


def _record(folder: Path, out: Path) -> dict[str, Any]:
    """What the docs need of a run, and the machine and PyTorch that it was finished on, without
    anything that names this machine's folders. Records of before 2026-11-27 lack the last two.
    """
    manifest = dict(artifact.read(out).manifest)
    manifest.pop("format")
    rows = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    return {
        "machine": machine.describe(),
        "torch": str(torch.__version__),
        "manifest": manifest,
        "file_bytes": out.stat().st_size,
        "log": rows,
    }
