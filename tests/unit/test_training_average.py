"""A generator's moving average: which weights it has, and that it is what a run shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import kernels
from kernels.dcgan import dcgan
from tests.training_runs import train
from training import average, data, export
from training.average import Average
from training.batches import draw
from training.loop import Run
from training.networks import Generator, decode_latents

SMALL = dcgan(2)


def test_weights_are_the_mean_of_about_the_last_steps() -> None:
    generator = Generator(SMALL, (True,) * 5)
    followed = Average(generator, steps=10)
    weight = generator.layers[1].weight
    with torch.no_grad():
        for step in range(500):
            weight.fill_(step)
            followed.take(generator, step)
    # An average that keeps 9 tenths at each step lags 9 steps behind what grows by one a step.
    torch.testing.assert_close(followed.generator.layers[1].weight, torch.full_like(weight, 490.0))


def test_it_soon_forgets_where_training_began() -> None:
    generator = Generator(SMALL, (False,) * 5)
    followed = Average(generator, steps=1e6)
    with torch.no_grad():
        for weight in generator.parameters():
            weight.fill_(1.0)
        for step in range(20):
            followed.take(generator, step)
    assert followed.generator.layers[0].weight.min() > 0.999


@pytest.mark.parametrize("binary", [True, False])
def test_batch_norm_is_that_of_the_average_itself(binary: bool) -> None:
    generator = Generator(SMALL, (binary,) * 5)
    settled = Average(generator, steps=10).settled()
    latents = decode_latents(torch.from_numpy(kernels.latents(average.SEED, average.LATENTS)))
    with torch.no_grad():
        evaluating = settled.eval()(latents)
        by_batch = settled.train()(latents)
    torch.testing.assert_close(evaluating, by_batch, rtol=1e-3, atol=1e-3)


def test_a_run_shows_and_exports_its_average_and_resumes_it(folder: Path, tmp_path: Path) -> None:
    command = ("--variant=partial", "--images=96", "--averaged=64")
    assert train(folder, tmp_path / "run", *command) == 0
    run = Run.resume(tmp_path / "run")
    assert run.average is not None
    shown = run.shown()
    pairs = list(zip(shown.parameters(), run.generator.parameters(), strict=True))
    assert any(not torch.equal(ours, last) for ours, last in pairs)
    spec = export.fold(shown)
    manifest = export.manifest(run, shown, spec, None)
    assert manifest["provenance"]["options"]["averaged"] == 64
    assert manifest["export"]["mean_difference"] < 1.5

    before = [weight.clone() for weight in run.average.generator.parameters()]
    faces = data.load(folder)
    run.train_step(draw(faces.train, 0, run.step, 8, run.dtype))
    after = list(run.average.generator.parameters())
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_without_it_a_run_shows_its_last_step(run_folders: dict[str, Path]) -> None:
    run = Run.resume(run_folders["partial"])
    assert run.shown() is run.generator


def test_a_negative_length_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(folder, tmp_path / "run", "--averaged=-1") != 0
    assert "averaged must be at least 0, not -1" in capsys.readouterr().err
