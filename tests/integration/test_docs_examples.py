"""The docs run: every example of the README and of the pages, against the real service.

Examples speak to port 8000; the test puts its own server's address in its place. What sets up the
machine (make, pip, docker) or is tested elsewhere (locust) is left out; training's guide runs as a
whole, on tiny sizes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.keys import Key, hash_key
from tests import pictures
from tests.serving import ROOT, environment, serving

KEY = "the-documentation's-key"
LEFT_OUT = re.compile(
    r"^(make|pip|docker|locust|torchrun|python -m training|python -m deploy) ", re.MULTILINE
)
PATHS = {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def examples(language: str) -> list[Any]:
    """Every block of a language, named by its page and the line that it begins at."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for block in re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            if not LEFT_OUT.search(block[1]):
                line = text.count("\n", 0, block.start()) + 1
                found.append(pytest.param(block[1], id=f"{page.name}:{line}"))
    return found


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of the generators that ship."""
    key = Key(name="docs", sha256=hash_key(KEY), scopes=frozenset({"admin"}))
    with serving(api_keys=json.dumps([key.model_dump(mode="json")])) as server:
        yield server.url


def run(command: list[str], example: str, url: str, folder: Path) -> None:
    done = subprocess.run(
        [*command, example.replace("http://127.0.0.1:8000", url)],
        cwd=folder,
        env=environment(url=url, key=KEY) | PATHS,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    for path in folder.iterdir():
        if path.suffix == ".png":
            with Image.open(path) as picture:
                picture.verify()
        elif path.suffix == ".npy":
            assert np.load(path).shape[1:] == (64, 64, 3)


@pytest.mark.parametrize("example", examples("sh"))
def test_a_shells_example_runs(example: str, url: str, tmp_path: Path) -> None:
    run(["bash", "-euo", "pipefail", "-c"], example, url, tmp_path)


@pytest.mark.parametrize("example", examples("python"))
def test_a_python_example_runs(example: str, url: str, tmp_path: Path) -> None:
    run([sys.executable, "-W", "error", "-c"], example, url, tmp_path)


def test_the_training_guide_runs_in_its_order(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "training.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    long = re.compile("^(pip |python -m training experiments )|pbgen serve$")
    lines = [line for line in "".join(blocks).splitlines() if not long.search(line)]
    tiny = "train --width 8 --discriminator-width 8 --images 128 --batch 64 runs/"
    faces = tmp_path / "my faces"
    faces.mkdir()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines).replace("train runs/", tiny)],
        cwd=tmp_path,
        env=environment() | PATHS | {"FACES": str(pictures.blobs(faces, 48))},
        capture_output=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "runs" / "two" / "checkpoint.pt").exists()
    assert (tmp_path / "mystore" / "partial" / "1.safetensors").exists()
    assert len(json.loads((tmp_path / "figures.json").read_text())["reports"]) == 3
    with Image.open(tmp_path / "face.png") as face, Image.open(tmp_path / "mine.png") as mine:
        assert face.size == (64, 64)
        assert mine.width == 8 * 64


def test_the_pages_hold_examples() -> None:
    assert len(examples("sh")) > 10
    assert len(examples("python")) > 6
