"""Variants side by side: the same seeds, the pictures, the time, the memory."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from fastapi import Request

from service import strips
from service.engine import Model
from service.gallery import Served
from service.images import Pixels, encode_png
from service.job import Done
from service.likeness import psnr, ssim
from service.pipeline import Pipeline
from service.schemas.comparison import Compared, ComparedImage, Comparison, Likeness, Ratios, Timing


@dataclass(frozen=True)
class Row:
    """What one variant made of the seeds, one image at a time."""

    model: Model
    done: list[Done[tuple[Pixels, bytes]]]  # of each seed: its picture, and that as PNG

    @property
    def timing(self) -> Timing:
        return Timing(
            queue=1e3 * median(each.queue_s for each in self.done),
            generate=1e3 * median(each.run_s for each in self.done),
            encode=1e3 * median(each.finish_s for each in self.done),
        )

    @property
    def resident_bytes(self) -> int:
        return sum(self.model.resident_bytes.values())

    @property
    def swd(self) -> float | None:
        return (self.model.manifest["swd"] or {}).get("mean")


async def run(
    request: Request, pipeline: Pipeline, variants: list[Served], seeds: range
) -> list[Row]:
    """A row for each variant; every image is a job of its own, so that its time is its own.

    The variants take turns, so that a machine that gets busy half way is busy for all of them.
    """
    rows = [Row(served.model, []) for served in variants]
    for seed in seeds:
        for served, row in zip(variants, rows, strict=True):
            row.done.append(
                await pipeline.make(request, served, range(seed, seed + 1), _picture_and_png)
            )
    return rows


def tell(rows: list[Row], seeds: range) -> Comparison:
    """The comparison as data.

    The likeness of two pictures takes 2 ms: not for the event loop.
    """
    first, *others = rows
    return Comparison(
        variants=[_compared(row, seeds) for row in rows],
        ratios=[
            Ratios(
                variant=row.model.variant,
                generate=first.timing.generate / row.timing.generate,
                resident_bytes=first.resident_bytes / row.resident_bytes,
                artifact_bytes=first.model.artifact_bytes / row.model.artifact_bytes,
            )
            for row in others
        ],
        likeness=[_likeness(a, b) for a, b in combinations(rows, 2) if _aligned(a, b)],
    )


def draw(rows: list[Row]) -> bytes:
    """The comparison as a PNG, in order of seeds. Takes up to 50 ms: not for the event loop."""
    return strips.draw(
        [
            (
                strips.caption(row.model.label, row.timing.generate, row.resident_bytes, row.swd),
                [done.value[0] for done in row.done],
            )
            for row in rows
        ]
    )


def _picture_and_png(pictures: Pixels) -> tuple[Pixels, bytes]:
    return pictures[0].copy(), encode_png(pictures[0])  # a view would keep the whole batch


def _compared(row: Row, seeds: range) -> Compared:
    return Compared(
        variant=row.model.variant,
        model=row.model.label,
        digest=row.model.digest,
        timing_ms=row.timing,
        resident_bytes=row.resident_bytes,
        artifact_bytes=row.model.artifact_bytes,
        swd=row.swd,
        images=[
            ComparedImage(seed=seed, png=base64.b64encode(done.value[1]).decode())
            for seed, done in zip(seeds, row.done, strict=True)
        ],
    )


def _likeness(a: Row, b: Row) -> Likeness:
    pairs = [(ours.value[0], theirs.value[0]) for ours, theirs in zip(a.done, b.done, strict=True)]
    return Likeness(
        variants=(a.model.label, b.model.label),
        psnr_db=[psnr(*pair) for pair in pairs],
        ssim=[ssim(*pair) for pair in pairs],
    )


def _aligned(a: Row, b: Row) -> bool:
    """Whether one seed means one face in both: they share a teacher, or one is the other's."""
    return bool(_teachers(a) & _teachers(b))


def _teachers(row: Row) -> set[object]:
    teacher = dict(row.model.manifest["provenance"]).get("teacher")  # a digest, if it had one
    return {row.model.digest} | ({teacher} if teacher else set())
