"""POST /generate/stream: content, constant memory, clients that leave."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import model_store
from kernels import Generator, latents
from tests.serving import Server, serving


@pytest.fixture(scope="module")
def own(random_store: Path) -> Iterator[Server]:
    with serving(store=random_store, threads=2, queue_limit=40) as server:
        yield server


def expected(store: Path, seed: int, count: int) -> np.ndarray:
    spec = model_store.Store(store).open("partial").spec
    return Generator(spec).run(latents(seed, count, spec.latent_dim))


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(("npy", lambda file: np.load(file, allow_pickle=False)), id="npy"),
        pytest.param(("png", lambda file: np.asarray(Image.open(file))), id="png"),
    ],
)
def test_every_image_is_there_in_order(own: Server, random_store: Path, read: tuple) -> None:
    name, decode = read
    answer = httpx.post(f"{own.url}/generate/stream?seed=100&count=75&format={name}")
    assert answer.headers["content-type"] == "application/x-tar"
    assert answer.headers["x-pbgen-seed"] == "100"
    faces = expected(random_store, 100, 75)
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:") as tar:
        names = tar.getnames()
        assert names == [*(f"{i:08d}.{name}" for i in range(75)), "manifest.json"]
        for i, face in enumerate(faces):
            np.testing.assert_array_equal(
                decode(io.BytesIO(tar.extractfile(names[i]).read())), face
            )
        manifest = json.load(tar.extractfile("manifest.json"))
    assert manifest == {
        "model": "partial@1",
        "digest": answer.headers["x-pbgen-digest"],
        "seed": 100,
        "count": 75,
        "format": name,
    }


def metric(own: Server, line: str) -> float:
    text = httpx.get(f"{own.url}/metrics").text
    return next(float(each.split()[-1]) for each in text.splitlines() if each.startswith(line))


IMAGES = 'pbgen_images_total{model="partial@1",variant="partial"}'


def test_memory_does_not_grow_with_the_stream(own: Server) -> None:
    query = "count=60000&format=npy&seed=0"
    with httpx.stream("POST", f"{own.url}/generate/stream?{query}", timeout=30) as answer:
        received, first = 0, None
        for chunk in answer.iter_bytes():
            received += len(chunk)
            first = first or (own.rss_bytes() if received > 5e6 else None)
    members = 60000 * (512 + 1024)  # a header, and 896 bytes in whole blocks
    assert received > members
    assert own.rss_bytes() - first < 10e6  # of 92 MB sent


def test_a_slow_reader_is_waited_for_and_a_leaver_is_not(own: Server) -> None:
    query = "count=1000000&format=npy&seed=0"
    with httpx.stream("POST", f"{own.url}/generate/stream?{query}", timeout=30) as answer:
        next(answer.iter_bytes())
        time.sleep(0.5)  # the buffers of both ends fill
        made = metric(own, IMAGES)
        time.sleep(0.3)
        assert metric(own, IMAGES) - made <= 64  # a chunk for each thread
        assert own.rss_bytes() < 150e6
    time.sleep(0.1)
    made = metric(own, IMAGES)
    time.sleep(0.2)
    assert metric(own, IMAGES) == made
    assert metric(own, 'pbgen_queue_depth{variant="partial"}') == 0


def test_streams_and_faces_share_the_threads(own: Server) -> None:
    query = "count=1000000&format=npy&seed=0"
    with httpx.stream("POST", f"{own.url}/generate/stream?{query}", timeout=30) as answer:
        read = answer.iter_bytes()
        next(read)
        for seed in range(10):
            assert httpx.post(f"{own.url}/generate?seed={seed}").status_code == 200
            next(read)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("variant=nobody", 404),
        ("count=0", 422),
        ("count=10000001", 413),
        ("format=json", 406),
        ("seed=18446744073709551615&count=2", 422),
    ],
)
def test_wrong_calls(own: Server, query: str, status: int) -> None:
    answer = httpx.post(f"{own.url}/generate/stream?{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
