"""docs/models.md: the model card, from the shipped manifests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import model_store
from benchmarks import markdown
from benchmarks.variants import VARIANTS
from docs.blocks.experiments import LEVELS
from model_store import Artifact

Cell = Callable[[Artifact], str]  # an artifact's entry in a row


def shipped() -> list[Artifact]:
    """Those that are served by their variants' names, and then the others."""
    store = model_store.Store(model_store.store.SHIPPED)
    active = [store.open(variant) for variant in VARIANTS]
    served = {artifact.label for artifact in active}
    return active + [store.open(each.label) for each in store.list() if each.label not in served]


def models() -> str:
    """What each generator is, and what it came from."""
    return _by_artifact(
        shipped(),
        {
            "digest": lambda a: f"`{a.digest.removeprefix('sha256:')[:16]}…`",
            "file": lambda a: f"{a.file_bytes:,} bytes",
            "channels": lambda a: "-".join(
                str(n)
                for n in (
                    a.spec.latent_dim,
                    *(layer.geometry.c_out for layer in a.spec.layers),
                )
            ),
            "precision by layer": lambda a: ", ".join(
                layer.precision.value for layer in a.spec.layers
            ),
            "discriminator": _discriminator,
            "loss": lambda a: str(a.manifest["provenance"]["options"].get("loss", "logistic")),
            "training images seen": lambda a: f"{a.manifest['provenance']['images_seen']:,}",
            "computed in": lambda a: str(a.manifest["provenance"]["options"]["compute"]),
            "seed": lambda a: str(a.manifest["provenance"]["seed"]),
            "teacher": _teacher,
            "data": lambda a: str(a.manifest["provenance"]["dataset"]),
            "code": lambda a: f"`{a.manifest['provenance']['commit'][:12]}`",
            "SWD × 10³ at 64 / 32 / 16, mean": _swd,
        },
    )


def export() -> str:
    """What rounding to the arithmetic contract changed, as `export` measured it."""
    artifacts = shipped()
    rows: dict[str, Cell] = {
        "mean difference, grey levels": lambda a: f"{_report(a)['mean_difference']:.2f}",
        "largest difference, grey levels": lambda a: f"{_report(a)['largest_difference']:.0f}",
        "PSNR, dB": lambda a: f"{_report(a)['psnr_db']:.1f}",
        "images compared": lambda a: f"{_report(a)['compared_images']:,}",
    }
    if any("swd_unrounded" in _report(artifact) for artifact in artifacts):
        rows["SWD × 10³ without rounding, with it"] = _rounded
    return _by_artifact(artifacts, rows)


def _by_artifact(artifacts: Sequence[Artifact], rows: dict[str, Cell]) -> str:
    head = ["", *(f"`{artifact.label}`" for artifact in artifacts)]
    return markdown.table(
        head, [[name, *(cell(artifact) for artifact in artifacts)] for name, cell in rows.items()]
    )


def _report(artifact: Artifact) -> dict[str, Any]:
    return artifact.manifest["export"]


def _discriminator(artifact: Artifact) -> str:
    options = artifact.manifest["provenance"]["options"]
    binary = options["binary_discriminator"] and artifact.manifest["variant"] != "float"
    return f"base {options['discriminator_width']}, {'binarized' if binary else 'float'}"


def _teacher(artifact: Artifact) -> str:
    """The teacher's digest, and how alike the images of one seed are."""
    digest = dict(artifact.manifest["provenance"]).get("teacher")
    if not digest:
        return "none"
    alike = _report(artifact)["teacher"]
    short = str(digest).removeprefix("sha256:")[:16]
    return f"`{short}…`: PSNR {alike['psnr_db']:.1f} dB, SSIM {alike['ssim']:.2f}"


def _rounded(artifact: Artifact) -> str:
    """The mean SWD of the training graph's images, of the kernels', and what that changes."""
    before, swd = _report(artifact).get("swd_unrounded"), artifact.manifest["swd"]
    if before is None or swd is None:
        return "not measured"
    return f"{before:.2f}, {swd['mean']:.2f} ({swd['mean'] / before - 1:+.1%})"


def _swd(artifact: Artifact) -> str:
    swd = artifact.manifest["swd"]
    if swd is None:
        return "not measured"
    *levels, mean = (f"{swd[level]:.1f}" for level in LEVELS)
    return f"{' / '.join(levels)}, **{mean}**"
