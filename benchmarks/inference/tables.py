"""A result as tables in Markdown.

All is of the full-size generator unless a table says otherwise; losses are printed like gains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks import markdown
from benchmarks.inference.contestant import KERNELS, PYTORCH
from benchmarks.inference.engines import AUTOCAST, COMPILED, EAGER, LAST, PYTORCH_MODES
from benchmarks.inference.results import Result

Row = dict[str, Any]
STOCK = (EAGER, LAST, COMPILED, AUTOCAST)  # PyTorch without a change of its settings
OPERANDS = {"float": "floats", "xnor": "bits"}  # of a variant's multiplications; else bytes
# Whose peak an instruction set has that has none of its own: AMX takes bytes only, and before
# 2026-11-28 AVX-512 had but one of bytes and one of floats.
LIKE = {"amx": "avx512", "avx512_vnni": "avx512"}


def everything(result: Result) -> str:
    """All tables, each under a line that says what it shows."""
    batches = " / ".join(map(str, axis(result, "batch")))
    parts = [
        machine(result),
        f"**Milliseconds an image**, medians, at {batches} images a call. 2 over 1: how many times "
        "faster two threads are.",
        times(result),
        f"**Times faster** on one thread, at {batches} images a call. Below 1 the peer is faster.",
        ratios(result),
        f"**Against the machine's limit**, one thread, at {batches} images a call: the share of "
        "the peak of multiply-adds that the same run measured; bytes an image that are read and "
        "written at least (computed); the memory that a call works in.",
        limits(result),
        "**Memory**, one thread: the file, what a prepared generator holds, and by how much the "
        "process grew from the end of its imports to after the first image.",
        memory(result),
    ]
    if result["growth"]:
        parts += [
            "**How the cost grows**: ns a thousand multiply-adds, one thread.",
            growth(result),
        ]
    parts += [first_image(result), differences(result), absent(result)]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def title(result: Result) -> str:
    """A machine by its best instruction set and its processor: of a heading."""
    best = next(row["mode"] for row in result["rows"] if row["runtime"] == KERNELS)
    return f"{best.upper()}: {result['machine']['cpu'].replace('family/model/stepping ', '')}"


def machine(result: Result) -> str:
    told = result["machine"]
    versions = ", ".join(
        f"{name} {version.split('-')[0]}" for name, version in result["versions"].items() if version
    )
    peaks = ", ".join(
        f"{p['isa']} {p['multiply_adds_a_second'] / 1e9:.0f} ({p['operand']})"
        for p in result["peaks"]
    )
    return (
        f"Measured on {told['measured_at'][:10]}: {told['cpu']}, {told['cpus']} cores, kernels by "
        f"{told['compiler']}, commit {told['commit'][:7]}. Peers: {versions or 'none'}. Peak of "
        f"one core, 10⁹ multiply-adds a second: {peaks or 'not measured'}. Meanwhile other "
        f"programs took {result['other_load']:.0%} of the processors."
    )


def label(row: Row) -> str:
    """How a contestant is called in tables and plots."""
    if row["runtime"] == KERNELS:
        return f"`{row['variant']}`, {row['mode']}"
    return f"{row['runtime']}, {row['mode']}"


def milliseconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def median(result: Result, threads: int, batch: int, **which: str) -> float | None:
    """Of the one row that has these values, milliseconds an image; None without it."""
    wanted = which | {"threads": threads, "batch": batch}
    found = [r for r in result["rows"] if all(r[key] == value for key, value in wanted.items())]
    return found[0]["median_ms"] if found else None


def best(result: Result, batch: int, modes: Sequence[str]) -> float | None:
    """The least of PyTorch's modes on one thread."""
    met = [median(result, 1, batch, runtime=PYTORCH, mode=mode) for mode in modes]
    return min((ms for ms in met if ms is not None), default=None)


def axis(result: Result, name: str) -> list[Any]:
    """The values of a column of the rows, in order."""
    return sorted({row[name] for row in result["rows"]})


def contestants(result: Result) -> dict[str, dict[str, str]]:
    """What names each, by its label, in the order of the rows."""
    keys = ("runtime", "variant", "mode")
    return {label(row): {key: row[key] for key in keys} for row in result["rows"]}


def times(result: Result) -> str:
    """Every contestant × threads, a cell for all batch sizes."""
    batches, threads = axis(result, "batch"), axis(result, "threads")
    head = ["", *(f"{each} thread{'s' * (each > 1)}" for each in threads), "2 over 1"]
    rows = []
    for peak in result["peaks"]:
        work = next(r["multiply_adds"] for r in result["rows"])
        limit = milliseconds(work / peak["multiply_adds_a_second"] * 1e3)
        name = f"*limit: {peak['isa']}, {peak['operand']}*"
        rows.append([name, limit, *["–"] * (len(threads))])
    for name, which in contestants(result).items():
        met = {t: [median(result, t, n, **which) for n in batches] for t in threads}
        gains = map(ratio, met[1], met.get(2, []))
        rows.append([name, *(cell(map(milliseconds, met[t])) for t in threads), cell(gains)])
    return markdown.aligned(head, rows)


def cell(figures: Iterable[str]) -> str:
    """Figures that differ in the batch size alone."""
    return " / ".join(figures)


def ratio(ours: float | None, theirs: float | None) -> str:
    """`ours` over `theirs`, or a dash."""
    return "–" if ours is None or theirs is None else f"{ours / theirs:.2f}"


def ratios(result: Result) -> str:
    """Peers × our variants: partial on each instruction set, float on the best."""
    batches = axis(result, "batch")
    named = contestants(result)
    ours = [c for c in named.values() if c["runtime"] == KERNELS and c["mode"] != "portable"]
    fast = [c for c in ours if c["variant"] == "partial"]
    fast += [c for c in ours if c["variant"] == "float"][:1]
    peers: dict[str, Callable[[int], float | None]] = {
        name: lambda n, which=which: median(result, 1, n, **which)  # type: ignore[misc]
        for name, which in named.items()
        if which["runtime"] != KERNELS
    }
    if any(which["runtime"] == PYTORCH for which in named.values()):
        peers["*best of PyTorch: eager, compiled, autocast*"] = lambda n: best(result, n, STOCK)
        peers["*best of PyTorch, frozen weights too*"] = lambda n: best(result, n, PYTORCH_MODES)
    rows = [
        [name, *(cell(ratio(theirs(n), median(result, 1, n, **c)) for n in batches) for c in fast)]
        for name, theirs in peers.items()
    ]
    return markdown.aligned(["", *map(label, fast)], rows) if rows else ""


def peak_of(result: Result, row: Row) -> float | None:
    """Multiply-adds a second that the row's instruction set can do at most, of all its threads;
    None where no probe was made.
    """
    operand, isa = OPERANDS.get(row["variant"], "bytes"), row["mode"]
    peaks = {
        peak["isa"]: peak["multiply_adds_a_second"]
        for peak in result["peaks"]
        if peak["operand"] == operand
    }
    rate: float | None = peaks.get(isa, peaks.get(LIKE.get(isa)))
    return rate * row["threads"] if rate else None


def limits(result: Result) -> str:
    """Our variants on one thread: share of the peak, traffic, scratch; a cell for all batches."""
    rows = []
    for name, which in contestants(result).items():
        if which["runtime"] != KERNELS or which["mode"] == "portable":
            continue
        mine = [
            row
            for row in result["rows"]
            if row["threads"] == 1 and all(row[key] == value for key, value in which.items())
        ]
        kinds = ("weight_bytes", "activation_bytes", "scratch_bytes")
        traffic = (cell(megabytes(row[kind]) for row in mine) for kind in kinds)
        rows.append([name, cell(share_of_peak(result, row) for row in mine), *traffic])
    head = ["", "share of the peak", "weights, MB", "activations, MB", "scratch, MB"]
    return markdown.aligned(head, rows)


def share_of_peak(result: Result, row: Row) -> str:
    peak = peak_of(result, row)
    return f"{row['multiply_adds'] / row['median_ms'] * 1e3 / peak:.0%}" if peak else "–"


def megabytes(count: int | None) -> str:
    return "–" if count is None else f"{count / 1e6:.2f}"


def memory(result: Result) -> str:
    """Contestants × megabytes."""
    rows = [
        [
            label(row),
            *(megabytes(row.get(f"{kind}_bytes")) for kind in ("file", "resident", "grown")),
        ]
        for row in result["memory"]
    ]
    return markdown.aligned(["", "file MB", "prepared MB", "process grew by MB"], rows)


def growth(result: Result) -> str:
    """Two tables: pixels and width, and images a call."""
    grown = result["growth"]
    series = dict.fromkeys((row["variant"], row["mode"]) for row in grown)
    shapes = sorted({(row["width"], row["image_size"]) for row in grown})
    shapes.sort(key=lambda shape: (shape[1] == 64, shape[1], shape[0]))
    met = {
        (r["variant"], r["mode"], r["width"], r["image_size"], r["batch"]): 1e9
        * r["median_ms"]
        / r["multiply_adds"]
        for r in grown
    }
    batches = sorted({r["batch"] for r in grown if (r["width"], r["image_size"]) != (128, 64)})
    head = ["", *(f"{size} px, width {width}" for width, size in shapes)]
    rows = [
        [f"`{v}`, {isa}, N = {n}", *(f"{met[v, isa, w, s, n]:.2f}" for w, s in shapes)]
        for v, isa in series
        for n in batches
    ]
    many = sorted({r["batch"] for r in grown})
    more = [
        [f"`{v}`, {isa}", *(f"{met[v, isa, 128, 64, n]:.2f}" for n in many)] for v, isa in series
    ]
    return (
        markdown.aligned(head, rows)
        + "\n"
        + markdown.aligned(["64 px, width 128", *(f"N = {n}" for n in many)], more)
    )


def first_image(result: Result) -> str:
    told = "; ".join(
        f"`{variant}` {met['median_ms']:.1f} ms ({met['min_ms']:.1f} – {met['max_ms']:.1f})"
        for variant, met in result["first_image"].items()
    )
    return f"**From file to first image**, fresh processes, after imports: {told}."


def differences(result: Result) -> str:
    """How far the peers' pictures are from the kernels'."""
    told = "; ".join(
        f"{label(row)} {row['largest']} ({row['mean']:.3f})"
        for row in result["differences"]
        if row["runtime"] != KERNELS and row["threads"] == 1
    )
    return f"**Agreement** with `float`, grey levels at most (in the mean): {told}." if told else ""


def absent(result: Result) -> str:
    told = "".join(
        f"\n- {label(row)}, {row['threads']} thread{'s' * (row['threads'] > 1)}: {row['reason']}"
        for row in result["absent"]
    )
    return f"**Absent:**\n{told}" if told else ""
