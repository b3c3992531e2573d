"""POST /generate/stream: content, constant memory, clients that leave."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import model_store
from kernels import Generator, latents, native
from tests import factories
from tests.exposition import sample, samples
from tests.serving import Server, serving
from tests.waiting import until


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
    document = httpx.get(f"{own.url}/openapi.json").json()
    told = document["paths"]["/generate/stream"]["post"]["responses"]["200"]["description"]
    assert all(f"`{field}`" in told for field in manifest)


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
        read = answer.iter_bytes()  # named, since it leaves when it is forgotten
        next(read)

        def is_held_up() -> bool:
            made = metric(own, IMAGES)
            time.sleep(0.3)
            return metric(own, IMAGES) == made

        until(is_held_up)  # the buffers of both ends are full
        made = metric(own, IMAGES)
        assert made < 100_000  # of a million
        time.sleep(0.3)
        assert metric(own, IMAGES) - made <= 64  # a chunk for each thread
        assert own.rss_bytes() < 150e6
    for name in ("pbgen_queue_depth", "pbgen_requests_in_progress"):
        until(lambda name=name: metric(own, name + '{variant="partial"}') == 0)
    made = metric(own, IMAGES)
    time.sleep(0.2)
    assert metric(own, IMAGES) == made
    assert metric(own, 'pbgen_queue_depth{variant="partial"}') == 0


def test_what_a_leaver_did_not_get_made_it_does_not_owe(random_store: Path) -> None:
    with serving(store=random_store, threads=1, rate_limit=100, rate_burst=64) as server:
        query = f"{server.url}/generate/stream?count=1000000&format=npy"
        with httpx.stream("POST", query, timeout=30) as answer:
            next(answer.iter_bytes())
        until(lambda: httpx.post(f"{server.url}/generate").status_code == 200)


def test_a_stream_goes_on_at_the_allowed_rate(random_store: Path) -> None:
    with serving(store=random_store, threads=1, rate_limit=100, rate_burst=64) as server:
        others: list[int] = []
        ended = threading.Event()

        def ask_now_and_then() -> None:
            while not ended.wait(0.03):
                others.append(httpx.post(f"{server.url}/generate").status_code)

        asking = threading.Thread(target=ask_now_and_then)
        began = time.monotonic()
        query = f"{server.url}/generate/stream?count=480&format=npy"
        with httpx.stream("POST", query, timeout=30) as answer:
            asking.start()
            answer.read()
        took_s = time.monotonic() - began
        ended.set()
        asking.join()
        # The last chunk is charged once no more than 64 of 448 are owed.
        assert took_s > (448 - 64) / 100
        # Its client finds room for other requests meanwhile.
        assert 200 in others[others.index(429) :]


def test_a_stream_is_in_progress_until_its_client_leaves(own: Server) -> None:
    with httpx.Client(base_url=own.url, timeout=30) as client:
        before = samples(client)

        def grown(name: str, **labels: str) -> float:
            key = (name, frozenset(labels.items()))
            return samples(client).get(key, 0.0) - before.get(key, 0.0)

        def in_progress() -> float:
            return sample(client, "pbgen_requests_in_progress", variant="full")

        query = "variant=full&count=1000000&format=webp"
        with httpx.stream("POST", f"{own.url}/generate/stream?{query}", timeout=30) as answer:
            read = answer.iter_bytes()
            next(read)
            assert in_progress() == 1
        until(lambda: not in_progress())
        left = {"route": "/generate/stream", "variant": "full"}
        assert grown("pbgen_http_requests_total", **left, code="499") == 1
        assert grown("pbgen_http_requests_total", **left, code="200") == 0
        assert grown("pbgen_requests_rejected_total", reason="client_left") == 1
        chunks = grown("pbgen_images_total", variant="full", model="full@1") / 32
        assert chunks >= 1
        assert grown("pbgen_queue_duration_seconds_count", variant="full") == chunks
        assert grown("pbgen_encode_duration_seconds_count", format="webp") == chunks


def test_a_stream_that_a_shutdown_cuts_off_is_no_success(random_store: Path) -> None:
    with serving(store=random_store, deadline_s=1) as server:
        query = f"{server.url}/generate/stream?count=10000000&format=npy"
        with httpx.stream("POST", query, timeout=30) as answer:
            read = answer.iter_bytes()
            next(read)
            server.process.terminate()
            with pytest.raises(httpx.RemoteProtocolError):
                deque(read, maxlen=0)
        _, log = server.process.communicate(timeout=30)
        assert server.process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["status"] for line in lines if "status" in line] == [503]
    assert {line["level"] for line in lines} == {"info", "warning"}
    assert not any("exception" in line for line in lines)


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_streams_and_faces_share_the_threads(tmp_path: Path) -> None:
    store = factories.store(tmp_path, ("partial",), widths=(256, 256, 3))
    settings = {"threads": 1, "isa": "portable", "deadline_s": 60}  # where an image takes long
    with serving(store=store, **settings) as server:
        faces: list[int] = []
        ended = threading.Event()

        def ask_again_and_again() -> None:
            with httpx.Client(base_url=server.url, timeout=60) as client:
                while not ended.is_set():
                    faces.append(client.post("/generate").status_code)

        asking = threading.Thread(target=ask_again_and_again)
        query = "count=1000000&format=npy&seed=0"
        with httpx.stream("POST", f"{server.url}/generate/stream?{query}", timeout=60) as answer:
            read = answer.iter_bytes(32 * (512 + 1024))  # a chunk, which is one job

            def faces_during_a_chunk() -> int:
                before = len(faces)
                next(read)
                return len(faces) - before

            asking.start()
            try:
                # About 16, by turns; one if a chunk kept the thread until all of it is made.
                assert any(faces_during_a_chunk() > 4 for _ in range(8))
            finally:
                ended.set()
                asking.join()
        assert set(faces) == {200}


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
