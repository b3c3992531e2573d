"""docs/results.md: the shipped generators' figures beside the paper's; memory, speed, SWD, nearest
faces. COMMANDS measure them.
"""

from __future__ import annotations

from typing import Any

from benchmarks import markdown
from docs import logged
from docs.blocks import accounting, experiments
from docs.blocks.experiments import FLOAT, LEVELS
from docs.logged import resident_bytes
from training.options import COMPUTE_DTYPES

VARIANTS, STEPS, EVALUATION = "variants.json", "steps.json", "evaluation.json"
COMMANDS = {
    VARIANTS: "python -m benchmarks.variants",
    STEPS: "python -m benchmarks.steps",
    EVALUATION: "python -m training evaluate float full partial --data FOLDER "
    "--json benchmarks/results/evaluation.json",
}
PARTS = ("binary", "fixed", "float", "scale")


def _rows() -> dict[str, Any]:
    return {row["variant"]: row for row in logged.read(VARIANTS)["rows"]}


def _where(name: str) -> str:
    """The machine, the day and the command of a measurement."""
    machine = logged.read(name)["machine"]
    return f"{machine['cpu']}, {machine['measured_at'][:10]}; `{COMMANDS[name]}`."


def _missing(name: str) -> str:
    return f"Not measured yet: `{COMMANDS[name]}`.\n"


def paper() -> str:
    """The paper's claims beside ours."""
    rows = _rows()
    float_, full, partial = (rows[name] for name in ("float", "full", "partial"))
    held = resident_bytes(float_) / resident_bytes(partial)
    stored = float_["artifact_bytes"] / partial["artifact_bytes"]
    ours = f"{held:.1f} in use, {stored:.1f} on disk"
    faster = float_["ms_an_image"]["median"] / partial["ms_an_image"]["median"]
    made = experiments.groups("comparison")

    def swd(row: dict[str, Any], group: str) -> str:
        shipped = f"{row['swd']['mean'] / float_['swd']['mean']:.2f}, one shipped run each"
        if FLOAT not in made or group not in made:
            return shipped
        return f"{shipped}; {made[group].over(made[FLOAT])} in the comparison"

    return markdown.table(
        ["", "paper", "here"],
        [
            ["memory, `float` over `partial`", str(accounting.PAPER), ours],
            ["inference, `partial` over `float`", "1.96", f"{faster:.1f} (one image, one thread)"],
            ["training, `partial` over `float`", "1.32", _trained_faster()],
            ["SWD, `full` over `float`", "2.83", swd(full, "full-w64-102k")],
            ["SWD, `partial` over `float`", "“little loss”", swd(partial, "partial-w64-102k")],
        ],
    )


def _trained_faster() -> str:
    """By one policy for both variants, and by the one that binary weights allow: ±1 is exact in
    bfloat16, float weights only in float32.
    """
    result = logged.read(STEPS)
    if result is None:
        return "–"
    speed = {row["what"]: row["images_a_second"] for row in result["rows"]}
    same = [
        f"{speed[f'partial, {dtype}'] / speed[f'float, {dtype}']:.2f} in {dtype}"
        for dtype in COMPUTE_DTYPES
        if f"partial, {dtype}" in speed
    ]
    if "partial, bfloat16" not in speed:
        return ", ".join(same)
    exact = speed["partial, bfloat16"] / speed["float, float32"]
    return ", ".join(same) + f"; {exact:.2f} with `partial` in bfloat16, `float` in float32"


def memory() -> str:
    """Bytes that a prepared generator holds, by component, and its file's."""
    rows = _rows()
    table = [
        [
            f"`{name}`",
            *(f"{row['resident_bytes'][part]:,}" for part in PARTS),
            f"{resident_bytes(row):,}",
            f"{row['artifact_bytes']:,}",
        ]
        for name, row in rows.items()
    ]
    head = ["bytes", "binary", "fixed point", "float", "scale and shift", "in use", "file"]
    return f"{markdown.table(head, table)}\n`{COMMANDS[VARIANTS]}`.\n"


def inference() -> str:
    """Milliseconds an image, of what ships."""
    result = logged.read(VARIANTS)
    times = {f"`{name}`": row["ms_an_image"] for name, row in _rows().items()}
    if result["pytorch_eager_ms"]:
        times["float32 PyTorch"] = result["pytorch_eager_ms"]
    table = [
        [name, *(f"{time[part]:.2f}" for part in ("median", "min", "max"))]
        for name, time in times.items()
    ]
    head = ["ms an image", "median", "smallest", "largest"]
    isa = result["rows"][0]["isa"]
    how = f"One image a call, one thread, {isa} kernels; {_where(VARIANTS)}"
    return f"{markdown.table(head, table)}\n{how}\n"


def steps() -> str:
    """Images a second of a training step at full size."""
    result = logged.read(STEPS)
    if result is None:
        return _missing(STEPS)
    table = [
        [
            row["what"],
            f"{row['images_a_second']:.0f}",
            f"{row['min_images_a_second']:.0f} … {row['max_images_a_second']:.0f}",
        ]
        for row in result["rows"]
    ]
    widths = result["widths"]
    return (
        markdown.table(["a step of both players", "images/s", "range"], table)
        + f"\nMedian of {result['rounds']} steps of {result['batch']} images, base "
        f"{widths['generator']}, discriminator {widths['discriminator']}, {result['threads']} "
        f"threads; {_where(STEPS)}\n"
    )


def quality() -> str:
    """SWD by level of what ships, and of the control at its size."""
    table = []
    for report in logged.read(EVALUATION)["reports"]:
        against = [(each, "training") for each in report["evaluations"]]
        if report.get("held_out"):
            against.append((report["held_out"], "held-out"))
        for evaluation, faces in against:
            levels = (f"{evaluation['swd'][level]:.1f}" for level in LEVELS)
            table.append([_name(report["what"]), f"{evaluation['images']:,} {faces}", *levels])
    return f"{markdown.table(['', 'faces', *LEVELS], table)}\n`{COMMANDS[EVALUATION]}`.\n"


def neighbours() -> str:
    """Distances to the nearest training faces, in numbers."""
    result = logged.read(EVALUATION)
    table = []
    for report in result["reports"]:
        near = report["neighbours"]
        distances = (f"{value:.1f}" for value in near["distance"])
        ratios = (f"{value:.2f}" for value in near["ratio"])
        table.append([_name(report["what"]), f"{near['images']:,}", *distances, *ratios])
    head = ["", "images", "smallest", "1 %", "median", "ratio: smallest", "1 %", "median"]
    against = f"Against {result['training_faces']:,} training faces"
    return f"{markdown.table(head, table)}\n{against}; `{COMMANDS[EVALUATION]}`.\n"


def _name(what: str) -> str:
    return f"`{what}`" if "@" in what else what
