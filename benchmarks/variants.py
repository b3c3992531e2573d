"""The shipped generators side by side: artifact and resident bytes, ms an image, SWD.

python -m benchmarks.variants

Times are of one thread and one image a call, float32 PyTorch of the same architecture beside them
in the same rounds where it is installed. Writes `results/variants.json`.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import kernels
import model_store
from benchmarks.plain import torch_network
from kernels import machine

VARIANTS = ("float", "full", "partial")
RESULT = Path(__file__).parent / "results" / "variants.json"
Run = Callable[[], object]
ROUNDS, CALLS = 15, 20  # the variants take turns, so that a noisy moment is shared


def measure() -> dict[str, Any]:
    """Everything that the README's table shows, with the machine's description."""
    store = model_store.Store()
    artifacts = {variant: store.open(variant) for variant in VARIANTS}
    generators = {v: kernels.Generator(a.spec, threads=1) for v, a in artifacts.items()}
    latents = kernels.latents(seed=0, count=1)
    runs = {variant: partial(generator.run, latents) for variant, generator in generators.items()}
    times = median_ms(runs | _pytorch_eager(artifacts["float"].spec))
    rows = [
        {
            "variant": variant,
            "model": artifact.label,
            "digest": artifact.digest,
            "artifact_bytes": artifact.file_bytes,
            "resident_bytes": generators[variant].resident_bytes,
            "images_seen": artifact.manifest["provenance"]["images_seen"],
            "swd": artifact.manifest["swd"],
            "isa": generators[variant].isa,
            "threads": 1,
            "batch": 1,
            "ms_an_image": times[variant],
        }
        for variant, artifact in artifacts.items()
    ]
    return {
        "machine": machine.describe(),
        "rows": rows,
        "pytorch_eager_ms": times.get("pytorch"),
    }


def median_ms(runs: dict[str, Run]) -> dict[str, dict[str, float]]:
    """Median, smallest and largest milliseconds a call over rounds in which the candidates take
    turns.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(ROUNDS + 1):
        for name, run in runs.items():
            begin = time.perf_counter()
            for _ in range(CALLS):
                run()
            if turn:  # the first round warms up
                times[name].append((time.perf_counter() - begin) / CALLS * 1000)
    return {
        name: {"median": statistics.median(ms), "min": min(ms), "max": max(ms)}
        for name, ms in times.items()
    }


def _pytorch_eager(spec: kernels.GeneratorSpec) -> dict[str, Run]:
    """The same architecture in float32 PyTorch with batch norm folded away; empty where torch is
    not installed.
    """
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    latents = torch.zeros(1, spec.latent_dim, 1, 1)
    return {"pytorch": torch.inference_mode()(partial(torch_network(spec), latents))}


if __name__ == "__main__":
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(measure(), indent=2) + "\n")
    print(f"wrote {RESULT.name}")
