"""From a trained generator to an artifact: fold batch norm, weight scales and activation ranges.

Hidden activations of a binarized generator become u8 with one static step a layer: the largest
value seen on calibration latents over 255. The layers that stay in high precision become fixed
point of two signed bytes. The kernels' images are then compared with those of the float32
training graph with the same binary weights, and the manifest says how far they are apart, and with
faces at hand what SWD the graph has beside theirs.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

import kernels
from kernels import GeneratorSpec, LayerSpec, Precision, packing
from kernels.spec import INT32_MAX, LARGEST_FIXED
from kernels.tanh import CENTER, ONE
from training import likeness
from training.data import Faces
from training.directions import directions
from training.evaluate import EVALUATION_SEED, Evaluation
from training.loop import SAMPLED, Run, sample
from training.networks import Generator, Layer, decode_latents
from training.provenance import Provenance
from training.redundancy import layer_table
from training.swd import swd

CALIBRATION_SEED, CALIBRATION_LATENTS = 1 << 32, 1024
COMPARED_SEED, COMPARED_IMAGES = 1 << 40, 512

Array = NDArray[np.float32]


def fold(generator: Generator) -> GeneratorSpec:
    """The generator's arrays under the arithmetic contract; float if none of its layers is
    binarized.
    """
    if any(layer.binary for layer in generator.weighted()):
        return _fold_integer(generator)
    layers = []
    for index, layer in enumerate(generator.weighted()):
        scale, shift = _affine(generator, index)
        layers.append(
            LayerSpec(layer.geometry, Precision.FLOAT, _taps_first(layer.weight), scale, shift)
        )
    return GeneratorSpec(tuple(layers))


def _fold_integer(generator: Generator) -> GeneratorSpec:
    input_step = 1 / 255  # latents enter as 2q − 255
    layers = []
    for index, (layer, output_step) in enumerate(
        zip(generator.weighted(), _steps(generator), strict=True)
    ):
        fold_weight = _fold_binary if layer.binary else _fold_fixed
        precision, weight, weight_step = fold_weight(layer)
        scale, shift = _affine(generator, index)
        scale = scale * weight_step * input_step / output_step
        layers.append(
            LayerSpec(layer.geometry, precision, weight, _f32(scale), _f32(shift / output_step))
        )
        input_step = output_step
    return GeneratorSpec(tuple(layers))


def _affine(generator: Generator, index: int) -> tuple[Array, Array]:
    """Scale and shift for each channel after a layer's sum: batch norm, or the last layer's bias in
    TANH table steps.
    """
    if index == len(generator.norms):
        bias = generator.bias.detach().double().numpy()
        return _f32(np.full_like(bias, ONE)), _f32(ONE * bias + CENTER)
    norm: Any = generator.norms[index]
    mean, variance, gain, offset = (
        t.detach().double().numpy()
        for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    scale = gain / np.sqrt(variance + norm.eps)
    return _f32(scale), _f32(offset - scale * mean)


def _fold_binary(layer: Layer) -> tuple[Precision, NDArray[np.generic], Array]:
    """Packed signs, and the scale of each output channel."""
    return Precision.BINARY, packing.pack(_taps_first(layer.weight)), layer.scale().detach().numpy()


def _fold_fixed(layer: Layer) -> tuple[Precision, NDArray[np.generic], Array]:
    """Weights in steps of their channel: as fine as two signed bytes and int32 sums of u8 · w
    allow.
    """
    weight = _taps_first(layer.weight)  # [k, k, c_out, c_in]
    rounding = weight.size / weight.shape[2] / 2  # Σ|w| can grow by half a step a weight
    by_width = np.abs(weight).max(axis=(0, 1, 3)) / LARGEST_FIXED
    by_sum = np.abs(weight).sum(axis=(0, 1, 3), dtype=np.float64) / (INT32_MAX // 255 - rounding)
    steps = np.maximum(np.maximum(by_width, by_sum), np.finfo(np.float32).tiny)
    fixed = np.rint(weight / steps[:, None]).astype(np.int16)
    return Precision.FIXED, fixed, _f32(steps)


@torch.no_grad()
def _steps(generator: Generator) -> list[float]:
    """The real value of one unit of each layer's output: activation range / 255, and 1 for the TANH
    table's argument.
    """
    generator.eval()
    x = decode_latents(torch.from_numpy(kernels.latents(CALIBRATION_SEED, CALIBRATION_LATENTS)))[
        :, :, None, None
    ]
    steps = []
    for layer, norm in zip(generator.weighted(), generator.norms, strict=False):
        x = F.relu(norm(layer(x)))
        steps.append(float(x.max()) / 255 or 1.0)
    generator.train()
    return [*steps, 1.0]


def manifest(
    run: Run,
    generator: Generator,
    spec: GeneratorSpec,
    quality: Evaluation | None,
    faces: Faces | None = None,
) -> dict[str, Any]:
    """What an artifact says of the generator that a run shows, which `fold` made `spec` of; `faces`
    are those that its quality was measured against.
    """
    report: dict[str, object] = dict(difference(generator, spec))
    options = asdict(run.options)
    del options["teacher"]  # a path, perhaps; its digest is the teacher's name
    began = asdict(Provenance.load(run.folder))
    provenance: dict[str, object] = {k: v for k, v in began.items() if v is not None} | {
        "images_seen": run.images_seen,
        "seed": run.options.seed,
        "options": options,
    }
    if quality:
        report["swd_images"] = quality.images
        if faces:
            report["swd_unrounded"] = unrounded_swd(generator, faces, quality.images)
    if run.teacher:
        report["teacher"] = asdict(likeness.measure(spec, run.teacher.spec))
    return {
        "variant": run.options.variant,
        "architecture": "dcgan",
        "layers": layer_table(spec),
        "provenance": provenance,
        "swd": quality.swd if quality else None,
        "export": report,
        "directions": directions(spec),
    }


def difference(generator: Generator, spec: GeneratorSpec) -> dict[str, float]:
    """Grey-level difference between the kernels' images and the float32 training graph's, on the
    same latents.
    """
    latents = kernels.latents(COMPARED_SEED, COMPARED_IMAGES)
    served = kernels.Generator(spec).run(latents).astype(np.float64)
    gap = np.abs(served - sample(generator, latents))
    return {
        "largest_difference": float(gap.max()),
        "mean_difference": float(gap.mean()),
        "psnr_db": float(10 * np.log10(255**2 / max((gap**2).mean(), 1e-12))),
        "compared_images": COMPARED_IMAGES,
        "calibration_latents": CALIBRATION_LATENTS,
    }


def unrounded_swd(generator: Generator, faces: Faces, count: int) -> float:
    """The mean SWD × 10³ of the float32 training graph's images, on the latents of `evaluate`."""
    latents = kernels.latents(EVALUATION_SEED, count)
    images = [sample(generator, latents[i : i + SAMPLED]) for i in range(0, count, SAMPLED)]
    return swd(np.concatenate(images), faces.train[:count])["mean"]


def _taps_first(weight: Tensor) -> Array:
    """[c_in, c_out, k, k] → contiguous float32 [k, k, c_out, c_in]."""
    return np.ascontiguousarray(weight.detach().permute(2, 3, 1, 0).float().numpy())


def _f32(values: NDArray[np.floating]) -> Array:
    return np.ascontiguousarray(values, np.float32)
