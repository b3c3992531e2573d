"""How good a generator's images are: SWD of images made by the served kernels against real faces,
their distances to the nearest training faces, and how alike another generator draws the same seeds.

The control is the distance between two disjoint sets of real faces, of different people. A
generator may come below it against the faces that it was trained on, so it is measured against the
held-out ones too. SWD falls as the sets grow: compare at one size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import kernels
from kernels import GeneratorSpec
from model_store import Artifact
from training import likeness, neighbours
from training.data import Faces, Images
from training.likeness import Likeness
from training.neighbours import Neighbours
from training.swd import swd

EVALUATION_SEED = 1 << 48  # image i has seed 2^48 + i: far from the seeds that people type
BATCH = 64


@dataclass(frozen=True)
class Evaluation:
    """SWD × 10³ by level and mean, of `images` images against as many real faces."""

    images: int
    swd: dict[str, float]


@dataclass(frozen=True)
class Report:
    """All that is measured of one generator, or of the held-out faces as its control."""

    what: str  # name@version, or what else it is
    digest: str | None  # of the model's artifact
    evaluations: tuple[Evaluation, ...]  # against training faces, at the control's size first
    held_out: Evaluation | None  # against held-out faces, at the control's size
    neighbours: Neighbours  # of as many images as the control has
    likeness: Likeness | None = None  # to the first generator that is measured with it

    def __str__(self) -> str:
        lines = [self.what]
        against = [(evaluation, "training") for evaluation in self.evaluations]
        if self.held_out:
            against.append((self.held_out, "held-out"))
        for evaluation, faces in against:
            levels = "  ".join(f"{level}: {value:.2f}" for level, value in evaluation.swd.items())
            lines.append(
                f"  SWD × 10³ of {evaluation.images} images against {faces} faces  {levels}"
            )
        smallest, first, median = self.neighbours.distance
        ratio, first_ratio, median_ratio = self.neighbours.ratio
        lines += [
            f"  nearest training face, grey levels: smallest {smallest:.1f}  1 %: {first:.1f}  "
            f"median {median:.1f}",
            f"  over the second nearest: smallest {ratio:.2f}  1 %: {first_ratio:.2f}  "
            f"median {median_ratio:.2f}",
        ]
        if self.likeness:
            lines.append(
                f"  to the first model's image of the same seed: PSNR {self.likeness.psnr_db:.1f} "
                f"dB, SSIM {self.likeness.ssim:.2f}"
            )
        return "\n".join(lines)


def generate(spec: GeneratorSpec, count: int) -> Images:
    """u8 images [count, s, s, 3] by the served kernels."""
    generator = kernels.Generator(spec, threads=2)
    latents = kernels.latents(EVALUATION_SEED, count, spec.latent_dim)
    return np.concatenate([generator.run(latents[i : i + BATCH]) for i in range(0, count, BATCH)])


def evaluate(spec: GeneratorSpec, real: Images, count: int) -> Evaluation:
    """SWD against the first `count` real faces (all of them, where there are fewer)."""
    count = min(count, len(real))
    return Evaluation(count, swd(generate(spec, count), real[:count]))


def control(faces: Faces) -> Report:
    """The held-out faces against as many training faces."""
    count = min(len(faces.held_out), len(faces.train))
    real = faces.held_out[:count]
    return Report(
        "real faces, held out",
        None,
        (Evaluation(count, swd(real, faces.train[:count])),),
        None,
        neighbours.measure(real, faces.train),
    )


def report(stored: Artifact, faces: Faces, count: int, first: Artifact | None = None) -> Report:
    """A stored model at the control's size and against `count` training faces, and its likeness to
    another, if that draws pictures of its size from latents of its dimension.
    """
    size = min(len(faces.held_out), len(faces.train))
    sizes = sorted({size, count})
    return Report(
        stored.label,
        stored.digest,
        tuple(evaluate(stored.spec, faces.train, images) for images in sizes),
        evaluate(stored.spec, faces.held_out, size),
        neighbours.measure(generate(stored.spec, size), faces.train),
        likeness.measure(stored.spec, first.spec) if first and _alike(stored, first) else None,
    )


def _alike(a: Artifact, b: Artifact) -> bool:
    """Whether images of one latent can be compared."""
    shapes = [(each.spec.latent_dim, each.spec.image_size) for each in (a, b)]
    return shapes[0] == shapes[1]
