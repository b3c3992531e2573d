"""Tiny training runs, as a user starts them."""

from __future__ import annotations

from pathlib import Path

from training.__main__ import main

TINY = [
    "--width=2",
    "--discriminator-width=2",
    "--batch=8",
    "--compute=float32",
    "--checkpoint-every=16",
]


def train(folder: Path, run: Path, *more: str) -> int:
    """`python -m training train`; returns the exit code."""
    return main(["train", str(run), "--data", str(folder), *TINY, "--evaluate-every=48", *more])
