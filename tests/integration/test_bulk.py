"""Shards by the million: whole, exactly once, and the same bytes however often they are killed."""

from __future__ import annotations

import hashlib
import io
import json
import re
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import model_store
from kernels import Generator, latents
from tests.serving import ROOT, environment
from tests.waiting import until

IMAGES, SHARD = 30_000, 1_000
RAY_S = 180.0  # Ray starts many processes, on a machine that is busy with other tests


def bulk(folder: Path, store: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "service.bulk", folder, "--store", store, *map(str, arguments)],
        cwd=ROOT,
        env=environment() | {"RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(run: subprocess.Popen[str]) -> tuple[int, int]:
    """How many shards a run made, and found there."""
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    made, there = re.match(r"shards: (\d+) made, (\d+) found; images: [\d,]+ made", out).groups()
    return int(made), int(there)


def content(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.tar"))


@pytest.fixture(scope="module")
def whole(random_store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one process writes that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    run = bulk(folder, random_store, "--count", IMAGES, "--shard", SHARD)
    assert finished(run) == (IMAGES // SHARD, 0)
    return content(folder)


@pytest.mark.parametrize("file_format", ["tar", "npz"])
def test_shards_hold_the_images_of_their_seeds(
    random_store: Path, tmp_path: Path, file_format: str
) -> None:
    seed = 2**64 - 250
    arguments = ("--count", 250, "--shard", 100, "--seed", seed, "--variant", "full")
    run = bulk(tmp_path, random_store, *arguments, "--format", file_format)
    assert finished(run) == (3, 0)
    artifact = model_store.Store(random_store).open("full")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    rows = manifest.pop("shards")
    assert manifest == {
        "model": "full@1",
        "digest": artifact.digest,
        "format": file_format,
        "seed": seed,
        "count": 250,
        "shard_images": 100,
    }
    assert [(row["seed"], row["count"]) for row in rows] == [
        (seed, 100),
        (seed + 100, 100),
        (seed + 200, 50),
    ]
    for row in rows:
        file = (tmp_path / row["name"]).read_bytes()
        assert (len(file), hashlib.sha256(file).hexdigest()) == (row["bytes"], row["sha256"])
        expected = Generator(artifact.spec).run(latents(row["seed"], row["count"], 12))
        seeds, images = read(file, file_format)
        assert seeds == list(range(row["seed"], row["seed"] + row["count"]))
        np.testing.assert_array_equal(images, expected)


def read(file: bytes, file_format: str) -> tuple[list[int], np.ndarray]:
    if file_format == "npz":
        arrays = np.load(io.BytesIO(file), allow_pickle=False)
        return arrays["seeds"].tolist(), arrays["images"]
    with tarfile.open(fileobj=io.BytesIO(file), mode="r:") as tar:
        members = tar.getmembers()
        pictures = [np.asarray(Image.open(tar.extractfile(each))) for each in members]
        return [int(each.name.removesuffix(".png")) for each in members], np.stack(pictures)


def test_what_is_there_is_kept_and_what_is_damaged_is_made_again(
    random_store: Path, tmp_path: Path
) -> None:
    arguments = ("--count", 500, "--shard", 100)
    assert finished(bulk(tmp_path, random_store, *arguments)) == (5, 0)
    before = content(tmp_path)
    files = shards(tmp_path)
    flipped = bytearray(files[0].read_bytes())
    flipped[5000] ^= 1
    files[0].write_bytes(flipped)
    files[1].write_bytes(files[1].read_bytes()[:-1024])
    files[2].unlink()
    (tmp_path / "000003.tar.sha256").write_bytes(b"\xff\n")
    (tmp_path / ".000004.tar.left").write_bytes(b"half")
    kept = files[4].stat().st_ino
    assert finished(bulk(tmp_path, random_store, *arguments)) == (4, 1)
    assert content(tmp_path) == before
    assert files[4].stat().st_ino == kept


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("--count", 200, "--seed", 1), 1, "manifest.json there says seed 0, not 1"),
        (("--count", 200, "--variant", "full"), 1, "manifest.json there says model partial@1"),
        (("--count", 0), 2, "count must be at least 1, not 0"),
        (("--count", 1, "--shard", 0), 2, "shard must be at least 1, not 0"),
        (
            ("--count", 2, "--seed", 2**64 - 1),
            2,
            f"seeds must be 0 … {2**64 - 1}, not {2**64 - 1} … {2**64}",
        ),
        (("--count", 1, "--variant", "nobody"), 1, "there is no model 'nobody'"),
    ],
)
def test_a_wrong_call_is_told_in_a_line(
    random_store: Path, tmp_path: Path, arguments: tuple[object, ...], status: int, told: str
) -> None:
    assert finished(bulk(tmp_path, random_store, "--count", 200)) == (1, 0)
    before = content(tmp_path)
    run = bulk(tmp_path, random_store, *arguments)
    _, err = run.communicate(timeout=60)
    assert run.returncode == status
    assert err.startswith("error: ")
    assert told in err
    assert err.count("\n") == 1
    assert content(tmp_path) == before


def test_a_folder_that_cannot_be_is_told_in_words(random_store: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "folder"
    run = bulk(folder, random_store, "--count", 1)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (1, f"error: {folder} cannot be used: Not a directory\n")


def test_a_killed_run_goes_on(random_store: Path, tmp_path: Path, whole: dict[str, str]) -> None:
    arguments = ("--count", IMAGES, "--shard", SHARD)
    run = bulk(tmp_path, random_store, *arguments)
    until(lambda: len(shards(tmp_path)) >= 3, 60)
    run.send_signal(signal.SIGSTOP)  # it keeps the folder, and cannot be done before the other
    second = bulk(tmp_path, random_store, *arguments)
    _, err = second.communicate(timeout=60)
    assert (second.returncode, err) == (1, "error: another run writes into this folder\n")
    run.kill()
    run.communicate()
    kept = len(shards(tmp_path))
    assert kept < IMAGES // SHARD
    assert finished(bulk(tmp_path, random_store, *arguments)) == (IMAGES // SHARD - kept, kept)
    assert content(tmp_path) == whole


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, int]]:
    """The address of a cluster of two nodes, and the process that holds it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ray_cluster"],
        cwd=ROOT,
        env=environment() | {"RAY_USAGE_STATS_ENABLED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.communicate(timeout=RAY_S)


def workers(holder: int) -> list[int]:
    """The processes that make shards on the cluster that a process holds."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            _, _, rest = (path / "stat").read_text().rpartition(")")
            title = (path / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(path.name)] = (int(rest.split()[1]), title)
    nodes = {pid for pid, (parent, _) in parents.items() if parent == holder}
    return [
        pid
        for pid, (parent, title) in parents.items()
        if parent in nodes and title.startswith("ray::_ensure")
    ]


def test_a_cluster_survives_its_workers_and_its_driver(
    random_store: Path, tmp_path: Path, whole: dict[str, str], cluster: tuple[str, int]
) -> None:
    address, holder = cluster
    arguments = ("--count", IMAGES, "--shard", SHARD, "--ray", address)
    run = bulk(tmp_path, random_store, *arguments)
    until(lambda: len(shards(tmp_path)) >= 3 and len(workers(holder)) == 2, RAY_S)
    for pid in workers(holder):
        subprocess.run(["kill", "-9", str(pid)], check=True)
    before = len(shards(tmp_path))
    until(lambda: len(shards(tmp_path)) >= before + 3, RAY_S)  # it goes on with new ones
    run.kill()
    run.communicate()
    until(lambda: not workers(holder), RAY_S)  # Ray ends those of a driver that is gone
    kept = len(shards(tmp_path))
    assert kept < IMAGES // SHARD
    assert finished(bulk(tmp_path, random_store, *arguments)) == (IMAGES // SHARD - kept, kept)
    assert content(tmp_path) == whole
