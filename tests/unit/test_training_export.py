"""Folding: what rounding to the arithmetic contract may change, and what it may not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import kernels
from kernels import Precision, reference
from kernels.dcgan import dcgan
from kernels.tanh import CENTER, ONE
from training import data, evaluate, export
from training.loop import Run
from training.networks import Generator
from training.redundancy import layer_table


def _generator(binary: tuple[bool, ...]) -> Generator:
    """A generator with weights and statistics as training leaves them, wide in its last layer."""
    torch.manual_seed(4)
    generator = Generator(dcgan(64, image_size=16), binary)
    with torch.no_grad():
        for layer, norm in zip(generator.weighted(), generator.norms, strict=False):
            layer.weight *= 1.5
            spread = layer.effective_weight().std() * (layer.geometry.c_in * 4 / 3) ** 0.5
            torch.nn.init.constant_(norm.running_var, float(spread) ** 2)  # type: ignore[arg-type]
        generator.weighted()[-1].weight *= 3
        generator.bias.copy_(torch.tensor([0.1, -0.2, 0.05]))
    return generator


def test_the_fixed_point_layer_stays_within_one_grey_level_of_float_arithmetic() -> None:
    """Weights of two signed bytes: from the same u8 inputs, no pixel moves by more than one."""
    generator = _generator((True, True, False))
    spec = export.fold(generator)
    assert spec.layers[-1].precision is Precision.FIXED
    latents = kernels.latents(seed=5, count=8)
    x = 2 * latents[:, None, None].astype(np.int64) - 255
    for layer in spec.layers[:-1]:
        x = reference.hidden(layer, reference.sums(layer, x))
    step = export._steps(generator)[-2]  # the real value of one unit of x
    weight = generator.weighted()[-1].weight.detach().double()
    inputs = torch.from_numpy(x * step).permute(0, 3, 1, 2)
    exact = torch.nn.functional.conv_transpose2d(inputs, weight, stride=2, padding=1)
    grey = 127.5 * (1 + torch.tanh(exact + generator.bias.double()[:, None, None]))
    assert grey.std() > 20  # pictures, not flat grey
    served = kernels.Generator(spec).run(latents).transpose(0, 3, 1, 2)
    assert np.abs(grey.detach().numpy() - served).max() <= 1


def test_float_folding_changes_no_grey_level_by_more_than_one() -> None:
    generator = _generator((False, False, False))
    report = export.difference(generator, export.fold(generator))
    assert report["largest_difference"] <= 1
    assert report["mean_difference"] < 0.1  # a step of the TANH table is a quarter of a level


def test_the_argument_of_tanh_carries_the_bias_and_the_tables_steps() -> None:
    generator = _generator((True, True, False))
    bias = generator.bias.detach().numpy()
    np.testing.assert_allclose(
        export.fold(generator).layers[-1].shift, ONE * bias + CENTER, rtol=1e-6
    )


def test_the_layer_table_holds_geometry_precision_and_metric() -> None:
    table = layer_table(export.fold(_generator((True, True, False))))
    assert [row["precision"] for row in table] == ["binary", "binary", "fixed"]
    assert table[1]["redundancy"] == {
        "rank": 128 * 16,
        "positions": 64,
        "ratio": 32.0,
        "redundant": True,
    }


def test_with_faces_a_manifest_says_what_rounding_does_to_swd(
    folder: Path, run_folders: dict[str, Path]
) -> None:
    run, faces = Run.resume(run_folders["partial"]), data.load(folder)
    spec = export.fold(run.generator)
    quality = evaluate.evaluate(spec, faces.train, 32)
    unrounded = export.manifest(run, run.generator, spec, quality, faces)["export"]["swd_unrounded"]
    assert unrounded != quality.swd["mean"]
    assert unrounded == pytest.approx(quality.swd["mean"], rel=0.02)
